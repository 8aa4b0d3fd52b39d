/** P7 by example: an approval counts for what was shown, whatever stands between the human's answer and the tool. */
import type { ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { MemorySaver } from "@langchain/langgraph";
import { InMemoryHITLBackend, resumeThread } from "holdpoint";
import { definePolicy, type PolicyRule } from "holdpoint/policy";
import { type AgentMiddleware, createMiddleware } from "langchain";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { answer, at, call, only, open, Outside, start, toolMessages } from "../nodes-ledger/kit.ts";
import { changing, graphWith } from "./kit.ts";

const T = "t1";
const ASKS: readonly PolicyRule[] = [{ id: "pay", for: "pay", verdict: "ask" }];

describe.each(["createAgent v1", "createAgent v2"] as const)("%s", (host) => {
  function agent(inner: readonly AgentMiddleware[], rules: readonly PolicyRule[] = ASKS) {
    const outside = new Outside();
    const backend = new InMemoryHITLBackend();
    const policy = definePolicy({ rules });
    const tools = [outside.tool("pay")];
    const turns = [[call("pay", "c1")]];
    const checkpointer = new MemorySaver();
    const build = (own: readonly AgentMiddleware[]) =>
      graphWith(host, { backend, policy, tools, turns, checkpointer }, own);
    return { outside, backend, build, graph: build(inner) };
  }

  const wrapping = (name: string, wrapToolCall: unknown): AgentMiddleware =>
    createMiddleware({ name, wrapToolCall } as never) as AgentMiddleware;

  it("arguments that a middleware has changed since the approval are asked about again, with those approved (P7)", async () => {
    const { graph, backend, build, outside } = agent([]);
    await graph.invoke(start(), at(T));
    const changed = build([changing((args) => ({ ...args, order: "8" }))]);
    await answer(changed, backend, await only(backend, T), { decision: "approve_once" });
    expect(outside.log).toEqual([]);
    const second = await only(backend, T);
    expect(second.data).toMatchObject({ args: { order: "8" }, previous_args: { order: "7" } });
    await answer(changed, backend, second, { decision: "approve_once" });
    expect(outside.log).toEqual(["pay 8"]);
    expect(await toolMessages(changed, T)).toHaveLength(1);
  });

  it("arguments that change each time end in an error that says what to mend, and nothing runs (P2, P7)", async () => {
    let orders = 0;
    const changes = [changing((args) => ({ ...args, order: `n${(orders += 1)}` }))];
    const { graph, backend, outside } = agent(changes);
    await graph.invoke(start(), at(T));
    for (let turn = 0; turn < 3; turn += 1)
      await answer(graph, backend, await only(backend, T), { decision: "approve_once" });
    const error: unknown = await answer(graph, backend, await only(backend, T), {
      decision: "approve_once",
    }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "ERR_HITL_UNSTABLE_QUESTION",
      message: expect.stringMatching(/call of pay .* 4 times .* the same of the same call each time/),
    });
    expect((error as Error).message).not.toContain("key");
    expect(outside.log).toEqual([]);
  });

  it("a rule that means the changed arguments decides, not the one that was asked by (P7)", async () => {
    const denied: PolicyRule = { for: "pay", args: { order: "8" }, verdict: "deny", message: "Never 8." };
    const { graph, backend, build, outside } = agent([], [denied, ...ASKS]);
    await graph.invoke(start(), at(T));
    const changed = build([changing((args) => ({ ...args, order: "8" }))]);
    await answer(changed, backend, await only(backend, T), { decision: "approve_once" });
    expect(outside.log).toEqual([]);
    expect((await toolMessages(changed, T)).map(({ text }) => text)).toEqual(["Never 8."]);
  });

  it.each([
    ["bare arguments", (args: object) => args],
    ["a tool call", (args: object) => ({ type: "tool_call", id: "c1", name: "pay", args })],
  ])("a middleware that runs the tool itself, with %s, is asked about those (P7)", async (_, inputOf) => {
    interface Request {
      readonly tool: { invoke(input: unknown, config: unknown): Promise<unknown> };
      readonly toolCall: { readonly id: string };
      readonly runtime: object;
    }
    const self = wrapping("Self", async ({ tool: own, runtime, toolCall }: Request) => {
      const output = await own.invoke(inputOf({ order: "5" }), runtime);
      const { ToolMessage: Message } = await import("@langchain/core/messages");
      return Message.isInstance(output)
        ? output
        : new Message({ content: String(output), tool_call_id: toolCall.id, name: "pay" });
    });
    const { graph, backend, outside } = agent([self]);
    await graph.invoke(start(), at(T));
    expect(outside.log).toEqual([]);
    const question = await only(backend, T);
    expect(question.data["args"]).toEqual({ order: "5" });
    await answer(graph, backend, question, { decision: "approve_once" });
    expect(outside.log).toEqual(["pay 5"]);
    expect((await toolMessages(graph, T)).map(({ text }) => text)).toEqual(["pay done 1"]);
  });

  it("a retry around an approved call needs no second approval, and one around a rejected call gets none (P6)", async () => {
    type Handler = (request: unknown) => Promise<ToolMessage>;
    const retries = wrapping("Retry", async (request: unknown, handler: Handler) => {
      try {
        return await handler(request);
      } catch {
        return handler(request);
      }
    });
    const { backend, outside, build } = agent([]);
    const flaky = outside.tool("pay", () => {
      if (outside.log.push("tried") === 1) throw new Error("try again");
      return "paid";
    });
    const graph = graphWith(
      host,
      { backend, policy: definePolicy({ rules: ASKS }), tools: [flaky], turns: [[call("pay", "c1")]] },
      [retries],
    );
    await graph.invoke(start(), at(T));
    await answer(graph, backend, await only(backend, T), { decision: "approve_once" });
    expect(outside.log).toEqual(["tried", "tried"]);
    expect((await backend.list({ thread_id: T })).items).toHaveLength(1);
    expect((await toolMessages(graph, T)).map(({ text }) => text)).toEqual(["paid"]);

    const second = build([retries]);
    await second.invoke(start(), at("t2"));
    await answer(second, backend, await only(backend, "t2"), { decision: "reject" });
    expect(outside.log).toHaveLength(2);
    expect(await open(backend, "t2")).toEqual([]);
  });

  it("an edit is what runs, whatever a middleware makes of the model's arguments by then (P7)", async () => {
    const rules: readonly PolicyRule[] = [
      { id: "pay", for: "pay", verdict: "ask", allowed_decisions: ["approve_once", "edit"] },
    ];
    const { graph, backend, build, outside } = agent([], rules);
    await graph.invoke(start(), at(T));
    const changed = build([changing((args) => ({ ...args, order: "8" }))]);
    const edited = { decision: "edit", edited_args: { order: "9" } };
    await answer(changed, backend, await only(backend, T), edited);
    expect(outside.log).toEqual(["pay 9"]);
  });

  it("an answer that was given while the thread slept counts for what is shown when it wakes (P1, P7)", async () => {
    const { graph, backend, build, outside } = agent([]);
    await graph.invoke(start(), at(T));
    const { hitl_id } = await only(backend, T);
    await backend.respond(hitl_id, { decision: "approve_once" });
    const changed = build([changing((args) => ({ ...args, order: "8" }))]);
    await resumeThread(changed, { thread_id: T, backend });
    expect(outside.log).toEqual([]);
    await resumeThread(changed, { thread_id: T, backend });
    expect((await only(backend, T)).data["args"]).toEqual({ order: "8" });
    expect(outside.log).toEqual([]);
  });
});

describe("arguments as the tool's schema makes them", () => {
  it("are approved as they were written: what the tool fills in is the tool's own (P7)", async () => {
    const outside = new Outside();
    const backend = new InMemoryHITLBackend();
    const pay = tool(({ order, times }) => outside.log.push(`pay ${order} ${times}`), {
      name: "pay",
      description: "pays",
      schema: z.object({ order: z.string(), times: z.number().default(1) }),
    });
    const options = { backend, tools: [pay as never], turns: [[call("pay", "c1")]] };
    const graph = graphWith("HITLToolNode", { ...options, policy: definePolicy({ rules: ASKS }) }, []);
    await graph.invoke(start(), at(T));
    const question = await only(backend, T);
    expect(question.data["args"]).toEqual({ order: "7" });
    await answer(graph, backend, question, { decision: "approve_once" });
    expect(outside.log).toEqual(["pay 7 1"]);
  });
});
