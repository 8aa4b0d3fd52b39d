/** Tools of a graph behind the ledger: their effects once, whoever repeats the call (P6), after the approval they need (P7, P8). */
import { MemorySaver } from "@langchain/langgraph";
import { confirm, type HITLBackend, step } from "holdpoint";
import { EffectLedger } from "holdpoint/ledger";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { currentEffect } from "../../src/nodes/ledger/current-effect.ts";
import { sharedStore, type SharedStore } from "../support/shared-stores.ts";
import {
  answer,
  type AnyGraph,
  at,
  call,
  charge,
  graphOf,
  type GraphOptions,
  type Host,
  HOSTS,
  only,
  open,
  Outside,
  resumeThread,
  start,
  texts,
  THREAD,
  toolMessages,
} from "./kit.ts";
import { gate } from "../nodes/kit.ts";
import { DyingSaver } from "./faults.ts";

describe.each(["memory", "sqlite", "redis", "postgres"] as const)("on %s", (name) => {
  let store: SharedStore;

  beforeAll(async () => {
    store = await sharedStore(name);
  });

  afterAll(async () => {
    await store.stop();
  });

  describe.each(HOSTS)("%s", (host: Host) => {
    function world(options: Partial<GraphOptions> = {}) {
      const outside = new Outside();
      const [backend, other] = store.pair();
      const checkpointer = options.checkpointer ?? new MemorySaver();
      const build = (own: HITLBackend, more: Partial<GraphOptions> = {}): AnyGraph =>
        graphOf(host, {
          tools: [outside.tool("charge")],
          ledger: { for: "charge" },
          turns: [[charge]],
          ...options,
          ...more,
          backend: own,
          checkpointer,
        });
      const ledger = new EffectLedger({ backend });
      return {
        outside,
        backend,
        other,
        checkpointer,
        graph: build(backend),
        again: build(other),
        build,
        ledger,
      };
    }

    const markOf = (message: { response_metadata: Record<string, unknown> } | undefined): unknown =>
      message?.response_metadata["holdpoint"];

    it("P6 records the call as an effect, and its message is the tool's own", async () => {
      const { graph, outside, ledger } = world();
      await graph.invoke(start(), at(THREAD));
      const { items } = await ledger.list({ workflow_id: THREAD });
      expect(items).toMatchObject([
        { tool: "charge", status: "succeeded", call_id: "c1", session_id: THREAD },
      ]);
      const [message] = await toolMessages(graph, THREAD);
      expect(message?.text).toBe("charge done 1");
      expect(markOf(message)).toBeUndefined();
      expect(outside.log).toEqual(["charge 7"]);
    });

    it("P6 a run that dies after the effect and before the checkpoint: the next one finds the outcome", async () => {
      const checkpointer = new DyingSaver();
      const { graph, again, outside, ledger } = world({ checkpointer });
      await expect(graph.invoke(start(), at(THREAD))).rejects.toThrow("the process died");
      expect(outside.log).toEqual(["charge 7"]);
      expect(await toolMessages(again, THREAD)).toEqual([]);
      checkpointer.revive();
      await again.invoke(null, at(THREAD));
      expect(outside.log).toEqual(["charge 7"]);
      const [message] = await toolMessages(again, THREAD);
      expect(message).toMatchObject({ content: "charge done 1", tool_call_id: "c1" });
      const { items } = await ledger.list({ workflow_id: THREAD });
      const [effect] = items;
      expect(markOf(message)).toEqual({
        effect_id: effect?.id,
        idem_key: effect?.idem_key,
        status: "succeeded",
        replayed: true,
      });
    });

    it("P6 P2 a replay from the checkpoint before the call gets the recorded outcome", async () => {
      const { graph, outside } = world();
      await graph.invoke(start(), at(THREAD));
      const past: object[] = [];
      for await (const { config, next } of graph.getStateHistory({ configurable: { thread_id: THREAD } }))
        if (next.includes("tools")) past.push(config);
      await graph.invoke(null, { ...past.at(-1), durability: "sync" });
      expect(outside.log).toEqual(["charge 7"]);
      const [message] = await toolMessages(graph, THREAD);
      expect(message?.text).toBe("charge done 1");
      expect(markOf(message)).toMatchObject({ replayed: true });
    });

    it("P6 a failure replays as the failure that it was, and does not run again", async () => {
      const outside = new Outside();
      const failing = outside.tool("charge", () => {
        outside.log.push("charge 7");
        throw new RangeError("card declined");
      });
      const checkpointer = new DyingSaver();
      const { graph, again } = world({ tools: [failing], checkpointer });
      // In an agent, and in wrapped tools, an error may end the run: what the model reads is the host's business.
      await graph.invoke(start(), at(THREAD)).catch(() => {});
      checkpointer.revive();
      const second = await again.invoke(null, at(THREAD)).then(
        () => undefined,
        (error: Error) => `${error.name}: ${error.message}`,
      );
      expect(outside.log).toEqual(["charge 7"]);
      if (second === undefined) expect((await texts(again)).join()).toContain("card declined");
      else expect(second).toContain("card declined");
    });

    it("P7 an approval suspends the graph: its question is one of the thread, and the answer runs the call once", async () => {
      const { graph, outside, backend, again, other, ledger } = world({
        ledger: { for: "charge", requires_approval: true },
      });
      await graph.invoke(start(), at(THREAD));
      expect(outside.log).toEqual([]);
      const question = await only(backend, THREAD);
      expect(question).toMatchObject({
        hitl_type: "permission",
        thread_id: THREAD,
        session_id: THREAD,
        tool_name: "charge",
        tool_call_id: "c1",
        params: { order: "7" },
      });
      expect(question.checkpoint_ns).toMatch(/^tools:/);
      // Woken without an answer it sleeps on.
      await resumeThread(graph, { thread_id: THREAD, backend });
      await graph.invoke(null, at(THREAD));
      expect(await only(backend, THREAD)).toMatchObject({ hitl_id: question.hitl_id });
      const { status, resume } = await answer(again, other, question, { decision: "approve_once" });
      expect([status, resume?.status]).toEqual(["accepted", "resumed"]);
      expect(outside.log).toEqual(["charge 7"]);
      const [message] = await toolMessages(graph, THREAD);
      expect(message?.text).toBe("charge done 1");
      expect(markOf(message)).toBeUndefined();
      const { items } = await ledger.list({ workflow_id: THREAD });
      expect(items).toMatchObject([{ status: "succeeded", approval: { decision: "approved" } }]);
      expect(await open(backend, THREAD)).toEqual([]);
    });

    it("P8 a call that was denied never runs, and the model reads why", async () => {
      const { graph, outside, backend, again } = world({
        ledger: { for: "charge", requires_approval: true },
      });
      await graph.invoke(start(), at(THREAD));
      await answer(graph, backend, await only(backend, THREAD), { decision: "reject", message: "too much" });
      expect(outside.log).toEqual([]);
      const [message] = await toolMessages(again, THREAD);
      expect(message).toMatchObject({ status: "error", tool_call_id: "c1" });
      expect(message?.text).toContain("denied by a human (too much)");
      expect(markOf(message)).toMatchObject({ status: "denied", replayed: false });
    });

    it("P8 an approval that expired allows nothing", async () => {
      const { graph, outside, backend } = world({
        ledger: { for: "charge", requires_approval: true, approval: { expiresInMs: 1 } },
      });
      await graph.invoke(start(), at(THREAD));
      await expect
        .poll(async () => {
          await resumeThread(graph, { thread_id: THREAD, backend });
          return texts(graph);
        })
        .toHaveLength(1);
      expect(outside.log).toEqual([]);
      expect(await texts(graph)).toEqual([expect.stringContaining("called off before anybody allowed it")]);
    });

    it("P6 P9 a run that was stopped in the tool: the thread asks once what happened, and goes on by the answer", async () => {
      for (const decision of ["happened", "run_again", "give_up"] as const) {
        const outside = new Outside();
        const stop = new AbortController();
        const stopping = outside.tool("charge", () => {
          outside.log.push("charge 7");
          if (outside.log.length > 1) return "ran again";
          stop.abort(new Error("stopped"));
          return new Promise(() => {});
        });
        const { graph, build, other, ledger } = world({
          tools: [stopping],
          ledger: { for: "charge", leaseMs: 20 },
        });
        // Nobody stops this one: its lease is not to run out on a slow machine.
        const again = build(other, { ledger: { for: "charge" } });
        await expect(graph.invoke(start(), { ...at(THREAD), signal: stop.signal })).rejects.toThrow();
        await again.invoke(null, at(THREAD));
        const question = await only(other, THREAD);
        expect(question).toMatchObject({ hitl_type: "in_doubt", tool_call_id: "c1", thread_id: THREAD });
        expect(outside.log).toEqual(["charge 7"]);
        expect((await ledger.list({ workflow_id: THREAD, status: "in_doubt" })).items).toHaveLength(1);
        const response = decision === "happened" ? { decision, result: "it was charged" } : { decision };
        await answer(again, other, question, response);
        expect(outside.log).toHaveLength(decision === "run_again" ? 2 : 1);
        const [text] = await texts(again);
        if (decision === "happened") expect(text).toBe("it was charged");
        else if (decision === "run_again") expect(text).toBe("ran again");
        else expect(text).toContain("may or may not have taken effect");
        expect(await open(other, THREAD)).toEqual([]);
      }
    });

    it("P6 P9 two workers on one thread: one effect, and both come to the end", async () => {
      const outside = new Outside();
      const [begun, go] = [gate(), gate()];
      const slow = outside.tool("charge", async () => {
        outside.log.push("charge 7");
        begun.open();
        await go.opened;
        return "charged";
      });
      const { graph, again } = world({ tools: [slow] });
      const first = graph.invoke(start(), at(THREAD));
      await begun.opened;
      const second = again.invoke(null, at(THREAD));
      go.open();
      for (const { messages } of await Promise.all([first, second])) {
        expect(messages.filter((message) => message.getType() === "tool").map(({ text }) => text)).toEqual([
          "charged",
        ]);
        expect(messages.at(-1)?.text).toBe("done");
      }
      expect(outside.log).toEqual(["charge 7"]);
    });

    it("P6 the same call twice in one turn: two effects by call, one by arguments", async () => {
      const turns = [[charge, call("charge", "c2")]];
      const both = world({ turns });
      await both.graph.invoke(start(), at(THREAD));
      expect(both.outside.log).toEqual(["charge 7", "charge 7"]);
      for (const key of ["args", ["order"]] as const) {
        const one = world({ turns, ledger: { for: "charge", key } });
        await one.graph.invoke(start(), at(THREAD));
        expect(one.outside.log).toEqual(["charge 7"]);
        const messages = await toolMessages(one.graph, THREAD);
        expect(messages.map(({ tool_call_id }) => tool_call_id)).toEqual(["c1", "c2"]);
        expect(messages.map((message) => message.text)).toEqual(["charge done 1", "charge done 1"]);
        expect(messages.map((message) => markOf(message) !== undefined).toSorted()).toEqual([false, true]);
      }
    });

    it("P6 P10 one effect of two calls asks one question, and both calls go on with its answer", async () => {
      const { graph, outside, backend } = world({
        turns: [[charge, call("charge", "c2")]],
        ledger: { for: "charge", key: "args", requires_approval: true },
      });
      await graph.invoke(start(), at(THREAD));
      await answer(graph, backend, await only(backend, THREAD), { decision: "approve_once" });
      expect(outside.log).toEqual(["charge 7"]);
      expect(await texts(graph)).toEqual(["charge done 1", "charge done 1"]);
    });

    it("P6 a body that asks in its middle runs on, and its effect ends once", async () => {
      const outside = new Outside();
      const asking = outside.tool("charge", async () => {
        const { confirmed } = await confirm({ message: "sure?" });
        outside.log.push("charge 7");
        return `${confirmed} ${currentEffect()?.effect.tool}`;
      });
      const { graph, backend, ledger } = world({
        tools: [asking],
        ledger: { for: "charge", requires_approval: true },
      });
      await graph.invoke(start(), at(THREAD));
      await answer(graph, backend, await only(backend, THREAD), { decision: "approve_once" });
      expect(outside.log).toEqual([]);
      // The answer to the effect is no answer that the body has missed (P2).
      const calls = await backend.store.page({ kind: "call", tenant_id: "default", statuses: ["suspended"] });
      expect(calls.items.map(({ value }) => value["changed"])).toEqual([0]);
      const sure = await only(backend, THREAD);
      expect(sure.data["message"]).toBe("sure?");
      await answer(graph, backend, sure, { confirmed: true });
      expect(outside.log).toEqual(["charge 7"]);
      expect(await texts(graph)).toEqual(["true charge"]);
      expect((await ledger.list({ workflow_id: THREAD })).items).toMatchObject([{ status: "succeeded" }]);
    });

    it("P6 what a body gives that has caught the signal, or has not waited for its question, is not its effect's outcome", async () => {
      for (const way of ["caught", "not awaited"]) {
        const outside = new Outside();
        const asking = outside.tool("charge", async () => {
          let said = way;
          const asked = confirm({ message: "sure?" }).then(
            () => (said = "confirmed"),
            () => {},
          );
          if (way === "caught") await asked;
          else await Promise.race([asked, new Promise((resolve) => setImmediate(resolve))]);
          return said;
        });
        const { graph, backend, ledger } = world({ tools: [asking] });
        await graph.invoke(start(), at(THREAD));
        expect((await ledger.list({ workflow_id: THREAD })).items).toMatchObject([{ status: "ready" }]);
        await answer(graph, backend, await only(backend, THREAD), { confirmed: true });
        expect((await ledger.list({ workflow_id: THREAD })).items).toMatchObject([{ status: "succeeded" }]);
        expect(await texts(graph)).toEqual(["confirmed"]);
      }
    });

    it("P6 a step is an effect of its own, and its result is kept over the answer that follows", async () => {
      const outside = new Outside();
      const stepping = outside.tool("charge", async () => {
        const id = await step("pay", ({ idempotency_key }) => {
          outside.log.push("pay");
          return { key: idempotency_key };
        });
        await confirm({ message: "sure?" });
        await step("mail", () => void outside.log.push("mail"));
        return JSON.stringify(id);
      });
      const { graph, backend, ledger } = world({ tools: [stepping] });
      await graph.invoke(start(), at(THREAD));
      await answer(graph, backend, await only(backend, THREAD), { confirmed: true });
      expect(outside.log).toEqual(["pay", "mail"]);
      const { items } = await ledger.list({ workflow_id: THREAD, order: "oldest" });
      expect(items.map(({ args_canonical, status }) => `${args_canonical} ${status}`).toSorted()).toEqual([
        '{"occurrence":0,"step":"mail"} succeeded',
        '{"occurrence":0,"step":"pay"} succeeded',
        '{"order":"7"} succeeded',
      ]);
      const paid = items.find(({ args_canonical }) => args_canonical.includes("pay"));
      expect(await texts(graph)).toEqual([JSON.stringify({ key: paid?.idem_key })]);
    });

    it("a tool that no rule means is not in the ledger", async () => {
      const { graph, outside, ledger } = world({ ledger: { for: ["refund", "mail_*"] } });
      await graph.invoke(start(), at(THREAD));
      expect(outside.log).toEqual(["charge 7"]);
      expect((await ledger.list({ workflow_id: THREAD })).items).toEqual([]);
    });
  });
});
