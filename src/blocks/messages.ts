/** What a chunk of a model's message says, and what it thinks. */
import { type BlockContext, textDelta, thinkingDelta } from "./build.ts";
import type { BlockEvent } from "./events.ts";
import { isFields } from "./interrupts.ts";

interface MessagePiece {
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
 * The pieces of a message. Only a model's messages are text of the run: a tool's result is shown by its own
 * block. A message without an id cannot be told from others, and gives nothing.
 */
function piecesOf(message: unknown, known: unknown): MessagePiece[] {
  if (!isFields(message)) return [];
  const { content, additional_kwargs } = message;
  const id = known ?? message["id"];
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

/** Messages as they come, piece by piece, as events of their text and thinking blocks (B16). */
export class MessageTexts {
  readonly #counts = new Map<string, number>();
  readonly #halves = new Map<string, string>();

  /**
   * @param message - of LangChain, or what has become of one over a wire
   * @param id - the message's, where it does not say it itself
   * @throws HoldpointError as `parseBlockEvent`
   */
  *eventsOf(message: unknown, context: BlockContext, id?: string): Generator<BlockEvent, void, undefined> {
    for (const { kind, id: said_by, content: said } of piecesOf(message, id)) {
      const block_id = `blk_${said_by}_${kind}`;
      const content = this.#wholeCharacters(block_id, said);
      if (content === "") continue;
      const index = this.#counts.get(block_id) ?? 0;
      this.#counts.set(block_id, index + 1);
      const piece = { block_id, index, content };
      yield kind === "text" ? textDelta(piece, context) : thinkingDelta(piece, context);
    }
  }

  /** A model may end a piece in the middle of a character; that half comes with the next one. */
  #wholeCharacters(block_id: string, content: string): string {
    const text = (this.#halves.get(block_id) ?? "") + content;
    this.#halves.delete(block_id);
    const last = text.charCodeAt(text.length - 1);
    if (last < 0xd800 || last > 0xdbff) return text.toWellFormed();
    this.#halves.set(block_id, text.slice(-1));
    return text.slice(0, -1).toWellFormed();
  }
}
