/** The call is claimed together with its answer (P5): whoever does not come to run it gives it back (P9). */
import { tool } from "@langchain/core/tools";
import {
  confirm,
  type HITLBackend,
  InMemoryHITLBackend,
  type RecordStore,
  respondAndResume,
  resumeThread,
  StoreHITLBackend,
} from "holdpoint";
import { FakeClock, MemoryRecordStore } from "holdpoint/testing";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  type AgentOptions,
  agentOf,
  callOf,
  configOf,
  nextOf,
  openQuestion,
  openQuestions,
  start,
} from "../support/agent.ts";
import { until } from "../support/poll.ts";
import { standStill } from "../support/stand-still.ts";

const schema = z.object({ n: z.string() });
const yes = { confirmed: true };

async function callStatuses({ store, tenant_id }: HITLBackend): Promise<string[]> {
  const statuses = ["running", "suspended", "finished", "in_doubt"];
  const { items } = await store.page({ kind: "call", tenant_id, statuses });
  return items.map(({ status }) => status);
}

interface Bench {
  readonly agent: ReturnType<typeof agentOf>;
  readonly effects: string[];
  /** Called once, by the first run of the graph after a call was claimed, before it begins. */
  whenClaimed(act: () => void | Promise<void>): void;
}

function paying(backend: HITLBackend, options: Partial<AgentOptions> = {}): Bench {
  const effects: string[] = [];
  const pay = tool(
    async ({ n }) => {
      const { confirmed } = await confirm({ message: `pay ${n}?` });
      if (confirmed) effects.push(n);
      return confirmed ? "paid" : "not paid";
    },
    { name: "pay", description: "Pays.", schema },
  );
  const turns = [[callOf("pay", "c1")]];
  const graph = agentOf({ backend, tools: [pay], turns, ...options });
  let hook: (() => void | Promise<void>) | null = null;
  const agent = new Proxy(graph, {
    get(target, name) {
      const own: unknown = Reflect.get(target, name, target);
      if (name !== "invoke" || typeof own !== "function") return own;
      return async (...args: unknown[]): Promise<unknown> => {
        const act = hook;
        if (act && (await callStatuses(backend)).includes("running")) {
          hook = null;
          await act();
        }
        return Reflect.apply(own, target, args);
      };
    },
  });
  const whenClaimed: Bench["whenClaimed"] = (act) => {
    hook = act;
  };
  return { agent, effects, whenClaimed };
}

