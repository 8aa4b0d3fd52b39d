/** What a chunk of a model's message says, and what it thinks. */
import { isFields } from "./interrupts.ts";

export interface MessagePiece {
  readonly kind: "text" | "thinking";
  /** Of the message; a model that is called again has another. */
  readonly id: string;
  readonly content: string;
}

const FROM_MODEL: ReadonlySet<unknown> = new Set(["ai", "AIMessage", "AIMessageChunk"]);

function typeOf(message: Readonly<Record<string, unknown>>): unknown {
  const { getType, type } = message;
  return typeof getType === "function" ? (getType.call(message) as unknown) : type;
}

/** Thinking is named differently by each provider. */
function thoughtOf(part: Readonly<Record<string, unknown>>): unknown {
  if (part["type"] === "thinking") return part["thinking"];
  if (part["type"] !== "reasoning") return undefined;
  const { summary } = part;
  if (!Array.isArray(summary)) return part["reasoning"];
  return summary.map((item) => (isFields(item) ? item["text"] : "")).join("");
}

/**
 * The pieces of `[message, metadata]`. Only a model's messages are text of the run: a tool's result is shown by its own
 * block. A message without an id cannot be told from others, and gives nothing.
 */
export function piecesOf(payload: unknown): MessagePiece[] {
  const message: unknown = Array.isArray(payload) ? payload[0] : payload;
  if (!isFields(message)) return [];
  const { id, content, additional_kwargs } = message;
  if (typeof id !== "string" || id === "" || !FROM_MODEL.has(typeOf(message))) return [];
  const pieces: MessagePiece[] = [];
  const add = (kind: MessagePiece["kind"], value: unknown): void => {
    if (typeof value === "string" && value !== "") pieces.push({ kind, id, content: value });
  };
  if (isFields(additional_kwargs)) add("thinking", additional_kwargs["reasoning_content"]);
  for (const part of Array.isArray(content) ? (content as unknown[]) : [content]) {
    if (!isFields(part)) add("text", part);
    else if (part["type"] === "text") add("text", part["text"]);
    else add("thinking", thoughtOf(part));
  }
  return pieces;
}
