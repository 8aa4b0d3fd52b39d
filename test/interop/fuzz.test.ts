/**
 * Random JSON and mutated fixtures, of which HOLDPOINT_FUZZ_RUNS (default 5 000) are read, and one in 200 is sent to graphs:
 * no question gets an answer that was not meant for it, nothing throws, and every thread comes to its end.
 */
import { Command } from "@langchain/langgraph";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkJsonSchema } from "../../src/core/response-schema.ts";
import { readAnswers, type ReadOptions } from "../../src/interop/index.ts";
import {
  askUser,
  confirm,
  HITLToolNode,
  type HITLRecord,
  InMemoryHITLBackend,
  requestPermission,
  respondAndResume,
} from "../../src/index.ts";
import { input, outputs, pending, thread, toolOf, toolsGraph } from "../nodes/kit.ts";
import { asks, FIXTURES, list } from "./fixtures.ts";

const RUNS = Number(process.env["HOLDPOINT_FUZZ_RUNS"] ?? 5_000);

type Json = unknown;
type Path = readonly (string | number)[];

/** Every place in a value. */
function pathsOf(value: Json, at: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, item]) => pathsOf(item, [...at, key]))];
}

function changedAt(value: Json, [key, ...rest]: Path, change: (old: Json) => Json): Json {
  if (key === undefined) return change(value);
  const copy: Record<string, Json> = Array.isArray(value) ? ([...value] as never) : { ...(value as object) };
  copy[key] = changedAt(copy[key], rest, change);
  return copy;
}

const WORDS = [
  "type",
  "args",
  "action",
  "decisions",
  "message",
  "approved",
  "behavior",
  "content",
  "interruptId",
  "interrupt_id",
  "hitl_id",
  "response",
  "status",
  "payload",
  "resolved",
  "cancelled",
  "approve",
  "accept",
  "edit",
  "reject",
  "respond",
  "ignore",
  "decline",
  "cancel",
  "allow",
  "deny",
  "__agui_resume_map__",
  "__agui_cancelled__",
  "inputResponses",
  "resume",
  "editedAction",
  "edited_action",
  "updatedInput",
  "editedArgs",
  "approvalId",
  "decision",
  "approve_once",
  "answer",
  "pay",
  "mail",
  "deploy",
  "call_pay",
  "call_go",
  "constructor",
  "toString",
  "hitl",
  "\u0000\u202e",
  "\ud800",
];
const ids = list.flatMap(({ hitl_id, interrupt_id }) => [hitl_id, interrupt_id as string]);
const word = fc.constantFrom(...WORDS, ...ids);
const leaf = fc.oneof(
  word,
  fc.constantFrom(true, false, null, 0, -1, 40, "40", "true", ""),
  fc.string({ maxLength: 8 }),
  fc.double(),
);
const json: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(word, tie("value"), { maxKeys: 4 }),
  ),
})).value;

