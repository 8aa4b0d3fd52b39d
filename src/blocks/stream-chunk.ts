/** One chunk of a stream, in whichever of LangGraph's forms it came. */
import { isFields } from "./interrupts.ts";
import { looksLikeBlockEvent } from "./parse.ts";

export const STREAM_MODES = [
  "values",
  "updates",
  "debug",
  "messages",
  "checkpoints",
  "tasks",
  "custom",
  "tools",
] as const;
/** The modes of `graph.stream`. */
export type StreamMode = (typeof STREAM_MODES)[number];

export interface Chunk {
  /** Of the subgraph, outermost first: `name:task id`. Empty at the root. */
  readonly namespace: readonly string[];
  readonly mode: StreamMode;
  readonly payload: unknown;
}

function isMode(value: unknown): value is StreamMode {
  return STREAM_MODES.some((mode) => mode === value);
}

function isNamespace(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((step) => typeof step === "string");
}

/** What a chunk is that does not say its mode. `updates` and `values` look alike; both show interrupts. */
function modeOf(payload: unknown): StreamMode {
  if (looksLikeBlockEvent(payload)) return "custom";
  if (Array.isArray(payload) && payload.length === 2 && isFields(payload[0])) return "messages";
  if (isFields(payload) && typeof payload["id"] === "string" && Array.isArray(payload["interrupts"])) {
    return "tasks";
  }
  return "values";
}

/** `updates|agent:1b9d…|tools:77c2…`, as the SDK names it. */
function sdkChunk({ event, data }: Readonly<Record<string, unknown>>): Chunk | undefined {
  if (typeof event !== "string") return undefined;
  const [mode, ...namespace] = event.split("|");
  return isMode(mode) ? { namespace, mode, payload: data } : undefined;
}

function isSdkChunk(chunk: unknown): chunk is Readonly<Record<string, unknown>> {
  return (
    isFields(chunk) && typeof chunk["event"] === "string" && "data" in chunk && !looksLikeBlockEvent(chunk)
  );
}

/** The chunk, or undefined for one that no mode has. */
export function chunkOf(chunk: unknown, single: StreamMode | undefined): Chunk | undefined {
  if (single === undefined && isSdkChunk(chunk)) return sdkChunk(chunk);
  if (Array.isArray(chunk)) {
    const [first, second, third] = chunk as unknown[];
    if (chunk.length === 3 && isNamespace(first) && isMode(second)) {
      return { namespace: first, mode: second, payload: third };
    }
    if (chunk.length === 2 && isMode(first)) return { namespace: [], mode: first, payload: second };
    if (chunk.length === 2 && isNamespace(first)) {
      return { namespace: first, mode: single ?? modeOf(second), payload: second };
    }
  }
  return { namespace: [], mode: single ?? modeOf(chunk), payload: chunk };
}
