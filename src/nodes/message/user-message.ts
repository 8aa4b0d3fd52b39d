/** What a user sends: checked, as plain JSON for the store, and as a message for the graph. */
import { HumanMessage } from "@langchain/core/messages";
import { checkId } from "../../backends/hitl-codec.ts";
import { HoldpointError } from "../../core/errors.ts";
import { type JsonObject, toJsonObject } from "../../core/json.ts";

/** A text, a `HumanMessage`, or `{ role: "user", content }`. */
export type UserMessage =
  | string
  | HumanMessage
  | {
      readonly role: "user" | "human";
      readonly content: string | readonly Readonly<Record<string, unknown>>[];
      readonly id?: string;
      readonly name?: string;
    };

/** Of a message that is sent; everything else in it is not kept. */
const FIELDS = ["content", "name", "additional_kwargs", "response_metadata"] as const;

export interface ParsedMessage {
  /** The sender's own id; undefined if he gave none. */
  readonly id: string | undefined;
  readonly message: JsonObject;
}

/**
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT`, `ERR_HITL_NOT_JSON`, `ERR_HITL_TOO_LARGE` (256 KiB),
 * `ERR_HITL_TOO_DEEP`
 */
export function parseMessage(given: unknown): ParsedMessage {
  if (typeof given === "string") return parsed({ content: given }, undefined);
  if (typeof given !== "object" || given === null || Array.isArray(given)) throw notAMessage(typeof given);
  const { getType, role, id } = given as { getType?: unknown; role?: unknown; id?: unknown };
  const kind = typeof getType === "function" ? (given as HumanMessage).getType() : role;
  if (kind !== "human" && kind !== "user")
    throw notAMessage(
      typeof kind === "string" ? `a message of ${kind.slice(0, 40)}` : "an object without role",
    );
  return parsed(given as Record<string, unknown>, id ?? undefined);
}

function parsed(given: Record<string, unknown>, id: unknown): ParsedMessage {
  const fields = Object.fromEntries(FIELDS.map((name) => [name, given[name]]));
  const message = toJsonObject(fields, "message");
  const { content, name } = message;
  if (name !== undefined && typeof name !== "string") throw refused("message.name is not a string.");
  if (typeof content === "string") {
    if (content.trim() === "") throw refused("The message is empty; providers refuse empty messages.");
  } else if (!Array.isArray(content) || content.length === 0 || !content.every(isBlock)) {
    throw refused("message.content is neither a text nor a list of content blocks with a type.");
  }
  return { id: id === undefined ? undefined : checkId(id, "message.id"), message };
}

function isBlock(block: unknown): boolean {
  return typeof (block as { type?: unknown } | null)?.type === "string";
}

function notAMessage(what: string): HoldpointError {
  return refused(`A user sends a text, a HumanMessage, or { role: "user", content }; this is ${what}.`);
}

function refused(message: string): HoldpointError {
  return new HoldpointError("ERR_HITL_INVALID_INPUT", message);
}

export function humanMessageOf(message: JsonObject, id: string): HumanMessage {
  return new HumanMessage({ ...message, id });
}

/** Its text, if the message is nothing but text; else null. */
export function textOf({ content }: JsonObject): string | null {
  if (typeof content === "string") return content;
  const blocks = content as readonly { type?: unknown; text?: unknown }[];
  const texts = blocks.map(({ type, text }) => (type === "text" && typeof text === "string" ? text : null));
  return texts.includes(null) ? null : texts.join("");
}
