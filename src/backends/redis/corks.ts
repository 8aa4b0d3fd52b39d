import { type AnyRedisClient, isCluster, type RedisClient, type RedisStream } from "./client.ts";

/**
 * Calls of one turn of the event loop leave in one write for each connection, so that their answers come back in one
 * read: flows that ask at the same time then go on at the same time, which is a tenth faster than one by one. A lone
 * call does not wait.
 */
export class Corks {
  /** What is corked in this turn: the stream of a connection, or a Cluster. */
  #corked: object | undefined;
  /** How many calls left in the last write, or are to leave in the next one. */
  #together = 0;

  /** @param running how many calls are not answered yet, with the one that is about to leave */
  gather(client: AnyRedisClient, running: number): void {
    const own = (client as RedisClient).stream ?? client;
    if (own === this.#corked) {
      this.#together += 1;
      return;
    }
    const alone = running === 1 && this.#together <= 1;
    this.#together = 1;
    if (!alone) this.cork(client);
  }

  /** Until the end of this turn. */
  cork(client: AnyRedisClient): void {
    const own = (client as RedisClient).stream ?? client;
    if (own === this.#corked) return;
    const streams = streamsOf(client);
    if (streams.length === 0) return;
    this.#corked = own;
    for (const stream of streams) stream.cork();
    setImmediate(() => {
      this.#corked = undefined;
      for (const stream of streams) stream.uncork();
    });
  }
}

function streamsOf(client: AnyRedisClient): Required<RedisStream>[] {
  const connections = isCluster(client) ? client.nodes("master") : [client];
  return connections
    .map(({ stream }) => stream)
    .filter((stream): stream is Required<RedisStream> => Boolean(stream?.cork && stream.uncork));
}
