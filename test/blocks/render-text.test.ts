/** Blocks as text: hostile words stay words, lines fit, and a person sees what he decides on. */
import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { InMemoryHITLBackend } from "holdpoint";
import {
  hitlBlock,
  nodeBlock,
  renderBlockText,
  type TextBlock,
  textDelta,
  toolUseBlock,
  visible,
} from "holdpoint/blocks";
import { afterAll, describe, expect, it } from "vitest";
import { displayWidth, wrap } from "../../src/blocks/display-width.ts";
import type { JsonObject } from "../../src/core/json.ts";
import { event, fold, runs } from "./kit.ts";

const line = createInterface({
  input: new PassThrough(),
  output: new PassThrough(),
  terminal: true,
  prompt: "",
});
afterAll(() => line.close());

/** What Node's own line editor thinks of the same text: another implementation. */
function columnsOfNode(text: string): number {
  Object.assign(line, { line: text, cursor: text.length });
  return line.getCursorPos().cols;
}

const question = (hitl_type: string, data: JsonObject, more: JsonObject = {}): TextBlock => ({
  kind: "hitl",
  data: { ...data, hitl_type, status: "pending", tool_name: null, expires_at: null, ...more },
});
const plain = (block: TextBlock, width = 60): string[] =>
  renderBlockText(block, { plain: true, width }).split("\n");

describe("visible", () => {
  it.each([
    ["a\u001b[2Jb", "a\\u{1b}[2Jb"],
    ["\u009b31m", "\\u{9b}31m"],
    ["exe\u202egnp.txt", "exe\\u{202e}gnp.txt"],
    ["pay\u200bpal", "pay\\u{200b}pal"],
    ["\u2066x\u2069", "\\u{2066}x\\u{2069}"],
    ["a\u00adb\ufeff", "a\\u{ad}b\\u{feff}"],
    ["a\u3164b\u115f\u2800", "a\\u{3164}b\\u{115f}\\u{2800}"],
    ["x\u{e0041}\u{e0100}\ufe0f", "x\\u{e0041}\\u{e0100}\\u{fe0f}"],
    ["a\rb\u2028c\u0085", "a\\u{d}b\\u{2028}c\\u{85}"],
    ["e\u0301 ñ 日本 👍 ❤\ufe0f", "e\u0301 ñ 日本 👍 ❤\ufe0f"],
    ["Z" + "\u0300".repeat(6), `Z${"\u0300".repeat(4)}\\u{300}\\u{300}`],
    ["\ue000", "\\u{e000}"],
  ])("%j is shown as %j", (text, shown) => expect(visible(text)).toBe(shown));
});

describe("widths", () => {
  it("are those that Node's line editor counts", () => {
    const char = fc.oneof(
      fc.constantFrom(
        "a",
        " ",
        "é",
        "日",
        "ー",
        "ｶ",
        "Ａ",
        "한",
        "👍",
        "𠮷",
        "…",
        "─",
        "é",
        "ไทย",
        "☃",
        "⌚",
        "〈",
        "가",
      ),
      fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCodePoint(code)),
      fc
        .integer({ min: 0x3041, max: 0x9fff })
        .map((code) => String.fromCodePoint(code))
        // Node gives the voicing marks, which are drawn on the letter before them, columns of their own.
        .filter((letter) => !/\p{M}/u.test(letter)),
      fc.integer({ min: 0xac00, max: 0xd7a3 }).map((code) => String.fromCodePoint(code)),
      fc.integer({ min: 0xff01, max: 0xff60 }).map((code) => String.fromCodePoint(code)),
    );
    fc.assert(
      fc.property(fc.array(char, { maxLength: 10 }), (chars) => {
        const text = visible(chars.join("").normalize("NFC"));
        assert.equal(displayWidth(text), columnsOfNode(text), JSON.stringify(text));
      }),
      { numRuns: runs(500) },
    );
  });

  it("wrapping keeps every character but the spaces at breaks, and no line is too wide", () => {
    const word = fc.oneof(
      fc.constantFrom("hold", "point", " ", "  ", "日本語", "👍", "supercalifragilistic", "é"),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 20 }), fc.integer({ min: 2, max: 30 }), (words, width) => {
        const text = visible(words.join(" "));
        const lines = wrap(text, width);
        for (const one of lines) assert.ok(displayWidth(one) <= width, `${one} in ${width}`);
        assert.equal(lines.join("").replaceAll(" ", ""), text.replaceAll(" ", ""));
      }),
      { numRuns: runs(500) },
    );
  });

  it.each([
    ["the quick brown fox", 10, ["the quick", "brown fox"]],
    ["  indented text", 8, ["  indent", "ed text"]],
    ["abcdefghij", 4, ["abcd", "efgh", "ij"]],
    ["日本語です", 4, ["日本", "語で", "す"]],
    ["", 5, [""]],
  ])("%j in %d columns", (text, width, lines) => expect(wrap(text, width)).toEqual(lines));
});

