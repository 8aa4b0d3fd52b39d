/** What the author of a rule, or of a tool, answers when the time is up (P8): never what no human could have answered. */
import { tool } from "@langchain/core/tools";
import { type HITLBackend, requestPermission, resumeThread, StoreHITLBackend } from "holdpoint";
import { definePolicy, type PolicyRule } from "holdpoint/policy";
import { FakeClock, MemoryRecordStore } from "holdpoint/testing";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  at,
  call,
  graphOf,
  type GraphOptions,
  HOSTS,
  only,
  Outside,
  start,
  toolMessages,
} from "../nodes-ledger/kit.ts";

const T = "t1";

describe.each(HOSTS)("%s", (host) => {
  function world(rules: readonly PolicyRule[], tools?: GraphOptions["tools"]) {
    const clock = new FakeClock();
    const backend: HITLBackend = new StoreHITLBackend(new MemoryRecordStore({ clock }), { clock });
    const outside = new Outside();
    const graph = graphOf(host, {
      backend,
      policy: definePolicy({ rules }),
      tools: tools ?? [outside.tool("pay")],
      turns: [[call("pay", "c1")]],
    });
    const passed = async (): Promise<void> => {
      clock.advance(1000);
      await resumeThread(graph, { thread_id: T, backend });
    };
    return { backend, outside, graph, passed };
  }

  it("a standing approval by the author is none where no grant could be bound to the call: it expires (P8)", async () => {
    const { graph, backend, outside, passed } = world([
      {
        for: "pay",
        verdict: "ask",
        expiresInMs: 1000,
        allowed_decisions: ["approve_always", "approve_once"],
        on_expire: { respond: { decision: "approve_always" } },
        grant: { args: ["to"] },
      },
    ]);
    await graph.invoke(start(), at(T));
    expect(await only(backend, T)).toMatchObject({
      on_expire: "expire",
      data: { allowed_decisions: ["approve_once"] },
    });
    await passed();
    expect(outside.log).toEqual([]);
    expect(await toolMessages(graph, T)).toMatchObject([
      { status: "error", text: expect.stringContaining("expired") },
    ]);
  });

  it("what the author of a tool answers is none where the policy's rule does not allow it (P8)", async () => {
    const said: unknown[] = [];
    const run = tool(
      async () => {
        const request = {
          message: "May I?",
          tool: "bash",
          args: {},
          allowed_decisions: ["approve_once", "skip"],
          on_expire: { respond: { decision: "skip" } },
        } as const;
        await requestPermission(request).catch((error: { readonly code?: string }) => {
          if (error.code === "ERR_HITL_EXPIRED") said.push(error.code);
          throw error;
        });
        return "done";
      },
      { name: "pay", description: "pays", schema: z.object({ order: z.string() }) },
    );
    const rules: readonly PolicyRule[] = [
      { for: "pay", verdict: "allow" },
      { for: "bash", verdict: "ask", expiresInMs: 1000 },
    ];
    const { graph, backend, passed } = world(rules, [run as never]);
    await graph.invoke(start(), at(T));
    expect(await only(backend, T)).toMatchObject({
      on_expire: "expire",
      data: { allowed_decisions: ["approve_once"] },
    });
    await passed().catch(() => {});
    expect(said).toEqual(["ERR_HITL_EXPIRED"]);
  });
});

it.each([
  ["that is not among its allowed_decisions", { decision: "skip" }],
  ["that is no decision", "yes"],
  ["without the arguments of an edit", { decision: "edit" }],
])("refuses a rule with an answer for the deadline %s (P8)", (_, respond) => {
  const rule: PolicyRule = {
    verdict: "ask",
    allowed_decisions: ["approve_once", "edit"],
    expiresInMs: 1000,
    on_expire: { respond },
  };
  expect(() => definePolicy({ rules: [rule] })).toThrow(
    expect.objectContaining({ code: "ERR_HITL_INVALID_INPUT" }),
  );
});
