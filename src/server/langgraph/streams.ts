/** How many streams are open, and the one end that they share when the server closes. */
import { HttpError } from "./http-error.ts";
import { sseResponse, type SseFrame } from "./sse.ts";

export class Streams {
  readonly #max: number;
  readonly #heartbeatMs: number;
  readonly #open = new Set<AbortController>();

  constructor(max: number, heartbeatMs: number) {
    this.#max = max;
    this.#heartbeatMs = heartbeatMs;
  }

  /** @throws HttpError 503 */
  assertRoom(): void {
    if (this.#open.size >= this.#max)
      throw new HttpError(503, `${this.#max} streams are open. Try again.`, { "retry-after": "1" });
  }

  /** @param frames - ends when the signal is aborted: the client has gone, or the server closes */
  open(
    frames: (signal: AbortSignal) => AsyncIterable<SseFrame>,
    options: {
      readonly headers?: Readonly<Record<string, string>>;
      readonly onDisconnect?: () => void;
      readonly onClose?: () => void;
    } = {},
  ): Response {
    this.assertRoom();
    const controller = new AbortController();
    this.#open.add(controller);
    return sseResponse(frames(controller.signal), {
      heartbeatMs: this.#heartbeatMs,
      ...(options.headers ? { headers: options.headers } : {}),
      onDisconnect: () => {
        controller.abort();
        options.onDisconnect?.();
      },
      onClose: () => {
        this.#open.delete(controller);
        options.onClose?.();
      },
    });
  }

  closeAll(): void {
    for (const controller of this.#open) controller.abort();
  }
}
