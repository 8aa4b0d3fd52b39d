/**
 * Every client, every type of question, every action: alone and beside other questions, as the resume value of a graph and
 * through `respondFrom`. docs/interop.md shows the same cells.
 */
import { MemorySaver } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import { type HITLRecord, HITLToolNode, InMemoryHITLBackend, respondAndResume } from "../../../src/index.ts";
import { respondFrom } from "../../../src/interop/index.ts";
import { reviewDecisions } from "../../../src/interop/ask.ts";
import { Counter, input, interruptsIn, pending, thread, toolOf, toolsGraph, wake } from "../../nodes/kit.ts";
import { alone, asked, beside, type Cell, type Outcome, type Row, rowsAlone, rowsBeside } from "./cells.ts";
import { CANCELLED, OF, type Question, QUESTIONS, SIBLINGS } from "./questions.ts";

const single = await rowsAlone();
const several = { all: await rowsBeside("all"), one: await rowsBeside("one") };

const nameOf = ({ client, question, cells }: Row): string =>
  `${client.name}, ${question}: ${cells.map(([action, { kind }]) => `${action} ${kind}`).join(", ")}`;
const named = (rows: readonly Row[]): (readonly [string, Row])[] =>
  rows.filter(({ cells }) => cells.length > 0).map((row) => [nameOf(row), row]);

/** A right answer, whatever was sent before. */
const rightAnswer = (question: Question): unknown => {
  const { approve, respond } = OF[question].answers;
  return approve ?? respond;
};

function expectOutcome(record: HITLRecord | null, outcome: Outcome): void {
  if (outcome === CANCELLED) expect(record).toMatchObject({ status: "cancelled", user_response: null });
  else expect(record).toMatchObject({ status: "completed", user_response: outcome });
}

/** What was expected, in words for people: nothing that is offered goes unnamed. */
function expectExplained(messages: readonly string[], ask: HITLRecord): void {
  expect(messages.length).toBeGreaterThan(0);
  for (const message of messages) {
    expect(message).toMatch(/Expected: |grants nothing|is about/);
    const [, said] = message.split("Expected: ");
    if (said && !said.startsWith("{")) for (const name of reviewDecisions(ask)) expect(said).toContain(name);
  }
}

describe("respondFrom, one question", () => {
  it.each(named(single.filter(({ client }) => !client.graphOnly)))("P3 %s", async (_name, row) => {
    const { client, question, cells } = row;
    for (const [action] of cells) {
      const { asks: first } = await asked(question, false);
      const variants = alone(client, question, action, first[0] as HITLRecord)?.values.length ?? 0;
      for (let variant = 0; variant < variants; variant += 1) {
        const { backend, asks } = await asked(question, false);
        const [ask] = asks as [HITLRecord];
        const cell = alone(client, question, action, ask) as Cell;
        const { results, problems } = await respondFrom(client.format, cell.values[variant], {
          backend,
          thread_id: "t",
        });
        if (cell.kind === "works") {
          expect(problems).toEqual([]);
          expect(results).toMatchObject([{ hitl_id: ask.hitl_id }]);
          expectOutcome(await backend.get(ask.hitl_id), cell.outcome);
          continue;
        }
        expect(results).toEqual([]);
        expectExplained(
          problems.map(({ message }) => message),
          ask,
        );
        expect(await backend.get(ask.hitl_id)).toEqual(ask);
        const { status } = await backend.respond(ask.hitl_id, rightAnswer(question));
        expect(status).toBe("accepted");
      }
    }
  });
});

describe("respondFrom, one question of three, or all of them", () => {
  const rows = (["all", "one"] as const).flatMap((extent) =>
    several[extent]
      .filter(({ client, cells }) => !client.graphOnly && cells.length > 0)
      .map((row) => [extent, nameOf(row), row] as const),
  );
  it.each(rows)("P3 P10 %s: %s", async (extent, _name, { client, question, cells }) => {
    for (const [action, { values }] of cells)
      for (let variant = 0; variant < values.length; variant += 1) {
        const { backend, asks } = await asked(question, true);
        const cell = beside(client, question, action, extent, asks) as Cell;
        const { results, problems } = await respondFrom(client.format, cell.values[variant], {
          backend,
          asks,
        });
        const [target, ...siblings] = await Promise.all(asks.map(({ hitl_id }) => backend.get(hitl_id)));
        if (cell.kind !== "works") {
          expect(results).toEqual([]);
          expectExplained(
            problems.map(({ message }) => message),
            asks[0] as HITLRecord,
          );
          expect([target, ...siblings]).toEqual(asks);
          continue;
        }
        expect(problems).toEqual([]);
        expectOutcome(target as HITLRecord, cell.outcome);
        if (extent === "one") expect(siblings).toEqual(asks.slice(1));
        else
          for (const [index, sibling] of siblings.entries())
            expectOutcome(sibling, SIBLINGS[index]?.answers.approve as Outcome);
      }
  });
});

