/** Block events as server-sent events: what a server writes, and what a browser reads with `fetch`. */
import { HoldpointError, isHoldpointError } from "../core/errors.ts";
import type { BlockEvent } from "./events.ts";
import { MAX_EVENT_BYTES, parseBlockEvent } from "./parse.ts";

/** The name under which block events are sent. Events with other names are passed over. */
export const SSE_EVENT_NAME = "block";

/** JSON text may take six characters for one; the field names come on top. */
const MAX_MESSAGE = 6 * MAX_EVENT_BYTES + 4096;

/**
 * One server-sent event: `id` is the event id, `event` is `block`, `data` the JSON text on one line.
 *
 * @throws HoldpointError as {@link parseBlockEvent}
 *
 * @example
 * ```ts
 * import { encodeSse, textDelta } from "holdpoint/blocks";
 *
 * console.log(encodeSse(textDelta({ block_id: "blk_1", index: 0, content: "Hi\nthere" })).split("\n")[0]); // id: evt_1_0
 * ```
 */
export function encodeSse(event: BlockEvent): string {
  // Not the event as it was given: an id with a newline would end the line and begin a field of its own.
  const checked = parseBlockEvent(event);
  const id = checked.event_id === "" ? "" : `id: ${checked.event_id}\n`;
  return `${id}event: ${SSE_EVENT_NAME}\ndata: ${JSON.stringify(checked)}\n\n`;
}

export interface DecodeSseOptions {
  /** Called for a message that is no block event. Default: it is passed over. */
  readonly onInvalid?: ((error: HoldpointError, text: string) => void) | undefined;
}

/** What `fetch(…).body` is, or any other source of bytes or text. */
export type SseSource = AsyncIterable<Uint8Array | string> | ReadableStream<Uint8Array>;

async function* readerOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    // Whoever stops reading ends the request.
    await reader.cancel().catch(() => undefined);
  }
}

async function* textOf(source: SseSource): AsyncGenerator<string, void, undefined> {
  // Not every browser lets one iterate over a ReadableStream.
  const chunks = "getReader" in source ? readerOf(source) : source;
  const decoder = new TextDecoder();
  for await (const chunk of chunks) {
    yield typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
  }
  yield decoder.decode();
}

async function* linesOf(source: SseSource): AsyncGenerator<string, void, undefined> {
  let pieces: string[] = [];
  let held = 0;
  let afterReturn = false;
  for await (const chunk of textOf(source)) {
    let from = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      const unit = chunk.charCodeAt(at);
      const isNewline = unit === 10;
      if (!isNewline && unit !== 13) {
        afterReturn = false;
        continue;
      }
      // The second half of a CR LF, which may be in the next chunk.
      if (!(isNewline && afterReturn)) {
        pieces.push(chunk.slice(from, at));
        yield pieces.join("");
        pieces = [];
        held = 0;
      }
      afterReturn = !isNewline;
      from = at + 1;
    }
    if (from < chunk.length) pieces.push(chunk.slice(from));
    held += chunk.length - from;
    if (held > MAX_MESSAGE) throw tooLong();
  }
}

function tooLong(): HoldpointError {
  return new HoldpointError(
    "ERR_HITL_TOO_LARGE",
    `A server-sent event is longer than ${MAX_MESSAGE} characters.`,
    {
      details: { maxMessage: MAX_MESSAGE },
    },
  );
}

/**
 * The block events in a stream of server-sent events. Comments, other events and what is no block event are passed
 * over; `event_id` of the last one is what to send as `Last-Event-ID` after a break. An event that the end cuts off is
 * dropped, as the standard says.
 *
 * @throws HoldpointError `ERR_HITL_TOO_LARGE` for a message that does not end; what the source throws
 *
 * @example
 * ```ts
 * import { createBlockStore, decodeSse } from "holdpoint/blocks";
 *
 * export async function follow(url: string): Promise<void> {
 *   const { body } = await fetch(url, { headers: { accept: "text/event-stream" } });
 *   const store = createBlockStore();
 *   if (body) for await (const event of decodeSse(body)) store.dispatch(event);
 * }
 * ```
 */
export async function* decodeSse(
  source: SseSource,
  options: DecodeSseOptions = {},
): AsyncGenerator<BlockEvent, void, undefined> {
  let name = "";
  let data: string[] = [];
  let held = 0;
  let isFirst = true;
  for await (const whole of linesOf(source)) {
    const line = isFirst && whole.startsWith("\uFEFF") ? whole.slice(1) : whole;
    isFirst = false;
    if (line === "") {
      const text = data.join("\n");
      const isOurs = data.length > 0 && name === SSE_EVENT_NAME;
      name = "";
      data = [];
      held = 0;
      if (!isOurs) continue;
      const event = eventOf(text, options);
      if (event) yield event;
      continue;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const rest = colon < 0 ? "" : line.slice(colon + 1);
    const value = rest.startsWith(" ") ? rest.slice(1) : rest;
    if (field === "event") name = value;
    if (field !== "data") continue;
    data.push(value);
    held += value.length + 1;
    if (held > MAX_MESSAGE) throw tooLong();
  }
}

function eventOf(text: string, { onInvalid }: DecodeSseOptions): BlockEvent | undefined {
  try {
    return parseBlockEvent(text);
  } catch (error) {
    if (!isHoldpointError(error)) throw error;
    onInvalid?.(error, text);
    return undefined;
  }
}
