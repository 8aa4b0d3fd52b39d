/** Which calls a rule means, under which key, and what is refused before anything is written. */
import { Command, MemorySaver } from "@langchain/langgraph";
import { ToolMessage } from "@langchain/core/messages";
import { type DynamicStructuredTool, tool } from "@langchain/core/tools";
import type { ToolCall } from "@langchain/core/messages/tool";
import fc from "fast-check";
import {
  type HITLBackend,
  hitlMiddleware,
  HITLToolNode,
  holdpointTools,
  InMemoryHITLBackend,
  isHoldpointError,
  step,
} from "holdpoint";
import { EffectLedger } from "holdpoint/ledger";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { matchesGlob } from "../../src/nodes/ledger/glob.ts";
import type { LedgerRule, LedgerRules } from "../../src/nodes/ledger/ledger-rule.ts";
import {
  answer,
  at,
  call,
  graphOf,
  HOSTS,
  only,
  open,
  Outside,
  start,
  texts,
  THREAD,
  toolMessages,
} from "./kit.ts";

describe("names", () => {
  const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);

  it("* stands for any characters, also none, and everything else for itself", () => {
    const part = fc.string({ unit: fc.constantFrom("a", "b", ".", "*", "(", "\n"), maxLength: 6 });
    fc.assert(
      fc.property(part, part, (pattern, name) => {
        const like = new RegExp(`^${pattern.split("*").map(escaped).join("[^]*")}$`);
        expect(matchesGlob(pattern, name)).toBe(like.test(name));
      }),
      { numRuns: 2000 },
    );
  });

  it("a name that a model has made up takes no longer for it", () => {
    const began = performance.now();
    expect(matchesGlob(`${"a*".repeat(200)}b`, "a".repeat(200_000))).toBe(false);
    expect(performance.now() - began).toBeLessThan(1000);
  });
});

describe.each([
  ["HITLToolNode", (ledger: LedgerRules) => new HITLToolNode([], { ledger })],
  ["holdpointTools", (ledger: LedgerRules) => holdpointTools([], { ledger })],
  ["hitlMiddleware", (ledger: LedgerRules) => hitlMiddleware({ ledger })],
] as const)("%s", (_, make) => {
  it.each<[string, unknown]>([
    ["no rules", []],
    ["no rule", null],
    ["a name", "charge"],
    ["no selection", {}],
    ["an empty name", { for: "" }],
    ["no names", { for: [] }],
    ["a number", { for: [7] }],
    ["a key that there is not", { for: "a", key: "thread" }],
    ["a key of no names", { for: "a", key: [] }],
    ["a key that names one twice", { for: "a", key: ["to", "to"] }],
    ["a ledger that is none", { for: "a", ledger: {} }],
    ["P8 a misspelt approval", { for: "a", require_approval: true }],
    ["a doubt that cannot be", { for: "a", inDoubt: "never" }],
    ["a lease that cannot be", { for: "a", leaseMs: -1 }],
    ["a second rule that is wrong", [{ for: "a" }, { for: "b", retry: { attempts: 0 } }]],
  ])("refuses %s when it is made", (_case, ledger) => {
    let thrown: unknown;
    try {
      make(ledger as LedgerRules);
    } catch (error) {
      thrown = error;
    }
    expect(isHoldpointError(thrown, "ERR_HITL_INVALID_INPUT")).toBe(true);
  });
});

