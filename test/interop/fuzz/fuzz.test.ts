/**
 * Random JSON and mutated fixtures, HOLDPOINT_FUZZ_RUNS (default 10 000): no question gets an answer that was not said to it,
 * nothing throws, and every question and every thread can still be answered. One in fifty is sent to a graph as well.
 */
import { Command } from "@langchain/langgraph";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkJsonSchema } from "../../../src/core/response-schema.ts";
import { readAnswers, type ReadOptions, respondFrom } from "../../../src/interop/index.ts";
import { type HITLRecord, HITLToolNode, InMemoryHITLBackend, resumeThread } from "../../../src/index.ts";
import { Counter, input, outputs, pending, thread, toolOf, toolsGraph } from "../../nodes/kit.ts";
import { asks, list } from "../fixtures.ts";
import { type AskName, REQUESTS } from "../kit.ts";
import { OF } from "../matrix/questions.ts";
import { isExplained } from "./oracle.ts";
import { type Json, json, mutated, values } from "./values.ts";

const RUNS = Number(process.env["HOLDPOINT_FUZZ_RUNS"] ?? 10_000);

const RIGHT: { readonly [name in AskName]: unknown } = {
  pay: { decision: "approve_once" },
  mail: { decision: "approve_once" },
  go: { confirmed: true },
  room: { answer: "k" },
  name: { answer: "Ann" },
  toppings: { answer: ["ham"] },
  survey: { answers: { size: "s", why: "so" } },
  trip: { city: "Oslo" },
  nested: { address: { zip: "1" } },
  login: { status: "granted" },
  review: { decision: "approve" },
  doubt: { decision: "give_up" },
  free: 7,
};
const nameOf = ({ hitl_id }: HITLRecord): AskName =>
  (Object.keys(asks) as AskName[]).find((name) => asks[name].hitl_id === hitl_id) as AskName;

/** The same questions, in a store of their own. */
async function opened(open: readonly HITLRecord[]): Promise<readonly [InMemoryHITLBackend, HITLRecord[]]> {
  const backend = new InMemoryHITLBackend();
  const records: HITLRecord[] = [];
  for (const ask of open) {
    const { hitl_id } = ask;
    const request = { ...REQUESTS[nameOf(ask)], thread_id: "t", session_id: "s", hitl_id };
    records.push((await backend.create(request as never)).record);
  }
  return [backend, records];
}

const shown = (value: Json): string => {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return "no JSON";
  }
};

function expectAnswered(value: Json, ask: HITLRecord, now: HITLRecord, open: readonly HITLRecord[]): void {
  const { response_schema, status, user_response } = now;
  if (status === "completed" && response_schema !== null)
    expect(checkJsonSchema(response_schema, user_response)).toEqual([]);
  expect(isExplained(value, ask, now, open), `${shown(value)} is ${shown(user_response)}`).toBe(true);
}

