/** The thread's lease gathers wake-ups (P9): nobody is left waiting for a holder that has gone home. */
import { tool } from "@langchain/core/tools";
import { Command, MemorySaver } from "@langchain/langgraph";
import {
  confirm,
  InMemoryHITLBackend,
  respondAndResume,
  resumeThread,
  step,
  StoreHITLBackend,
} from "holdpoint";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { agentOf, callOf, configOf, nextOf, openQuestion, openQuestions, start } from "../support/agent.ts";
import { gate, until } from "../support/poll.ts";
import { slowStore } from "../support/slow-store.ts";

const schema = z.object({ n: z.string() });
const yes = { confirmed: true };

function asking(name: string, questions: readonly string[], act: (name: string) => void | Promise<void>) {
  return tool(
    async () => {
      for (const [index, message] of questions.entries()) {
        await confirm({ message });
        if (index === 0) await step("act", () => act(name));
      }
      return `${name} done`;
    },
    { name, description: `Does ${name}.`, schema },
  );
}

/** Every run of the graph begins by reading the thread's checkpoint. */
class CountingSaver extends MemorySaver {
  reads = 0;

  override getTuple(...args: Parameters<MemorySaver["getTuple"]>): ReturnType<MemorySaver["getTuple"]> {
    this.reads += 1;
    return super.getTuple(...args);
  }
}

describe("the thread's lease", () => {
  it("P9 does not run the graph over and over for an answer that another execution is at", async () => {
    const held = gate();
    const slow = asking("slow", ["slow?"], () => held.passed);
    const fast = asking("fast", ["fast?"], () => undefined);
    const backend = new InMemoryHITLBackend();
    const checkpointer = new CountingSaver();
    const turns = [[callOf("slow", "c1"), callOf("fast", "c2")]];
    const agent = agentOf({ backend, tools: [slow, fast], turns, checkpointer });
    await agent.invoke(start, configOf("t"));
    const [first, second] = [
      await openQuestion(backend, "t", "slow?"),
      await openQuestion(backend, "t", "fast?"),
    ];
    await backend.respond(first.hitl_id, yes);
    const plain = agent.invoke(
      new Command({ resume: { [first.interrupt_id as string]: {} } }),
      configOf("t"),
    );
    await until("the slow call at work", async () => {
      const query = { kind: "call", tenant_id: "default", statuses: ["running"] };
      return (await backend.store.page(query)).items.length === 1;
    });
    checkpointer.reads = 0;
    await respondAndResume(agent, { backend, hitl_id: second.hitl_id, response: yes });
    expect(checkpointer.reads).toBeLessThan(20);
    held.open();
    // What becomes of the slow call is another test's business.
    await plain.catch(() => undefined);
  });

  it("P9 is free after duplicates came while it was held, so that the next answer is taken up", async () => {
    const effects: string[] = [];
    const pay = asking("pay", ["pay?", "receipt?"], (name) => void effects.push(name));
    const backend = new InMemoryHITLBackend();
    const agent = agentOf({ backend, tools: [pay], turns: [[callOf("pay", "c1")]] });
    await agent.invoke(start, configOf("t"));
    const { hitl_id } = await openQuestion(backend, "t", "pay?");
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => respondAndResume(agent, { backend, hitl_id, response: yes })),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([
      "accepted",
      ...Array.from({ length: 4 }, () => "duplicate"),
    ]);
    const next = await openQuestion(backend, "t", "receipt?");
    const last = await respondAndResume(agent, { backend, hitl_id: next.hitl_id, response: yes });
    expect(last).toMatchObject({ status: "accepted", resume: { status: "resumed", pending: [] } });
    expect(await nextOf(agent, "t")).toEqual([]);
    expect(effects).toEqual(["pay"]);
  });

  it("P9 is free after a run failed while a duplicate came", async () => {
    const pay = asking("pay", ["pay?"], () => undefined);
    const backend = new InMemoryHITLBackend();
    const held = gate();
    let turns = 0;
    const onModel = async (): Promise<void> => {
      turns += 1;
      if (turns !== 2) return;
      await held.passed;
      throw new Error("the model is away");
    };
    const agent = agentOf({ backend, tools: [pay], turns: [[callOf("pay", "c1")]], onModel });
    await agent.invoke(start, configOf("t"));
    const { hitl_id } = await openQuestion(backend, "t", "pay?");
    const waking = () => respondAndResume(agent, { backend, hitl_id, response: yes });
    const both = Promise.allSettled([waking(), waking()]);
    await until("the model's second turn", () => turns === 2);
    held.open();
    expect((await both).map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
    const { items } = await backend.store.page({
      kind: "pause",
      tenant_id: "default",
      statuses: ["active"],
    });
    expect(items.map(({ lease }) => lease)).toEqual([null]);
  });

  it("P9 P10 a plain wake-up and an answer to a sibling leave no thread behind", async () => {
    const effects: string[] = [];
    const held = gate();
    let models = 0;
    const slow = asking("slow", ["slow?"], async (name) => {
      await held.passed;
      effects.push(name);
    });
    const fast = asking("fast", ["fast?"], (name) => void effects.push(name));
    const backend = new InMemoryHITLBackend();
    const onModel = (): void => void (models += 1);
    const turns = [[callOf("slow", "c1"), callOf("fast", "c2")]];
    const agent = agentOf({ backend, tools: [slow, fast], turns, onModel });
    await agent.invoke(start, configOf("t"));
    const [first, second] = [
      await openQuestion(backend, "t", "slow?"),
      await openQuestion(backend, "t", "fast?"),
    ];
    await backend.respond(first.hitl_id, yes);
    const plain = agent.invoke(
      new Command({ resume: { [first.interrupt_id as string]: { hitl: first.hitl_id } } }),
      configOf("t"),
    );
    const at = async (): Promise<string[]> =>
      (await backend.store.page({ kind: "call", tenant_id: "default", statuses: ["running"] })).items.map(
        ({ id }) => id,
      );
    await until("the slow call at work", async () => (await at()).length === 1);
    await respondAndResume(agent, { backend, hitl_id: second.hitl_id, response: yes });
    held.open();
    await plain;
    // Whoever was last saw all outcomes; if not, one look at the thread has to mend it.
    if ((await nextOf(agent, "t")).length > 0) await resumeThread(agent, { backend, thread_id: "t" });
    expect(await nextOf(agent, "t")).toEqual([]);
    expect(effects.toSorted()).toEqual(["fast", "slow"]);
    expect(models).toBe(2);
  });
});

describe("a store behind a network", () => {
  it("P6 P10 a step and a sibling's question at once lose neither", async () => {
    const effects: string[] = [];
    const stepping = tool(
      async () => {
        await step("act", () => void effects.push("acted"));
        await confirm({ message: "after?" });
        return "done";
      },
      { name: "stepping", description: "Acts, then asks.", schema },
    );
    const fast = asking("fast", ["fast?"], () => undefined);
    const backend = new StoreHITLBackend(slowStore(new InMemoryHITLBackend().store));
    const turns = [[callOf("stepping", "c1"), callOf("fast", "c2")]];
    const agent = agentOf({ backend, tools: [stepping, fast], turns });
    await agent.invoke(start, configOf("t"));
    expect([...(await openQuestions(backend, "t")).keys()].toSorted()).toEqual(["after?", "fast?"]);
    for (const message of ["fast?", "after?"]) {
      const { hitl_id } = await openQuestion(backend, "t", message);
      await respondAndResume(agent, { backend, hitl_id, response: yes });
    }
    expect(await nextOf(agent, "t")).toEqual([]);
    expect(effects).toEqual(["acted"]);
  });
});
