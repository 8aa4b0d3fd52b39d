/** Each format, both ways: what is made of a question, and what its clients make of that. */
import { describe, expect, it } from "vitest";
import {
  fromAgentInbox1,
  fromAgUi1,
  fromAiSdk7,
  fromLangchainJs1,
  fromLangchainPython1,
  fromLangGraph1,
  fromMcp1,
  fromMcp2,
  INTEROP_FORMATS,
  type Mcp1Elicitation,
  type ReadAnswers,
  toAgentInbox1,
  toAgUi1,
  toAiSdk7,
  toLangchainJs1,
  toLangchainPython1,
  toLangGraph1,
  toMcp1,
  toMcp2,
} from "../../src/interop/index.ts";
import { asTexts, type AskName, payArgs, recorded } from "./kit.ts";

const { asks, list } = await recorded();
const open = [asks.pay, asks.mail, asks.go];
const responses = (read: ReadAnswers): unknown[] => {
  expect(read.problems).toEqual([]);
  return read.answers.map(({ response }) => response);
};
const once = { decision: "approve_once" };

describe("LangChain", () => {
  it("JavaScript: camelCase, by place", () => {
    const { actionRequests, reviewConfigs } = toLangchainJs1(open);
    expect(actionRequests.map(({ name }) => name)).toEqual(["pay", "mail", "deploy"]);
    expect(reviewConfigs[1]).toEqual({ actionName: "mail", allowedDecisions: ["approve", "reject"] });
    const decisions = reviewConfigs.map(({ allowedDecisions: [first] }) => ({ type: first }));
    expect(responses(fromLangchainJs1({ decisions }, open))).toEqual([once, once, { confirmed: true }]);
  });

  it("Python: snake_case, with the arguments by the name that they once had", () => {
    const { action_requests, review_configs } = toLangchainPython1(open);
    expect(action_requests[0]).toMatchObject({ args: payArgs, arguments: payArgs });
    expect(review_configs.map(({ action_name }) => action_name)).toEqual(["pay", "mail", "deploy"]);
    const edited_action = { name: "pay", args: { ...payArgs, amount: 1 } };
    const decisions = [
      { type: "edit", edited_action },
      { type: "reject" },
      { type: "reject", message: "no" },
    ];
    expect(responses(fromLangchainPython1({ decisions }, open))).toEqual([
      { decision: "edit", edited_args: edited_action.args },
      { decision: "reject" },
      { confirmed: false, comment: "no" },
    ]);
  });

  it("each does not take the other's edit", () => {
    const action = { name: "pay", args: payArgs };
    const js = { decisions: [{ type: "edit", editedAction: action }] };
    const python = { decisions: [{ type: "edit", edited_action: action }] };
    expect(responses(fromLangchainJs1(js, [asks.pay]))).toEqual([once]);
    expect(responses(fromLangchainPython1(python, [asks.pay]))).toEqual([once]);
  });

  it("Agent Inbox: one interrupt for each, whose buttons are those that the question takes", () => {
    const interrupts = toAgentInbox1(list);
    expect(interrupts[0]).toEqual({
      action_request: { action: "pay", args: payArgs },
      config: { allow_ignore: true, allow_respond: true, allow_edit: true, allow_accept: true },
      description: "Pay ann?",
    });
    for (const [index, { action_request, config }] of interrupts.entries()) {
      const ask = list[index] as (typeof list)[number];
      const { action, args } = action_request;
      const read = (type: string, given: unknown) => fromAgentInbox1([{ type, args: given }], [ask]);
      const shown = { action, args: asTexts(args) };
      expect(read("accept", shown).answers).toHaveLength(config.allow_accept ? 1 : 0);
      expect(read("ignore", null).answers).toHaveLength(config.allow_ignore ? 1 : 0);
      if (!config.allow_respond) expect(read("response", "text").answers).toEqual([]);
    }
  });
});

describe("LangGraph", () => {
  it("interrupts by id, and answers of any format by id", () => {
    const interrupts = toLangGraph1(open);
    expect(interrupts.map(({ id }) => id)).toEqual(open.map(({ interrupt_id }) => interrupt_id));
    expect(interrupts[2]).toMatchObject({ value: asks.go.data, response_schema: asks.go.response_schema });
    const [a, b, c] = interrupts.map(({ id }) => id) as [string, string, string];
    const value = {
      [a]: [{ type: "accept", args: null }],
      [b]: { approved: false },
      [c]: { confirmed: true },
    };
    expect(responses(fromLangGraph1(value, open))).toEqual([
      once,
      { decision: "reject" },
      { confirmed: true },
    ]);
  });
});

