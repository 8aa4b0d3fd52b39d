import { InMemoryHITLBackend, type HITLRecord } from "holdpoint";
import { PolicyGrants } from "holdpoint/policy";
import { describe, expect, test } from "vitest";
import { toolUseBlock, type ToolUse } from "holdpoint/blocks";
import { Approvals } from "../../../examples/tidy/approvals.ts";
import { formatBytes, visibleShort } from "../../../examples/tidy/format.ts";
import { USER } from "../../../examples/tidy/policy.ts";
import { createScreen, renderOptionsFor } from "../../../examples/tidy/screen.ts";
import { terminalAnswerer } from "../../../examples/tidy/terminal-answerer.ts";
import { isName } from "../../../examples/tidy/tools/names.ts";

const backend = new InMemoryHITLBackend();

async function record(hitl_type: string, data: Record<string, unknown>): Promise<HITLRecord> {
  return (await backend.create({ hitl_type, session_id: "s", data })).record;
}

/** A person who types these lines, and then presses Ctrl-D. */
function person(...lines: string[]) {
  const said: string[] = [];
  const answerer = terminalAnswerer(
    async (prompt) => {
      said.push(prompt);
      return lines.shift() ?? null;
    },
    createScreen((text) => void said.push(text)),
    () => new Approvals(backend),
  );
  return { answerer, said };
}

describe("what a person types becomes an answer that the backend accepts", async () => {
  const ask = { message: "Which?", options: ["a", { value: "b", label: "The second" }] };
  const args = { ending: { equals: ".txt" }, folder: { equals: "Texts" } };
  const offers = ["session", "user"].map((scope) => ({
    scope,
    scope_id: "s",
    args,
    uses: null,
    expires_in_ms: null,
  }));
  const cases: [string, Record<string, unknown>, string[], unknown][] = [
    ["confirm", { message: "Sure?" }, ["", "maybe", "y"], { confirmed: true }],
    ["confirm", { message: "Sure?" }, ["no, never"], { confirmed: false, comment: "never" }],
    ["ask_user", ask, ["3", "x", "2"], { answer: "b" }],
    ["ask_user", ask, ["b"], { answer: "b" }],
    ["ask_user", { ...ask, allow_free_text: true }, ["x y"], { answer: "x y" }],
    ["ask_user", { message: "?" }, ["", "anything"], { answer: "anything" }],
    ["ask_user", { ...ask, multiple: true }, ["1,9", "1-2"], { answer: ["a", "b"] }],
    ["ask_user", { questions: [{ id: "q", ...ask }] }, ["1"], { answers: { q: "a" } }],
    ["permission", { allowed_decisions: ["approve_once", "reject"] }, ["1"], { decision: "approve_once" }],
    [
      "permission",
      { allowed_decisions: ["approve_once", "reject"] },
      ["2", "later"],
      { decision: "reject", message: "later" },
    ],
    [
      "permission",
      { args: { paths: ["x", "y", "z"] }, allowed_decisions: ["approve_once", "edit"] },
      ["2", "1,3"],
      { decision: "edit", edited_args: { paths: ["x", "z"] } },
    ],
    [
      "permission",
      { args: { path: "x", name: "y" }, allowed_decisions: ["approve_once", "edit"] },
      ["2", "", "z"],
      { decision: "edit", edited_args: { path: "x", name: "z" } },
    ],
    // Of a tool whose edits are about one of its arguments.
    [
      "permission",
      { tool: "rename_file", args: { path: "x", name: "y" }, allowed_decisions: ["approve_once", "edit"] },
      ["2", "z"],
      { decision: "edit", edited_args: { path: "x", name: "z" } },
    ],
    [
      "permission",
      {
        tool: "move_file",
        suggestions: offers,
        allowed_decisions: ["approve_once", "approve_always", "reject"],
      },
      ["3"],
      { decision: "approve_always", scope: "user" },
    ],
    ["form", { schema: { type: "object" } }, ["{", '{"n":1}'], { n: 1 }],
    [
      "workflow_human",
      { allowed_decisions: ["approve", "reject", "edit"], values: { changes: ["a", "b", "c"] } },
      ["3", "0", "1,3"],
      { decision: "edit", values: { changes: ["a", "c"] } },
    ],
    [
      "workflow_human",
      { allowed_decisions: ["approve", "reject", "edit"] },
      ["2", "not today"],
      { decision: "reject", comment: "not today" },
    ],
  ];
  test.each(cases)("%s %j, typed %j", async (hitl_type, data, lines, response) => {
    const question = await record(hitl_type, data);
    const reply = await person(...lines).answerer.next([question]);
    expect(reply?.response).toEqual(response);
    expect((await backend.respond(question.hitl_id, reply?.response)).status).toBe("accepted");
  });
});

test("all questions are shown together, and answered in any order", async () => {
  const open = [
    await record("confirm", { message: "First?" }),
    await record("confirm", { message: "Second?" }),
  ];
  const { answerer, said } = person("/2", "y", "/9", "/what", "/list", "n");
  const reply = await answerer.next(open);
  expect(reply?.record.data["message"]).toBe("Second?");
  const rest = await answerer.next(open.slice(0, 1));
  expect(rest).toMatchObject({ record: { data: { message: "First?" } }, response: { confirmed: false } });
  expect(said.join("\n")).toContain("2 questions are open");
  expect(said).toContain("No question 9 is open.");
});

