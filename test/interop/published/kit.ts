/** Questions of every type, as a backend records them: what published types, schemas and guards are held against. */
import type { CreateRequest } from "../../../src/backends/hitl-backend.ts";
import type { JsonValue } from "../../../src/core/json.ts";
import { DECISIONS } from "../../../src/core/hitl-types.ts";
import { type HITLRecord, InMemoryHITLBackend } from "../../../src/index.ts";
import { REQUESTS } from "../kit.ts";

type Request = Omit<CreateRequest, "session_id">;

/** Every set of decisions that a permission can have, but none. */
const SETS = Array.from({ length: 2 ** DECISIONS.length - 1 }, (_, index) =>
  DECISIONS.filter((__, bit) => ((index + 1) & (1 << bit)) !== 0),
);

const form = (properties: Readonly<Record<string, object>>, required: readonly string[] = []): Request => ({
  hitl_type: "form",
  data: { message: "Fill in", schema: { type: "object", properties, required } as never },
});

/** Beside those of the other tests: what is rare, and what a reader of flat forms has no place for. */
const MORE = {
  freely: { hitl_type: "ask_user", data: { message: "Which?", multiple: true } },
  orOwn: {
    hitl_type: "ask_user",
    data: { message: "Which?", options: ["ham", "olives"], allow_free_text: true },
  },
  someOrOwn: {
    hitl_type: "ask_user",
    data: { message: "Which?", options: ["ham", "olives"], multiple: true, allow_free_text: true },
  },
  severalKinds: {
    hitl_type: "ask_user",
    data: {
      message: "Some things",
      questions: [
        { id: "tags", message: "Tags?", multiple: true },
        { id: "size", message: "Size?", options: ["s", "l"], multiple: true },
      ],
    },
  },
  flat: form(
    {
      mail: { type: "string", format: "email", title: "Mail", maxLength: 100 },
      host: { type: "string", format: "hostname" },
      code: { type: "string", pattern: "^[A-Z]{3}$", description: "Three letters" },
      plan: { type: "string", enum: ["free", "paid"], default: "free" },
      rate: { type: "number", minimum: 0, maximum: 1, default: 0.5 },
      seats: { type: "integer", enum: [1, 5, 10] },
      agree: { type: "boolean", default: false },
      days: { type: "array", items: { type: "string", enum: ["mon", "tue"] }, minItems: 1 },
      untyped: { type: "array", items: { enum: ["a", "b"] } },
      titled: { type: "string", oneOf: [{ const: "x", title: "The X" }] },
      odd: { type: "string", default: 7 },
    },
    ["mail"],
  ),
  numbers: form({ picks: { type: "array", items: { type: "integer", enum: [1, 2] } } }),
  elsewhere: form({ city: { type: "string" } }, ["country"]),
  refers: {
    hitl_type: "form",
    data: {
      message: "Which?",
      schema: {
        $defs: { name: { type: "string", minLength: 2 } },
        type: "object",
        properties: { name: { $ref: "#/$defs/name" } },
      },
    },
  },
  huge: form({ note: { type: "string", description: "x".repeat(20_000) } }),
  anything: { hitl_type: "workflow_human", data: { message: "Anything?" }, response_schema: true },
  nothing: { hitl_type: "workflow_human", data: { message: "Nothing?" }, response_schema: false },
  silent: { hitl_type: "workflow_human", data: {} },
  expiring: { hitl_type: "confirm", data: { message: "Now?" }, expires_at: Date.UTC(2126, 10, 21, 10) },
  later: { hitl_type: "confirm", data: { message: "Ever?" }, expires_at: 9e15 },
  ...Object.fromEntries(
    SETS.map((allowed_decisions): [string, Request] => [
      `permission ${allowed_decisions.join(" ")}`,
      {
        hitl_type: "permission",
        tool_call_id: "call_1",
        data: {
          message: "May I?",
          tool: "pay",
          args: { amount: 40 },
          allowed_decisions: [...allowed_decisions],
        },
      },
    ]),
  ),
} satisfies Record<string, Request>;

async function record(request: Request): Promise<HITLRecord> {
  return (await new InMemoryHITLBackend().create({ ...request, thread_id: "t", session_id: "s" })).record;
}

export type PublishedAsk = readonly [name: string, ask: HITLRecord];

/** Each in a store of its own: nothing here depends on another. */
export const EVERY: readonly PublishedAsk[] = await Promise.all(
  Object.entries({ ...REQUESTS, ...MORE }).map(
    async ([name, request]) => [name, await record(request)] as const,
  ),
);

export const ALL: readonly HITLRecord[] = EVERY.map(([, ask]) => ask);

export function askOf(name: keyof typeof REQUESTS | keyof typeof MORE): HITLRecord {
  return (EVERY.find(([known]) => known === name) as PublishedAsk)[1];
}

const SAID: Readonly<Partial<Record<keyof typeof REQUESTS | keyof typeof MORE, JsonValue>>> = {
  go: { confirmed: true },
  expiring: { confirmed: false, comment: "no" },
  later: { confirmed: true },
  room: { answer: "k" },
  name: { answer: "Ann" },
  toppings: { answer: ["ham"] },
  freely: { answer: ["a", "b"] },
  orOwn: { answer: "mustard" },
  someOrOwn: { answer: ["ham", "mustard"] },
  survey: { answers: { size: "s", why: "so" } },
  severalKinds: { answers: { tags: ["a"], size: ["s", "l"] } },
  trip: { city: "Oslo", guests: 2 },
  nested: { address: { zip: "1" } },
  flat: { mail: "a@b.example", rate: 1, days: ["mon"] },
  numbers: { picks: [1] },
  elsewhere: { country: "NO" },
  refers: { name: "Ann" },
  huge: { note: "n" },
  login: { status: "granted" },
  review: { decision: "edit", values: { draft: "Ho" } },
  doubt: { decision: "run_again" },
  free: { any: ["thing"] },
  anything: [1, 2],
  silent: "text",
};

/** An answer that each question takes; `nothing` takes none. */
export const ANSWERED: readonly (readonly [name: string, ask: HITLRecord, response: JsonValue])[] =
  EVERY.filter(([name]) => name !== "nothing").map(([name, ask]) => [
    name,
    ask,
    SAID[name as keyof typeof SAID] ?? decided(ask),
  ]);

function decided({ data }: HITLRecord): JsonValue {
  const [decision] = data["allowed_decisions"] as [string];
  if (decision === "edit") return { decision, edited_args: { amount: 5 } };
  return decision === "respond" ? { decision, message: "hm" } : { decision };
}
