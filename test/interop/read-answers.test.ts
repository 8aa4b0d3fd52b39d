/** What each user interface sends, for one question and for several (docs/interop.md). */
import { describe, expect, it } from "vitest";
import type { InteropProblemCode } from "../../src/interop/index.ts";
import { readAnswers } from "../../src/interop/index.ts";
import { approve, asks, CANCELLED, FIXTURES, idOf, list, once, other } from "./fixtures.ts";
import { asTexts, type AskName, payArgs, recorded } from "./kit.ts";

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

const FORMATS_OF_SHAPES: Readonly<Record<string, readonly string[]>> = {
  // Approvals are said alike by several.
  librechat_3: ["librechat_3", "langchain_js_1", "langchain_python_1"],
  mcp_2: ["mcp_1", "mcp_2"],
  // To a request of LangChain's it answers in LangChain's words.
  agent_inbox_1: ["agent_inbox_1", "langchain_js_1"],
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
    ["not_allowed", "go", { editedArgs: {} }],
    ["not_allowed", "go", { editedArgs: { version: 3 } }],
    ["not_allowed", "mail", [{ type: "edit", args: { action: "mail", args: { to: "bob" } } }]],
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

  it("whoever sends the shown arguments with his approval approves, also where nothing may be edited", () => {
    expect(read({ behavior: "allow", updatedInput: { to: "bob" } }, ["mail"]).said).toEqual({ mail: once });
    expect(read({ approved: true, editedArgs: { version: 3 } }, ["go"]).said).toEqual({
      go: { confirmed: true },
    });
    expect(read({ behavior: "allow", updatedInput: { to: "eve" } }, ["mail"]).said).toEqual({});
    expect(read({ approved: true, editedArgs: {} }, ["go"]).said).toEqual({});
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

  it("what Agent Inbox answers to a request of LangChain's is one decision, which says which call it is", () => {
    const one = (type: string, args: unknown) => ({ decisions: [{ type, args }] });
    const named = (action: string, args: object) => ({ action, args });
    expect(read(one("approve", named("mail", { to: "bob" })), names)).toMatchObject({
      said: { mail: once },
      problems: [],
    });
    expect(read(one("edit", named("pay", asTexts(other))), names).said).toEqual({
      pay: { decision: "edit", edited_args: other },
    });
    for (const unnamed of [
      one("approve", null),
      one("ignore", null),
      one("reject", "no"),
      one("approve", named("wire", {})),
    ])
      expect(read(unnamed, names), JSON.stringify(unnamed)).toMatchObject({
        said: {},
        problems: [["ambiguous", null]],
      });
    // The one that is open may be another one than the human saw.
    expect(read(one("approve", named("mail", { to: "bob" })), ["pay"]).problems).toEqual([
      ["mismatch", "pay"],
    ]);
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

  it("P4 beside a question that was shown and is answered, only what names its call is meant, and fits no other", () => {
    const edit = (name: string) => [{ type: "edit", args: { action: name, args: asTexts(other) } }];
    const accept = [{ type: "accept", args: { action: "mail", args: { to: "bob" } } }];
    const beside = (answered: AskName) => ({ closed: [asks[answered]] });
    expect(read(accept, ["mail"], beside("go")).said).toEqual({ mail: once });
    expect(read(accept, ["mail", "pay"], beside("go")).said).toEqual({ mail: once });
    expect(read(edit("pay"), ["pay"], beside("mail")).said).toEqual({
      pay: { decision: "edit", edited_args: other },
    });
    // It may be meant for the one that is answered.
    for (const [value, name, answered] of [
      [accept, "mail", "mail"],
      [edit("pay"), "pay", "pay"],
      [[{ type: "accept", args: null }], "mail", "go"],
      [{ decisions: [approve] }, "go", "mail"],
      [{ approved: true }, "go", "mail"],
    ] as const)
      expect(read(value, [name], beside(answered)), JSON.stringify(value)).toMatchObject({
        said: {},
        problems: [["ambiguous", null]],
      });
    expect(read({ decisions: [approve, approve] }, ["go", "mail"], beside("pay")).said).toEqual({});
    expect(read({ [idOf("go")]: true }, ["go"], beside("mail")).said).toEqual({ go: { confirmed: true } });
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
      problems: [["not_understood", "go"]],
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
  it.each([
    ["pay", { type: "approve", args: null }, once],
    [
      "pay",
      { type: "edit", args: { action: "pay", args: asTexts(other) } },
      { decision: "edit", edited_args: other },
    ],
    ["pay", { type: "reject", args: "no" }, { decision: "reject", message: "no" }],
    ["go", { type: "ignore", args: null }, { confirmed: false }],
  ] as const)(
    "what Agent Inbox says in LangChain's words is its own, and LangChain's: %s: %j",
    (name, one, response) => {
      const value = { decisions: [one] };
      for (const format of ["agent_inbox_1", "langchain_js_1", "langchain_python_1"] as const)
        expect(read(value, [name], { formats: [format], plain: false })).toMatchObject({
          said: { [name]: response },
          formats: [format],
        });
      expect(read(value, [name], { formats: ["ai_sdk_7"], plain: false }).said).toEqual({});
    },
  );

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
