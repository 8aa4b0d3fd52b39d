/** What each user interface sends, for one question and for several (docs/interop.md). */
import { describe, expect, it } from "vitest";
import type { InteropProblemCode } from "../../src/interop/index.ts";
import { readAnswers } from "../../src/interop/index.ts";
import { asTexts, type AskName, payArgs, recorded } from "./kit.ts";

const { asks, list } = await recorded();
const idOf = (name: AskName): string => asks[name].interrupt_id as string;
const CANCELLED = Symbol("cancelled");

/** What a value answers, by the names of the questions. */
function read(value: unknown, names: readonly AskName[], options?: Parameters<typeof readAnswers>[2]) {
  const open = names.map((name) => asks[name]);
  const { answers, problems } = readAnswers(value, open, options);
  const nameOf = (hitl_id: string | null): string | null =>
    names.find((name) => asks[name].hitl_id === hitl_id) ?? null;
  return {
    said: Object.fromEntries(
      answers.map((answer) => [nameOf(answer.hitl_id), answer.cancel ? CANCELLED : answer.response]),
    ),
    formats: [...new Set(answers.map(({ format }) => format))],
    problems: problems.map(({ code, hitl_id }): [InteropProblemCode, string | null] => [
      code,
      nameOf(hitl_id),
    ]),
    messages: problems.map(({ message }) => message),
  };
}

const approve = { type: "approve" };
const once = { decision: "approve_once" };
const other = { ...payArgs, amount: 50 };

type Fixture = readonly [string, AskName, unknown, unknown];

