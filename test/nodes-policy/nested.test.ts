/** Policies around policies: tools in tools, graphs in tools, a policy on a node and another on its tools, Send, the ledger. */
import { AIMessage, type ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { END, MemorySaver, MessagesAnnotation, Send, START, StateGraph } from "@langchain/langgraph";
import { HITLToolNode, holdpointTools, InMemoryHITLBackend, resumeThread } from "holdpoint";
import { definePolicy, PolicyGrants, type PolicyRule } from "holdpoint/policy";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  answer,
  type AnyGraph,
  at,
  call,
  graphOf,
  HOSTS,
  only,
  open,
  Outside,
  start,
  toolMessages,
} from "../nodes-ledger/kit.ts";
import { MortalSaver } from "./kit.ts";

const T = "t1";
const APPROVE = { decision: "approve_once" };
const policyOf = (...rules: readonly PolicyRule[]) => definePolicy({ rules });
const asks = (id: string, name = id): PolicyRule => ({ id, for: name, verdict: "ask" });
const anyArgs = z.looseObject({});

describe.each(HOSTS)("%s", (host) => {
  function world() {
    const outside = new Outside();
    const backend = new InMemoryHITLBackend();
    return { outside, backend, checkpointer: new MemorySaver(), turns: [[call("pay", "c1")]] };
  }

  it("two policies around one tool: each asks, one after the other, and the tool runs once (P7)", async () => {
    const { outside, backend, ...rest } = world();
    const tools = holdpointTools([outside.tool("pay")], { backend, policy: policyOf(asks("inner", "pay")) });
    const graph = graphOf(host, { backend, tools, policy: policyOf(asks("outer", "pay")), ...rest });
    await graph.invoke(start(), at(T));
    const seen: unknown[] = [];
    for (let turn = 0; turn < 2; turn += 1) {
      expect(outside.log).toEqual([]);
      const question = await only(backend, T);
      seen.push(question.subject?.rule_id);
      await answer(graph, backend, question, APPROVE);
    }
    expect(seen).toEqual(["outer", "inner"]);
    expect(outside.log).toEqual(["pay 7"]);
    expect(await toolMessages(graph, T)).toHaveLength(1);
  });

  it.each([
    ["the outer", "deny", "allow"],
    ["the inner", "allow", "deny"],
  ] as const)(
    "two policies around one tool: %s one denies, and it does not run (P8)",
    async (_, outer, inner) => {
      const { outside, backend, ...rest } = world();
      const rule = (verdict: "allow" | "deny"): PolicyRule => ({ for: "pay", verdict });
      const tools = holdpointTools([outside.tool("pay")], { backend, policy: policyOf(rule(inner)) });
      const graph = graphOf(host, { backend, tools, policy: policyOf(rule(outer)), ...rest });
      await graph.invoke(start(), at(T));
      expect(outside.log).toEqual([]);
      expect((await toolMessages(graph, T)).map(({ status }) => status)).toEqual(["error"]);
    },
  );

  it("what a human wrote for the outer policy is what the inner one asks about (P7)", async () => {
    const { outside, backend, ...rest } = world();
    const tools = holdpointTools([outside.tool("pay")], { backend, policy: policyOf(asks("inner", "pay")) });
    const policy = policyOf({ ...asks("outer", "pay"), allowed_decisions: ["edit"] });
    const graph = graphOf(host, { backend, tools, policy, ...rest });
    await graph.invoke(start(), at(T));
    await answer(graph, backend, await only(backend, T), { decision: "edit", edited_args: { order: "8" } });
    expect(outside.log).toEqual([]);
    const second = await only(backend, T);
    expect(second).toMatchObject({ subject: { rule_id: "inner" }, data: { args: { order: "8" } } });
    await answer(graph, backend, second, APPROVE);
    expect(outside.log).toEqual(["pay 8"]);
  });

  it.each([
    ["under the same policy", true],
    ["under no policy itself", false],
  ])(
    "a tool that runs another one, twice, %s: each is a call of its own, asked about by itself (P7)",
    async (_, both) => {
      const { outside, backend, ...rest } = world();
      const policy = policyOf(asks("del"), { for: "*", verdict: "allow" });
      const [del] = holdpointTools([outside.tool("del")], { backend, policy });
      const seen: string[] = [];
      const pay = tool(
        async () => {
          for (const order of ["1", "2"]) seen.push(String(await del?.invoke({ order })));
          return seen.splice(0).join();
        },
        { name: "pay", description: "pays", schema: anyArgs },
      );
      const outer = both ? { policy } : {};
      const graph = graphOf(host, { backend, tools: [pay as never], ...outer, ...rest });
      await graph.invoke(start(), at(T));
      const asked: unknown[] = [];
      for (let turn = 0; turn < 2; turn += 1) {
        seen.splice(0);
        const question = await only(backend, T);
        asked.push([question.data["tool"], question.data["args"]]);
        await answer(graph, backend, question, turn === 0 ? APPROVE : { decision: "reject", message: "No." });
      }
      expect(asked).toEqual([
        ["del", { order: "1" }],
        ["del", { order: "2" }],
      ]);
      expect(new Set(outside.log)).toEqual(new Set(["del 1"]));
      const [message] = await toolMessages(graph, T);
      expect(message?.text).toMatch(/del done \d+,A human did not allow this call to del/);
    },
  );

  it("a graph in a tool has its own policy: its questions are answered where they are asked (P10)", async () => {
    const { outside, backend, ...rest } = world();
    const node = new HITLToolNode([outside.tool("del"), outside.tool("read")], {
      backend,
      policy: policyOf(asks("del"), { for: "read", verdict: "deny", message: "Not read." }),
    });
    const inner = new StateGraph(MessagesAnnotation)
      .addNode("tools", node)
      .addEdge(START, "tools")
      .addEdge("tools", END)
      .compile();
    const pay = tool(
      async () => {
        const tool_calls = [call("del", "i1"), call("read", "i2")];
        const { messages } = await inner.invoke({
          messages: [new AIMessage({ content: "", tool_calls, id: "i" })],
        });
        const results = messages.filter((message): message is ToolMessage => message.getType() === "tool");
        return results.map(({ text }) => text).join(", ");
      },
      { name: "pay", description: "pays", schema: anyArgs },
    );
    const graph = graphOf(host, { backend, tools: [pay as never], policy: policyOf(asks("pay")), ...rest });
    await graph.invoke(start(), at(T));
    expect((await only(backend, T)).subject?.rule_id).toBe("pay");
    await answer(graph, backend, await only(backend, T), APPROVE);
    expect(outside.log).toEqual([]);
    expect((await only(backend, T)).subject?.rule_id).toBe("del");
    await answer(graph, backend, await only(backend, T), APPROVE);
    expect(outside.log).toEqual(["del 7"]);
    expect((await toolMessages(graph, T)).map(({ text }) => text)).toEqual(["del done 1, Not read."]);
  });

  it("with the ledger: a process that dies after the effect of an approved call has had it once (P6)", async () => {
    const outside = new Outside();
    const backend = new InMemoryHITLBackend();
    const checkpointer = new MortalSaver();
    const rule: PolicyRule = {
      id: "pay",
      for: "pay",
      verdict: "ask",
      allowed_decisions: ["approve_once", "approve_always"],
    };
    const graph = graphOf(host, {
      backend,
      checkpointer,
      tools: [outside.tool("pay")],
      policy: policyOf(rule),
      ledger: { for: "pay" },
      turns: [[call("pay", "c1")], [call("pay", "c2")]],
    });
    await graph.invoke(start(), at(T));
    checkpointer.arm();
    await expect(
      answer(graph, backend, await only(backend, T), { decision: "approve_always" }),
    ).rejects.toThrow();
    checkpointer.revive();
    expect(outside.log).toEqual(["pay 7"]);
    // The second call runs by the grant, and its process dies, too.
    await resumeThread(graph, { thread_id: T, backend });
    expect(outside.log).toEqual(["pay 7", "pay 7"]);
    expect((await backend.list({ thread_id: T })).items).toHaveLength(1);
    expect((await toolMessages(graph, T)).map(({ tool_call_id }) => tool_call_id)).toEqual(["c1", "c2"]);
  });

  it("with the ledger: a call that ran by a grant is executed again after its process died, by the same use (P6, P8)", async () => {
    const outside = new Outside();
    const backend = new InMemoryHITLBackend();
    const checkpointer = new MortalSaver();
    const policy = policyOf({
      id: "pay",
      for: "pay",
      verdict: "ask",
      allowed_decisions: ["approve_once", "approve_always"],
    });
    const grants = new PolicyGrants({ backend });
    const [rule] = policy.rules;
    const grant = await grants.create({
      scope: "session",
      scope_id: T,
      tool: "pay",
      rule_id: "pay",
      rule_version: rule?.version ?? "",
      uses: 1,
    });
    const graph = graphOf(host, {
      backend,
      checkpointer,
      policy,
      tools: [outside.tool("pay")],
      ledger: { for: "pay" },
      turns: [[call("pay", "c1")], [call("pay", "c2")]],
    });
    checkpointer.arm();
    await expect(graph.invoke(start(), at(T))).rejects.toThrow("the process died");
    checkpointer.revive();
    expect(outside.log).toEqual(["pay 7"]);
    await graph.invoke(null, at(T));
    // c1 has its outcome by the ledger; the grant has no use left for c2.
    expect(outside.log).toEqual(["pay 7"]);
    expect(await only(backend, T)).toMatchObject({ tool_call_id: "c2" });
    expect(await grants.get(grant.grant_id)).toMatchObject({ status: "used_up", used: 1 });
  });
});

