/** Server-sent events from frames, with comments that keep the connection open. */

export interface SseFrame {
  readonly id?: string;
  readonly event: string;
  /** JSON text: it has no line breaks. */
  readonly data: string;
}

const encoder = new TextEncoder();

function encode({ id, event, data }: SseFrame): Uint8Array {
  // Names of events hold namespaces, which graphs choose.
  const name = event.replaceAll(/[\r\n]/g, " ");
  return encoder.encode(`${id === undefined ? "" : `id: ${id}\n`}event: ${name}\ndata: ${data}\n\n`);
}

const HEARTBEAT = encoder.encode(": heartbeat\n\n");

export interface SseOptions {
  readonly heartbeatMs: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The client has gone, before the end. */
  readonly onDisconnect: () => void;
  /** Called once, however the stream ends. */
  readonly onClose: () => void;
}

/** Frames are taken from `frames` only as fast as the client reads. */
export function sseResponse(frames: AsyncIterable<SseFrame>, options: SseOptions): Response {
  const iterator = frames[Symbol.asyncIterator]();
  let timer: ReturnType<typeof setInterval> | undefined;
  let closed = false;
  const close = (): void => {
    if (closed) return;
    closed = true;
    clearInterval(timer);
    options.onClose();
  };
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        // Headers go out with the first byte: clients that subscribe before a run begins wait for them.
        controller.enqueue(encoder.encode(": open\n\n"));
        timer = setInterval(() => {
          if ((controller.desiredSize ?? 0) > 0) controller.enqueue(HEARTBEAT);
        }, options.heartbeatMs);
        timer.unref?.();
      },
      async pull(controller) {
        try {
          const { done, value } = await iterator.next();
          if (closed) return;
          if (!done) return controller.enqueue(encode(value));
          close();
          controller.close();
        } catch (error) {
          close();
          controller.error(error);
        }
      },
      async cancel() {
        close();
        options.onDisconnect();
        await iterator.return?.();
      },
    },
    { highWaterMark: 16 },
  );
  return new Response(body, {
    status: 200,
    headers: {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "x-accel-buffering": "no",
      ...options.headers,
    },
  });
}