const FIXTURES: readonly Fixture[] = [
  ["agent_inbox_1", "pay", [{ type: "accept", args: { action: "pay", args: asTexts(payArgs) } }], once],
  ["agent_inbox_1", "pay", [{ type: "accept", args: null }], once],
  ["agent_inbox_1", "pay", { type: "accept", args: null }, once],
  [
    "agent_inbox_1",
    "pay",
    [{ type: "edit", args: { action: "pay", args: asTexts(other) } }],
    { decision: "edit", edited_args: other },
  ],
  ["agent_inbox_1", "pay", [{ type: "edit", args: { action: "pay", args: asTexts(payArgs) } }], once],
  ["agent_inbox_1", "pay", [{ type: "response", args: "later" }], { decision: "respond", message: "later" }],
  ["agent_inbox_1", "pay", [{ type: "ignore", args: null }], { decision: "skip" }],
  ["agent_inbox_1", "mail", [{ type: "ignore", args: null }], { decision: "reject" }],
  [
    "agent_inbox_1",
    "go",
    [{ type: "accept", args: { action: "deploy", args: { version: "3" } } }],
    { confirmed: true },
  ],
  ["agent_inbox_1", "go", [{ type: "ignore", args: null }], { confirmed: false }],
  ["agent_inbox_1", "room", [{ type: "response", args: "Kepler" }], { answer: "k" }],
  ["agent_inbox_1", "room", [{ type: "response", args: "Curie" }], { answer: "Curie" }],
  ["agent_inbox_1", "name", [{ type: "response", args: "42" }], { answer: "42" }],
  ["agent_inbox_1", "toppings", [{ type: "response", args: "ham" }], { answer: ["ham"] }],
  [
    "agent_inbox_1",
    "toppings",
    [{ type: "response", args: '["ham","olives"]' }],
    { answer: ["ham", "olives"] },
  ],
  [
    "agent_inbox_1",
    "survey",
    [{ type: "response", args: '{"size":"Small","why":"so"}' }],
    { answers: { size: "s", why: "so" } },
  ],
  [
    "agent_inbox_1",
    "trip",
    [{ type: "response", args: '{"city":"Oslo","guests":"2"}' }],
    { city: "Oslo", guests: 2 },
  ],
  ["agent_inbox_1", "login", [{ type: "response", args: "granted" }], { status: "granted" }],
  ["agent_inbox_1", "login", [{ type: "ignore", args: null }], { status: "denied" }],
  ["agent_inbox_1", "doubt", [{ type: "response", args: "run_again" }], { decision: "run_again" }],
  ["agent_inbox_1", "doubt", [{ type: "ignore", args: null }], { decision: "give_up" }],
  ["agent_inbox_1", "free", [{ type: "response", args: '{"a":1}' }], '{"a":1}'],
  ["langchain_js_1", "pay", { decisions: [approve] }, once],
  [
    "langchain_js_1",
    "pay",
    { decisions: [{ type: "edit", editedAction: { name: "pay", args: other } }] },
    { decision: "edit", edited_args: other },
  ],
  [
    "langchain_js_1",
    "pay",
    { decisions: [{ type: "reject", message: "no" }] },
    { decision: "reject", message: "no" },
  ],
  [
    "langchain_js_1",
    "pay",
    { decisions: [{ type: "respond", message: "hm" }] },
    { decision: "respond", message: "hm" },
  ],
  [
    "langchain_js_1",
    "go",
    { decisions: [{ type: "reject", message: "no" }] },
    { confirmed: false, comment: "no" },
  ],
  ["langchain_js_1", "review", { decisions: [approve] }, { decision: "approve" }],
  [
    "langchain_js_1",
    "review",
    { decisions: [{ type: "edit", editedAction: { name: "workflow_human", args: { draft: "Ho" } } }] },
    { decision: "edit", values: { draft: "Ho" } },
  ],
  [
    "langchain_js_1",
    "review",
    { decisions: [{ type: "reject", message: "no" }] },
    { decision: "reject", comment: "no" },
  ],
  ["langchain_js_1", "name", { decisions: [{ type: "respond", message: "Ann" }] }, { answer: "Ann" }],
  [
    "langchain_python_1",
    "pay",
    { decisions: [{ type: "edit", edited_action: { name: "pay", args: other } }] },
    { decision: "edit", edited_args: other },
  ],
  ["langchain_js_1", "go", { [idOf("go")]: { decisions: [approve] } }, { confirmed: true }],
  ["langgraph_1", "go", { [idOf("go")]: { confirmed: false } }, { confirmed: false }],
  ["langgraph_1", "go", { [idOf("go")]: true }, { confirmed: true }],
  ["langgraph_1", "go", { interrupt_id: idOf("go"), response: false }, { confirmed: false }],
  [
    "langgraph_1",
    "name",
    { responses: [{ interrupt_id: idOf("name"), namespace: [], response: "Ann" }] },
    { answer: "Ann" },
  ],
  ["agent_inbox_1", "pay", { [idOf("pay")]: [{ type: "accept", args: null }] }, once],
  [
    "ag_ui_1",
    "go",
    [{ interruptId: idOf("go"), status: "resolved", payload: { confirmed: true } }],
    { confirmed: true },
  ],
  [
    "ag_ui_1",
    "go",
    { resume: [{ interruptId: idOf("go"), status: "resolved", payload: true }] },
    { confirmed: true },
  ],
  [
    "ag_ui_1",
    "pay",
    { __agui_resume_map__: { [idOf("pay")]: { status: "resolved", payload: "approve_once" } } },
    once,
  ],
  [
    "ag_ui_1",
    "pay",
    {
      __agui_resume_map__: {
        [idOf("pay")]: { status: "resolved", payload: { approved: true, editedArgs: other } },
      },
    },
    { decision: "edit", edited_args: other },
  ],
  ["ag_ui_1", "pay", { __agui_resume_map__: { [idOf("pay")]: { status: "cancelled" } } }, CANCELLED],
  ["ag_ui_1", "pay", { __agui_cancelled__: true, interrupt_id: idOf("pay") }, CANCELLED],
  ["ag_ui_1", "pay", { __agui_cancelled__: true }, CANCELLED],
  ["ai_sdk_7", "pay", { type: "tool-approval-response", approvalId: asks.pay.hitl_id, approved: true }, once],
  [
    "ai_sdk_7",
    "pay",
    [{ type: "tool-approval-response", approvalId: asks.pay.hitl_id, approved: false, reason: "no" }],
    { decision: "reject", message: "no" },
  ],
  ["ai_sdk_7", "go", { id: asks.go.hitl_id, approved: true }, { confirmed: true }],
  [
    "ai_sdk_7",
    "go",
    {
      type: "tool-deploy",
      toolCallId: "call_go",
      state: "approval-responded",
      approval: { id: asks.go.hitl_id, approved: false, reason: "no" },
    },
    { confirmed: false, comment: "no" },
  ],
  ["ai_sdk_7", "pay", { approved: true }, once],
  [
    "mcp_1",
    "pay",
    { action: "accept", content: { decision: "respond", message: "hm" } },
    { decision: "respond", message: "hm" },
  ],
  ["mcp_1", "pay", { action: "accept", content: { decision: "approve_once", message: "" } }, once],
  ["mcp_1", "pay", { action: "accept" }, once],
  ["mcp_1", "pay", { action: "decline" }, { decision: "reject" }],
  ["mcp_1", "pay", { action: "cancel" }, CANCELLED],
  ["mcp_1", "go", { action: "accept", content: { confirmed: false } }, { confirmed: false }],
  ["mcp_1", "room", { action: "accept", content: { answer: "k" } }, { answer: "k" }],
  ["mcp_1", "name", { action: "decline" }, CANCELLED],
  [
    "mcp_1",
    "survey",
    { action: "accept", content: { size: "s", why: "so" } },
    { answers: { size: "s", why: "so" } },
  ],
  ["mcp_1", "trip", { action: "accept", content: { city: "Oslo", guests: 2 } }, { city: "Oslo", guests: 2 }],
  [
    "mcp_1",
    "nested",
    { action: "accept", content: { response_json: '{"address":{"zip":"1"}}' } },
    { address: { zip: "1" } },
  ],
  [
    "mcp_2",
    "go",
    { inputResponses: { [asks.go.hitl_id]: { action: "accept", content: { confirmed: true } } } },
    { confirmed: true },
  ],
  ["librechat_3", "pay", { call_pay: { type: "approve" } }, once],
  [
    "librechat_3",
    "pay",
    { call_pay: { type: "reject", reason: "no" } },
    { decision: "reject", message: "no" },
  ],
  [
    "librechat_3",
    "pay",
    { call_pay: { type: "edit", updatedInput: other } },
    { decision: "edit", edited_args: other },
  ],
  [
    "librechat_3",
    "pay",
    { call_pay: { type: "respond", responseText: "hm" } },
    { decision: "respond", message: "hm" },
  ],
  ["librechat_3", "room", { call_room: { answer: "Kepler" } }, { answer: "k" }],
  ["claude_agent_0", "pay", { behavior: "allow" }, once],
  [
    "claude_agent_0",
    "pay",
    { behavior: "allow", updatedInput: other },
    { decision: "edit", edited_args: other },
  ],
  ["claude_agent_0", "pay", { behavior: "deny", message: "no" }, { decision: "reject", message: "no" }],
  ["holdpoint_1", "go", { hitl_id: asks.go.hitl_id, response: { confirmed: true } }, { confirmed: true }],
];

