/** What becomes of an effect where the thread goes another way than to answer it. */
import { HumanMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import { type HITLBackend, InMemoryHITLBackend, sendMessage } from "holdpoint";
import { EffectLedger } from "holdpoint/ledger";
import { describe, expect, it } from "vitest";
import {
  answer,
  type AnyGraph,
  at,
  call,
  charge,
  graphOf,
  type GraphOptions,
  HOSTS,
  only,
  open,
  Outside,
  resumeThread,
  said,
  start,
  texts,
  THREAD,
} from "./kit.ts";

describe.each(HOSTS)("%s", (host) => {
  function world(options: Partial<GraphOptions> = {}) {
    const outside = new Outside();
    const backend: HITLBackend = new InMemoryHITLBackend();
    const graph = graphOf(host, {
      backend,
      tools: [outside.tool("charge")],
      ledger: { for: "charge", requires_approval: true },
      turns: [[charge]],
      ...options,
    });
    return { outside, backend, graph, ledger: new EffectLedger({ backend }) };
  }

  /** A branch from before the tools, in which the model has called this. */
  async function forked(graph: AnyGraph, made: ToolCall): Promise<object> {
    const past: { config: object; id: string | undefined }[] = [];
    for await (const { config, next, values } of graph.getStateHistory({
      configurable: { thread_id: THREAD },
    }))
      if (next.includes("tools")) past.push({ config, id: values.messages?.at(-1)?.id });
    const { config, id } = past.at(-1) as { config: object; id: string | undefined };
    const message = said([made], 0);
    if (id !== undefined) message.id = id;
    const asNode = host.startsWith("createAgent") ? "model_request" : "model";
    return { ...(await graph.updateState(config, { messages: [message] }, asNode)), durability: "sync" };
  }

  it("P2 P7 time travel while an approval is open: the question moves to the new branch, and its answer runs the call once", async () => {
    const { graph, backend, outside, ledger } = world();
    await graph.invoke(start(), at(THREAD));
    const old = await only(backend, THREAD);
    await graph.invoke(null, await forked(graph, charge));
    const moved = await only(backend, THREAD);
    expect(moved.hitl_id).not.toBe(old.hitl_id);
    expect(await backend.get(old.hitl_id)).toMatchObject({ status: "cancelled", reason: "superseded" });
    expect((await ledger.list({ workflow_id: THREAD })).items).toMatchObject([
      { status: "requires_approval", approval: { hitl_id: moved.hitl_id } },
    ]);
    await answer(graph, backend, moved, { decision: "approve_once" });
    expect(outside.log).toEqual(["charge 7"]);
    expect(await texts(graph)).toEqual(["charge done 1"]);
  });

  it("P2 P6 a branch in which the call is the same gets its outcome, and what another branch has made of it", async () => {
    const { graph, backend, outside } = world();
    await graph.invoke(start(), at(THREAD));
    await answer(graph, backend, await only(backend, THREAD), { decision: "approve_once" });
    await graph.invoke(null, await forked(graph, charge));
    expect(outside.log).toEqual(["charge 7"]);
    expect(await texts(graph)).toEqual(["charge done 1"]);
    expect(await open(backend, THREAD)).toEqual([]);
  });

  it("P2 P7 a branch in which the call has other arguments is another call: it needs its own approval, and both may run", async () => {
    const { graph, backend, outside } = world();
    await graph.invoke(start(), at(THREAD));
    await answer(graph, backend, await only(backend, THREAD), { decision: "approve_once" });
    expect(outside.log).toEqual(["charge 7"]);
    await graph.invoke(null, await forked(graph, call("charge", "c1", { order: "8" })));
    const question = await only(backend, THREAD);
    expect(question.data["args"]).toEqual({ order: "8" });
    await answer(graph, backend, question, { decision: "approve_once" });
    expect(outside.log).toEqual(["charge 7", "charge 8"]);
    expect(await texts(graph)).toEqual(["charge done 2"]);
  });

  // Where the calls of a message share a task, the host itself drops those whose id was answered before.
  if (host === "createAgent v2") {
    it("P2 P6 a model that numbers its calls anew in each message: the second is another call", async () => {
      const { graph, outside } = world({ ledger: { for: "charge" }, turns: [[charge], [charge]] });
      await graph.invoke(start(), at(THREAD));
      expect(outside.log).toEqual(["charge 7", "charge 7"]);
      expect(await texts(graph)).toEqual(["charge done 1", "charge done 2"]);
    });
  }

  it("P8 a message that cancels what was asked: the call is off, and nobody has decided about its effect", async () => {
    const { graph, backend, outside, ledger } = world({
      ledger: { for: "charge", key: "args", requires_approval: true },
      turns: [[charge], [call("charge", "c2")]],
    });
    await graph.invoke(start(), at(THREAD));
    const first = await only(backend, THREAD);
    await sendMessage(graph as never, {
      thread_id: THREAD,
      backend,
      message: "wait: how much is it?",
      whenPending: "cancel",
    });
    expect(await backend.get(first.hitl_id)).toMatchObject({ status: "cancelled", reason: "new_message" });
    expect(outside.log).toEqual([]);
    // The model makes the call once more: a human is asked again, since the first question was never answered.
    const [effect, ...others] = (await ledger.list({ workflow_id: THREAD })).items;
    expect([effect?.status, others.length]).toEqual(["requires_approval", 0]);
    const second = await only(backend, THREAD);
    expect(second.tool_call_id).toBe("c2");
    await answer(graph, backend, second, { decision: "approve_once" });
    expect(outside.log).toEqual(["charge 7"]);
    const [cancelled, done] = await texts(graph);
    expect(cancelled).toContain("The call was cancelled");
    expect(done).toBe("charge done 1");
  });

  if (host.startsWith("createAgent")) {
    it("P6 new input past the question: it is superseded, its call never runs, and the messages stay valid", async () => {
      const { graph, backend, outside, ledger } = world();
      await graph.invoke(start(), at(THREAD));
      const old = await only(backend, THREAD);
      await graph.invoke({ messages: [new HumanMessage("never mind")] }, at(THREAD));
      expect(await backend.get(old.hitl_id)).toMatchObject({ status: "cancelled" });
      expect(outside.log).toEqual([]);
      expect(await texts(graph)).toHaveLength(1);
      expect((await ledger.list({ workflow_id: THREAD })).items).toMatchObject([
        { status: "requires_approval" },
      ]);
      // Nobody is asked any more: an operator may end it.
      const [effect] = (await ledger.list({ workflow_id: THREAD })).items;
      expect(await ledger.approve(effect?.id as string)).toBe(false);
      expect(await ledger.cancel(effect?.id as string)).toBe(true);
      expect(await open(backend, THREAD)).toEqual([]);
    });
  }

  it("P4 an operator may decide in the ledger: the thread goes on with it", async () => {
    const { graph, backend, outside, ledger } = world();
    await graph.invoke(start(), at(THREAD));
    const [effect] = (await ledger.list({ workflow_id: THREAD })).items;
    expect(await ledger.deny(effect?.id as string, "not today")).toBe(true);
    expect(await resumeThread(graph, { thread_id: THREAD, backend })).toMatchObject({ status: "resumed" });
    expect(outside.log).toEqual([]);
    expect(await texts(graph)).toEqual([expect.stringContaining("not today")]);
  });
});