describe.each(HOSTS)("calls of %s", (host) => {
  function world(
    ledger: LedgerRules,
    turns = [[call("charge", "c1")]],
    backend: HITLBackend = new InMemoryHITLBackend(),
  ) {
    const outside = new Outside();
    const tools = [outside.tool("charge"), outside.tool("mail_send")];
    const graph = graphOf(host, { backend, tools, ledger, turns, checkpointer: new MemorySaver() });
    return { graph, outside, backend, own: new EffectLedger({ backend }) };
  }

  it("the first rule that means a call counts", async () => {
    const rules: LedgerRule[] = [
      { for: ({ args }) => args["order"] === "8", requires_approval: true },
      { for: ["mail_*", "charge"] },
    ];
    const turns = [[call("charge", "c1"), call("charge", "c2", { order: "8" }), call("mail_send", "c3")]];
    const { graph, outside, backend, own } = world(rules, turns);
    await graph.invoke(start(), at(THREAD));
    expect(outside.log.toSorted()).toEqual(["charge 7", "mail_send 7"]);
    expect((await only(backend, THREAD)).tool_call_id).toBe("c2");
    expect((await own.list({ workflow_id: THREAD })).items).toHaveLength(3);
  });

  it("P6 a resource decides alone: calls with other arguments are one effect", async () => {
    const key: LedgerRule["key"] = ({ args }) => ({
      namespace: "shop",
      type: "order",
      id: { order: args["order"] },
    });
    const turns = [
      [call("charge", "c1", { order: "7", note: "a" })],
      [call("charge", "c2", { order: "7", note: "b" })],
    ];
    const { graph, outside, own } = world({ for: "charge", key }, turns);
    await graph.invoke(start(), at(THREAD));
    expect(outside.log).toEqual(["charge 7"]);
    expect((await own.list({ workflow_id: THREAD })).items).toMatchObject([
      { dedup_count: 1, resource_id_canonical: 'shop/order/{"order":"7"}' },
    ]);
    const messages = await toolMessages(graph, THREAD);
    expect(messages.map(({ tool_call_id }) => tool_call_id)).toEqual(["c1", "c2"]);
    expect(new Set(messages.map(({ id }) => id)).size).toBe(2);
  });

  it("P7 two calls on one resource with other arguments: what runs is what was approved, once", async () => {
    const key: LedgerRule["key"] = () => ({ namespace: "shop", type: "order", id: { order: "all" } });
    const turns = [[call("charge", "c1", { order: "7" }), call("charge", "c2", { order: "9" })]];
    const { graph, outside, backend } = world({ for: "charge", key, requires_approval: true }, turns);
    await graph.invoke(start(), at(THREAD));
    const approved: unknown[] = [];
    for (;;) {
      const [question] = await open(backend, THREAD);
      if (!question) break;
      approved.push((question.data["args"] as { order: string }).order);
      await answer(graph, backend, question, { decision: "approve_once" });
    }
    expect(outside.log).toHaveLength(1);
    expect(approved.map((order) => `charge ${String(order)}`)).toContain(outside.log[0]);
    expect(await texts(graph)).toEqual(["charge done 1", "charge done 1"]);
  });

  it.each<[string, LedgerRule, Record<string, unknown>]>([
    ["an integer that doubles cannot hold", { for: "charge" }, { order: 2 ** 60 }],
    ["a lone surrogate", { for: "charge" }, { order: "\ud800" }],
    ["an argument of the key that is not there", { for: "charge", key: ["invoice"] }, { order: "7" }],
    [
      "a key that throws",
      { for: "charge", key: ({ args }) => (args["x"] as { y: never }).y },
      { order: "7" },
    ],
    ["P8 a selection that throws", { for: ({ args }) => (args["x"] as { y: boolean }).y }, { order: "7" }],
    [
      "P8 a selection that gives no boolean",
      { for: (() => Promise.resolve(false)) as never },
      { order: "7" },
    ],
    [
      "an argument of more than can be shown",
      { for: "charge", requires_approval: true },
      { order: "7".repeat(300_000) },
    ],
  ])("a call with %s does not run, and ends nothing for good", async (_case, rule, args) => {
    const { graph, outside, backend, own } = world(rule, [[call("charge", "c1", args)]]);
    const ended = await graph.invoke(start(), at(THREAD)).then(
      () => "",
      (error: Error) => error.message,
    );
    expect(outside.log).toEqual([]);
    // Where the host makes results of errors, the model reads it; in an agent it ends the run, as any error of a tool.
    const [message] = await toolMessages(graph, THREAD);
    if (ended === "") expect(message).toMatchObject({ status: "error" });
    else expect(ended).not.toBe("");
    expect((await own.list({ workflow_id: THREAD })).items).toEqual([]);
    expect(await open(backend, THREAD)).toEqual([]);
  });

  it("refuses a ledger over another backend before the tool runs", async () => {
    const other = new EffectLedger({ backend: new InMemoryHITLBackend() });
    const { graph, outside } = world({ for: "charge", ledger: other });
    // The stock node of wrapped tools hands every error to the model.
    const ended = await graph.invoke(start(), at(THREAD)).then(
      ({ messages }) => messages.map(({ text }) => text).join(),
      (error: Error) => error.message,
    );
    expect(ended).toContain("The ledger of the rule is over another backend");
    expect(outside.log).toEqual([]);
  });

  it("P7 the hooks of a ledger of its own decide about approvals", async () => {
    const backend = new InMemoryHITLBackend();
    const own = new EffectLedger({
      backend,
      hooks: { requiresApproval: ({ args }) => args["order"] === "8" },
    });
    const turns = [[call("charge", "c1"), call("charge", "c2", { order: "8" })]];
    const { graph, outside } = world({ for: "charge", ledger: own }, turns, backend);
    await graph.invoke(start(), at(THREAD));
    expect(outside.log).toEqual(["charge 7"]);
    await answer(graph, backend, await only(backend, THREAD), { decision: "approve_once" });
    expect(outside.log).toEqual(["charge 7", "charge 8"]);
  });

  it("P8 without a thread it does not run", async () => {
    const outside = new Outside();
    const graph = graphOf(host, {
      backend: new InMemoryHITLBackend(),
      tools: [outside.tool("charge")],
      ledger: { for: "charge" },
      turns: [[call("charge", "c1")]],
      checkpointer: null,
    });
    // The stock node of wrapped tools hands the error to the model.
    const ended = await graph.invoke(start(), {}).then(
      ({ messages }) => messages.map(({ text }) => text).join(),
      (error: Error) => error.message,
    );
    expect(ended).toContain("charge is behind the ledger, which needs configurable.thread_id");
    expect(outside.log).toEqual([]);
  });
});

