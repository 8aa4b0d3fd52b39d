/** Steps of a call behind the ledger: each an effect of its own, so that a crash in one leaves only that one in doubt (P6). */
import { MemorySaver } from "@langchain/langgraph";
import { confirm, step, type StepContext } from "holdpoint";
import { EffectLedger } from "holdpoint/ledger";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gate } from "../nodes/kit.ts";
import { type ClockedStore, clockedStore } from "./clocked.ts";
import {
  answer,
  at,
  call,
  graphOf,
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
import type { LedgerRule } from "../../src/nodes/ledger/ledger-rule.ts";

describe.each(["memory", "sqlite"] as const)("on %s", (name) => {
  let store: ClockedStore;

  beforeAll(() => {
    store = clockedStore(name);
  });

  afterAll(async () => {
    await store.stop();
  });

  describe.each(HOSTS)("%s", (host) => {
    /** The run is stopped in the middle of the step `pay`, the first time. */
    function world(rule: Partial<LedgerRule> = {}) {
      const outside = new Outside();
      const stop = new AbortController();
      const [backend, other] = store.pair();
      const pay = ({ fence }: StepContext): unknown => {
        outside.log.push(`pay ${fence}`);
        if (outside.of("pay") > 1) return { id: "ch_2" };
        stop.abort(new Error("stopped"));
        return new Promise(() => {});
      };
      const charge = outside.tool("charge", async () => {
        outside.log.push("body");
        const reserved = await step("reserve", () => {
          outside.log.push("reserve");
          return { seat: outside.of("reserve") };
        });
        const paid = await step("pay", pay);
        return JSON.stringify([reserved, paid]);
      });
      const checkpointer = new MemorySaver();
      const build = (own: typeof backend) =>
        graphOf(host, {
          backend: own,
          tools: [charge],
          ledger: { for: "charge", ...rule },
          turns: [[call("charge", "c1")]],
          checkpointer,
        });
      return { outside, stop, backend, other, graph: build(backend), again: build(other) };
    }

    /** The lease of the run that was stopped has ended. */
    async function resumed(
      graph: ReturnType<typeof graphOf>,
      other: Parameters<typeof open>[0],
    ): Promise<void> {
      store.clock.advance(120_000);
      expect(await resumeThread(graph, { thread_id: THREAD, backend: other })).toMatchObject({
        status: "resumed",
      });
    }

    it.each(["happened", "run_again", "give_up"] as const)(
      "P6 P9 killed in a step: the question is about that step, and the others keep their results: %s",
      async (decision) => {
        const { graph, again, outside, stop, other } = world();
        await expect(graph.invoke(start(), { ...at(THREAD), signal: stop.signal })).rejects.toThrow();
        expect(outside.log).toEqual(["body", "reserve", "pay 1"]);
        await resumed(again, other);
        const question = await only(other, THREAD);
        expect(question).toMatchObject({
          hitl_type: "in_doubt",
          tool_name: "charge",
          tool_call_id: "c1",
          data: {
            step: "pay",
            message: expect.stringContaining('charge, step "pay", was interrupted') as string,
          },
        });
        const response = decision === "happened" ? { decision, result: { id: "ch_1" } } : { decision };
        // An error of a tool ends the run of an agent, unless a middleware makes a result of it.
        const ends = decision === "give_up" && host.startsWith("createAgent");
        const answered = answer(again, other, question, response);
        if (ends) return expect(answered).rejects.toThrow('step "pay": The call was interrupted');
        await answered;
        expect(await open(other, THREAD)).toEqual([]);
        expect(outside.of("reserve")).toBe(1);
        expect(outside.of("pay")).toBe(decision === "run_again" ? 2 : 1);
        const [message] = await toolMessages(again, THREAD);
        if (decision === "give_up")
          return expect(message?.text).toContain('step "pay": The call was interrupted');
        expect(message?.text).toBe(
          JSON.stringify([{ seat: 1 }, { id: decision === "happened" ? "ch_1" : "ch_2" }]),
        );
      },
    );

    it("P6 a ledger of its own says what to do in doubt, unless the rule does", async () => {
      const outside = new Outside();
      const stop = new AbortController();
      const [backend, other] = store.pair();
      const asked: string[] = [];
      const charge = outside.tool("charge", () => {
        outside.log.push("charge");
        stop.abort(new Error("stopped"));
        return new Promise(() => {});
      });
      const checkpointer = new MemorySaver();
      const build = (own: typeof backend) => {
        const verify = ({ tool }: { readonly tool: string }): { status: "succeeded"; result: string } => {
          asked.push(tool);
          return { status: "succeeded", result: "looked up" };
        };
        const ledger = new EffectLedger({ backend: own, defaults: { inDoubt: { verify } } });
        const rule = { for: "charge", ledger };
        return graphOf(host, {
          backend: own,
          tools: [charge],
          ledger: rule,
          turns: [[call("charge", "c1")]],
          checkpointer,
        });
      };
      await expect(build(backend).invoke(start(), { ...at(THREAD), signal: stop.signal })).rejects.toThrow();
      const again = build(other);
      store.clock.advance(120_000);
      await again.invoke(null, at(THREAD));
      expect(await texts(again)).toEqual(["looked up"]);
      expect([outside.log, asked]).toEqual([["charge"], ["charge"]]);
    });

    it("P6 P9 a body that goes on after its run was stopped begins no step: the next run does, once", async () => {
      const outside = new Outside();
      const [backend, other] = store.pair();
      const stop = new AbortController();
      const [reserved, go, tried] = [gate(), gate(), gate()];
      const charge = outside.tool("charge", async () => {
        await step("reserve", () => void outside.log.push("reserve"));
        reserved.open();
        await go.opened;
        try {
          return await step("pay", () => {
            outside.log.push("pay");
            return "paid";
          });
        } finally {
          tried.open();
        }
      });
      const checkpointer = new MemorySaver();
      const build = (own: typeof backend) =>
        graphOf(host, {
          backend: own,
          tools: [charge],
          ledger: { for: "charge" },
          turns: [[call("charge", "c1")]],
          checkpointer,
        });
      const first = build(backend).invoke(start(), { ...at(THREAD), signal: stop.signal });
      await reserved.opened;
      stop.abort(new Error("stopped"));
      await expect(first).rejects.toThrow();
      go.open();
      await tried.opened;
      expect(outside.log).toEqual(["reserve"]);
      const again = build(other);
      await resumed(again, other);
      expect(await open(other, THREAD)).toEqual([]);
      expect(await texts(again)).toEqual(["paid"]);
      expect(outside.log).toEqual(["reserve", "pay"]);
    });

    it("P6 a step whose service can be asked is looked up, and nobody is asked", async () => {
      const { graph, again, outside, stop, other } = world({
        inDoubt: {
          verify: ({ args_canonical }) =>
            args_canonical.includes('"pay"')
              ? { status: "succeeded", result: { id: "found" } }
              : { status: "unknown" },
        },
      });
      await expect(graph.invoke(start(), { ...at(THREAD), signal: stop.signal })).rejects.toThrow();
      await resumed(again, other);
      expect(await open(other, THREAD)).toEqual([]);
      expect(await texts(again)).toEqual([JSON.stringify([{ seat: 1 }, { id: "found" }])]);
      expect(outside.of("pay")).toBe(1);
    });
  });

  it("P6 steps of one name, side by side and in their order, are told apart, and fail for good", async () => {
    const outside = new Outside();
    const [backend] = store.pair();
    const charge = outside.tool("charge", async () => {
      const paid = await Promise.all(
        [1, 2, 3].map((amount) =>
          step("pay", () => {
            outside.log.push(`pay ${amount}`);
            if (amount === 3) throw new TypeError("declined");
            return amount;
          }).catch((error: Error) => `${error.name}: ${error.message}`),
        ),
      );
      await confirm({ message: "sure?" });
      return JSON.stringify(paid);
    });
    const turns = [[call("charge", "c1")]];
    const graph = graphOf("HITLToolNode", { backend, tools: [charge], ledger: { for: "charge" }, turns });
    await graph.invoke(start(), at(THREAD));
    await answer(graph, backend, await only(backend, THREAD), { confirmed: true });
    expect(outside.log.toSorted()).toEqual(["pay 1", "pay 2", "pay 3"]);
    expect(await texts(graph)).toEqual([JSON.stringify([1, 2, "TypeError: declined"])]);
    expect(
      (await new EffectLedger({ backend }).list({ workflow_id: THREAD, status: "failed" })).items,
    ).toHaveLength(1);
  });
});
