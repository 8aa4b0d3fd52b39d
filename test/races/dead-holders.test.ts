/** Holders that die, in one process: their leases are taken away, as time would. */
import { tool } from "@langchain/core/tools";
import {
  confirm,
  type HITLBackend,
  HITLSuspend,
  InMemoryHITLBackend,
  respondAndResume,
  resumeThread,
  resumption,
  step,
} from "holdpoint";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { agentOf, callOf, configOf, nextOf, openQuestion, openQuestions, start } from "../support/agent.ts";
import { until } from "../support/poll.ts";

const schema = z.object({ n: z.string() });
const yes = { confirmed: true };
const never = new Promise<never>(() => undefined);

/** What is at work belongs to a process that is dead, and its time is over. */
async function endLeases({ store, tenant_id }: HITLBackend): Promise<void> {
  for (const [kind, status] of [
    ["call", "running"],
    ["pause", "active"],
  ] as const) {
    const { items } = await store.page({ kind, tenant_id, statuses: [status] });
    for (const { id } of items) await store.commit([{ op: "update", id, patch: { lease: "release" } }]);
  }
}

describe("a call whose holder died", () => {
  it("P9 is in doubt again when the one that ran it again dies too", async () => {
    const effects: string[] = [];
    const pay = tool(
      async () => {
        await confirm({ message: "pay?" });
        effects.push("paid");
        return never;
      },
      { name: "pay", description: "Pays.", schema },
    );
    const backend = new InMemoryHITLBackend();
    const agent = agentOf({ backend, tools: [pay], turns: [[callOf("pay", "c1")]] });
    await agent.invoke(start, configOf("t"));
    const { hitl_id } = await openQuestion(backend, "t", "pay?");
    void respondAndResume(agent, { backend, hitl_id, response: yes });
    await until("the first run", () => effects.length === 1);
    await endLeases(backend);
    await resumeThread(agent, { backend, thread_id: "t" });
    const doubt = await openQuestion(backend, "t", "in_doubt");
    void respondAndResume(agent, { backend, hitl_id: doubt.hitl_id, response: { decision: "run_again" } });
    await until("the second run", () => effects.length === 2);
    await endLeases(backend);
    // The first decision was about the first death: it allows no third run.
    void resumeThread(agent, { backend, thread_id: "t" });
    await until("a second question what to do, or a third run", async () => {
      return effects.length > 2 || (await openQuestions(backend, "t")).has("in_doubt");
    });
    expect(effects).toEqual(["paid", "paid"]);
    expect((await openQuestion(backend, "t", "in_doubt")).hitl_id).not.toBe(doubt.hitl_id);
  });

  it("P6 sleeps on its next question after it was run again, whoever wakes the thread", async () => {
    const effects: string[] = [];
    let started = 0;
    const ship = tool(
      async () => {
        const found = resumption();
        const ask = (message: string, stage: number): HITLSuspend =>
          new HITLSuspend({
            hitl_type: "confirm",
            data: { message },
            resume_mode: "continuation",
            tool_state: { stage },
          });
        if (!found) throw ask("ship?", 1);
        if ((found.tool_state as { stage?: unknown } | null)?.stage === 2) return "shipped";
        started += 1;
        if (started === 1) return never;
        effects.push("shipped");
        throw ask("really?", 2);
      },
      { name: "ship", description: "Ships.", schema },
    );
    const note = tool(
      async () => {
        await confirm({ message: "note?" });
        return "noted";
      },
      { name: "note", description: "Notes.", schema },
    );
    const backend = new InMemoryHITLBackend();
    const turns = [[callOf("ship", "c1"), callOf("note", "c2")]];
    const agent = agentOf({ backend, tools: [ship, note], turns });
    await agent.invoke(start, configOf("t"));
    const first = await openQuestion(backend, "t", "ship?");
    void respondAndResume(agent, { backend, hitl_id: first.hitl_id, response: yes });
    await until("the first run", () => started === 1);
    await endLeases(backend);
    await resumeThread(agent, { backend, thread_id: "t" });
    const doubt = await openQuestion(backend, "t", "in_doubt");
    await respondAndResume(agent, { backend, hitl_id: doubt.hitl_id, response: { decision: "run_again" } });
    expect(effects).toEqual(["shipped"]);
    const { hitl_id } = await openQuestion(backend, "t", "note?");
    const { resume } = await respondAndResume(agent, { backend, hitl_id, response: yes });
    expect(effects).toEqual(["shipped"]);
    expect(resume?.pending.map(({ data }) => data["message"])).toEqual(["really?"]);
    const last = await openQuestion(backend, "t", "really?");
    await respondAndResume(agent, { backend, hitl_id: last.hitl_id, response: yes });
    expect(await nextOf(agent, "t")).toEqual([]);
    expect(effects).toEqual(["shipped"]);
  });

  it("P9 keeps what a step gave before, when it runs again", async () => {
    const effects: string[] = [];
    let runs = 0;
    const charge = tool(
      async () => {
        await step("quote", () => void effects.push("quoted"));
        runs += 1;
        if (runs === 1) return never;
        await confirm({ message: "charge?" });
        return "charged";
      },
      { name: "charge", description: "Charges.", schema },
    );
    const backend = new InMemoryHITLBackend();
    const agent = agentOf({ backend, tools: [charge], turns: [[callOf("charge", "c1")]] });
    void agent.invoke(start, configOf("t"));
    await until("the first run", () => runs === 1);
    await endLeases(backend);
    await agent.invoke(null, configOf("t"));
    const doubt = await openQuestion(backend, "t", "in_doubt");
    await respondAndResume(agent, { backend, hitl_id: doubt.hitl_id, response: { decision: "run_again" } });
    const { hitl_id } = await openQuestion(backend, "t", "charge?");
    await respondAndResume(agent, { backend, hitl_id, response: yes });
    expect(await nextOf(agent, "t")).toEqual([]);
    expect(effects).toEqual(["quoted"]);
  });
});