describe("renderBlockText", () => {
  const forged = "Delete all?\u001b[1A\u001b[2K\n  Risk: low\n? confirm - pending\n\u202eon";

  it("B19: no text can be taken for a line of the renderer", () => {
    const lines = plain(
      question("confirm", { message: forged, details: forged, risk_level: "high", extra: forged }),
    );
    expect(lines.filter((one) => /^\s*Risk:/.test(one))).toEqual(["  Risk: high"]);
    expect(lines.filter((one) => one.startsWith("?"))).toEqual([
      "? confirm - pending".replace("? ", "? hitl - "),
    ]);
    expect(lines.join("\n")).toContain("\\u{202e}on");
    expect(lines.join("\n")).toContain("Delete all?\\u{1b}[1A\\u{1b}[2K");
  });

  const anyData = fc.dictionary(
    fc.constantFrom(
      "message",
      "options",
      "questions",
      "tool",
      "args",
      "schema",
      "status",
      "content",
      "steps",
      "current",
      "error",
      "risk_level",
      "expires_at",
      "responded_by",
      "hitl_type",
      "scopes",
      "preview",
      "name",
      "auth_url",
      "user_response",
      "details",
      "values",
      "allowed_decisions",
      "x\n",
    ),
    fc.oneof(
      fc.jsonValue({ maxDepth: 4, stringUnit: "binary" }),
      fc.constantFrom(
        forged,
        "high",
        9e15,
        -1,
        [{ label: forged }],
        { properties: { [forged]: { enum: [forged] } }, required: ["a"] },
        [{ id: forged, message: forged, options: [forged] }],
      ),
    ),
  ) as fc.Arbitrary<JsonObject>;
  const kinds = fc.constantFrom(
    "hitl",
    "text",
    "thinking",
    "tool_use",
    "node",
    "plan",
    "artifact",
    "error",
    "start",
    "__proto__",
    forged,
  );
  const types = fc.constantFrom(
    "ask_user",
    "confirm",
    "permission",
    "form",
    "external_auth",
    "workflow_human",
    "in_doubt",
    forged,
  );

  it("B19: whatever a block holds: no control character of it is printed, and no line is wider than asked", () => {
    fc.assert(
      fc.property(
        kinds,
        types,
        anyData,
        fc.integer({ min: 20, max: 100 }),
        fc.boolean(),
        fc.boolean(),
        (kind, hitl_type, data, width, color, isPlain) => {
          const block = { kind, data: kind === "hitl" ? { hitl_type, ...data } : data, branch: forged };
          const text = renderBlockText(block, { width, color, plain: isPlain });
          const bare = color && !isPlain ? stripVTControlCharacters(text) : text;
          for (const one of bare.split("\n")) {
            assert.doesNotMatch(one, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
            assert.ok(displayWidth(one) <= width, `${displayWidth(one)} > ${width}: ${one}`);
          }
          assert.equal(renderBlockText(block, { width, plain: isPlain }), bare);
        },
      ),
      { numRuns: runs(500) },
    );
  });

  it("plain is ASCII where the words are", () => {
    const block = question("permission", {
      message: "Run it?",
      tool: "sh",
      args: { cmd: "ls" },
      allowed_decisions: ["approve_once"],
    });
    expect(renderBlockText(block, { plain: true, color: true })).toMatch(/^[\x20-\x7e\n]*$/);
    expect(renderBlockText(block, { color: true })).toContain("\u001b[");
    expect(renderBlockText(block)).not.toContain("\u001b");
  });

  it("what is left out is counted", () => {
    const text = renderBlockText(question("confirm", { message: "x ".repeat(100_000) }), {
      maxLines: 10,
      width: 40,
      plain: true,
    });
    expect(text.split("\n")).toHaveLength(11);
    expect(text).toMatch(/^\(\d+ lines more\)$/m);
  });

  it("all blocks of a state, children below their parents", () => {
    const state = fold([
      nodeBlock({ id: "task_1", node_id: "tools", status: "running" }),
      toolUseBlock(
        { id: "c", name: "pay", arguments: { to: "a" }, status: "waiting" },
        { parent_id: "blk_task_1" },
      ),
      event({
        op: "apply",
        kind: "hitl",
        block_id: "h",
        parent_id: "blk_c",
        data: { hitl_type: "confirm", status: "pending", message: "Pay?" },
      }),
      textDelta({ block_id: "t", index: 0, content: "Done soon." }),
    ]);
    expect(renderBlockText(state, { plain: true }).split("\n")).toEqual([
      "# node - tools - running",
      "  > tool_use - pay - waiting",
      "  | to: a",
      "    ? hitl - confirm - pending",
      "    | Pay?",
      "* text",
      "| Done soon.",
    ]);
  });
});

describe("each type of question", () => {
  it.each([
    [
      "ask_user",
      {
        message: "Which?",
        options: ["red", { value: "b", label: "Blue", description: "calm" }],
        multiple: true,
        allow_free_text: true,
      },
      [
        "? hitl - ask_user - pending",
        "| Which?",
        "  1) red",
        "  2) Blue (calm)",
        "  Choose any number of them.",
        "  Or answer in your own words.",
      ],
    ],
    [
      "ask_user",
      {
        questions: [
          { id: "c", message: "Colour?", options: ["red"] },
          { id: "why", message: "Why?" },
        ],
      },
      [
        "? hitl - ask_user - pending",
        "  Question 1 (c)",
        "  | Colour?",
        "  1) red",
        "  Question 2 (why)",
        "  | Why?",
      ],
    ],
    [
      "confirm",
      { message: "Go?", details: "All of it.", risk_level: "high" },
      ["? hitl - confirm - pending", "| Go?", "| All of it.", "  Risk: high"],
    ],
    [
      "permission",
      {
        message: "Allow?",
        tool: "pay",
        args: { to: "a", sums: [1, 2] },
        preview: "- 1\n+ 2",
        allowed_decisions: ["approve_once", "reject"],
      },
      [
        "? hitl - permission - pending",
        "| Allow?",
        "  Tool: pay",
        "  Arguments:",
        "    | to: a",
        "    | sums:",
        "    |   - 1",
        "    |   - 2",
        "  Preview:",
        "    | - 1",
        "    | + 2",
        "  Decisions: approve_once, reject",
      ],
    ],
    [
      "form",
      {
        message: "Fill in",
        schema: {
          type: "object",
          properties: {
            n: { type: "integer", minimum: 1, maximum: 9 },
            c: { enum: ["a", "b"], title: "Choice", default: "a" },
          },
          required: ["n"],
        },
      },
      [
        "? hitl - form - pending",
        "| Fill in",
        "  Fields:",
        "    n (integer, from 1, to 9, required)",
        '    c (one of "a", "b", else "a", optional): Choice',
      ],
    ],
    [
      "external_auth",
      {
        message: "Sign in",
        auth_url: "https://example.org/a",
        provider: "Example",
        scopes: ["mail", "files"],
      },
      [
        "? hitl - external_auth - pending",
        "| Sign in",
        "  Provider: Example",
        "  Open: https://example.org/a",
        "  Scopes: mail, files",
      ],
    ],
    [
      "external_auth",
      { auth_url: "javascript:alert(1)" },
      [
        "? hitl - external_auth - pending",
        "  Open: javascript:alert(1)",
        "  This is no web address. Do not open it.",
      ],
    ],
    [
      "workflow_human",
      { message: "Check", order: { id: 7 } },
      ["? hitl - workflow_human - pending", "| Check", "  More:", "    | order:", "    |   id: 7"],
    ],
    [
      "workflow_human",
      {
        message: "Go?",
        allowed_decisions: ["approve", "reject", "edit"],
        values: { draft: "Hi\nRisk: low" },
      },
      [
        "? hitl - workflow_human - pending",
        "| Go?",
        "  May be edited:",
        "    | draft: Hi",
        "    |   Risk: low",
        "  Decisions: approve, reject, edit",
      ],
    ],
    [
      "review",
      { message: "Go?", allowed_decisions: ["approve"], values: { draft: "Hi" } },
      [
        "? hitl - review - pending",
        "| Go?",
        "  Decisions: approve",
        "  More:",
        "    | values:",
        "    |   draft: Hi",
      ],
    ],
  ] as [string, JsonObject, string[]][])("%s %j", (hitl_type, data, lines) => {
    expect(plain(question(hitl_type, data))).toEqual(lines);
  });

  it("begins a long name of a list on the line of its mark", () => {
    const args = { paths: [`${"deep/".repeat(10)}a.txt`] };
    const lines = plain(question("permission", { args }), 40);
    expect(lines.filter((row) => row.includes("| ")).map((row) => row.trim())).toEqual([
      "| paths:",
      "|   - deep/deep/deep/deep/deep/dee",
      "|   p/deep/deep/deep/deep/a.txt",
    ]);
  });

  it("draws the event of a question as it draws its block", async () => {
    const backend = new InMemoryHITLBackend();
    const ask = { hitl_type: "confirm", session_id: "s", data: { message: "Go?" } };
    const { record } = await backend.create(ask);
    const drawn = renderBlockText(hitlBlock(record), { plain: true });
    expect(drawn).toBe("? hitl - confirm - pending\n| Go?");
  });

  it("shows who answered what and when, and why it was not", async () => {
    const backend = new InMemoryHITLBackend();
    const ask = async (session_id: string) =>
      (await backend.create({ hitl_type: "confirm", session_id, data: { message: "Go?" } })).record.hitl_id;
    const { record } = await backend.respond(
      await ask("s"),
      { confirmed: true, comment: "fine" },
      { actor: { id: "u1", name: "Ann" } },
    );
    if (!record) throw new Error("not answered");
    const at = new Date(record.responded_at as number).toISOString();
    expect(plain({ kind: "hitl", data: hitlBlock(record).data ?? {} })).toEqual([
      "? hitl - confirm - completed",
      "| Go?",
      "  Answer:",
      "    | confirmed: true",
      "    | comment: fine",
      "  By: Ann",
      `  At: ${at}`,
    ]);
    const cancelled = await backend.cancel(await ask("t"), { reason: "superseded" });
    if (cancelled.status !== "cancelled") throw new Error("not cancelled");
    expect(plain({ kind: "hitl", data: hitlBlock(cancelled.record).data ?? {} })).toEqual([
      "? hitl - confirm - cancelled",
      "| Go?",
      "  Reason: superseded",
    ]);
  });
});
