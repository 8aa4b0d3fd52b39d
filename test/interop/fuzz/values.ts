/** Random JSON, fixtures that were changed here and there, and what is no JSON at all. */
import fc from "fast-check";
import type { HITLRecord } from "../../../src/index.ts";
import { asks, FIXTURES, list } from "../fixtures.ts";

export type Json = unknown;
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
export const json: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
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

const change: fc.Arbitrary<Change> = fc.tuple(
  fc.constantFrom("set", "drop", "rename", "wrap", "text", "twice"),
  fc.nat(50),
  json,
  word,
);

/** A fixture, changed here and there. */
export const sent: fc.Arbitrary<readonly [Json, HITLRecord]> = fc
  .tuple(fc.constantFrom(...FIXTURES), fc.array(change, { maxLength: 3 }))
  .map(([[, name, fixture], changes]) => [changed(fixture, changes), asks[name]] as const);
export const mutated: fc.Arbitrary<Json> = sent.map(([value]) => value);

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

/** What is said to one of several: in words that are only for it. */
const decisionFor = (ask: HITLRecord): fc.Arbitrary<Json> =>
  fc.constantFrom<Json>(
    { type: "approve" },
    { type: "reject", message: `not ${ask.hitl_id.slice(-4)}` },
    { type: "respond", message: `for ${ask.hitl_id.slice(-4)}` },
    { type: "ignore", args: null },
    { approved: false, reason: `no ${ask.hitl_id.slice(-4)}` },
  );

/** One message for several questions, in one of the ways in which clients send them. */
const together: fc.Arbitrary<readonly [Json, readonly HITLRecord[]]> = fc
  .subarray(list, { minLength: 2, maxLength: 3 })
  .chain((open) =>
    fc
      .tuple(
        fc.tuple(...open.map(decisionFor)),
        fc.constantFrom("list", "decisions", "map", "map of lists", "resume map", "responses"),
        fc.array(change, { maxLength: 1 }),
      )
      .map(([decisions, how, changes]) => [changed(sentAs(how, open, decisions), changes), open] as const),
  );

function sentAs(how: string, open: readonly HITLRecord[], decisions: readonly Json[]): Json {
  const byId = (body: (decision: Json) => Json): Json =>
    Object.fromEntries(open.map(({ interrupt_id }, index) => [interrupt_id, body(decisions[index])]));
  switch (how) {
    case "list":
      return decisions;
    case "decisions":
      return { decisions };
    case "map":
      return byId((decision) => ({ decisions: [decision] }));
    case "map of lists":
      return byId(() => ({ decisions }));
    case "resume map":
      return { __agui_resume_map__: byId((payload) => ({ status: "resolved", payload })) };
    default:
      return {
        responses: open.map(({ interrupt_id }, index) => ({ interrupt_id, response: decisions[index] })),
      };
  }
}

const others = fc.subarray(list, { minLength: 0, maxLength: 3 });
/** With the questions that are open, mostly the one that it was meant for. */
export const values: fc.Arbitrary<readonly [Json, readonly HITLRecord[]]> = fc.oneof(
  { weight: 15, arbitrary: sent.map(([value, ask]) => [value, [ask]] as const) },
  {
    weight: 15,
    arbitrary: fc
      .tuple(sent, others)
      .map(([[value, ask], rest]) => [value, [ask, ...rest.filter((one) => one !== ask)]] as const),
  },
  { weight: 10, arbitrary: fc.tuple(fc.oneof(json, mutated), others) },
  { weight: 10, arbitrary: together },
  { weight: 1, arbitrary: fc.tuple(hostile, others) },
);
