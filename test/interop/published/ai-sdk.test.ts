/** AI SDK: its own schemas of chunks, parts and messages, and its own reading of a stream. */
import {
  assistantModelMessageSchema,
  type DynamicToolUIPart,
  readUIMessageStream,
  safeValidateUIMessages,
  type ToolApprovalResponse,
  toolModelMessageSchema,
  type UIMessage,
  type UIMessageChunk,
  uiMessageChunkSchema,
} from "ai";
import { describe, expect, it } from "vitest";
import type { HITLRecord } from "../../../src/index.ts";
import { fromAiSdk7, toAiSdk7 } from "../../../src/interop/index.ts";
import { askOf, EVERY } from "./kit.ts";

const APPROVABLE = EVERY.filter(([, ask]) => toAiSdk7([ask]).length > 0);

/** What a server streams before it asks: the call, as an application shows it. */
function streamed(asks: readonly HITLRecord[]): UIMessageChunk[] {
  const requests = toAiSdk7(asks);
  const calls = requests.map(
    ({ toolCallId }): UIMessageChunk => ({
      type: "tool-input-available",
      toolCallId,
      toolName: "pay",
      input: { amount: 40 },
      dynamic: true,
    }),
  );
  return [{ type: "start", messageId: "m1" }, ...calls, ...requests, { type: "finish" }];
}

async function read(chunks: readonly UIMessageChunk[]): Promise<UIMessage> {
  const stream = new ReadableStream<UIMessageChunk>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
  let last: UIMessage | undefined;
  for await (const message of readUIMessageStream({ stream, terminateOnError: true })) last = message;
  return last as UIMessage;
}

const partsOf = ({ parts }: UIMessage): DynamicToolUIPart[] =>
  parts.filter((part) => part.type === "dynamic-tool");

/** What the SDK's own chat makes of a part when `addToolApprovalResponse` is called. */
function responded(part: DynamicToolUIPart, approved: boolean, reason?: string): DynamicToolUIPart {
  if (part.state !== "approval-requested") throw new Error(`nobody is asked: ${part.state}`);
  const approval = { ...part.approval, approved, ...(reason === undefined ? {} : { reason }) };
  return { ...part, state: "approval-responded", approval };
}

describe("tool-approval-request", () => {
  it("is there for each question that can be approved, and for no other", () => {
    expect(EVERY.filter(([, ask]) => toAiSdk7([ask]).length === 0).map(([name]) => name)).toEqual(
      expect.arrayContaining(["room", "name", "trip", "login", "doubt", "permission reject"]),
    );
    expect(APPROVABLE.map(([name]) => name)).toEqual(
      expect.arrayContaining(["pay", "mail", "go", "review", "permission approve_once"]),
    );
  });

  it.each(APPROVABLE)(
    "%s: passes the schema of chunks, and is a part of a model message",
    async (_name, ask) => {
      const [request] = toAiSdk7([ask]);
      expect(await uiMessageChunkSchema().validate?.(request)).toMatchObject({
        success: true,
        value: request,
      });
      const call = {
        type: "tool-call" as const,
        toolCallId: request?.toolCallId ?? "",
        toolName: "pay",
        input: {},
      };
      const message = { role: "assistant", content: [call, request] };
      expect(assistantModelMessageSchema.safeParse(message).success).toBe(true);
    },
  );

  it("P10 several are shown at once by a message that the SDK takes back", async () => {
    const asks = [askOf("pay"), askOf("mail"), askOf("go")];
    const message = await read(streamed(asks));
    expect(partsOf(message)).toMatchObject(
      asks.map(({ hitl_id }) => ({ state: "approval-requested", approval: { id: hitl_id } })),
    );
    expect(await safeValidateUIMessages({ messages: [message] })).toMatchObject({ success: true });
  });
});

describe("a question that is about no call", () => {
  it("is taken only behind a part that stands for one", async () => {
    const [request] = toAiSdk7([askOf("review")]);
    expect(request?.toolCallId).toBe(askOf("review").hitl_id);
    const alone: UIMessageChunk[] = [{ type: "start" }, ...toAiSdk7([askOf("review")])];
    await expect(read(alone)).rejects.toThrow("No tool invocation found");
    expect(partsOf(await read(streamed([askOf("review")])))).toMatchObject([{ state: "approval-requested" }]);
  });
});

describe("tool-approval-response", () => {
  it.each(APPROVABLE)("P3 %s: each of its shapes is read, approved or not", async (_name, ask) => {
    const [part] = partsOf(await read(streamed([ask])));
    for (const approved of [true, false]) {
      const response: ToolApprovalResponse = {
        type: "tool-approval-response",
        approvalId: ask.hitl_id,
        approved,
        reason: "so",
      };
      expect(toolModelMessageSchema.safeParse({ role: "tool", content: [response] }).success).toBe(true);
      expect(await uiMessageChunkSchema().validate?.(response)).toMatchObject({ success: true });
      const shown = responded(part as DynamicToolUIPart, approved, "so");
      const messages = [{ id: "m1", role: "assistant", parts: [shown] }];
      expect(await safeValidateUIMessages({ messages })).toMatchObject({ success: true });
      const results = [response, [response], { id: ask.hitl_id, approved, reason: "so" }, shown].map(
        (value) => fromAiSdk7(value, [ask]),
      );
      const [first, ...others] = results;
      for (const other of others) expect(other).toEqual(first);
      if (approved) expect(first?.answers).toMatchObject([{ hitl_id: ask.hitl_id, by: "id" }]);
      else expect(JSON.stringify(first?.answers)).not.toContain("approve");
    }
  });

  it("P7 a forged one, for another call or another question, answers nothing", async () => {
    const [part] = partsOf(await read(streamed([askOf("pay")])));
    const forged = responded(part as DynamicToolUIPart, true);
    expect(fromAiSdk7(forged, [askOf("mail")])).toMatchObject({
      answers: [],
      problems: [{ code: "unknown_id" }],
    });
    const approval = { ...forged.approval, id: "call_pay" };
    expect(fromAiSdk7({ ...forged, approval }, [askOf("mail")]).answers).toEqual([]);
  });

  it("a part that is only shown is no answer", async () => {
    const [part] = partsOf(await read(streamed([askOf("pay")])));
    expect(fromAiSdk7(part, [askOf("pay")]).answers).toEqual([]);
  });
});
