/** A process that stood still for longer than its leases: it finds out, and neither spins nor lies (P9). */
import { tool } from "@langchain/core/tools";
import {
  confirm,
  InMemoryHITLBackend,
  type RecordStore,
  respondAndResume,
  StoreHITLBackend,
} from "holdpoint";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { agentOf, callOf, configOf, nextOf, openQuestion, start } from "../support/agent.ts";
import { standStill } from "../support/stand-still.ts";

const schema = z.object({ n: z.string() });

/** A loop that never ends would never let the test end either. */
function bounded(store: RecordStore, most: number): RecordStore {
  let calls = 0;
  return new Proxy(store, {
    get(target, name) {
      const own: unknown = Reflect.get(target, name, target);
      if (typeof own !== "function") return own;
      return (...args: unknown[]): unknown => {
        calls += 1;
        if (calls > most) throw new Error(`More than ${most} calls of the store.`);
        return Reflect.apply(own, target, args);
      };
    },
  });
}

describe("a process that stood still", () => {
  it("P9 ends its run although the thread's lease ran out meanwhile, and nobody else took it", async () => {
    const pay = tool(async () => ((await confirm({ message: "pay?" })).confirmed ? "paid" : "not paid"), {
      name: "pay",
      description: "Pays.",
      schema,
    });
    const backend = new StoreHITLBackend(bounded(new InMemoryHITLBackend().store, 200));
    let turns = 0;
    const onModel = (): void => {
      turns += 1;
      if (turns === 2) standStill(60);
    };
    const agent = agentOf({ backend, tools: [pay], turns: [[callOf("pay", "c1")]], onModel });
    await agent.invoke(start, configOf("t"));
    const { hitl_id } = await openQuestion(backend, "t", "pay?");
    const response = { confirmed: true };
    const { status, resume } = await respondAndResume(agent, { backend, hitl_id, response, leaseMs: 20 });
    expect({ status, resume: resume?.status }).toEqual({ status: "accepted", resume: "resumed" });
    expect(await nextOf(agent, "t")).toEqual([]);
    expect(turns).toBe(2);
  });
});
