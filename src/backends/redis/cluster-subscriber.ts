/**
 * One connection that listens, to any one node of a Cluster: classic pub/sub reaches every node. ioredis' own
 * subscriber of a Cluster moves to another node without a sign, and nobody would read what was missed meanwhile (W2).
 */
import { type RedisCluster, type RedisClusterNode, type RedisSubscriber, retryDelayMs } from "./client.ts";

type MessageListener = (channel: string, message: string) => void;

export class ClusterSubscriber implements RedisSubscriber {
  readonly #cluster: RedisCluster;
  readonly #options: Readonly<Record<string, unknown>>;
  readonly #onMessage: MessageListener[] = [];
  readonly #onReady: (() => void)[] = [];
  readonly #onError: ((error: Error) => void)[] = [];
  /** Who waits for the next connection. */
  #waiting: (() => void)[] = [];
  #connection: RedisSubscriber | undefined;
  #address: string | undefined;
  #attempt = 0;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;
  /** A node that has left hears nothing more, though its connection may last. */
  readonly #onGone = (node: RedisClusterNode): void => {
    if (addressOf(node) === this.#address) this.#connection?.disconnect();
  };

  constructor(cluster: RedisCluster, options: Readonly<Record<string, unknown>>) {
    this.#cluster = cluster;
    this.#options = options;
    cluster.on("-node", this.#onGone);
    this.#connect();
  }

  get status(): string {
    return this.#ended ? "end" : (this.#connection?.status ?? "reconnecting");
  }

  subscribe(...channels: string[]): Promise<unknown> {
    return this.#send((connection) => connection.subscribe(...channels));
  }

  unsubscribe(...channels: string[]): Promise<unknown> {
    return this.#send((connection) => connection.unsubscribe(...channels));
  }

  disconnect(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#cluster.off("-node", this.#onGone);
    this.#connection?.disconnect();
    for (const go of this.#waiting.splice(0)) go();
  }

  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "message", listener: MessageListener): unknown;
  on(event: "ready" | "end", listener: () => void): unknown;
  on(event: string, listener: (...args: never[]) => void): unknown {
    if (event === "message") this.#onMessage.push(listener as MessageListener);
    else if (event === "ready") this.#onReady.push(listener);
    else if (event === "error") this.#onError.push(listener as (error: Error) => void);
    return this;
  }

  /** Over the connection that is there, or the next ones until it is done. */
  async #send(send: (connection: RedisSubscriber) => Promise<unknown>): Promise<unknown> {
    for (;;) {
      if (this.#ended) throw new Error("Connection is closed.");
      const connection = this.#connection;
      if (connection?.status === "ready") {
        try {
          return await send(connection);
        } catch (error) {
          if (this.#connection === connection && connection.status === "ready") throw error;
        }
      } else {
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
    }
  }

  #connect(): void {
    if (this.#ended) return;
    const node = this.#nextNode();
    if (!node) {
      this.#later();
      return;
    }
    const connection = node.duplicate({ ...this.#options, lazyConnect: false, retryStrategy: null });
    this.#connection = connection;
    this.#address = addressOf(node);
    connection.on("error", (error: Error) => {
      for (const listener of this.#onError) listener(error);
    });
    connection.on("message", (channel: string, message: string) => {
      if (connection !== this.#connection) return;
      for (const listener of this.#onMessage) listener(channel, message);
    });
    connection.on("ready", () => {
      if (connection !== this.#connection) return;
      this.#attempt = 0;
      for (const listener of this.#onReady) listener();
      for (const go of this.#waiting.splice(0)) go();
    });
    connection.on("end", () => {
      if (connection === this.#connection) this.#later();
    });
  }

  /** Not the one that was just lost, if there is another: it may be gone for good. */
  #nextNode(): RedisClusterNode | undefined {
    const nodes = this.#cluster.nodes("all");
    const others = nodes.filter((node) => addressOf(node) !== this.#address);
    const choice = others.length > 0 ? others : nodes;
    return choice[Math.floor(Math.random() * choice.length)];
  }

  #later(): void {
    this.#connection = undefined;
    if (this.#ended) return;
    this.#timer = setTimeout(() => this.#connect(), retryDelayMs(this.#attempt));
    this.#timer.unref();
    this.#attempt += 1;
  }
}

function addressOf({ options: { host, port } }: RedisClusterNode): string {
  return `${host}:${port}`;
}
