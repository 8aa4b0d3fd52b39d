import { InMemoryHITLBackend, type HITLRecord } from "holdpoint";
import { describe, expect, test } from "vitest";
import { formatBytes, visible, visibleShort } from "../../../examples/tidy/safe-text.ts";
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
    (line) => void said.push(line),
  );
  return { answerer, said };
}

describe("what a person types becomes an answer that the backend accepts", async () => {
  const ask = { message: "Which?", options: ["a", { value: "b", label: "The second" }] };
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
    ["form", { schema: { type: "object" } }, ["{", '{"n":1}'], { n: 1 }],
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

test("Ctrl-C, Ctrl-D and /quit leave the questions open, in the middle of an answer too", async () => {
  const questions = [1, 2].map((n) => ({ id: `q${n}`, message: `${n}?` }));
  const open = [await record("ask_user", { questions })];
  for (const lines of [[], ["/quit"], ["one"]]) expect(await person(...lines).answerer.next(open)).toBeNull();
});

test("other people's words cannot do anything to the terminal", async () => {
  const evil = "\u001b[2Jx\u202egnp.exe\r\n\u0007\u200b";
  expect(visible(`${evil}\ud800`)).toBe("\\u{1b}[2Jx\\u{202e}gnp.exe\\u{d}\\u{a}\\u{7}\\u{200b}\\u{d800}");
  expect(visible("Größe 日本 😀.txt")).toBe("Größe 日本 😀.txt");
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
