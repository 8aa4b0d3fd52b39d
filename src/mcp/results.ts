/** What a client gets: the tool's output, or that a human has to answer first. */
import type { ToolMessage } from "@langchain/core/messages";
import { isCommand } from "@langchain/langgraph";
import { isHoldpointError } from "../core/errors.ts";
import type { HITLRecord } from "../core/record.ts";
import { descriptionOf } from "../interop/ask.ts";
import { type Mcp1Elicitation, toMcp1 } from "../interop/mcp.ts";
import type { ToolOutput } from "../nodes/tool-outcome.ts";
import { CALL_META } from "./exchange.ts";

/** A part of a result, in the words of MCP. */
export type McpContent =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image" | "audio"; readonly data: string; readonly mimeType: string };

/** The result of a call that has ended, or that waits and cannot ask its client. */
export interface McpCallResult {
  readonly content: readonly McpContent[];
  readonly isError?: boolean;
  /** A waiting call: `holdpoint/call` goes on with it, `holdpoint/asks` are the ids of what is open. */
  readonly _meta?: Readonly<Record<string, unknown>>;
}

/** The result of a call that asks its client (protocol 2026-07-28). */
export interface McpInputRequired {
  readonly resultType: "input_required";
  readonly inputRequests: {
    readonly [hitl_id: string]: {
      readonly method: "elicitation/create";
      readonly params: McpElicitation;
    };
  };
  readonly requestState: string;
}

/** In this protocol a page has no id of its own. */
export type McpElicitation =
  | Extract<Mcp1Elicitation, { mode: "form" }>
  | Omit<Extract<Mcp1Elicitation, { mode: "url" }>, "elicitationId">;

export type McpToolResult = McpCallResult | McpInputRequired;

const text = (said: string): McpContent => ({ type: "text", text: said });

/** @param notes - what the client has to know beside it */
export function outputResult(output: ToolOutput, tool: string, notes: readonly string[]): McpCallResult {
  if (isCommand(output)) {
    const why = `${tool} gave a Command, which only a graph can follow.`;
    return { content: [text(why)], isError: true };
  }
  const content = [...contentOf(output), ...notes.map((note) => text(note))];
  return output.status === "error" ? { content, isError: true } : { content };
}

/** @param error - of the engine, the store, or the server's own options: it says what to do */
export function errorResult(error: unknown): McpCallResult {
  const message = error instanceof Error || isHoldpointError(error) ? error.message : String(error);
  const code = isHoldpointError(error) ? `${error.code}: ` : "";
  return { content: [text(`${code}${message}`)], isError: true };
}

function contentOf({ content }: ToolMessage): McpContent[] {
  if (typeof content === "string") return [text(content)];
  return content.map((block: unknown) => mediaOf(block) ?? text(textOf(block)));
}

function textOf(block: unknown): string {
  const said = (block as { readonly text?: unknown } | null)?.text;
  return typeof said === "string" ? said : typeof block === "string" ? block : JSON.stringify(block);
}

const DATA_URL = /^data:((?:image|audio)\/[\w.+-]+);base64,([A-Za-z0-9+/=]+)$/;

/** Of LangChain's blocks those whose bytes are here. */
function mediaOf(block: unknown): McpContent | null {
  const { type, data, mimeType, mime_type, image_url } = (block ?? {}) as Readonly<Record<string, unknown>>;
  const mime = mimeType ?? mime_type;
  if ((type === "image" || type === "audio") && typeof data === "string" && typeof mime === "string")
    return { type, data, mimeType: mime };
  if (type !== "image_url") return null;
  const url = typeof image_url === "string" ? image_url : (image_url as { url?: unknown } | undefined)?.url;
  const [, found, bytes] = (typeof url === "string" && DATA_URL.exec(url)) || [];
  return found?.startsWith("image/") && bytes ? { type: "image", data: bytes, mimeType: found } : null;
}

const MAX_MESSAGE = 500;

/** What is open of a call, for a client that could not show it. */
export function waitingResult(
  tool: string,
  pending: readonly HITLRecord[],
  { reference, notes }: { readonly reference: string; readonly notes: readonly string[] },
): McpCallResult {
  const asks = pending.map((ask) => {
    const params = toMcp1(ask);
    const said = descriptionOf(ask).slice(0, MAX_MESSAGE).toWellFormed();
    return `- ${said} (${ask.hitl_id})${params.mode === "url" ? `\n  ${params.url}` : ""}`;
  });
  const lines = [
    `${tool} has stopped and waits for a human. It is not done, and nothing is approved.`,
    ...(asks.length > 0 ? [asks.join("\n")] : []),
    ...notes,
    `When this is answered, call ${tool} again with the same arguments: it goes on where it stopped.`,
  ];
  const _meta = { [CALL_META]: reference, "holdpoint/asks": pending.map(({ hitl_id }) => hitl_id) };
  return { content: [text(lines.join("\n\n"))], _meta };
}

/** The call is at work in another request, and nobody is asked. */
export function busyResult(tool: string, reference: string): McpCallResult {
  const said = `${tool} is at work on this call in another request. Call it again with the same arguments to hear what came of it.`;
  return { content: [text(said)], _meta: { [CALL_META]: reference } };
}