describe("AG-UI", () => {
  it("an outcome with what it needs, and the resume entries of the next run", () => {
    const expires_at = Date.UTC(2026, 10, 21, 10);
    const { type, interrupts } = toAgUi1([{ ...asks.pay, expires_at }, asks.toppings]);
    expect(type).toBe("interrupt");
    expect(interrupts[0]).toMatchObject({
      id: asks.pay.interrupt_id,
      reason: "tool_approval",
      message: "Pay ann?",
      toolCallId: "call_pay",
      responseSchema: asks.pay.response_schema,
      expiresAt: "2026-11-21T10:00:00.000Z",
    });
    expect(interrupts[1]).not.toHaveProperty("toolCallId");
    const resume = interrupts.map(({ id }) => ({ interruptId: id, status: "cancelled" }));
    expect(fromAgUi1(resume, [asks.pay, asks.toppings]).answers).toMatchObject([
      { cancel: true },
      { cancel: true },
    ]);
  });
});

describe("AI SDK", () => {
  it("asks only for what can be approved", () => {
    const requests = toAiSdk7(list);
    expect(requests.map(({ approvalId }) => approvalId)).toEqual(
      [asks.pay, asks.mail, asks.go, asks.review].map(({ hitl_id }) => hitl_id),
    );
    expect(requests[3]).toMatchObject({ toolCallId: asks.review.hitl_id });
    const answers = requests.map(({ approvalId }) => ({
      type: "tool-approval-response",
      approvalId,
      approved: true,
    }));
    expect(responses(fromAiSdk7(answers, list))).toEqual([
      once,
      once,
      { confirmed: true },
      { decision: "approve" },
    ]);
  });
});

/** Fills a form in as a client does that shows each field. */
function filled(elicitation: Mcp1Elicitation): Record<string, unknown> {
  if (elicitation.mode === "url") return {};
  const { properties, required } = elicitation.requestedSchema;
  const valueOf = (field: Record<string, unknown>): unknown => {
    if (field["type"] === "boolean") return true;
    if (field["type"] === "integer") return 2;
    const choices = (field["oneOf"] ?? (field["items"] as Record<string, unknown> | undefined)?.["anyOf"]) as
      | { const: string }[]
      | undefined;
    const first = choices?.[0]?.const ?? (field["enum"] as string[] | undefined)?.[0] ?? "text";
    return field["type"] === "array" ? [first] : first;
  };
  return Object.fromEntries(required.map((name) => [name, valueOf(properties[name] as never)]));
}

describe("MCP", () => {
  it.each(Object.keys(asks).filter((name) => !["login", "nested", "free"].includes(name)) as AskName[])(
    "P3 a flat form for %s, and whoever fills it in answers the question",
    (name) => {
      const elicitation = toMcp1(asks[name]);
      expect(elicitation.mode).toBe("form");
      for (const field of Object.values(
        (elicitation as { requestedSchema: { properties: object } }).requestedSchema.properties,
      ))
        expect(["string", "number", "integer", "boolean", "array"]).toContain(
          (field as { type: string }).type,
        );
      const result = { action: "accept", content: filled(elicitation) };
      expect(responses(fromMcp1(result, asks[name]))).toHaveLength(1);
    },
  );

  it("what no flat form can show is one field of JSON", () => {
    const { requestedSchema } = toMcp1(asks.nested) as Extract<Mcp1Elicitation, { mode: "form" }>;
    expect(requestedSchema.required).toEqual(["response_json"]);
    const content = { response_json: '{"address":{"zip":"1"}}' };
    expect(responses(fromMcp1({ action: "accept", content }, asks.nested))).toEqual([
      { address: { zip: "1" } },
    ]);
    expect(
      fromMcp1({ action: "accept", content: { response_json: "{" } }, asks.nested).problems,
    ).toMatchObject([{ code: "invalid" }]);
  });

  it("P8 a page to open is not granted by opening it", () => {
    expect(toMcp1(asks.login)).toEqual({
      mode: "url",
      message: "Log in",
      elicitationId: asks.login.hitl_id,
      url: "https://id.example/authorize",
    });
    expect(fromMcp1({ action: "accept" }, asks.login).problems).toMatchObject([{ code: "not_allowed" }]);
    expect(responses(fromMcp1({ action: "decline" }, asks.login))).toEqual([{ status: "denied" }]);
  });

  it("several rounds: by hitl_id, and what came as requestState means nothing", () => {
    const result = toMcp2(open, "state");
    expect(Object.keys(result.inputRequests)).toEqual(open.map(({ hitl_id }) => hitl_id));
    const inputResponses = Object.fromEntries(
      Object.entries(result.inputRequests).map(([id, { params }]) => [
        id,
        { action: "accept", content: filled(params) },
      ]),
    );
    const value = { inputResponses, requestState: { hitl_id: asks.name.hitl_id, response: { answer: "x" } } };
    expect(responses(fromMcp2(value, open))).toEqual([once, once, { confirmed: true }]);
  });

  it("a standing approval is not offered by a form", () => {
    expect(JSON.stringify(toMcp1(asks.pay))).not.toContain("approve_always");
  });
});

it("every format has its version in its name", () => {
  for (const format of INTEROP_FORMATS) expect(format).toMatch(/_\d+$/);
});
