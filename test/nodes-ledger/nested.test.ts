/** Graphs within tools that are behind the ledger, and tools behind the ledger within such graphs. */
import { AIMessage, type ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import {
  confirm,
  type HITLBackend,
  HITLSuspend,
  HITLToolNode,
  InMemoryHITLBackend,
  resumption,
} from "holdpoint";
import { EffectLedger } from "holdpoint/ledger";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { LedgerRules } from "../../src/nodes/ledger/ledger-rule.ts";
import { answer, at, call, graphOf, HOSTS, only, open, Outside, start, texts, THREAD } from "./kit.ts";

/** A graph within a tool, whose tools are in a `HITLToolNode`. */
function inner(backend: HITLBackend, outside: Outside, ledger: LedgerRules | undefined) {
  const pay = outside.tool("pay");
  const asks = outside.tool("asks", async () => {
    const { confirmed } = await confirm({ message: "inner?" });
    outside.log.push("asks 7");
    return `asked ${confirmed}`;
  });
  const node = new HITLToolNode([pay, asks], { backend, ...(ledger ? { ledger } : {}) });
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("tools", node)
    .addEdge(START, "tools")
    .addEdge("tools", END)
    .compile();
  const tool_calls = [call("pay", "i1"), call("asks", "i2")];
  return tool(
    async () => {
      outside.log.push("outer");
      const { messages } = await graph.invoke({
        messages: [new AIMessage({ content: "", tool_calls, id: "inner" })],
      });
      return messages
        .filter((message): message is ToolMessage => message.getType() === "tool")
        .map((message) => message.text)
        .join(", ");
    },
    { name: "agent", description: "agent", schema: z.looseObject({}) },
  );
}

describe.each(HOSTS)("in %s", (host) => {
  it.each<[string, LedgerRules | undefined, LedgerRules]>([
    ["the tool within", { for: "pay", requires_approval: true }, { for: "nothing" }],
    ["the tool around", undefined, { for: "agent", requires_approval: true }],
    ["both", { for: ["pay", "asks"], requires_approval: true }, { for: "agent", requires_approval: true }],
  ])("P6 P7 %s: every question is heard, and each effect happens once", async (_case, within, around) => {
    const outside = new Outside();
    const backend = new InMemoryHITLBackend();
    const graph = graphOf(host, {
      backend,
      tools: [inner(backend, outside, within) as never],
      ledger: around,
      turns: [[call("agent", "c1")]],
    });
    await graph.invoke(start(), at(THREAD));
    for (let turn = 0; turn < 10; turn += 1) {
      const [question] = await open(backend, THREAD);
      if (!question) break;
      const response = question.hitl_type === "confirm" ? { confirmed: true } : { decision: "approve_once" };
      await answer(graph, backend, question, response);
    }
    expect(await texts(graph)).toEqual(["pay done 1, asked true"]);
    expect(outside.log.filter((entry) => entry !== "outer").toSorted()).toEqual(["asks 7", "pay 7"]);
    const { items } = await new EffectLedger({ backend }).list({ workflow_id: THREAD });
    expect(new Set(items.map(({ status }) => status))).toEqual(new Set(["succeeded"]));
  });

  it("P6 a tool that is continued: its effect goes back at each stop, and ends once", async () => {
    const outside = new Outside();
    const backend = new InMemoryHITLBackend();
    const wizard = outside.tool("charge", () => {
      const found = resumption();
      const round = Number((found?.tool_state as { round?: number } | null | undefined)?.round ?? 0);
      if (round === 2) {
        outside.log.push("charge 7");
        return `after ${JSON.stringify(found?.response)}`;
      }
      throw new HITLSuspend({
        hitl_type: "confirm",
        resume_mode: "continuation",
        tool_state: { round: round + 1 },
        data: { message: `round ${round}?` },
      });
    });
    const graph = graphOf(host, {
      backend,
      tools: [wizard],
      ledger: { for: "charge" },
      turns: [[call("charge", "c1")]],
    });
    await graph.invoke(start(), at(THREAD));
    for (const round of [0, 1]) {
      const question = await only(backend, THREAD);
      expect(question.data["message"]).toBe(`round ${round}?`);
      await answer(graph, backend, question, { confirmed: true });
    }
    expect(outside.log).toEqual(["charge 7"]);
    expect(await texts(graph)).toEqual(['after {"confirmed":true}']);
  });

  it("P4 an answer in response mode is the output, and the effect has not run", async () => {
    const outside = new Outside();
    const backend = new InMemoryHITLBackend();
    const asking = outside.tool("charge", () => {
      throw new HITLSuspend({ hitl_type: "ask_user", data: { message: "which?" } });
    });
    const graph = graphOf(host, {
      backend,
      tools: [asking],
      ledger: { for: "charge" },
      turns: [[call("charge", "c1")]],
    });
    await graph.invoke(start(), at(THREAD));
    await answer(graph, backend, await only(backend, THREAD), { answer: "this" });
    expect(await texts(graph)).toEqual(['{"answer":"this"}']);
    expect((await new EffectLedger({ backend }).list({ workflow_id: THREAD })).items).toMatchObject([
      { status: "ready" },
    ]);
  });
});
