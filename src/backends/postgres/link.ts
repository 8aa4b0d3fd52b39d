/**
 * The way to the server: one statement and one round trip for each call, one deadline, and an answer to "was it done?"
 * in every error.
 *
 * - L1 A call takes a connection first: as long as it has none, nothing was sent.
 * - L2 What was sent and not answered is sent again, the same, until the deadline. Every statement is safe to run twice
 *   (S4), also while the first one still runs: it waits for the rows, and finds itself there.
 */
import { setTimeout as pause } from "node:timers/promises";
import { isHoldpointError } from "../../core/errors.ts";
import { Calls } from "../calls.ts";
import { type PostgresClient, type PostgresPool, type PostgresValue, TEXT_ONLY } from "./client.ts";
import { closedError, type Fault, faultOf, indeterminate, storeError } from "./faults.ts";
import type { Row } from "./rows.ts";
import type { Statement } from "./statements.ts";

/** Whether a call may leave something behind. */
export type Effect = "reads" | "writes";

export interface Call {
  readonly statement: Statement;
  readonly values: readonly PostgresValue[];
  readonly effect: Effect;
  /**
   * Asked first when the call is sent again: what a call that got no answer has done. Its rows are the answer.
   * `elapsedMs`: how long ago the first one was sent.
   */
  readonly done?: (elapsedMs: number) => {
    readonly statement: Statement;
    readonly values: readonly PostgresValue[];
  };
}

/** Runs statements: on connections of a pool, or within somebody's transaction. */
export interface Runner {
  run(call: Call): Promise<readonly Row[]>;
}

const PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 250;

const NO_LISTENER = (): void => undefined;

export class Link implements Runner {
  readonly #open: () => Promise<PostgresPool>;
  readonly #calls: Calls;
  #prepare: boolean;
  #pool: PostgresPool | undefined;

  /** @param timeoutMs - how long one call may take in all, with connecting and sending again */
  constructor(open: () => Promise<PostgresPool>, timeoutMs: number, prepare: boolean) {
    this.#open = open;
    this.#calls = new Calls(timeoutMs);
    this.#prepare = prepare;
  }

  /** No new call from now on. Resolves when those that were sent have ended. */
  close(): Promise<void> {
    return this.#calls.close();
  }

  run(call: Call): Promise<readonly Row[]> {
    return this.#call(call.effect, async (client, again) => {
      if (again !== undefined && call.done) {
        const { statement, values } = call.done(again);
        const rows = await this.#query(client, statement, values);
        if (rows.length > 0) return rows;
      }
      return this.#query(client, call.statement, call.values);
    });
  }

  /** Several statements without parameters, as one transaction. */
  async script(text: string): Promise<void> {
    await this.#call("writes", (client) => client.query({ text, rowMode: "array", types: TEXT_ONLY }));
  }

  async #query(client: PostgresClient, { text, name }: Statement, values: readonly PostgresValue[]) {
    const query = { text, values, rowMode: "array", types: TEXT_ONLY } as const;
    const { rows } = await client.query(this.#prepare ? { ...query, name } : query);
    return rows;
  }

  async #call<T>(
    effect: Effect,
    send: (client: PostgresClient, again: number | undefined) => Promise<T>,
  ): Promise<T> {
    if (this.#calls.closed) throw closedError();
    this.#calls.begin();
    try {
      return await this.#attempts(effect, send);
    } finally {
      this.#calls.end();
    }
  }

  async #attempts<T>(
    effect: Effect,
    send: (client: PostgresClient, again: number | undefined) => Promise<T>,
  ): Promise<T> {
    const begun = performance.now();
    const deadline = begun + this.#calls.timeoutMs;
    // Whether an earlier attempt went out and was not answered.
    let unanswered: unknown;
    // What the server said last, when it did nothing.
    let said: { readonly fault: Fault; readonly cause: unknown } | undefined;
    for (let pauseMs = PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      let client: PostgresClient | undefined;
      let fault: Fault;
      let cause: unknown;
      const attempt: Attempt = { client: undefined, over: false };
      try {
        const again = unanswered === undefined ? undefined : performance.now() - begun;
        return await this.#calls.within(
          deadline,
          this.#attempt(attempt, (lent) => send(lent, again)),
        );
      } catch (error) {
        cause = error;
        attempt.over = true;
        client = attempt.client;
        fault = faultOf(error, client !== undefined);
        if (client) giveBack(client, fault.drop);
        if (isHoldpointError(error) && error.code !== "ERR_HITL_TIMEOUT") throw error;
      }
      if (fault.verdict === "unprepared" && this.#prepare) {
        this.#prepare = false;
        continue;
      }
      if (fault.verdict === "lost") unanswered = cause;
      if (fault.verdict === "later") said = { fault, cause };
      const retry = fault.verdict === "lost" || fault.verdict === "later";
      if (retry && !this.#calls.closed && performance.now() + pauseMs < deadline) {
        await pause(pauseMs * (0.5 + Math.random() / 2));
        continue;
      }
      if (unanswered !== undefined && effect === "writes") throw indeterminate(unanswered);
      const certain =
        effect === "reads" ? "The read failed." : client ? "Nothing was written." : "Nothing was sent.";
      // Why there was no connection says more than that there was none in time.
      const why = !client && isHoldpointError(cause, "ERR_HITL_TIMEOUT") ? said : undefined;
      throw storeError(certain, why?.fault ?? fault, why?.cause ?? cause);
    }
  }

  async #attempt<T>(attempt: Attempt, send: (client: PostgresClient) => Promise<T>): Promise<T> {
    this.#pool ??= await this.#open();
    const client = await this.#pool.connect();
    if (attempt.over) {
      // It comes when nobody waits for it any more.
      client.release(false);
      throw new Error("too late");
    }
    attempt.client = client;
    client.on?.("error", NO_LISTENER);
    const result = await send(client);
    if (!attempt.over) giveBack(client, false);
    return result;
  }
}

/** What is known of an attempt when its time is over. */
interface Attempt {
  client: PostgresClient | undefined;
  over: boolean;
}

function giveBack(client: PostgresClient, destroy: boolean): void {
  // One that is closed may still say why.
  if (!destroy) client.removeListener?.("error", NO_LISTENER);
  client.release(destroy);
}