describe.each(HOSTS)("%s", (host) => {
  it("a call that ran by a grant is asked about if the grant was revoked before it is executed again (P8)", async () => {
    const outside = new Outside();
    const backend = new InMemoryHITLBackend();
    const checkpointer = new MortalSaver();
    const policy = policyOf(asks("pay"));
    const grants = new PolicyGrants({ backend });
    const rule_version = policy.rules[0]?.version ?? "";
    const given = { scope: "session", scope_id: T, tool: "pay", rule_id: "pay", rule_version } as const;
    const { grant_id } = await grants.create(given);
    const options = {
      backend,
      checkpointer,
      policy,
      tools: [outside.tool("pay")],
      turns: [[call("pay", "c1")]],
    };
    const graph = graphOf(host, options);
    checkpointer.arm();
    await expect(graph.invoke(start(), at(T))).rejects.toThrow("the process died");
    checkpointer.revive();
    await grants.revoke(grant_id);
    await graph.invoke(null, at(T));
    // What the dead process did is in no record: without the ledger the human decides.
    expect(outside.log).toEqual(["pay 7"]);
    expect(await only(backend, T)).toMatchObject({ tool_call_id: "c1" });
  });
});

describe("Send fan-out", () => {
  it("each call has its own question, and runs, or does not, by its own answer (P10)", async () => {
    const outside = new Outside();
    const backend = new InMemoryHITLBackend();
    const calls = [call("pay", "c1", { order: "1" }), call("pay", "c2", { order: "2" }), call("read", "c3")];
    const policy = policyOf(asks("pay"), { for: "read", verdict: "deny", message: "Not read." });
    const node = new HITLToolNode([outside.tool("pay"), outside.tool("read")], { backend, policy });
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("plan", () => ({ messages: [new AIMessage({ content: "", tool_calls: calls, id: "m" })] }))
      .addNode("tools", node)
      .addEdge(START, "plan")
      .addConditionalEdges(
        "plan",
        (state) => calls.map((one) => new Send("tools", { ...state, lg_tool_call: one })),
        ["tools"],
      )
      .addEdge("tools", END)
      .compile({ checkpointer: new MemorySaver() }) as unknown as AnyGraph;
    await graph.invoke(start(), at(T));
    const questions = await open(backend, T);
    expect(questions.map(({ tool_call_id }) => tool_call_id).toSorted()).toEqual(["c1", "c2"]);
    const of = (id: string) =>
      questions.find(({ tool_call_id }) => tool_call_id === id) as (typeof questions)[number];
    await answer(graph, backend, of("c2"), APPROVE);
    expect(outside.log).toEqual(["pay 2"]);
    await answer(graph, backend, of("c1"), { decision: "reject" });
    expect(outside.log).toEqual(["pay 2"]);
    const messages = await toolMessages(graph, T);
    expect(messages.map(({ tool_call_id }) => tool_call_id).toSorted()).toEqual(["c1", "c2", "c3"]);
    expect(messages.find(({ tool_call_id }) => tool_call_id === "c3")?.text).toBe("Not read.");
  });
});

