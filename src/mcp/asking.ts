/**
 * The open questions of a call while its request waits: each is shown to the client, and watched, since somebody else may
 * answer it. The first that ends lets the call go on; what is then asked no more is withdrawn from the client.
 */
import type { StoreHITLBackend } from "../backends/store-backend.ts";
import type { HITLRecord } from "../core/record.ts";
import type { Answers } from "./answers.ts";
import type { Exchange } from "./exchange.ts";

export interface AskingOptions {
  readonly backend: StoreHITLBackend;
  readonly exchange: Exchange;
  readonly answers: Answers;
  /** How often a question is shown. */
  readonly maxAttempts: number;
  /** How long the request waits, from now. */
  readonly waitMs: number;
  /** A human elsewhere is waited for also when the client shows nothing. */
  readonly waitsForOthers: boolean;
  readonly progressMs: number;
}

interface Shown {
  readonly stop: AbortController;
  /** The client shows it, or has opened its page. */
  isShown: boolean;
}

/** The answer may take as long as the request waits: that limit is ours. */
const SLACK_MS = 60_000;

export class Asking {
  readonly #options: AskingOptions;
  readonly #asked = new Map<string, Shown>();
  readonly #deadline: NodeJS.Timeout;
  readonly #left = new AbortController();
  readonly #progress: NodeJS.Timeout | undefined;
  #steps = 0;
  #wake: () => void = () => {};
  #ended = false;
  #isWaiting = false;
  #failure: unknown;
  /** What the client has to know beside the result. */
  readonly notes: string[] = [];

  constructor(options: AskingOptions) {
    this.#options = options;
    const { exchange, waitMs, progressMs } = options;
    this.#deadline = setTimeout(this.#leave, waitMs);
    this.#deadline.unref();
    exchange.signal.addEventListener("abort", this.#leave);
    if (exchange.signal.aborted) this.#leave();
    this.#left.signal.addEventListener("abort", () => this.#wake());
    if (exchange.request.meta["progressToken"] !== undefined) {
      this.#progress = setInterval(() => this.#report(), progressMs);
      this.#progress.unref();
    }
  }

  /** The request has waited long enough, or its client is gone. */
  get isOver(): boolean {
    return this.#left.signal.aborted;
  }

  /** Aborted with {@link isOver}. */
  get signal(): AbortSignal {
    return this.#left.signal;
  }

  /**
   * Shows what is open and not shown yet, and withdraws what is open no more.
   *
   * @returns `go_on` when a question has ended, `left` when nobody here answers
   * @throws HoldpointError of the store
   */
  next(pending: readonly HITLRecord[]): Promise<"go_on" | "left"> {
    const open = new Set(pending.map(({ hitl_id }) => hitl_id));
    for (const [id, shown] of this.#asked) {
      if (open.has(id)) continue;
      shown.stop.abort();
      this.#asked.delete(id);
    }
    for (const record of pending) {
      if (this.#asked.has(record.hitl_id)) continue;
      void this.#show(record, this.#watched(record, true));
    }
    return this.#ends();
  }

  /**
   * Shows nothing.
   *
   * @param isAwaited - an answer is about to come
   */
  watch(pending: readonly HITLRecord[], isAwaited: boolean): Promise<"go_on" | "left"> {
    for (const { stop } of this.#asked.values()) stop.abort();
    this.#asked.clear();
    for (const record of pending) this.#watched(record, isAwaited);
    return this.#ends();
  }

  async #ends(): Promise<"go_on" | "left"> {
    this.#isWaiting = true;
    this.#report();
    while (!this.#ended && this.#failure === undefined && this.#waits())
      await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#isWaiting = false;
    if (this.#failure !== undefined) throw this.#failure as Error;
    const ended = this.#ended;
    // Here, and not when it waits again: what ends while the call goes on must not be missed.
    this.#ended = false;
    return ended ? "go_on" : "left";
  }

  /** Ends all that is shown and watched. */
  stop(): void {
    clearTimeout(this.#deadline);
    clearInterval(this.#progress);
    this.#options.exchange.signal.removeEventListener("abort", this.#leave);
    for (const { stop } of this.#asked.values()) stop.abort();
    this.#asked.clear();
  }

  readonly #leave = (): void => this.#left.abort();

  #waits(): boolean {
    if (this.isOver) return false;
    return this.#options.waitsForOthers || [...this.#asked.values()].some(({ isShown }) => isShown);
  }

  #watched(record: HITLRecord, isShown: boolean): Shown {
    const shown: Shown = { stop: new AbortController(), isShown };
    this.#asked.set(record.hitl_id, shown);
    void this.#watch(record, shown);
    return shown;
  }

  async #watch({ hitl_id }: HITLRecord, { stop }: Shown): Promise<void> {
    try {
      await this.#options.backend.waitFor(hitl_id, { signal: stop.signal });
      this.#end();
    } catch (error) {
      if (!stop.signal.aborted) this.#fail(error);
    }
  }

  async #show(record: HITLRecord, shown: Shown): Promise<void> {
    const { answers, maxAttempts } = this.#options;
    let wrong: string | undefined;
    try {
      for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
        const params = answers.shown(record, wrong);
        if (params === null) break;
        const result = await this.#elicited(params, shown);
        if (result === undefined) break;
        const said = await answers.take(result, record);
        if (said.became === "opened") return await this.#completed(record, shown);
        if ("note" in said && said.note !== undefined) this.notes.push(said.note);
        if (said.became === "ended") return this.#end();
        if (said.became === "dismissed") break;
        wrong = said.message;
      }
      if (wrong !== undefined) this.notes.push(`The last answer to ${record.hitl_id} was refused: ${wrong}`);
    } catch (error) {
      if (!shown.stop.signal.aborted && !this.isOver) this.#fail(error);
    }
    shown.isShown = false;
    this.#wake();
  }

  /** Undefined if the client gave none: it cannot, was not asked in time, or the question is withdrawn. */
  async #elicited(params: unknown, { stop }: Shown): Promise<unknown> {
    const { exchange, waitMs } = this.#options;
    const signal = AbortSignal.any([stop.signal, this.#left.signal]);
    try {
      return await exchange.elicit(params, { signal, timeout: waitMs + SLACK_MS });
    } catch {
      return undefined;
    }
  }

  /** The page was opened: its client is told when the answer has come. */
  async #completed({ hitl_id }: HITLRecord, { stop }: Shown): Promise<void> {
    const { backend, exchange } = this.#options;
    await backend.waitFor(hitl_id, { signal: AbortSignal.any([stop.signal, this.#left.signal]) });
    await exchange.notify("notifications/elicitation/complete", { elicitationId: hitl_id }).catch(() => {});
  }

  #end(): void {
    this.#ended = true;
    this.#wake();
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#wake();
  }

  #report(): void {
    const { exchange } = this.#options;
    const { progressToken } = exchange.request.meta;
    if (progressToken === undefined || !this.#isWaiting || !this.#waits()) return;
    this.#steps += 1;
    const message = "Waiting for a human.";
    void exchange
      .notify("notifications/progress", { progressToken, progress: this.#steps, message })
      .catch(() => {});
  }
}