it("P8 outside a graph a wrapped tool waits for its approval, and leaves the question open", async () => {
  const outside = new Outside();
  const backend = new InMemoryHITLBackend();
  const [charge] = holdpointTools([outside.tool("charge")], {
    backend,
    ledger: { for: "charge", requires_approval: true, concurrency: { approvalTimeoutMs: 20 } },
  });
  const config = { configurable: { thread_id: THREAD } };
  const made = { ...call("charge", "c1"), type: "tool_call" as const };
  await expect(charge?.invoke(made, config)).rejects.toMatchObject({ code: "ERR_HITL_TIMEOUT" });
  expect(outside.log).toEqual([]);
  const ledger = new EffectLedger({ backend });
  const [effect] = (await ledger.list({ workflow_id: THREAD })).items;
  expect(await backend.get(effect?.approval?.hitl_id as string)).toMatchObject({ status: "pending" });
  await ledger.approve(effect?.id as string);
  const message = await charge?.invoke(made, config);
  expect(ToolMessage.isInstance(message) && message.text).toBe("charge done 1");
  expect(await charge?.invoke(made, config)).toMatchObject({
    response_metadata: { holdpoint: { replayed: true } },
  });
  await expect(charge?.invoke(made)).rejects.toMatchObject({ code: "ERR_HITL_NO_THREAD" });
  await expect(charge?.invoke({ order: "7" }, config)).rejects.toMatchObject({
    code: "ERR_HITL_NO_CALL_IDENTITY",
  });
  expect(outside.log).toEqual(["charge 7"]);
});

it("P6 a command replays as the command that it was, its message addressed to the call", async () => {
  const outside = new Outside();
  const backend = new InMemoryHITLBackend();
  const commanding = outside.tool("charge", () => {
    outside.log.push("charge 7");
    const message = new ToolMessage({ content: "routed", tool_call_id: "c1", name: "charge", id: "m1" });
    return new Command({ update: { messages: [message] } });
  });
  const graph = graphOf("HITLToolNode", {
    backend,
    tools: [commanding],
    ledger: { for: "charge", key: "args" },
    turns: [[call("charge", "c1")], [call("charge", "c2")]],
  });
  await graph.invoke(start(), at(THREAD));
  expect(outside.log).toEqual(["charge 7"]);
  const messages = await toolMessages(graph, THREAD);
  expect(messages.map(({ tool_call_id, text }) => `${tool_call_id} ${text}`)).toEqual([
    "c1 routed",
    "c2 routed",
  ]);
  expect(messages[1]?.response_metadata["holdpoint"]).toMatchObject({ replayed: true });
  expect(messages[0]?.id).toBe("m1");
  expect(messages[1]?.id).not.toBe("m1");
});