const FORMATS_OF_SHAPES: Readonly<Record<string, readonly string[]>> = {
  // Approvals are said alike by several.
  librechat_3: ["librechat_3", "langchain_js_1", "langchain_python_1"],
  mcp_2: ["mcp_1", "mcp_2"],
  agent_inbox_1: ["agent_inbox_1"],
};

describe("one question open", () => {
  it.each(FIXTURES)("P3 %s, %s: %j", (format, name, value, response) => {
    const { said, problems, formats } = read(value, [name]);
    expect(problems).toEqual([]);
    expect(said).toEqual({ [name]: response });
    expect(FORMATS_OF_SHAPES[format] ?? [format]).toContain(formats[0]);
  });

  it.each(FIXTURES)("P3 as a JSON text: %s, %s: %j", (_format, name, value, response) => {
    expect(read(JSON.stringify(value), [name]).said).toEqual({ [name]: response });
  });

  it.each([
    ["go", true, { confirmed: true }],
    ["go", false, { confirmed: false }],
    ["go", { confirmed: true, comment: "ok" }, { confirmed: true, comment: "ok" }],
    ["pay", "approve_always", { decision: "approve_always" }],
    ["pay", { response: "edit", edited_args: other }, { decision: "edit", edited_args: other }],
    ["pay", "reject", { decision: "reject" }],
    ["name", "Ann", { answer: "Ann" }],
    ["name", "true", { answer: "true" }],
    ["room", { answer: "Kepler" }, { answer: "k" }],
    ["toppings", ["ham"], { answer: ["ham"] }],
    ["trip", { city: "Oslo", guests: "3" }, { city: "Oslo", guests: 3 }],
    ["trip", { city: "Oslo", type: "approve" }, { city: "Oslo", type: "approve" }],
    ["free", 7, 7],
  ] as const)("a mere value, where such are taken: %s: %j", (name, value, response) => {
    expect(read(value, [name]).said).toEqual({ [name]: response });
  });

  it.each([true, "yes", { confirmed: true }, { answer: "x" }, ["x"], 1, { x: 1 }] as const)(
    "P1 a mere value says nothing where it could be a wake-up: %j",
    (value) => {
      for (const name of ["go", "name", "pay", "free"] as const) {
        const { said, problems } = read(value, [name], { plain: false });
        expect(said).toEqual({});
        expect(problems).toEqual([["not_understood", null]]);
      }
    },
  );

  it.each([
    null,
    undefined,
    {},
    [],
    { hitl: "hitl_1" },
    { [idOf("go")]: { hitl: "hitl_1" } },
    { [idOf("go")]: {} },
  ])("P1 a wake-up is neither an answer nor a problem: %j", (value) => {
    expect(readAnswers(value, [asks.go])).toEqual({ answers: [], problems: [] });
  });

  it.each([
    ["not_allowed", "mail", { decisions: [{ type: "respond", message: "x" }] }],
    [
      "not_allowed",
      "mail",
      { decisions: [{ type: "edit", editedAction: { name: "mail", args: { to: "eve" } } }] },
    ],
    ["not_allowed", "name", { decisions: [approve] }],
    ["not_allowed", "name", [{ type: "ignore", args: null }]],
    ["not_allowed", "login", { action: "accept" }],
    ["mismatch", "pay", { decisions: [{ type: "edit", editedAction: { name: "wire", args: payArgs } }] }],
    ["mismatch", "pay", [{ type: "accept", args: { action: "mail", args: {} } }]],
    ["mismatch", "pay", [{ type: "accept", args: { action: "pay", args: asTexts(other) } }]],
    ["mismatch", "go", [{ type: "accept", args: { action: "deploy", args: { version: "4" } } }]],
    ["invalid", "room", [{ type: "response", args: "Newton" }]],
    [
      "invalid",
      "pay",
      { decisions: [{ type: "edit", editedAction: { name: "pay", args: { to: "ann", amount: "lots" } } }] },
    ],
    ["invalid", "trip", { action: "accept", content: { guests: 2 } }],
    ["invalid", "go", { hitl_id: asks.go.hitl_id, response: "perhaps" }],
    ["not_understood", "pay", { decisions: [] }],
    ["not_understood", "pay", { decisions: ["approve"] }],
    ["not_understood", "pay", { decisions: [{ type: "edit", editedAction: {}, edited_action: {} }] }],
    ["not_understood", "pay", { type: "reject", message: 7 }],
    ["not_understood", "pay", { approved: "true" }],
    ["not_understood", "pay", { __agui_resume_map__: { [idOf("pay")]: { status: "done" } } }],
    ["not_understood", "pay", { decisions: [approve], __agui_cancelled__: true }],
    ["wrong_count", "pay", { decisions: [approve, approve] }],
    ["unknown_id", "pay", { [idOf("go")]: true }],
    ["unknown_id", "pay", { __agui_cancelled__: true, interrupt_id: idOf("go") }],
    ["unknown_id", "pay", { inputResponses: { k: { action: "accept" } } }],
  ] as const)("P3 %s: %s: %j", (code, name, value) => {
    const { said, problems, messages } = read(value, [name]);
    expect(said).toEqual({});
    expect(problems.map(([found]) => found)).toEqual([code]);
    expect(messages[0]).toMatch(/expected|grants nothing|arguments are not|is about/i);
  });

  it("P8 approving never becomes a standing approval", async () => {
    const { response_schema: _, ...always } = asks.pay;
    const ask = {
      ...always,
      response_schema: { type: "object", properties: { decision: { enum: ["approve_always"] } } },
    };
    for (const value of [
      { decisions: [approve] },
      { approved: true },
      [{ type: "accept", args: null }],
      true,
    ])
      expect(readAnswers(value, [ask as never]).answers).toEqual([]);
  });

  it("P7 an accept of other arguments than the shown ones is an edit where it names the question, and edits are allowed", () => {
    const accept = [{ type: "accept", args: { action: "pay", args: asTexts(other) } }];
    expect(read({ [idOf("pay")]: accept }, ["pay", "go"]).said).toEqual({
      pay: { decision: "edit", edited_args: other },
    });
    const mail = [{ type: "accept", args: { action: "mail", args: { to: "eve" } } }];
    expect(read({ [idOf("mail")]: mail }, ["mail"]).problems).toEqual([["mismatch", "mail"]]);
  });
});