/** One graph for all threads. What ran is counted by thread. */
function graphs() {
  const backend = new InMemoryHITLBackend();
  const counter = new Counter();
  const tools = [...QUESTIONS.map((question) => OF[question]), ...SIBLINGS].map(({ call, ask }) =>
    toolOf(call.name, async (_args, runtime) => {
      const answer = await ask();
      const { thread_id } = runtime["configurable"] as { thread_id: string };
      counter.hit(`${thread_id} ${call.name}`);
      return JSON.stringify(answer);
    }),
  );
  const graph = toolsGraph(new HITLToolNode(tools, { backend }), new MemorySaver());
  let threads = 0;
  return {
    backend,
    graph,
    ran: (thread_id: string, name: string) => counter.of(`${thread_id} ${name}`),
    async start(question: Question, withSiblings: boolean) {
      const thread_id = `t${(threads += 1)}`;
      const calls = [OF[question], ...(withSiblings ? SIBLINGS : [])].map(({ call }) => call);
      await graph.invoke(input(...calls), thread(thread_id));
      const open = await pending(backend, thread_id);
      // As one interrupt lists them: in the order of the calls.
      const asks = calls.map(({ id }) => open.find(({ tool_call_id }) => tool_call_id === id) as HITLRecord);
      return { thread_id, asks };
    },
  };
}

interface Shown {
  readonly issues?: readonly { readonly message: string }[];
}

const { backend, graph, ran, start } = graphs();

describe("Command({ resume }), one question", () => {
  it.each(named(single))("P1 P3 P6 %s", async (_name, { client, question, cells }) => {
    const { name } = OF[question].call;
    for (const [action, { values }] of cells) {
      if (values.length === 0) continue;
      const { thread_id, asks } = await start(question, false);
      const [ask] = asks as [HITLRecord];
      const cell = alone(client, question, action, ask) as Cell;
      const result = await graph.invoke(wake(cell.values[0]), thread(thread_id));
      const record = await backend.get(ask.hitl_id);
      if (cell.kind === "works") {
        expectOutcome(record, cell.outcome);
        expect(ran(thread_id, name)).toBe(cell.outcome === CANCELLED ? 0 : 1);
        continue;
      }
      const [{ value } = { value: {} }] = interruptsIn(result);
      expectExplained(
        ((value as Shown).issues ?? []).map(({ message }) => message),
        ask,
      );
      expect(record).toEqual(ask);
      expect(ran(thread_id, name)).toBe(0);
      const response = rightAnswer(question);
      await respondAndResume(graph, { backend, hitl_id: ask.hitl_id, response });
      expect(ran(thread_id, name)).toBe(1);
    }
  });
});

describe("Command({ resume }), one question of three, or all of them", () => {
  const rows = (["all", "one"] as const).flatMap((extent) =>
    several[extent].flatMap((row) => {
      // What the reader makes of each action is tried above: here it is the way to the graph.
      const isFirst = ([, { kind }]: Row["cells"][number], index: number): boolean =>
        row.cells.findIndex(([, other]) => other.kind === kind) === index;
      const some = { ...row, cells: row.cells.filter(isFirst) };
      return row.cells.length > 0 ? [[extent, nameOf(some), some] as const] : [];
    }),
  );
  it.each(rows)("P1 P3 P6 P10 %s: %s", async (extent, _name, { client, question, cells }) => {
    for (const [action, { values }] of cells) {
      if (values.length === 0) continue;
      const { thread_id, asks } = await start(question, true);
      const cell = beside(client, question, action, extent, asks) as Cell;
      await graph.invoke(wake(cell.values[0]), thread(thread_id));
      const records = await Promise.all(asks.map(({ hitl_id }) => backend.get(hitl_id)));
      const [target, ...siblings] = records;
      const names = [OF[question], ...SIBLINGS].map(({ call }) => call.name);
      const counts = names.map((name) => ran(thread_id, name));
      if (cell.kind !== "works") {
        expect(records).toEqual(asks);
        expect(counts).toEqual([0, 0, 0]);
        continue;
      }
      expectOutcome(target as HITLRecord, cell.outcome);
      const went = cell.outcome === CANCELLED ? 0 : 1;
      expect(counts).toEqual(extent === "all" ? [went, 1, 1] : [went, 0, 0]);
      if (extent === "one") expect(siblings).toEqual(asks.slice(1));
      else
        for (const [index, sibling] of siblings.entries())
          expectOutcome(sibling, SIBLINGS[index]?.answers.approve as Outcome);
    }
  });
});

describe("what is offered", () => {
  it.each(QUESTIONS)("P3 %s: every decision that its lists offer is one that it takes", async (question) => {
    const row = single.find(
      (one) => one.client.name.startsWith("agent-chat-ui") && one.question === question,
    );
    const works = row?.cells.filter(([, { kind }]) => kind === "works").map(([action]) => action);
    const { asks } = await asked(question, false);
    expect(works).toEqual(expect.arrayContaining([...reviewDecisions(asks[0] as HITLRecord)]));
  });
});