describe.each(HOSTS)("arguments that the tool refuses, %s", (host) => {
  it("P6 do not bar the call that is right, under a key that they share", async () => {
    const outside = new Outside();
    const backend = new InMemoryHITLBackend();
    const run = ({ order, amount }: { order: string; amount: number }): string => {
      outside.log.push(`charge ${order} ${amount}`);
      return "charged";
    };
    const schema = z.object({ order: z.string(), amount: z.number() });
    const charge = tool(run, {
      name: "charge",
      description: "charge",
      schema,
    }) as unknown as DynamicStructuredTool;
    const wrong = call("charge", "c1", { order: "7", amount: "lots" });
    const turns = [[wrong], [call("charge", "c2", { order: "7", amount: 5 })]];
    const graph = graphOf(host, {
      backend,
      tools: [charge],
      ledger: { for: "charge", key: ["order"] },
      turns,
    });
    await graph.invoke(start(), at(THREAD));
    expect(outside.log).toEqual(["charge 7 5"]);
    const [first, second] = await toolMessages(graph, THREAD);
    expect(first?.text).toContain("did not match expected schema");
    expect(second?.text).toBe("charged");
  });

  it("P6 another tool's refusal, in the middle of this one, is a failure of this one", async () => {
    const outside = new Outside();
    const backend = new InMemoryHITLBackend();
    const strict = tool(() => "never", {
      name: "strict",
      description: "strict",
      schema: z.object({ amount: z.number() }),
    });
    const loose = outside.tool("charge", async (args) => {
      outside.log.push("charge");
      return strict.invoke(args as never);
    });
    const made = (id: string): ToolCall => call("charge", id, { order: "7", amount: "lots" });
    const turns = [[made("c1")], [made("c2")]];
    const graph = graphOf(host, {
      backend,
      tools: [loose],
      ledger: { for: "charge", key: ["order"] },
      turns,
    });
    // In an agent the error of a tool may end the run.
    for (let run = 0; run < 2; run += 1)
      await graph.invoke(run === 0 ? start() : null, at(THREAD)).catch(() => {});
    expect(outside.log).toEqual(["charge"]);
  });
});

it("P6 wrapped twice, by the node and by the tools, a call is one effect", async () => {
  const outside = new Outside();
  const backend = new InMemoryHITLBackend();
  const ledger = { for: "charge" };
  const tools = holdpointTools([outside.tool("charge")], { backend, ledger });
  const graph = graphOf("HITLToolNode", { backend, tools, ledger, turns: [[call("charge", "c1")]] });
  await graph.invoke(start(), at(THREAD));
  expect(outside.log).toEqual(["charge 7"]);
  expect((await new EffectLedger({ backend }).list({ workflow_id: THREAD })).items).toHaveLength(1);
});

it("P6 a result that cannot be kept: the call has run, and says so each time", async () => {
  const outside = new Outside();
  const backend = new InMemoryHITLBackend();
  const large = outside.tool("charge", () => {
    outside.log.push("charge 7");
    return "x".repeat(300_000);
  });
  const graph = graphOf("HITLToolNode", {
    backend,
    tools: [large],
    ledger: { for: "charge", key: "args", retry_failed: true },
    turns: [[call("charge", "c1")], [call("charge", "c2")]],
  });
  await graph.invoke(start(), at(THREAD));
  expect(outside.log).toEqual(["charge 7"]);
  const [first, second] = await texts(graph);
  expect(first).toContain("The call has run, and does not run again");
  expect(second).toBe(first);
});

it("P6 a failure is tried again as often as the rule allows, with its finished steps kept", async () => {
  const outside = new Outside();
  const backend = new InMemoryHITLBackend();
  const flaky = outside.tool("charge", async () => {
    await step("reserve", () => void outside.log.push("reserve"));
    outside.log.push("charge");
    if (outside.of("charge") < 3) throw new Error("busy");
    return "charged";
  });
  const graph = graphOf("HITLToolNode", {
    backend,
    tools: [flaky],
    ledger: { for: "charge", retry: { attempts: 3, initialDelayMs: 1 } },
    turns: [[call("charge", "c1")]],
  });
  await graph.invoke(start(), at(THREAD));
  expect(outside.log).toEqual(["reserve", "charge", "charge", "charge"]);
  expect(await texts(graph)).toEqual(["charged"]);
});