const hostile: fc.Arbitrary<Json> = fc.constantFrom<Json>(
  JSON.parse('{"__proto__":{"polluted":true},"decisions":[{"type":"approve"}]}'),
  JSON.parse('{"decisions":[{"type":"approve","__proto__":{"polluted":true}}]}'),
  Array.from({ length: 200 }).reduce<Json>((inner) => [inner], { type: "approve" }),
  Array.from({ length: 200 }).reduce<Json>((inner) => ({ decisions: [inner] }), { type: "approve" }),
  `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
  { decisions: Array.from({ length: 5000 }, () => ({ type: "approve" })) },
  { type: "response", args: "x".repeat(300_000) },
  new Date(0),
  new Map([["type", "approve"]]),
  10n,
  () => ({ type: "approve" }),
  Symbol("approve"),
  new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error("no");
      },
    },
  ),
  {
    get type() {
      throw new Error("no");
    },
  },
  Object.assign(Object.create({ type: "approve" }), { args: null }),
);

/** A fixture, changed here and there. */
const sent: fc.Arbitrary<readonly [Json, HITLRecord]> = fc
  .tuple(
    fc.constantFrom(...FIXTURES),
    fc.array(
      fc.tuple(fc.constantFrom("set", "drop", "rename", "wrap", "text", "twice"), fc.nat(50), json, word),
      { maxLength: 3 },
    ),
  )
  .map(([[, name, fixture], changes]) => [changed(fixture, changes), asks[name]] as const);
const mutated: fc.Arbitrary<Json> = sent.map(([value]) => value);

type Change = readonly [how: string, where: number, other: Json, name: string];

function changed(start: Json, changes: readonly Change[]): Json {
  return changes.reduce<Json>((value, [how, where, other, name]) => {
    const paths = pathsOf(value);
    const path = paths[where % paths.length] as Path;
    switch (how) {
      case "set":
        return changedAt(value, path, () => other);
      case "drop":
        return changedAt(value, path.slice(0, -1), (old) => {
          const key = path.at(-1);
          if (typeof old !== "object" || old === null) return null;
          if (Array.isArray(old)) return old.toSpliced(Number(key), 1);
          const { [String(key)]: _, ...rest } = old as Record<string, Json>;
          return rest;
        });
      case "rename":
        return changedAt(value, path, (old) => ({ [name]: old }));
      case "wrap":
        return changedAt(value, path, (old) => [old]);
      case "twice":
        return changedAt(value, path, (old) => [old, old]);
      default:
        return changedAt(value, path, (old) => JSON.stringify(old) ?? null);
    }
  }, start);
}

const others = fc.subarray(list, { minLength: 0, maxLength: 3 });
/** With the questions that are open, mostly the one that it was meant for. */
const values: fc.Arbitrary<readonly [Json, readonly HITLRecord[]]> = fc.oneof(
  { weight: 3, arbitrary: sent.map(([value, ask]) => [value, [ask]] as const) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(sent, others)
      .map(([[value, ask], rest]) => [value, [ask, ...rest.filter((one) => one !== ask)]] as const),
  },
  { weight: 2, arbitrary: fc.tuple(fc.oneof(json, mutated), others) },
  { weight: 1, arbitrary: fc.tuple(hostile, others) },
);

const textOf = (given: Json): string => {
  try {
    // A text within a text has its quotes escaped.
    return (JSON.stringify(given) ?? "").replaceAll("\\", "");
  } catch {
    return "";
  }
};

const APPROVING: readonly unknown[] = ["approve_once", "approve_always", "approve"];
/** What says yes in one of the formats; whoever writes the arguments himself does so, too. */
const YES = /approve|accept|allow|true|edit/;

function approves(response: unknown): boolean {
  const { decision, confirmed } = (response ?? {}) as { decision?: unknown; confirmed?: unknown };
  return APPROVING.includes(decision) || confirmed === true;
}

const NAMES: Readonly<Record<string, string>> = { pay: "pay", mail: "mail", go: "deploy" };

describe("readAnswers", () => {
  it("P1 P3 P8 whatever comes: valid answers for those who are meant, or problems that can be shown", () => {
    const options: fc.Arbitrary<ReadOptions> = fc.record({
      plain: fc.boolean(),
      byPlace: fc.boolean(),
      othersOpen: fc.boolean(),
    });
    let answered = 0;
    fc.assert(
      fc.property(values, options, ([given, open], how) => {
        const { answers, problems } = readAnswers(given, open, how);
        const text = textOf(given);
        if (answers.length > 0) answered += 1;
        expect(new Set(answers.map(({ hitl_id }) => hitl_id)).size).toBe(answers.length);
        for (const answer of answers) {
          const ask = open.find(({ hitl_id }) => hitl_id === answer.hitl_id) as HITLRecord;
          expect(ask).toBeDefined();
          const { interrupt_id, tool_call_id, hitl_id } = ask;
          const name = Object.entries(asks).find(([, one]) => one.hitl_id === hitl_id)?.[0] ?? "";
          if (answer.by === "id") {
            const named = [hitl_id, interrupt_id, tool_call_id].filter((id) => id !== null);
            expect(named.some((id) => text.includes(id))).toBe(true);
          }
          if (answer.by === "only") expect([open.length, how.othersOpen]).toEqual([1, false]);
          if (answer.by === "place") expect([how.byPlace, how.othersOpen]).toEqual([true, false]);
          if (answer.by === "content") expect(text).toContain(`"${NAMES[name]}"`);
          if (answer.cancel) continue;
          if (ask.response_schema !== null)
            expect(checkJsonSchema(ask.response_schema, answer.response)).toEqual([]);
          if (approves(answer.response)) expect(text).toMatch(YES);
        }
        for (const { message } of problems) {
          expect(message.length).toBeLessThanOrEqual(500);
          expect(message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
          expect(message.isWellFormed()).toBe(true);
        }
        expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
      }),
      { numRuns: RUNS },
    );
    // It would find nothing wrong with a reader that understands nothing.
    expect(answered).toBeGreaterThan(RUNS / 10);
  });

  it("P1 without a mark or an id nothing is an answer", () => {
    const unmarked = fc.oneof(
      fc.boolean(),
      fc.double(),
      fc.string().filter((text) => !/^\s*[[{]/.test(text)),
      fc.array(fc.string()),
    );
    fc.assert(
      fc.property(unmarked, fc.constantFrom(...list), (given, ask) => {
        expect(readAnswers(given, [ask], { plain: false }).answers).toEqual([]);
      }),
      { numRuns: Math.ceil(RUNS / 10) },
    );
  });
});

describe("graphs", () => {
  it("P1 P3 P6 no value answers wrongly, throws, or bricks a thread", async () => {
    const ours = fc.oneof({ weight: 3, arbitrary: mutated }, { weight: 1, arbitrary: json });
    // The ids of the fixtures' questions, or those of the thread's own.
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(ours, fc.boolean()), { minLength: 1, maxLength: 3 }),
        async (values) => {
          const backend = new InMemoryHITLBackend();
          const ran: string[] = [];
          const tools = [
            toolOf("pay", async (args) => {
              const allowed_decisions = ["approve_once", "edit", "reject", "skip"] as const;
              const { decision } = await requestPermission({
                message: "Pay?",
                tool: "pay",
                args,
                allowed_decisions,
              });
              if (decision === "approve_once") ran.push("pay");
              return decision;
            }),
            toolOf("go", async () => String((await confirm({ message: "Go?" })).confirmed)),
            toolOf("name", async () => (await askUser({ message: "Name?" })).answer),
          ];
          const graph = toolsGraph(new HITLToolNode(tools, { backend }));
          const { data } = asks.pay;
          const calls = [
            { name: "pay", args: data["args"] as Record<string, unknown>, id: "call_pay" },
            { name: "go", id: "call_go" },
            { name: "name", id: "call_name" },
          ];
          await graph.invoke(input(...calls), thread("t"));
          const first = await pending(backend, "t");
          const byMessage = (message: string): HITLRecord =>
            first.find((one) => one.data["message"] === message) as HITLRecord;
          const sent: string[] = [];
          for (const [given, own] of values) {
            let text = JSON.stringify(given) ?? "null";
            if (own)
              for (const [name, message] of [
                ["pay", "Pay?"],
                ["go", "Go?"],
                ["name", "Name?"],
              ] as const) {
                const { hitl_id, interrupt_id } = byMessage(message);
                text = text
                  .replaceAll(asks[name].hitl_id, hitl_id)
                  .replaceAll(String(asks[name].interrupt_id), String(interrupt_id));
              }
            sent.push(text);
            const resume: unknown = JSON.parse(text);
            // LangGraph itself refuses what is falsy.
            if (!resume) continue;
            // A tool that was called off, or whose arguments another tool would not take, says so as its result.
            await graph.invoke(new Command({ resume: resume as never }), thread("t"));
          }
          for (const { hitl_id } of first) {
            const record = (await backend.get(hitl_id)) as HITLRecord;
            if (record.status !== "completed") continue;
            if (record.response_schema !== null)
              expect(checkJsonSchema(record.response_schema, record.user_response)).toEqual([]);
            // Three are open: whatever was answered was named, or stood at its place.
            const { interrupt_id, tool_call_id } = record;
            const names = [hitl_id, String(interrupt_id), String(tool_call_id), '"pay"', "decisions", "type"];
            expect(sent.some((text) => names.some((name) => text.includes(name)))).toBe(true);
          }
          for (let turn = 0; turn < 5; turn += 1) {
            const [record] = await pending(backend, "t");
            if (!record) break;
            const response = {
              "Pay?": { decision: "approve_once" },
              "Go?": { confirmed: true },
              "Name?": { answer: "Ann" },
            }[String(record.data["message"])];
            const { status } = await respondAndResume(graph, { backend, hitl_id: record.hitl_id, response });
            expect(status).toBe("accepted");
          }
          const state = await graph.getState(thread("t"));
          expect(state.next).toEqual([]);
          expect(Object.keys(outputs(state.values)).toSorted()).toEqual(["call_go", "call_name", "call_pay"]);
          expect(ran.length).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: Math.ceil(RUNS / 200) },
    );
  });
});
