/** The list of calls of which nobody knows whether they had their effect (P9). */
import { tool } from "@langchain/core/tools";
import { callsInDoubt, confirm, type HITLBackend, respondAndResume, resumeThread, step } from "holdpoint";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { agentOf, callOf, configOf, openQuestion, start } from "../support/agent.ts";
import { until } from "../support/poll.ts";
import { type SharedStore, sharedStore } from "../support/shared-stores.ts";

const schema = z.object({ n: z.string() });
const yes = { confirmed: true };

/** A tool that never comes back from its second half, as if its process had died there. */
function hangs(started: string[]) {
  return tool(
    async ({ n }) => {
      await step("reserve", () => `reserved ${n}`);
      await confirm({ message: `pay ${n}?` });
      started.push(n);
      return new Promise<never>(() => undefined);
    },
    { name: "pay", description: "Pays.", schema },
  );
}

describe.each(["memory", "sqlite", "redis"] as const)("callsInDoubt on %s", (name) => {
  let shared: SharedStore;
  beforeAll(async () => {
    shared = await sharedStore(name);
  });
  afterAll(() => shared.stop());

  async function strand(backend: HITLBackend, thread_id: string) {
    const started: string[] = [];
    const turns = [[callOf("pay", "c1")]];
    const agent = agentOf({ backend, tools: [hangs(started)], turns });
    await agent.invoke(start, configOf(thread_id));
    const { hitl_id } = await openQuestion(backend, thread_id, "pay c1?");
    void respondAndResume(agent, { backend, hitl_id, response: yes });
    await until("the body goes on", () => started.length === 1);
    return agent;
  }

  async function die({ store, tenant_id }: HITLBackend, thread_id: string): Promise<void> {
    for (const [kind, status] of [
      ["call", "running"],
      ["pause", "active"],
    ] as const) {
      const key = { name: "thread", value: thread_id } as const;
      const { items } = await store.page({ kind, tenant_id, statuses: [status], key });
      for (const { id } of items) await store.commit([{ op: "update", id, patch: { lease: "release" } }]);
    }
  }

  it("P9 names a call whose holder died, before and after a resumer has met it, and not one at work", async () => {
    const [backend, other] = shared.pair();
    const agent = await strand(backend, "dead");
    await strand(backend, "alive");
    expect(await callsInDoubt(other)).toEqual({ items: [] });
    await die(backend, "dead");
    const found = {
      thread_id: "dead",
      tool_name: "pay",
      tool_call_id: "c1",
      status: "running",
      steps_done: ["reserve#0"],
      hitl_id: null,
    };
    expect((await callsInDoubt(other)).items).toMatchObject([found]);
    expect((await callsInDoubt(other, { thread_id: "alive" })).items).toEqual([]);
    expect((await callsInDoubt(other.forTenant("others"))).items).toEqual([]);
    await resumeThread(agent, { backend, thread_id: "dead" });
    const { hitl_id } = await openQuestion(backend, "dead", "in_doubt");
    const { items } = await callsInDoubt(other, { thread_id: "dead" });
    expect(items).toMatchObject([{ ...found, status: "in_doubt", hitl_id }]);
    await respondAndResume(agent, { backend, hitl_id, response: { decision: "give_up" } });
    expect(await callsInDoubt(other, { thread_id: "dead" })).toEqual({ items: [] });
  });

  it("P9 pages over more calls than fit, without losing one to those that are at work", async () => {
    const [backend] = shared.pair();
    const dead = ["a", "b", "c"];
    for (const thread_id of [...dead, "alive"]) await strand(backend, thread_id);
    for (const thread_id of dead) await die(backend, thread_id);
    const seen: string[] = [];
    let cursor: string | undefined;
    let pages = 0;
    do {
      const page = await callsInDoubt(backend, { limit: 1, cursor });
      seen.push(...page.items.map(({ thread_id }) => thread_id));
      cursor = page.next_cursor;
      pages += 1;
    } while (cursor !== undefined);
    expect(seen.toSorted()).toEqual(dead);
    expect(pages).toBe(4);
  });

  it("refuses a thread_id that cannot be one", async () => {
    const [backend] = shared.pair();
    await expect(callsInDoubt(backend, { thread_id: "" })).rejects.toMatchObject({
      code: "ERR_HITL_INVALID_INPUT",
    });
  });
});