describe("several questions open", () => {
  const names = ["pay", "mail", "go"] as const;

  it("P10 a list as long as what was shown: each at its place", () => {
    const decisions = [{ type: "reject", message: "no" }, approve, approve];
    expect(read({ decisions }, names).said).toEqual({
      pay: { decision: "reject", message: "no" },
      mail: once,
      go: { confirmed: true },
    });
  });

  it("P10 one bad decision of a list leaves its question open, and no other", () => {
    const { said, problems } = read(
      { decisions: [approve, { type: "respond", message: "x" }, approve] },
      names,
    );
    expect(said).toEqual({ pay: once, go: { confirmed: true } });
    expect(problems).toEqual([["not_allowed", "mail"]]);
  });

  it.each([
    [
      "an edit of another tool",
      [approve, { type: "edit", editedAction: { name: "pay", args: other } }, approve],
    ],
    ["an accept of another tool", [approve, { type: "accept", args: { action: "pay", args: {} } }, approve]],
    [
      "an accept of other arguments",
      [{ type: "accept", args: { action: "pay", args: asTexts(other) } }, approve, approve],
    ],
  ])("P1 %s at its place refuses the whole list", (_name, decisions) => {
    const { said, problems } = read(decisions, names);
    expect(said).toEqual({});
    expect(problems.map(([code]) => code)).toEqual(["mismatch"]);
  });

  it.each([
    ["wrong_count", { decisions: [approve] }],
    ["wrong_count", { decisions: [approve, approve] }],
    ["ambiguous", { approved: true }],
    ["ambiguous", true],
    ["ambiguous", { confirmed: true }],
    ["ambiguous", [{ type: "accept", args: null }]],
    ["ambiguous", [{ type: "ignore", args: null }]],
    ["ambiguous", [{ type: "response", args: "x" }]],
    ["ambiguous", [{ type: "accept", args: { action: "wire", args: {} } }]],
    ["ambiguous", [{ type: "accept", args: { action: "pay", args: asTexts(other) } }]],
    ["ambiguous", { __agui_cancelled__: true }],
    ["ambiguous", { action: "accept" }],
  ] as const)("F6 %s: %j answers nothing", (code, value) => {
    const { said, problems } = read(value, names);
    expect(said).toEqual({});
    expect(problems).toEqual([[code, null]]);
  });

  it("what Agent Inbox accepts or edits says which call it is", () => {
    expect(read([{ type: "accept", args: { action: "mail", args: { to: "bob" } } }], names).said).toEqual({
      mail: once,
    });
    expect(read([{ type: "edit", args: { action: "pay", args: asTexts(other) } }], names).said).toEqual({
      pay: { decision: "edit", edited_args: other },
    });
  });

  it("F6 two calls of one tool: an edit may mean either, an accept the one with its arguments", async () => {
    const two = await recorded(["mail", "mail"]);
    const [first, second] = two.list.map((ask, index) => ({
      ...ask,
      data: { ...ask.data, args: { to: `bob${index}` } },
    }));
    const open = [first, second] as never;
    const edit = [{ type: "edit", args: { action: "mail", args: { to: "eve" } } }];
    expect(readAnswers(edit, open).answers).toEqual([]);
    const accept = [{ type: "accept", args: { action: "mail", args: { to: "bob1" } } }];
    expect(readAnswers(accept, open).answers).toMatchObject([{ hitl_id: second?.hitl_id, by: "content" }]);
  });

  it("P10 by id, in part: the others stay open", () => {
    expect(read({ [idOf("mail")]: { decisions: [approve] } }, names)).toMatchObject({
      said: { mail: once },
      problems: [],
    });
    expect(read({ call_go: true }, names).said).toEqual({ go: { confirmed: true } });
    expect(read({ [asks.pay.hitl_id]: "skip", [asks.go.hitl_id]: false }, names).said).toEqual({
      pay: { decision: "skip" },
      go: { confirmed: false },
    });
  });

  it("F15 AG-UI's resume map answers some, and cancels others", () => {
    const map = {
      [idOf("pay")]: { status: "resolved", payload: { approved: false, reason: "no" } },
      [idOf("mail")]: { status: "cancelled" },
      [idOf("go")]: { status: "resolved" },
    };
    expect(read({ __agui_resume_map__: map }, names)).toMatchObject({
      said: { pay: { decision: "reject", message: "no" }, mail: CANCELLED },
      problems: [],
    });
  });

  it("deepagents: each interrupt has the decisions of all that it lists, or its own", () => {
    const decisions = [approve, approve, { type: "reject" }];
    const value = Object.fromEntries(names.map((name) => [idOf(name), { decisions }]));
    expect(read(value, names).said).toEqual({ pay: once, mail: once, go: { confirmed: false } });
    expect(read({ [idOf("go")]: { decisions: [approve, approve] } }, names).problems).toEqual([
      ["wrong_count", "go"],
    ]);
  });

  it("P4 two different answers to one question are none, two equal ones are one", () => {
    const entry = (payload: unknown) => ({ interruptId: idOf("go"), status: "resolved", payload });
    expect(read([entry(true), entry(false)], names)).toMatchObject({
      said: {},
      problems: [["repeated", "go"]],
    });
    expect(read([entry(true), entry(false), entry(true)], names).said).toEqual({});
    expect(read([entry(true), entry({ confirmed: true })], names).said).toEqual({ go: { confirmed: true } });
  });

  it("a call with two open questions is not addressed by its id", () => {
    const open = [asks.go, { ...asks.name, tool_call_id: "call_go" }];
    const { answers, problems } = readAnswers({ call_go: true }, open);
    expect(answers).toEqual([]);
    expect(problems).toMatchObject([{ code: "ambiguous" }]);
  });

  it("what was not shown in this order, or not alone, is not meant by its place", () => {
    const decisions = [approve, approve, approve];
    expect(read({ decisions }, names, { byPlace: false }).problems).toEqual([["ambiguous", null]]);
    expect(read({ decisions }, names, { othersOpen: true }).problems).toEqual([["ambiguous", null]]);
    expect(read({ decisions: [approve] }, ["pay"], { othersOpen: true }).problems).toEqual([
      ["ambiguous", null],
    ]);
    expect(read({ approved: true }, ["pay"], { othersOpen: true }).problems).toEqual([["ambiguous", null]]);
  });
});

describe("only some formats", () => {
  it.each(FIXTURES)(
    "%s is understood alone, and is refused where another is expected: %s",
    (format, name, value, response) => {
      const own = read(value, [name], { formats: [format as never, "langgraph_1"] });
      expect(own.said).toEqual({ [name]: response });
      const others = ["mcp_1", "ai_sdk_7", "claude_agent_0", "agent_inbox_1"].filter(
        (other) => other !== format,
      );
      const alike = format.startsWith("langgraph") || format === "mcp_2" || format === "ag_ui_1";
      if (alike) return;
      for (const formats of others) {
        const { said } = read(value, [name], { formats: [formats as never], plain: false });
        expect(said).toEqual({});
      }
    },
  );
});

it("every question of the kit is answered by some fixture", () => {
  const answered = new Set(FIXTURES.map(([, name]) => asks[name].hitl_id));
  expect(list.filter(({ hitl_id }) => !answered.has(hitl_id))).toEqual([]);
});
