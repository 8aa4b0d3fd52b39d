/**
 * The way to the server: scripts by hash with a fall-back, one deadline for each call, and an answer to "was it
 * done?" in every error.
 *
 * - L1 Nothing is handed to a client that is not connected: what waits here is certainly not done.
 * - L2 What was handed over and not answered is handed over again, the same, until the deadline. Every
 *   script is safe to run twice (S4), so it does not matter whether the client library re-sends as well.
 */
import { HoldpointError, isHoldpointError } from "../../core/errors.ts";
import type { Argument, RedisClient } from "./client.ts";
import { Deadlines } from "./deadlines.ts";
import { closedError, type Fault, faultOf, indeterminate, storeError } from "./faults.ts";
import type { LuaScript } from "./scripts.generated.ts";

export interface ScriptCall {
  readonly script: LuaScript;
  readonly keys: readonly string[];
  readonly args: readonly Argument[];
}
export type PlainCall = readonly [command: string, ...args: Argument[]];
/** Whether a call may leave something behind. */
export type Effect = "reads" | "writes";

const PAUSE_MS = 20;

function isScript(call: ScriptCall | PlainCall): call is ScriptCall {
  return "script" in call;
}

function asCommand(call: ScriptCall | PlainCall, whole: boolean): Argument[] {
  if (!isScript(call)) {
    const [command, ...args] = call;
    // A pipeline calls the method of the client.
    return [command.toLowerCase(), ...args];
  }
  const { script, keys, args } = call;
  return [...(whole ? ["eval", script.source] : ["evalsha", script.sha1]), keys.length, ...keys, ...args];
}

export class Link {
  readonly #open: () => Promise<RedisClient>;
  readonly #timeoutMs: number;
  #client: RedisClient | undefined;
  #closed = false;
  readonly #deadlines = new Deadlines();
  #running = 0;
  #corked: RedisClient["stream"];
  /** How many calls left in the last write, or are to leave in the next one. */
  #together = 0;
  #whenIdle: (() => void) | undefined;

