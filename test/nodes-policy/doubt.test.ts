/** A call that was approved, and whose holder died: only who could let it run may say that it runs again (P8, P9). */
import { tool } from "@langchain/core/tools";
import { MemorySaver } from "@langchain/langgraph";
import { type HITLBackend, InMemoryHITLBackend, resumeThread } from "holdpoint";
import { EffectLedger } from "holdpoint/ledger";
import { definePolicy } from "holdpoint/policy";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { at, call, graphOf, type Host, HOSTS, only, start } from "../nodes-ledger/kit.ts";
import { eventually } from "../support/redis-server.ts";

const T = "t1";
const cfo = { actor: { id: "cfo" } };
const policy = definePolicy({ rules: [{ for: "pay", verdict: "ask", answerers: ["cfo"] }] });

/** The process that holds them is no more: its leases have run out. */
async function die({ store, tenant_id }: HITLBackend): Promise<void> {
  for (const [kind, status] of [
    ["call", "running"],
    ["effect", "processing"],
    ["pause", "active"],
  ] as const) {
    const { items } = await store.page({ kind, tenant_id, statuses: [status] });
    for (const { id } of items) await store.commit([{ op: "update", id, patch: { lease: "release" } }]);
  }
}

describe.each(HOSTS)("%s", (host: Host) => {
  it.each([
    ["by itself", undefined],
    ["behind the ledger", { for: "pay" }],
  ])("%s: the question what became of it has the answerers of the approval", async (_, ledger) => {
    const backend = new InMemoryHITLBackend();
    const started: string[] = [];
    const pay = tool(
      async () => {
        started.push("pay");
        return started.length === 1 ? new Promise<never>(() => undefined) : "paid";
      },
      { name: "pay", description: "pays", schema: z.object({ order: z.string() }) },
    );
    const graph = graphOf(host, {
      backend,
      checkpointer: new MemorySaver(),
      tools: [pay as never],
      policy,
      turns: [[call("pay", "c1")]],
      ...(ledger ? { ledger } : {}),
    });
    await graph.invoke(start(), at(T));
    const permission = await only(backend, T);
    await backend.respond(permission.hitl_id, { decision: "approve_once" }, cfo);
    void resumeThread(graph, { thread_id: T, backend }).catch(() => undefined);
    await eventually("the body begins", () => Promise.resolve(started.length === 1));
    await die(backend);
    await resumeThread(graph, { thread_id: T, backend });
    const doubt = await only(backend, T);
    expect(doubt).toMatchObject({ hitl_type: "in_doubt", metadata: { answerers: ["cfo"] } });
    const again = { decision: "run_again" };
    const other = await backend.respond(doubt.hitl_id, again, { actor: { id: "eve" } });
    expect(other.status).toBe("forbidden");
    expect((await backend.respond(doubt.hitl_id, again, cfo)).status).toBe("accepted");
    await resumeThread(graph, { thread_id: T, backend });
    expect(started).toEqual(["pay", "pay"]);
  });
});

it("an effect that only some may approve is in doubt for them alone", async () => {
  const backend = new InMemoryHITLBackend();
  const concurrency = { approvalTimeoutMs: 1 };
  const ledger = new EffectLedger({
    backend,
    defaults: { requires_approval: true, approval: { metadata: { answerers: ["cfo"] } }, concurrency },
  });
  const effectCall = { workflow_id: "w", tool: "pay", args: {} };
  let began = 0;
  const run = (): Promise<unknown> =>
    ledger.run(effectCall, () => {
      began += 1;
      return new Promise<never>(() => undefined);
    });
  await run().catch(() => undefined);
  const { effect } = await ledger.begin(effectCall);
  await ledger.approve(effect, cfo);
  void run().catch(() => undefined);
  await eventually("the handler begins", () => began === 1);
  await die(backend);
  await run().catch(() => undefined);
  const { items } = await backend.list({ status: "pending" });
  expect(items).toMatchObject([{ hitl_type: "in_doubt", metadata: { answerers: ["cfo"] } }]);
});
