import { HoldpointError } from "../core/errors.ts";
import { Deadlines } from "./deadlines.ts";

/**
 * The calls to a server that are under way: how many, how long one may take, and when the last has ended. Whoever makes
 * calls counts them by `begin` and `end` around his own code: a call is the hot path of its store, and a function that
 * is handed in would be made anew for each.
 */
export class Calls {
  /** How long one call may take in all, with connecting and sending again. */
  readonly timeoutMs: number;
  readonly #deadlines: Deadlines = new Deadlines();
  #running = 0;
  #idle: Promise<void> | undefined;
  #whenIdle: (() => void) | undefined;

  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs;
  }

  get closed(): boolean {
    return this.#idle !== undefined;
  }

  /** How many have begun and not ended. */
  get running(): number {
    return this.#running;
  }

  /** To be followed by one `end`. None begins after `close`: whoever makes calls sees to it. */
  begin(): void {
    this.#running += 1;
  }

  end(): void {
    this.#running -= 1;
    if (this.#running === 0) this.#whenIdle?.();
  }

  /** Resolves when those that have begun have ended, however often it is called. */
  close(): Promise<void> {
    this.#idle ??=
      this.#running === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            this.#whenIdle = resolve;
          });
    return this.#idle;
  }

  /**
   * The answer to what was sent, if it comes in time. What was sent may be done all the same.
   *
   * @param deadline - by `performance.now()`
   * @throws HoldpointError `ERR_HITL_TIMEOUT`
   */
  within<T>(deadline: number, sent: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const timedOut = (): void =>
        reject(new HoldpointError("ERR_HITL_TIMEOUT", `no answer within ${this.timeoutMs} ms`));
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
