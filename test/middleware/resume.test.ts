/** Resuming an agent: by whoever, how often, from which process: one effect (P9), nothing lost in a restart. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import { toolRetryMiddleware } from "langchain";
import { afterEach, describe, expect, it } from "vitest";
import { SqliteHITLBackend } from "../../src/backends/sqlite/index.ts";
import { InMemoryHITLBackend, respondAndResume, resumeThread } from "../../src/index.ts";
import { answer, Counter, openAsk, outputs, pending, thread, wake } from "../nodes/kit.ts";
import { agentOf, go, lookTool, payTool, VERSIONS, wizardTool, yes } from "./kit.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const turns = [
  [
    { name: "pay", id: "p" },
    { name: "look", id: "l" },
    { name: "wizard", id: "w" },
  ],
];
const retry = () => toolRetryMiddleware({ initialDelayMs: 0 });

/** Another process: its own agent, checkpointer and backend over the same files. */
function processOf(folder: string, version: "v1" | "v2", counter: Counter) {
  const backend = new SqliteHITLBackend({ path: join(folder, "holdpoint.db") });
  const checkpointer = SqliteSaver.fromConnString(join(folder, "checkpoints.db"));
  const tools = [payTool(counter), lookTool(counter), wizardTool(counter)];
  const made = agentOf({ version, backend, checkpointer, tools, turns, before: [retry()] });
  const close = async (): Promise<void> => {
    await backend.close();
    checkpointer.db.close();
  };
  return { ...made, backend, close };
}

function folderOf(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdpoint-middleware-"));
  closing.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describe.each(VERSIONS)("createAgent %s", (version) => {
  it("a restart between every two requests: SQLite keeps what ran, each runs once (P6)", async () => {
    const folder = folderOf();
    const counter = new Counter();
    const inProcess = async <T>(use: (made: ReturnType<typeof processOf>) => Promise<T>): Promise<T> => {
      const made = processOf(folder, version, counter);
      try {
        return await use(made);
      } finally {
        await made.close();
      }
    };
    await inProcess(({ agent }) => agent.invoke(go, { ...thread("t"), durability: "sync" }));
    await inProcess(async ({ backend }) => expect(await pending(backend, "t")).toHaveLength(2));
    await inProcess(({ agent, backend }) => answer(agent, backend, "t", "First name?", { answer: "ann" }));
    // Answered in a process that has no graph; woken in another one.
    await inProcess(async ({ backend }) => {
      const { hitl_id } = await openAsk(backend, "t", "Pay x?");
      await backend.respond(hitl_id, yes);
    });
    await inProcess(({ agent, backend }) => resumeThread(agent, { thread_id: "t", backend }));
    await inProcess(({ agent, backend }) =>
      answer(agent.graph, backend, "t", "Last name?", { answer: "lee" }),
    );
    await inProcess(async ({ agent }) => {
      expect(outputs((await agent.graph.getState(thread("t"))).values)).toEqual({
        p: "paid x",
        l: "looked 1",
        w: "ann lee",
      });
    });
    expect(counter.all()).toEqual({
      "pay body": 2,
      "pay effect": 1,
      look: 1,
      "wizard body": 3,
      "wizard effect": 1,
    });
  });

  it("P9 P4 two resumers through two handles on one store: one answer wins, one effect, one next turn", async () => {
    const folder = folderOf();
    const counter = new Counter();
    const [one, two] = [processOf(folder, version, counter), processOf(folder, version, counter)];
    closing.push(one.close, two.close);
    await one.agent.invoke(go, { ...thread("t"), durability: "sync" });
    const { hitl_id } = await openAsk(one.backend, "t", "Pay x?");
    const both = await Promise.all(
      [one, two].map(({ agent, backend }, index) =>
        respondAndResume(agent, { backend, hitl_id, response: { confirmed: index === 0 } }),
      ),
    );
    expect(both.map(({ status }) => status).toSorted()).toEqual(["accepted", "conflict"]);
    await answer(two.agent, two.backend, "t", "First name?", { answer: "ann" });
    const last = await openAsk(one.backend, "t", "Last name?");
    await one.backend.respond(last.hitl_id, { answer: "lee" });
    await Promise.all(
      [one, two].map(({ agent, backend }) => resumeThread(agent, { thread_id: "t", backend })),
    );
    await resumeThread(one.agent, { thread_id: "t", backend: one.backend });
    const said = outputs((await two.agent.graph.getState(thread("t"))).values);
    expect(said).toMatchObject({ l: "looked 1", w: "ann lee" });
    expect(counter.all()).toMatchObject({ "pay effect": 1, look: 1, "wizard effect": 1 });
    expect(one.model.seen.length + two.model.seen.length).toBe(2);
  });

  it("P1 P4 duplicates, late answers, wake-ups that mean nothing and partial answers do no harm", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const tools = [payTool(counter), lookTool(counter), wizardTool(counter)];
    const { agent, model } = agentOf({ version, backend, tools, turns });
    await agent.invoke(go, thread("t"));
    const { hitl_id } = await openAsk(backend, "t", "Pay x?");
    const spurious = async (): Promise<void> => {
      for (const value of [false, "yes", {}, { [hitl_id.slice(5)]: { confirmed: "no" } }])
        await agent.invoke((value === false ? null : wake(value)) as never, thread("t")).catch(() => {});
      expect(await resumeThread(agent, { thread_id: "t", backend })).toMatchObject({
        status: "nothing_to_resume",
      });
    };
    await spurious();
    expect(counter.of("pay effect")).toBe(0);
    expect(await respondAndResume(agent, { backend, hitl_id, response: "not an answer" })).toMatchObject({
      status: "invalid",
      resume: null,
    });
    const key = { idempotency_key: "k" };
    expect(await respondAndResume(agent, { backend, hitl_id, response: yes, ...key })).toMatchObject({
      status: "accepted",
    });
    expect(await respondAndResume(agent, { backend, hitl_id, response: yes, ...key })).toMatchObject({
      status: "duplicate",
    });
    expect(await respondAndResume(agent, { backend, hitl_id, response: { confirmed: false } })).toMatchObject(
      { status: "conflict" },
    );
    await spurious();
    await answer(agent, backend, "t", "First name?", { answer: "ann" });
    await answer(agent, backend, "t", "Last name?", { answer: "lee" });
    expect(await respondAndResume(agent, { backend, hitl_id, response: yes, ...key })).toMatchObject({
      status: "duplicate",
      resume: null,
    });
    expect(outputs((await agent.graph.getState(thread("t"))).values)).toEqual({
      p: "paid x",
      l: "looked 1",
      w: "ann lee",
    });
    expect(counter.all()).toMatchObject({ "pay effect": 1, look: 1, "wizard effect": 1 });
    expect(model.seen).toHaveLength(2);
  });
});
