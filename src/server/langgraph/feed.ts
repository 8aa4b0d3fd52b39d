/** What one run tells its listeners: kept for those who come late or come back, up to a number of bytes. */
import { toWire } from "./wire.ts";

export interface Frame {
  /** From 1, without gaps; the `id` of the frame on the wire. */
  readonly seq: number;
  readonly event: string;
  /** JSON text. */
  readonly data: string;
}

/** A listener was slower than what is kept. */
const GAP = "gap";

export class Feed {
  readonly #maxBytes: number;
  readonly #frames: Frame[] = [];
  #dropped = 0;
  #bytes = 0;
  #ended = false;
  #wake: (() => void)[] = [];

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(event: string, data: unknown): void {
    if (this.#ended) return;
    const text = toWire(data);
    this.#frames.push({ seq: this.#dropped + this.#frames.length + 1, event, data: text });
    this.#bytes += text.length;
    while (this.#bytes > this.#maxBytes && this.#frames.length > 1) {
      this.#bytes -= (this.#frames.shift() as Frame).data.length;
      this.#dropped += 1;
    }
    this.#notify();
  }

  end(): void {
    this.#ended = true;
    this.#notify();
  }

  /** The newest frame's number. */
  get seq(): number {
    return this.#dropped + this.#frames.length;
  }

  #notify(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }

  /** Frames after `after`, those that are kept and those to come, until the run ends or `signal` says so. */
  async *read(after: number, signal?: AbortSignal): AsyncGenerator<Frame> {
    let next = after;
    for (;;) {
      if (signal?.aborted) return;
      if (next < this.#dropped && next === 0) {
        // Whoever begins with what is kept misses nothing that was promised.
        next = this.#dropped;
      } else if (next < this.#dropped) {
        yield {
          seq: this.#dropped,
          event: "error",
          data: toWire({ error: GAP, message: "Frames were dropped. Read the thread's state." }),
        };
        next = this.#dropped;
      }
      const frame = this.#frames[next - this.#dropped];
      if (frame) {
        next = frame.seq;
        yield frame;
      } else if (this.#ended) {
        return;
      } else {
        await this.#more(signal);
      }
    }
  }

  #more(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal?.removeEventListener("abort", done);
        resolve();
      };
      signal?.addEventListener("abort", done, { once: true });
      this.#wake.push(done);
    });
  }
}
