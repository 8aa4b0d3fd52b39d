/**
 * The way to the server: scripts by hash with a fall-back, one deadline for each call, and an answer to "was it
 * done?" in every error.
 *
 * - L1 Nothing is handed to a client that is not connected: what waits here is certainly not done.
 * - L2 What was handed over and not answered is handed over again, the same, until the deadline. Every
 *   script is safe to run twice (S4), so it does not matter whether the client library re-sends as well.
 * - L3 In a Cluster every call is a command of its own: ioredis follows MOVED and ASK for those. They leave together.
 */
import { setTimeout as pause } from "node:timers/promises";
import { isHoldpointError } from "../../core/errors.ts";
import { type AnyRedisClient, type Argument, isCluster } from "./client.ts";
import { Confirmations } from "./confirm.ts";
import { Corks } from "./corks.ts";
import { Calls } from "../calls.ts";
import { closedError, type Fault, faultOf, indeterminate, storeError, worstOf } from "./faults.ts";
import type { CheckedDurability } from "./options.ts";
import type { LuaScript } from "./scripts.generated.ts";

export interface ScriptCall {
  readonly script: LuaScript;
  readonly keys: readonly string[];
  readonly args: readonly Argument[];
}
export type PlainCall = readonly [command: string, ...args: Argument[]];
type AnyCall = ScriptCall | PlainCall;
/** Whether a call may leave something behind. */
export type Effect = "reads" | "writes";

type Send<T> = (client: AnyRedisClient, whole: boolean) => Promise<T>;

export interface LinkOptions {
  /** How long one call may take in all, with connecting, reconnecting and sending again. */
  readonly timeoutMs: number;
  /** Writes wait for it. */
  readonly durability?: CheckedDurability | undefined;
  /** The client is ours: its connection may be given up. */
  readonly own: boolean;
}

const PAUSE_MS = 20;
/** For the last attempt of a call, if it is not a short one. */
const LEAST_MS = 250;
const NOTHING: Readonly<Record<Effect, string>> = {
  reads: "The read failed.",
  writes: "Nothing was written.",
};
const UNREACHABLE =
  "Redis cannot be reached, or is not ready; check that it runs, that it has loaded its data, and the address.";

function isScript(call: AnyCall): call is ScriptCall {
  return "script" in call;
}

function asCommand(call: AnyCall, whole: boolean): Argument[] {
  if (!isScript(call)) {
    const [command, ...args] = call;
    // A pipeline calls the method of the client.
    return [command.toLowerCase(), ...args];
  }
  const { script, keys, args } = call;
  return [...(whole ? ["eval", script.source] : ["evalsha", script.sha1]), keys.length, ...keys, ...args];
}

function keyOf(call: AnyCall): string {
  return String(isScript(call) ? call.keys[0] : call[1]);
}

function sendOne(client: AnyRedisClient, call: AnyCall, whole: boolean): Promise<unknown> {
  if (!isScript(call)) return client.call(...(call as [string, ...Argument[]]));
  const { script, keys, args } = call;
  // EVAL and not SCRIPT LOAD: it cannot be flushed away again before it runs.
  return whole
    ? client.eval(script.source, keys.length, ...keys, ...args)
    : client.evalsha(script.sha1, keys.length, ...keys, ...args);
}

export class Link {
  readonly #open: () => Promise<AnyRedisClient>;
  readonly #calls: Calls;
  readonly #confirmations: Confirmations | undefined;
  readonly #own: boolean;
  #client: AnyRedisClient | undefined;
  readonly #corks = new Corks();

  constructor(open: () => Promise<AnyRedisClient>, { timeoutMs, durability, own }: LinkOptions) {
    this.#open = open;
    this.#own = own;
    this.#calls = new Calls(timeoutMs);
    this.#confirmations = durability && new Confirmations(durability);
  }

  get closed(): boolean {
    return this.#calls.closed;
  }

  /** No new call from now on. Resolves when those that were sent have ended. */
  close(): Promise<void> {
    return this.#calls.close();
  }