describe("readAnswers and respondFrom", () => {
  it("P1 P3 P8 whatever comes: answers for those to whom they are said, or problems that can be shown", async () => {
    const options: fc.Arbitrary<ReadOptions> = fc.record({
      plain: fc.boolean(),
      byPlace: fc.boolean(),
      othersOpen: fc.boolean(),
    });
    let answered = 0;
    await fc.assert(
      fc.asyncProperty(values, options, async ([given, open], how) => {
        const { answers, problems } = readAnswers(given, open, how);
        expect(new Set(answers.map(({ hitl_id }) => hitl_id)).size).toBe(answers.length);
        for (const { by } of answers) {
          if (by === "only") expect([open.length, how.othersOpen]).toEqual([1, false]);
          if (by === "place") expect([how.byPlace, how.othersOpen]).toEqual([true, false]);
          if (by === "content") expect(how.othersOpen).toBe(false);
        }
        for (const { message } of problems) {
          expect(message.length).toBeLessThanOrEqual(500);
          expect(message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
          expect(message.isWellFormed()).toBe(true);
        }
        expect(({} as { polluted?: unknown }).polluted).toBeUndefined();

        const [backend, before] = await opened(open);
        const { results } = await respondFrom("any", given, { backend, asks: before });
        answered += results.length;
        for (const ask of before) {
          const now = (await backend.get(ask.hitl_id)) as HITLRecord;
          const result = results.find(({ hitl_id }) => hitl_id === ask.hitl_id);
          if (now.status === "pending") {
            expect(result).toBeUndefined();
            expect(now).toEqual(ask);
            const { status } = await backend.respond(ask.hitl_id, RIGHT[nameOf(ask)]);
            expect(status).toBe("accepted");
          } else {
            expect(result?.status).toMatch(/accepted|cancelled/);
            expectAnswered(given, ask, now, before);
          }
        }
      }),
      { numRuns: RUNS },
    );
    // It would find nothing wrong with a reader that understands nothing.
    expect(answered).toBeGreaterThan(RUNS / 10);
  }, 120_000);

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
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const QUESTIONS = [
      [OF.permission, "pay"],
      [OF.confirm, "go"],
      [OF.ask_user, "room"],
    ] as const;
    const tools = QUESTIONS.map(([{ call, ask }]) =>
      toolOf(call.name, async (_args, runtime) => {
        const answer = await ask();
        const { thread_id } = runtime["configurable"] as { thread_id: string };
        counter.hit(`${thread_id} ${call.name}`);
        return JSON.stringify(answer);
      }),
    );
    const graph = toolsGraph(new HITLToolNode(tools, { backend }));
    let threads = 0;
    // The ids of the fixtures' questions, or those of the thread's own.
    const ours = fc.tuple(
      fc.oneof({ weight: 3, arbitrary: mutated }, { weight: 1, arbitrary: json }),
      fc.boolean(),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(ours, { minLength: 1, maxLength: 2 }), async (sent) => {
        const config = thread(`t${(threads += 1)}`);
        const { thread_id } = config.configurable;
        await graph.invoke(input(...QUESTIONS.map(([{ call }]) => call)), config);
        const first = await pending(backend, thread_id);
        const inOrder = QUESTIONS.map(
          ([{ call }]) => first.find(({ tool_call_id }) => tool_call_id === call.id) as HITLRecord,
        );
        for (const [given, isOwn] of sent) {
          const resume = isOwn ? withIdsOf(inOrder, given) : (JSON.parse(shown(given)) as Json);
          // LangGraph itself refuses what is falsy.
          if (!resume) continue;
          const open = new Set((await pending(backend, thread_id)).map(({ hitl_id }) => hitl_id));
          const before = inOrder.filter(({ hitl_id }) => open.has(hitl_id));
          await graph.invoke(new Command({ resume: resume as never }), config);
          for (const ask of before) {
            const now = (await backend.get(ask.hitl_id)) as HITLRecord;
            if (now.status === "pending") expect(now.version).toBe(ask.version);
            else expectAnswered(resume, ask, now, before);
          }
        }
        for (const [index, { hitl_id }] of inOrder.entries()) {
          const record = (await backend.get(hitl_id)) as HITLRecord;
          const name = QUESTIONS[index]?.[1] as AskName;
          if (record.status !== "pending") continue;
          const { status } = await backend.respond(hitl_id, RIGHT[name]);
          expect(status).toBe("accepted");
        }
        await resumeThread(graph, { thread_id, backend });
        const state = await graph.getState(config);
        expect(state.next).toEqual([]);
        expect(Object.keys(outputs(state.values)).toSorted()).toEqual(["call_go", "call_pay", "call_room"]);
        for (const [index, { hitl_id }] of inOrder.entries()) {
          const { status } = (await backend.get(hitl_id)) as HITLRecord;
          const ran = counter.of(`${thread_id} ${QUESTIONS[index]?.[0].call.name}`);
          expect(ran).toBe(status === "completed" ? 1 : 0);
        }
      }),
      { numRuns: Math.ceil(RUNS / 50) },
    );

    function withIdsOf(inOrder: readonly HITLRecord[], given: Json): Json {
      let text = shown(given);
      for (const [index, { hitl_id, interrupt_id }] of inOrder.entries()) {
        const known = asks[QUESTIONS[index]?.[1] as AskName];
        text = text
          .replaceAll(known.hitl_id, hitl_id)
          .replaceAll(String(known.interrupt_id), String(interrupt_id));
      }
      return JSON.parse(text) as Json;
    }
  }, 120_000);
});