describe("handleToolErrors: false", () => {
  const node = (
    policy: ReturnType<typeof policyOf>,
    backend: InMemoryHITLBackend,
    outside: Outside,
    fails = false,
  ) => {
    const pay = fails
      ? outside.tool("pay", () => {
          throw new Error("no money");
        })
      : outside.tool("pay");
    const tools = new HITLToolNode([pay], { backend, policy, handleToolErrors: false });
    const turn = new AIMessage({ content: "", tool_calls: [call("pay", "c1")], id: "m" });
    return new StateGraph(MessagesAnnotation)
      .addNode("plan", () => ({ messages: [turn] }))
      .addNode("tools", tools)
      .addEdge(START, "plan")
      .addEdge("plan", "tools")
      .addEdge("tools", END)
      .compile({ checkpointer: new MemorySaver() }) as unknown as AnyGraph;
  };

  it("a call that is denied, or rejected, has its message all the same: that is no error of the tool", async () => {
    const [outside, backend] = [new Outside(), new InMemoryHITLBackend()];
    const denying = node(policyOf({ for: "pay", verdict: "deny", message: "No." }), backend, outside);
    await denying.invoke(start(), at("denied"));
    expect((await toolMessages(denying, "denied")).map(({ text }) => text)).toEqual(["No."]);
    const asking = node(policyOf(asks("pay")), backend, outside);
    await asking.invoke(start(), at(T));
    await answer(asking, backend, await only(backend, T), { decision: "reject" });
    expect((await toolMessages(asking, T)).map(({ status }) => status)).toEqual(["error"]);
    expect(outside.log).toEqual([]);
  });

  it("a failure of an edited call says what it ran with", async () => {
    const [outside, backend] = [new Outside(), new InMemoryHITLBackend()];
    const graph = node(policyOf({ ...asks("pay"), allowed_decisions: ["edit"] }), backend, outside, true);
    await graph.invoke(start(), at(T));
    const edited = { decision: "edit", edited_args: { order: "8" } };
    await expect(answer(graph, backend, await only(backend, T), edited)).rejects.toThrow(
      /^no money[^]*It ran with: \{"order":"8"\}/,
    );
  });
});