  /** One command. */
  call(call: AnyCall, effect: Effect): Promise<unknown> {
    const confirmations = effect === "writes" ? this.#confirmations : undefined;
    if (confirmations)
      return this.#run(effect, (client, whole) =>
        confirmations.send(client, keyOf(call), asCommand(call, whole)),
      );
    return this.#run(effect, (client, whole) => sendOne(client, call, whole));
  }

  /** Several commands that leave together; the results in their order. Fails as a whole. */
  batch(calls: readonly AnyCall[], effect: Effect): Promise<unknown[]> {
    const [only] = calls;
    if (!only) return Promise.resolve([]);
    if (calls.length === 1) return this.call(only, effect).then((result) => [result]);
    const results: unknown[] = [];
    const missing = new Set(calls.keys());
    return this.#run(effect, (client) =>
      isCluster(client) || (effect === "writes" && this.#confirmations)
        ? this.#each(client, calls, effect, missing, results)
        : this.#pipeline(client, calls),
    );
  }

  /** What `INFO` says of each primary; nothing where it may not be asked. */
  info(): Promise<string[]> {
    return this.#run("reads", async (client) => {
      const nodes = isCluster(client) ? client.nodes("master") : [client];
      const forbidden = (error: unknown): string => {
        const { verdict } = faultOf(error);
        if (verdict === "refused" || verdict === "broken") return "";
        throw error;
      };
      const texts = await Promise.all(nodes.map((node) => node.call("INFO").catch(forbidden)));
      return texts.map(String);
    });
  }

  /** @param missing which calls have no result yet; those that got one are not sent again */
  async #each(
    client: AnyRedisClient,
    calls: readonly AnyCall[],
    effect: Effect,
    missing: Set<number>,
    results: unknown[],
  ): Promise<unknown[]> {
    const faults: unknown[] = [];
    const one = async (n: number, whole: boolean): Promise<void> => {
      const call = calls[n] as AnyCall;
      try {
        results[n] =
          effect === "writes" && this.#confirmations
            ? await this.#confirmations.send(client, keyOf(call), asCommand(call, whole))
            : await sendOne(client, call, whole);
        missing.delete(n);
      } catch (error) {
        if (!whole && faultOf(error).verdict === "script") await one(n, true);
        else faults.push(error);
      }
    };
    this.#corks.cork(client);
    await Promise.all([...missing].map((n) => one(n, false)));
    if (faults.length > 0) throw worstOf(faults);
    return results;
  }

  async #pipeline(client: AnyRedisClient, calls: readonly AnyCall[]): Promise<unknown[]> {
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
  }

  async #exec(client: AnyRedisClient, commands: Argument[][]): Promise<[Error | null, unknown][]> {
    const results = await client.pipeline(commands).exec();
    if (!results) throw new Error("The pipeline was aborted.");
    return results;
  }

  async #run<T>(effect: Effect, send: Send<T>): Promise<T> {
    if (this.#calls.closed) throw closedError();
    this.#calls.begin();
    try {
      return await this.#attempts(effect, send);
    } finally {
      this.#calls.end();
    }
  }

  async #attempts<T>(effect: Effect, send: Send<T>): Promise<T> {
    const deadline = performance.now() + this.#calls.timeoutMs;
    // The server does not know the script by its hash: it is sent itself.
    let whole = false;
    // Whether an earlier attempt went out and was not answered.
    let unanswered: unknown;
    // What the server said last, when it did nothing.
    let said: unknown;
    for (;;) {
      let fault: Fault;
      let cause: unknown;
      try {
        const client = this.#client?.status === "ready" ? this.#client : await this.#connected(deadline);
        this.#corks.gather(client, this.#calls.running);
        return await this.#calls.within(deadline, send(client, whole));
      } catch (error) {
        if (isHoldpointError(error) && error.code !== "ERR_HITL_TIMEOUT") {
          // Closed, or never connected: certain, unless an earlier attempt is in the air.
          if (unanswered !== undefined && effect === "writes") throw indeterminate(unanswered, said);
          // Why the connection was given up says more than that it is away.
          if (said !== undefined && error.code === "ERR_HITL_STORE")
            throw storeError(NOTHING[effect], faultOf(said).advice, said);
          throw error;
        }
        cause = error;
        fault = faultOf(error, this.#client);
        if (isHoldpointError(error)) this.#giveUpConnection();
      }
      const { verdict, advice } = fault;
      if (verdict === "script" && !whole) {
        whole = true;
        continue;
      }
      if (verdict === "lost") unanswered = cause;
      if (verdict === "later") said = cause;
      const retry = verdict === "lost" || verdict === "later";
      // What is certain must not be given up for an attempt that has no time left for its answer.
      const needMs = PAUSE_MS + (verdict === "later" ? Math.min(LEAST_MS, this.#calls.timeoutMs / 4) : 0);
      if (retry && !this.#calls.closed && performance.now() + needMs < deadline) {
        // The places of the slots may be old.
        if (verdict === "later" && this.#client && isCluster(this.#client)) this.#client.refreshSlotsCache();
        await pause(PAUSE_MS);
        continue;
      }
      if (unanswered !== undefined && effect === "writes") throw indeterminate(unanswered, said);
      const certain = verdict === "broken" && effect === "writes" ? "The write failed." : NOTHING[effect];
      throw storeError(certain, advice, verdict === "lost" ? (said ?? cause) : cause);
    }
  }

  /** A connection that is silent for so long may lead to a machine that is gone: the address may mean another one now. */
  #giveUpConnection(): void {
    const client = this.#client;
    if (this.#own && !this.#calls.closed && client?.status === "ready" && !isCluster(client))
      client.disconnect(true);
  }

  /** The client once it is connected. @throws HoldpointError `ERR_HITL_STORE`, `ERR_HITL_CLOSED` */
  async #connected(deadline: number): Promise<AnyRedisClient> {
    this.#client ??= await this.#open();
    const client = this.#client;
    if (this.#calls.closed) throw closedError();
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
        if (this.#calls.closed) throw closedError();
        const { verdict, advice } = faultOf(last);
        // A wrong password does not get right by waiting.
        if (verdict === "refused") throw storeError("Nothing was sent.", advice, last);
        if (client.status === "end" || performance.now() >= deadline)
          throw storeError("Nothing was sent.", verdict === "later" ? advice : UNREACHABLE, last);
        await pause(2);
      }
      return client;
    } finally {
      client.off("error", remember);
    }
  }
}