test("what approve always gives is said in words, listed and taken back", async () => {
  const { record: question } = await backend.create({
    hitl_type: "permission",
    session_id: "s",
    data: {
      message: "Move?",
      tool: "move_file",
      allowed_decisions: ["approve_once", "approve_always"],
      suggestions: [
        {
          scope: "user",
          scope_id: USER,
          args: { ending: { equals: ".txt" }, folder: { equals: "A\u202eB" } },
          uses: null,
          expires_in_ms: null,
        },
      ],
    },
  });
  const given = new PolicyGrants({ backend });
  const grant = await given.create({
    scope: "user",
    scope_id: USER,
    tool: "move_file",
    args: { ending: { equals: "" }, folder: { equals: "Other" } },
    rule_id: "move",
    rule_version: "1",
  });
  const lines = ["/approvals", "/revoke 7", "/revoke 1", "/approvals", "1"];
  const { answerer, said } = person(...lines);
  expect((await answerer.next([question]))?.response).toEqual({ decision: "approve_once" });
  const text = said.join("\n");
  expect(text).toContain("  2) Yes, and always move *.txt into A\\u{202e}B, in later runs, too");
  expect(text).toContain("  (1) always move files without an ending into Other, in later runs, too");
  expect(text).toContain("There is no standing approval 7.");
  expect(text).toContain("Taken back: always move files without an ending into Other, in later runs, too");
  expect(text).toContain("There are no standing approvals.");
  expect((await given.get(grant.grant_id))?.status).toBe("revoked");
});

test("of a long list the first lines are shown, and all of them when asked for", async () => {
  const paths = Array.from({ length: 200 }, (_, index) => `file ${index}.txt`);
  const data = { message: "Delete them?", args: { paths }, allowed_decisions: ["approve_once", "reject"] };
  const { answerer, said } = person("/all", "1");
  const reply = await answerer.next([await record("permission", data)]);
  expect(reply?.response).toEqual({ decision: "approve_once" });
  const shown = said.filter((text) => text.includes("Delete them?"));
  expect(shown).toHaveLength(2);
  expect(shown[0]).toMatch(/lines more/);
  expect(paths.filter((path) => !shown[1]?.includes(`- ${path}`))).toEqual([]);
});

test("Ctrl-C, Ctrl-D and /quit leave the questions open, in the middle of an answer too", async () => {
  const questions = [1, 2].map((n) => ({ id: `q${n}`, message: `${n}?` }));
  const open = [await record("ask_user", { questions })];
  for (const lines of [[], ["/quit"], ["one"]]) expect(await person(...lines).answerer.next(open)).toBeNull();
});

test("other people's words cannot do anything to the terminal", async () => {
  const evil = "\u001b[2Jx\u202egnp.exe\r\n\u0007\u200b";
  expect(visibleShort("a".repeat(300), 20)).toHaveLength(19);
  const data = {
    message: evil,
    tool: evil,
    args: { [evil]: [evil] },
    preview: [{ path: evil }],
    allowed_decisions: ["edit"],
  };
  const { answerer, said } = person("1", "1");
  answerer.refused(await record("permission", data), [evil]);
  await answerer.next([
    await record("permission", data),
    await record("ask_user", { message: evil, options: [evil] }),
  ]);
  expect(said.join("\n")).not.toMatch(/[^\P{C}\n]/u);
});

test("a call is drawn once for each stage that somebody could see, before what is said next", () => {
  const said: string[] = [];
  const { onBlock, say } = createScreen((text) => void said.push(text), { plain: true });
  const call = (status: ToolUse["status"], more: Partial<ToolUse> = {}) =>
    onBlock(toolUseBlock({ id: "call_1", name: "rename\u001b[2J", status, ...more }));
  for (const status of ["pending", "running", "waiting"] as const) call(status);
  say("first");
  call("waiting");
  say("second");
  call("running", { round: 1 });
  say("third");
  call("failed", { round: 1, error: "no space left\u0007" });
  // A late event of an earlier round.
  call("running");
  say("fourth");
  expect(said).toEqual([
    "> tool_use - rename\\u{1b}[2J - waiting",
    "first",
    "second",
    "> tool_use - rename\\u{1b}[2J - running",
    "third",
    "> tool_use - rename\\u{1b}[2J - failed\n| no space left\\u{7}",
    "fourth",
  ]);
});

test("how a terminal is drawn on", () => {
  const terminal = { isTTY: true, columns: 60 };
  expect(renderOptionsFor(terminal, {}, false)).toEqual({ width: 60, color: true, plain: false });
  expect(renderOptionsFor(terminal, { NO_COLOR: "1", COLUMNS: "40" }, false)).toEqual({
    width: 40,
    color: false,
    plain: false,
  });
  expect(renderOptionsFor(terminal, { TERM: "dumb" }, false)).toMatchObject({ color: false, plain: true });
  expect(renderOptionsFor({}, {}, true)).toEqual({ width: 80, color: false, plain: true });
});

test("names of files", () => {
  for (const good of ["a", "my report.txt", "été.md", "_x"]) expect(isName(good), good).toBe(true);
  for (const bad of [
    "",
    ".",
    "..",
    ".hidden",
    "a/b",
    "a\\b",
    " a",
    "a ",
    "a\nb",
    "a\u202eb",
    "x".repeat(121),
  ]) {
    expect(isName(bad), bad).toBe(false);
  }
});

test("sizes", () => {
  expect([0, 999, 1000, 15_500, 999_600, 2_000_000_000].map(formatBytes)).toEqual([
    "0 B",
    "999 B",
    "1.0 kB",
    "16 kB",
    "1.0 MB",
    "2.0 GB",
  ]);
});
