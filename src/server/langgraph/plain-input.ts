/**
 * Input without classes. Checkpointers write objects of LangChain as `{ lc, type, id, kwargs }` and make objects of these
 * when they read them again: what a client sends in that form would become one of any class, or a thread that cannot be read.
 */
import type { JsonObject, JsonValue } from "../../core/json.ts";
import { HttpError } from "./http-error.ts";

/** Messages are what clients may send in that form, because LangChain's own objects are written so. */
const MESSAGES: Readonly<Record<string, string>> = {
  HumanMessage: "human",
  HumanMessageChunk: "human",
  AIMessage: "ai",
  AIMessageChunk: "ai",
  SystemMessage: "system",
  SystemMessageChunk: "system",
  ToolMessage: "tool",
  ToolMessageChunk: "tool",
  FunctionMessage: "function",
  RemoveMessage: "remove",
};

/** The value, its messages as plain `{ type, content, … }`. @throws HttpError 422 for an object of any other class */
export function plainInput(value: JsonValue): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(plainInput);
  if (typeof value["lc"] === "number") return plainMessage(value);
  // What LangGraph takes for a command, or a Send, wherever it finds it.
  if (Object.hasOwn(value, "lg_name")) throw refused();
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainInput(item)]));
}

function plainMessage({ lc, type, id, kwargs }: JsonObject): JsonValue {
  const [library, module, name] = Array.isArray(id) ? id : [];
  const message = typeof name === "string" && Object.hasOwn(MESSAGES, name) ? MESSAGES[name] : undefined;
  const isMessage =
    lc === 1 && type === "constructor" && library === "langchain_core" && module === "messages";
  if (
    !isMessage ||
    message === undefined ||
    typeof kwargs !== "object" ||
    kwargs === null ||
    Array.isArray(kwargs)
  )
    throw new HttpError(
      422,
      "The body has a serialised object. Send plain JSON; messages as { type, content }.",
    );
  return { ...(plainInput(kwargs) as JsonObject), type: message };
}

function refused(): HttpError {
  return new HttpError(
    422,
    "The body has a serialised object. Send plain JSON; messages as { type, content }.",
  );
}
