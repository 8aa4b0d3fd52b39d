/** A turn of a graph, and the questions that it asks, as chunks for a UI message: those that the client does not have yet. */
import { AIMessage, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { type InferUIMessageChunk, isToolUIPart, type UIMessage } from "ai";
import type { HITLRecord } from "holdpoint";
import { type InteropProblem, toAiSdk7 } from "holdpoint/interop";

/** A question that is no approval. The page shows it as a form. */
export interface Question
  extends Pick<HITLRecord, "hitl_id" | "hitl_type" | "status" | "data" | "response_schema"> {
  /** What was wrong with the last answer. */
  readonly issues: readonly string[];
}

/** Its parts of type `data-question` hold a {@link Question}. */
export type ChatMessage = UIMessage<unknown, { question: Question }>;
type Chunk = InferUIMessageChunk<ChatMessage>;
type ToolPart = Extract<ChatMessage["parts"][number], { toolCallId: string }>;

export interface UiChunksInput {
  /** The graph's, with its `messages`. */
  readonly state: unknown;
  /** Open questions of the thread. */
  readonly open: readonly HITLRecord[];
  /** Questions of the thread that the client has seen, open or not. */
  readonly known: readonly HITLRecord[];
  /** What the client has of this turn. */
  readonly shown: ChatMessage["parts"];
  readonly problems: readonly InteropProblem[];
}

export function uiChunks(input: UiChunksInput): Chunk[] {
  return new Turn(input).chunks();
}

class Turn {
  readonly #input: UiChunksInput;
  readonly #chunks: Chunk[] = [];
  readonly #parts = new Map<string, ToolPart>();
  readonly #calls = new Set<string>();
  readonly #texts = new Set<string>();

  constructor(input: UiChunksInput) {
    this.#input = input;
    for (const part of input.shown) {
      if (isToolUIPart(part)) {
        this.#parts.set(part.toolCallId, part);
        this.#calls.add(part.toolCallId);
      } else if (part.type === "text") this.#texts.add(String(part.providerMetadata?.["langgraph"]?.["id"]));
    }
  }

  chunks(): Chunk[] {
    const results = new Set<string>();
    for (const message of turnOf(this.#input.state)) {
      if (AIMessage.isInstance(message)) this.#said(message);
      if (!ToolMessage.isInstance(message)) continue;
      results.add(message.tool_call_id);
      this.#result(message);
    }
    this.#settle(results);
    this.#ask();
    return this.#chunks;
  }

  #said(message: AIMessage): void {
    const id = message.id ?? "";
    if (message.text !== "" && !this.#texts.has(id)) {
      this.#chunks.push(
        { type: "text-start", id, providerMetadata: { langgraph: { id } } },
        { type: "text-delta", id, delta: message.text },
        { type: "text-end", id },
      );
    }
    for (const { id: call = "", name, args } of message.tool_calls ?? []) this.#call(call, name, args);
  }

  #call(toolCallId: string, toolName: string, input: unknown): void {
    if (this.#calls.has(toolCallId)) return;
    this.#calls.add(toolCallId);
    this.#chunks.push({ type: "tool-input-available", toolCallId, toolName, input, dynamic: true });
  }

  #result(message: ToolMessage): void {
    const toolCallId = message.tool_call_id;
    const part = this.#parts.get(toolCallId);
    if (part?.state.startsWith("output-") && !isPreliminary(part)) return;
    if (part?.approval && !this.#decided(part.approval.id)) return;
    if (message.status === "error")
      this.#chunks.push({ type: "tool-output-error", toolCallId, errorText: message.text });
    else this.#chunks.push({ type: "tool-output-available", toolCallId, output: message.text });
  }

  /** Says what was decided, by whomever: false, and a denial, for anything but an approval. */
  #decided(approvalId: string): boolean {
    const part = [...this.#parts.values()].find(({ approval }) => approval?.id === approvalId);
    if (!part) return true;
    const record = this.#input.known.find(({ hitl_id }) => hitl_id === approvalId);
    const approved = record !== undefined && isApproved(record);
    const reason = record ? (record.reason ?? undefined) : "This question is not open here.";
    this.#chunks.push({
      type: "tool-approval-response",
      approvalId,
      approved,
      ...(reason ? { reason } : {}),
    });
    if (!approved) this.#chunks.push({ type: "tool-output-denied", toolCallId: part.toolCallId });
    return approved;
  }

  /** No part may stay as the client has left it: the AI SDK would send it again and again. */
  #settle(results: ReadonlySet<string>): void {
    const open = new Set(this.#input.open.map(({ hitl_id }) => hitl_id));
    for (const { state, approval, toolCallId } of this.#parts.values()) {
      if (state !== "approval-responded" || results.has(toolCallId) || open.has(approval.id)) continue;
      if (!this.#decided(approval.id)) continue;
      // Of a node there is no result to come; of a call there is, from whoever runs it.
      const isCall = this.#input.known.some(
        ({ hitl_id, tool_call_id }) => hitl_id === approval.id && tool_call_id !== null,
      );
      this.#chunks.push({
        type: "tool-output-available",
        toolCallId,
        output: "approved",
        preliminary: isCall,
      });
    }
  }

  #ask(): void {
    const { open, known, shown } = this.#input;
    const approvals = new Map(toAiSdk7(open).map((request) => [request.approvalId, request]));
    const asked = new Set<string>();
    for (const record of open) {
      const request = approvals.get(record.hitl_id);
      // A call of the AI SDK has one approval at a time.
      if (!request || asked.has(request.toolCallId)) {
        this.#question(record);
        continue;
      }
      asked.add(request.toolCallId);
      const part = this.#parts.get(request.toolCallId);
      if (part?.state === "approval-requested" && part.approval.id === request.approvalId) continue;
      this.#call(request.toolCallId, record.tool_name ?? record.hitl_type, record.data["args"] ?? {});
      this.#chunks.push(request);
    }
    const shownIds = shown.flatMap((part) => (part.type === "data-question" ? [part.data.hitl_id] : []));
    for (const record of known)
      if (record.status !== "pending" && shownIds.includes(record.hitl_id)) this.#question(record);
  }

  #question({ hitl_id, hitl_type, status, data, response_schema }: HITLRecord): void {
    const wrong = this.#input.problems.filter((problem) => problem.hitl_id === hitl_id);
    const issues = wrong.map(({ message }) => message);
    const question: Question = { hitl_id, hitl_type, status, data, response_schema, issues };
    this.#chunks.push({ type: "data-question", id: hitl_id, data: question });
  }
}

function turnOf(state: unknown): readonly BaseMessage[] {
  const { messages = [] } = (state ?? {}) as { messages?: readonly BaseMessage[] };
  return messages.slice(messages.findLastIndex((message) => HumanMessage.isInstance(message)) + 1);
}

function isPreliminary(part: ToolPart): boolean {
  return part.state === "output-available" && part.preliminary === true;
}

/** Whatever was not answered by a yes was not approved. */
function isApproved({ status, user_response }: HITLRecord): boolean {
  if (status !== "completed") return false;
  const { decision, confirmed } = (user_response ?? {}) as { decision?: unknown; confirmed?: unknown };
  return (
    confirmed === true || ["approve", "approve_once", "approve_always", "edit"].includes(String(decision))
  );
}
