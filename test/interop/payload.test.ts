/** What an interrupt shows to other people's user interfaces (PROTOCOL.md §10.1). */
import { describe, expect, it } from "vitest";
import { type HITLRecord, InMemoryHITLBackend } from "../../src/index.ts";
import { type SupersetPayload, supersetOf } from "../../src/interop/index.ts";
import { interruptsFor } from "../../src/suspend/interrupt-payload.ts";
import { payArgs, recorded } from "./kit.ts";

const { asks, list } = await recorded();

type Fields = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Fields => typeof value === "object" && value !== null;

/** The condition under which agent-chat-ui shows its review panel. */
function isReviewable({ action_requests: requests, review_configs: configs }: SupersetPayload): boolean {
  return (
    Array.isArray(requests) &&
    requests.length > 0 &&
    requests.every(({ name, args }) => typeof name === "string" && isObject(args)) &&
    Array.isArray(configs) &&
    configs.length > 0 &&
    configs.every((one) => typeof one.action_name === "string" && Array.isArray(one.allowed_decisions))
  );
}

async function permission(args: Fields, tool_call_id = "c"): Promise<HITLRecord> {
  const { record } = await new InMemoryHITLBackend().create({
    hitl_type: "permission",
    thread_id: "t",
    tool_call_id,
    data: { message: "May I?", tool: "write", args },
  });
  return record;
}

describe("F14 one payload for all", () => {
  it("every type of question passes agent-chat-ui's condition, alone and beside the others", () => {
    for (const record of list) {
      const [{ value } = { value: undefined as never }] = interruptsFor([record]);
      expect(isReviewable(value)).toBe(true);
    }
    expect(interruptsFor(list).every(({ value }) => isReviewable(value))).toBe(true);
  });

  it("a permission in all spellings", () => {
    const [{ id, value } = { id: "", value: undefined as never }] = interruptsFor([asks.pay]);
    expect(id).toBe(asks.pay.interrupt_id);
    expect(value).toMatchObject({
      schema_version: 1,
      hitl_id: asks.pay.hitl_id,
      action_requests: [
        { name: "pay", args: payArgs, arguments: payArgs, description: "Pay ann?", tool_call_id: "call_pay" },
      ],
      review_configs: [{ action_name: "pay", allowed_decisions: ["approve", "edit", "reject", "respond"] }],
      actionRequests: [{ name: "pay", args: payArgs, description: "Pay ann?", toolCallId: "call_pay" }],
      reviewConfigs: [{ actionName: "pay", allowedDecisions: ["approve", "edit", "reject", "respond"] }],
      reason: "tool_approval",
      message: "Pay ann?",
    });
    expect(value).not.toHaveProperty("expiresAt");
    expect(value).not.toHaveProperty("issues");
  });

  it.each([
    ["mail", "mail", ["approve", "reject"], "tool_approval"],
    ["go", "deploy", ["approve", "reject"], "confirmation"],
    ["name", "ask_user", ["respond"], "input_required"],
    ["trip", "form", ["respond"], "input_required"],
    ["login", "external_auth", ["respond"], "auth_required"],
    ["review", "workflow_human", ["approve", "edit", "reject"], "input_required"],
    ["doubt", "in_doubt", ["respond"], "input_required"],
  ] as const)("%s: name, decisions, reason", (name, action, decisions, reason) => {
    const [payload] = supersetOf([asks[name]]);
    expect(payload).toMatchObject({
      action_requests: [{ name: action }],
      review_configs: [{ action_name: action, allowed_decisions: decisions }],
      reason,
    });
  });

  it("options and details are part of the text, for those that show nothing else", () => {
    const [room, go] = supersetOf([asks.room, asks.go]);
    expect(room?.action_requests?.[0]?.description).toBe("Which room?\n\n- Kepler (k)\n\n- Curie");
    expect(go?.action_requests?.[1]?.description).toBe("Deploy?\n\nTo all.");
  });

  it("P10 several: each lists all, in the order of asks", () => {
    for (const { value } of interruptsFor([asks.pay, asks.go, asks.name])) {
      expect(value.asks?.map(({ hitl_id }) => hitl_id)).toEqual(
        [asks.pay, asks.go, asks.name].map(({ hitl_id }) => hitl_id),
      );
      expect(value.action_requests?.map(({ name }) => name)).toEqual(["pay", "deploy", "ask_user"]);
      expect(value.actionRequests).toHaveLength(3);
    }
  });

  it("expiresAt is ISO 8601, expires_at stays epoch milliseconds; a time that no calendar has is the last one", () => {
    const expires_at = Date.UTC(2026, 10, 21, 10);
    const [{ value } = { value: undefined as never }] = interruptsFor([{ ...asks.go, expires_at }]);
    expect(value).toMatchObject({ expires_at, expiresAt: "2026-11-21T10:00:00.000Z" });
    expect(supersetOf([{ ...asks.go, expires_at: 9e15 }])[0]).toMatchObject({
      expiresAt: "+275760-09-13T00:00:00.000Z",
    });
  });

  it("it is JSON", () => {
    for (const { value } of interruptsFor(list)) expect(JSON.parse(JSON.stringify(value))).toEqual(value);
  });
});

describe("P7 nobody approves what was cut short", () => {
  it("arguments over 64 KiB are in data, and in no list", async () => {
    const big = await permission({ text: "x".repeat(70_000) });
    const [{ value } = { value: undefined as never }] = interruptsFor([big]);
    expect(value.data["args"]).toEqual({ text: "x".repeat(70_000) });
    for (const name of ["action_requests", "actionRequests", "review_configs", "reviewConfigs"])
      expect(value).not.toHaveProperty(name);
  });

  it("lists that are too long together: each of its own question", async () => {
    const some = await Promise.all(["a", "b", "c"].map((id) => permission({ text: "x".repeat(30_000) }, id)));
    const values = interruptsFor(some).map(({ value }) => value);
    expect(
      values.map(({ action_requests }) => action_requests?.map(({ tool_call_id }) => tool_call_id)),
    ).toEqual([["a"], ["b"], ["c"]]);
    expect(values.every(({ asks: listed }) => listed?.length === 3)).toBe(true);
  });

  it("the payload of a question is never longer than four times what it repeats", async () => {
    const record = await permission({ text: "y".repeat(60_000) });
    const [{ value } = { value: undefined as never }] = interruptsFor([record]);
    expect(JSON.stringify(value).length).toBeLessThan(4 * 62_000);
  });
});

describe("what was wrong with an answer", () => {
  it("is said at its question, or at all of them", () => {
    const problems = [
      { hitl_id: asks.go.hitl_id, code: "invalid", message: "no" },
      { hitl_id: null, code: "ambiguous", message: "whose?" },
    ] as const;
    const [go, name] = interruptsFor([asks.go, asks.name], problems).map(({ value }) => value.issues);
    expect(go).toEqual(problems);
    expect(name).toEqual([problems[1]]);
  });

  it("is bounded", () => {
    const problems = Array.from(
      { length: 100 },
      () => ({ hitl_id: null, code: "invalid", message: "no" }) as const,
    );
    expect(supersetOf([asks.go], problems)[0]?.issues).toHaveLength(20);
  });
});