  /** @param timeoutMs How long one call may take in all, with connecting, reconnecting and sending again. */
  constructor(open: () => Promise<RedisClient>, timeoutMs: number) {
    this.#open = open;
    this.#timeoutMs = timeoutMs;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** No new call from now on. Resolves when those that were sent have ended. */
  close(): Promise<void> {
    this.#closed = true;
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenIdle = resolve;
    });
  }

  /** One command. */
  call(call: ScriptCall | PlainCall, effect: Effect): Promise<unknown> {
    return this.#run(effect, (client, whole) => {
      if (!isScript(call)) return client.call(...(call as [string, ...Argument[]]));
      const { script, keys, args } = call;
      // EVAL and not SCRIPT LOAD: it cannot be flushed away again before it runs.
      return whole
        ? client.eval(script.source, keys.length, ...keys, ...args)
        : client.evalsha(script.sha1, keys.length, ...keys, ...args);
    });
  }

  /** Several commands in one pipeline; the results in their order. Fails as a whole. */
  batch(calls: readonly (ScriptCall | PlainCall)[], effect: Effect): Promise<unknown[]> {
    const [only] = calls;
    if (!only) return Promise.resolve([]);
    if (calls.length === 1) return this.call(only, effect).then((result) => [result]);
    return this.#run(effect, async (client) => {
      const results = await this.#exec(
        client,
        calls.map((call) => asCommand(call, false)),
      );
      const missing = [...results.keys()].filter((n) => {
        const error = results[n]?.[0];
        return error && faultOf(error).verdict === "script";
      });
      if (missing.length > 0) {
        const again = missing.map((n) => asCommand(calls[n] as ScriptCall, true));
        const repeated = await this.#exec(client, again);
        for (const [position, n] of missing.entries())
          results[n] = repeated[position] as [Error | null, unknown];
      }
      return results.map(([error, result]) => {
        if (error) throw error;
        return result;
      });
    });
  }

  async #exec(client: RedisClient, commands: Argument[][]): Promise<[Error | null, unknown][]> {
    const results = await client.pipeline(commands).exec();
    if (!results) throw new Error("The pipeline was aborted.");
    return results;
  }

  async #run<T>(effect: Effect, send: (client: RedisClient, whole: boolean) => Promise<T>): Promise<T> {
    if (this.#closed) throw closedError();
    this.#running += 1;
    try {
      return await this.#attempts(effect, send);
    } finally {
      this.#running -= 1;
      if (this.#running === 0) this.#whenIdle?.();
    }
  }

  async #attempts<T>(effect: Effect, send: (client: RedisClient, whole: boolean) => Promise<T>): Promise<T> {
    const deadline = performance.now() + this.#timeoutMs;
    // The server does not know the script by its hash: it is sent itself.
    let whole = false;
    // Whether an earlier attempt went out and was not answered.
    let unanswered: unknown;
    for (;;) {
      let fault: Fault;
      let cause: unknown;
      try {
        const client = this.#client?.status === "ready" ? this.#client : await this.#connected(deadline);
        this.#gather(client);
        return await this.#within(deadline, send(client, whole));
      } catch (error) {
        if (isHoldpointError(error) && error.code !== "ERR_HITL_TIMEOUT") {
          // Closed, or never connected: certain, unless an earlier attempt is in the air.
          if (unanswered !== undefined && effect === "writes") throw indeterminate(unanswered);
          throw error;
        }
        cause = error;
        fault = faultOf(error);
      }
      const { verdict, advice } = fault;
      if (verdict === "script" && !whole) {
        whole = true;
        continue;
      }
      if (verdict === "lost") unanswered = cause;
      const retry = verdict === "lost" || verdict === "later";
      if (retry && !this.#closed && performance.now() + PAUSE_MS < deadline) {
        await pause(PAUSE_MS);
        continue;
      }
      if (unanswered !== undefined && effect === "writes") throw indeterminate(unanswered);
      const certain =
        effect === "reads"
          ? "The read failed."
          : verdict === "broken"
            ? "The write failed."
            : "Nothing was written.";
      throw storeError(certain, advice, cause);
    }
  }

  /**
   * Calls of one turn of the event loop leave in one write, so that their answers come back in one read: flows that ask
   * at the same time then go on at the same time, which is a tenth faster than one by one. A lone call does not wait.
   */
  #gather({ stream }: RedisClient): void {
    if (!stream?.cork || !stream.uncork) return;
    if (stream === this.#corked) {
      this.#together += 1;
      return;
    }
    const alone = this.#running === 1 && this.#together <= 1;
    this.#together = 1;
    if (alone) return;
    this.#corked = stream;
    stream.cork();
    setImmediate(() => {
      this.#corked = undefined;
      stream.uncork?.();
    });
  }

  /** The client once it is connected. @throws HoldpointError `ERR_HITL_STORE`, `ERR_HITL_CLOSED` */
  async #connected(deadline: number): Promise<RedisClient> {
    this.#client ??= await this.#open();
    const client = this.#client;
    if (this.#closed) throw closedError();
    if (client.status === "ready") return client;
    let last: unknown = new Error(`the connection is in state "${client.status}"`);
    const remember = (error: Error): void => {
      last = error;
    };
    client.on("error", remember);
    try {
      if (client.status === "wait") client.connect().catch(remember);
      // Cheaper than to keep apart the events of all states: this runs only while there is no connection.
      while (client.status !== "ready") {
        if (this.#closed) throw closedError();
        if (client.status === "end" || performance.now() >= deadline) {
          throw storeError(
            "Nothing was sent.",
            "Redis cannot be reached; check that it runs and that the address is right.",
            last,
          );
        }
        await pause(2);
      }
      return client;
    } finally {
      client.off("error", remember);
    }
  }

  #within<T>(deadline: number, sent: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const timedOut = (): void =>
        reject(new HoldpointError("ERR_HITL_TIMEOUT", `no answer within ${this.#timeoutMs} ms`));
      const forget = this.#deadlines.add(deadline, timedOut);
      sent.then(
        (result) => {
          forget();
          resolve(result);
        },
        (error: unknown) => {
          forget();
          reject(error);
        },
      );
    });
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
