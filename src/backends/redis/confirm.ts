/**
 * Writes that wait for replicas or the disk: scripts, a mark, and one `WAIT` (or `WAITAOF`) in one pipeline.
 *
 * - D1 A result is handed out only if what it shows has reached as many replicas as were asked for. A commit that
 *   wrote nothing waits too: what it shows may be another's write that is not there yet.
 * - D2 `WAIT` counts from the last write of its connection. The mark is that write, so that a commit that was sent
 *   again over a new connection is not confirmed by replicas that have nothing of it.
 * - D3 `WAIT` blocks its connection. What is to be written meanwhile waits here and shares the next one.
 */
import { HoldpointError } from "../../core/errors.ts";
import { type AnyRedisClient, type Argument, isCluster } from "./client.ts";
import { hashSlot } from "./hash-slot.ts";
import { markKey } from "./keys.ts";
import type { CheckedDurability } from "./options.ts";

interface Waiting {
  readonly key: string;
  readonly command: Argument[];
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Lane {
  waiting: Waiting[];
  busy: boolean;
}

/** Writes of one pipeline. More would keep the server from its other clients for longer than a few ms. */
const MOST_TOGETHER = 256;

export class Confirmations {
  readonly #durability: CheckedDurability;
  /** By node: what a `WAIT` confirms is what that node was told. */
  readonly #lanes: Map<string, Lane> = new Map();

  constructor(durability: CheckedDurability) {
    this.#durability = durability;
  }

  /** @throws HoldpointError `ERR_HITL_INDETERMINATE` if it was done and not confirmed; else what the client said */
  send(client: AnyRedisClient, key: string, command: Argument[]): Promise<unknown> {
    const name = isCluster(client) ? (client.slots[hashSlot(key)]?.join() ?? "") : "";
    const lane = this.#lanes.get(name) ?? { waiting: [], busy: false };
    this.#lanes.set(name, lane);
    return new Promise((resolve, reject) => {
      lane.waiting.push({ key, command, resolve, reject });
      if (!lane.busy) void this.#work(client, name, lane);
    });
  }

  async #work(client: AnyRedisClient, name: string, lane: Lane): Promise<void> {
    lane.busy = true;
    // What is asked for in the same turn goes along.
    await Promise.resolve();
    while (lane.waiting.length > 0) await this.#exec(client, lane.waiting.splice(0, MOST_TOGETHER));
    lane.busy = false;
    this.#lanes.delete(name);
  }

  async #exec(client: AnyRedisClient, together: readonly Waiting[]): Promise<void> {
    const { replicas, fsync, timeoutMs } = this.#durability;
    const [first] = together as [Waiting];
    const wait: Argument[] = fsync ? ["waitaof", 1, replicas, timeoutMs] : ["wait", replicas, timeoutMs];
    try {
      const commands = [...together.map(({ command }) => command), ["set", markKey(first.key), "1"]];
      const results = await client.pipeline([...commands, wait]).exec();
      if (!results) throw new Error("The pipeline was aborted.");
      const [marked, waited] = results.slice(-2) as [(typeof results)[0], (typeof results)[0]];
      const missing = marked[0] ?? waited[0] ?? this.#missing(waited[1]);
      for (const [n, { resolve, reject }] of together.entries()) {
        const [error, result] = results[n] as (typeof results)[0];
        if (error) reject(error);
        else if (missing) reject(unconfirmed(missing));
        else resolve(result);
      }
    } catch (error) {
      for (const { reject } of together) reject(error);
    }
  }

  /** What `WAIT` or `WAITAOF` did not get, if anything. */
  #missing(reply: unknown): Error | null {
    const { replicas, fsync, timeoutMs } = this.#durability;
    const [local, reached] = fsync ? (reply as [number, number]) : [1, reply as number];
    if (fsync && local < 1) return new Error(`it was not on the primary's disk within ${timeoutMs} ms`);
    if (reached >= replicas) return null;
    return new Error(`${reached} of ${replicas} replicas had it within ${timeoutMs} ms`);
  }
}

function unconfirmed(cause: Error): HoldpointError {
  return new HoldpointError(
    "ERR_HITL_INDETERMINATE",
    `The primary has the write, but it was not confirmed as durability asks: ${cause.message}. It may be lost if the primary fails. Check the replicas, and send the same request again.`,
    { cause },
  );
}