describe("a call that is claimed with its answer", () => {
  it("P5 costs one commit: answer, lease and claim", async () => {
    const { store } = new InMemoryHITLBackend();
    const commits: string[][] = [];
    const counted: RecordStore = new Proxy(store, {
      get(target, name) {
        const own: unknown = Reflect.get(target, name, target);
        if (typeof own !== "function") return own;
        return (...args: unknown[]): unknown => {
          if (name === "commit") {
            const ops = args[0] as { op: string; id?: string; record?: { id: string } }[];
            commits.push(ops.map(({ op, id, record }) => `${op} ${(id ?? record?.id)?.split("_")[0]}`));
          } else if (name !== "capabilities") commits.push([String(name)]);
          return Reflect.apply(own, target, args);
        };
      },
    });
    const backend = new StoreHITLBackend(counted);
    const { agent, effects } = paying(backend);
    await agent.invoke(start, configOf("t"));
    const { hitl_id } = await openQuestion(backend, "t", "pay c1?");
    commits.splice(0);
    await respondAndResume(agent, { backend, hitl_id, response: yes });
    expect(effects).toEqual(["c1"]);
    expect(commits).toEqual([
      // Whether anything was ever sent to the thread: else nothing can wait for it to come to rest.
      ["update hitl", "read mailbox", "update pause", "update call"],
      ["update call", "update hitl"],
    ]);
  });

  it("P9 is given back when the run fails before it comes to the call, and the next one runs it", async () => {
    const backend = new InMemoryHITLBackend();
    const { agent, effects, whenClaimed } = paying(backend);
    await agent.invoke(start, configOf("t"));
    const { hitl_id } = await openQuestion(backend, "t", "pay c1?");
    whenClaimed(() => {
      throw new Error("the graph is down");
    });
    await expect(respondAndResume(agent, { backend, hitl_id, response: yes })).rejects.toThrow(
      "the graph is down",
    );
    expect(await callStatuses(backend)).toEqual(["suspended"]);
    expect(effects).toEqual([]);
    const { status } = await resumeThread(agent, { backend, thread_id: "t" });
    expect(status).toBe("resumed");
    expect(effects).toEqual(["c1"]);
    expect(await nextOf(agent, "t")).toEqual([]);
  });

  it("P9 goes to whoever has the thread's lease: another answer leaves its call to him", async () => {
    const backend = new InMemoryHITLBackend();
    const { agent, effects, whenClaimed } = paying(backend, {
      turns: [[callOf("pay", "c1"), callOf("pay", "c2")]],
    });
    await agent.invoke(start, configOf("t"));
    const first = await openQuestion(backend, "t", "pay c1?");
    const second = await openQuestion(backend, "t", "pay c2?");
    let during: { resume: string | undefined; calls: string[] } | undefined;
    whenClaimed(async () => {
      const { resume } = await respondAndResume(agent, { backend, hitl_id: second.hitl_id, response: yes });
      during = { resume: resume?.status, calls: (await callStatuses(backend)).toSorted() };
    });
    await respondAndResume(agent, { backend, hitl_id: first.hitl_id, response: yes });
    expect(during).toEqual({ resume: "busy", calls: ["running", "suspended"] });
    expect(effects.toSorted()).toEqual(["c1", "c2"]);
    expect(await nextOf(agent, "t")).toEqual([]);
  });

  it("P9 is kept when its lease ran out on the way and nobody took it: the body had not begun", async () => {
    const backend = new InMemoryHITLBackend();
    const { agent, effects, whenClaimed } = paying(backend, { leaseMs: 20 });
    await agent.invoke(start, configOf("t"));
    const { hitl_id } = await openQuestion(backend, "t", "pay c1?");
    whenClaimed(() => standStill(60));
    const { resume } = await respondAndResume(agent, { backend, hitl_id, response: yes, leaseMs: 20 });
    expect(resume?.status).toBe("resumed");
    expect(effects).toEqual(["c1"]);
    expect([...(await openQuestions(backend, "t")).keys()]).toEqual([]);
  });

  it("P9 is lost when somebody else took it meanwhile: the body does not run here", async () => {
    const backend = new InMemoryHITLBackend();
    const { agent, effects, whenClaimed } = paying(backend, { leaseMs: 20 });
    await agent.invoke(start, configOf("t"));
    const { hitl_id } = await openQuestion(backend, "t", "pay c1?");
    whenClaimed(async () => {
      standStill(60);
      const { store, tenant_id } = backend;
      const { items } = await store.page({ kind: "call", tenant_id, statuses: ["running"] });
      const lease = { owner: "another process", durationMs: 60_000 };
      for (const { id } of items) {
        await store.commit([{ op: "update", id, guard: { lease: "free" }, patch: { lease } }]);
      }
    });
    await respondAndResume(agent, { backend, hitl_id, response: yes, leaseMs: 20 });
    expect(effects).toEqual([]);
    expect(await callStatuses(backend)).toEqual(["running"]);
  });

  it("P9 stays alive while its resumer is on the way to it, however long that takes", async () => {
    // Leases are counted by this clock, renewals come by real timers, however late: the machine's speed decides nothing.
    const clock = new FakeClock();
    const backend = new StoreHITLBackend(new MemoryRecordStore({ clock }), { clock });
    const { agent, effects, whenClaimed } = paying(backend);
    await agent.invoke(start, configOf("t"));
    const { hitl_id } = await openQuestion(backend, "t", "pay c1?");
    const leaseMs = 60;
    let renewals = 0;
    whenClaimed(async () => {
      const { store, tenant_id } = backend;
      const left = async (): Promise<number> => {
        const { items } = await store.page({ kind: "call", tenant_id, statuses: ["running"] });
        return (items[0]?.lease?.expires_at ?? 0) - clock.now();
      };
      // Past its first term three times over; between two renewals the lease never runs out.
      for (; renewals < 5; renewals += 1) {
        clock.advance((2 / 3) * leaseMs);
        expect(await left()).toBeGreaterThan(0);
        await until("a renewed lease", async () => (await left()) === leaseMs);
      }
    });
    const { resume } = await respondAndResume(agent, { backend, hitl_id, response: yes, leaseMs });
    expect(renewals).toBe(5);
    expect(resume?.status).toBe("resumed");
    expect(effects).toEqual(["c1"]);
  });

  it("P9 gets the term of the node that runs it, when the resumer's own was shorter", async () => {
    const backend = new InMemoryHITLBackend();
    let left = 0;
    const look = tool(
      async () => {
        await confirm({ message: "look?" });
        const { items } = await backend.store.page({
          kind: "call",
          tenant_id: backend.tenant_id,
          statuses: ["running"],
        });
        left = (items[0]?.lease?.expires_at ?? 0) - backend.now();
        return "looked";
      },
      { name: "look", description: "Looks.", schema },
    );
    const agent = agentOf({ backend, tools: [look], turns: [[callOf("look", "c1")]], leaseMs: 600_000 });
    await agent.invoke(start, configOf("t"));
    const { hitl_id } = await openQuestion(backend, "t", "look?");
    await respondAndResume(agent, { backend, hitl_id, response: yes, leaseMs: 1000 });
    expect(left).toBeGreaterThan(500_000);
  });
});
