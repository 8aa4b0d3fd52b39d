/** askUserTool and confirmTool: what a model calls, what a human sees, what the model reads. */
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { describe, expect, it } from "vitest";
import { HITLToolNode, holdpointTools, InMemoryHITLBackend, resumeThread } from "../../src/index.ts";
import { askUserTool, confirmTool } from "../../src/suspend/ready-tools.ts";
import { answer, input, openAsk, outputs, pending, thread, toolsGraph } from "../nodes/kit.ts";
import { agentOf, go } from "./kit.ts";

const tools = [askUserTool, confirmTool];
const ask = {
  name: "ask_user",
  args: { question: "Which city?", options: ["Rome", "Bern", "Rome"], context: "For the weather." },
  id: "a",
};
const sure = { name: "confirm", args: { action: "Delete the file?", details: "It is old." }, id: "c" };

const HOSTS = {
  HITLToolNode: (backend: InMemoryHITLBackend) => ({
    graph: toolsGraph(new HITLToolNode(tools, { backend })),
    given: input(ask, sure),
  }),
  holdpointTools: (backend: InMemoryHITLBackend) => ({
    graph: toolsGraph(new ToolNode(holdpointTools(tools, { backend }))),
    given: input(ask, sure),
  }),
  "createAgent v1": (backend: InMemoryHITLBackend) => ({
    graph: agentOf({ version: "v1", backend, tools, turns: [[ask, sure]] }).agent.graph,
    given: go,
  }),
  "createAgent v2": (backend: InMemoryHITLBackend) => ({
    graph: agentOf({ version: "v2", backend, tools, turns: [[ask, sure]] }).agent.graph,
    given: go,
  }),
};

// biome-ignore lint/suspicious/noExplicitAny: graphs of several shapes.
const open = async (name: keyof typeof HOSTS, backend: InMemoryHITLBackend): Promise<any> => {
  const { graph, given } = HOSTS[name](backend) as {
    graph: { invoke(input: unknown, config: unknown): Promise<unknown> };
    given: unknown;
  };
  await graph.invoke(given, thread("t"));
  return graph;
};

describe.each(Object.keys(HOSTS) as (keyof typeof HOSTS)[])("in %s", (name) => {
  it("records what the human has to see, and the model reads the answers as text", async () => {
    const backend = new InMemoryHITLBackend();
    const graph = await open(name, backend);
    const asked = await openAsk(backend, "t", "Which city?");
    expect(asked).toMatchObject({
      hitl_type: "ask_user",
      tool_name: "ask_user",
      data: { message: "Which city?", options: ["Rome", "Bern"], allow_free_text: true },
      metadata: { context: "For the weather." },
    });
    expect(await openAsk(backend, "t", "Delete the file?")).toMatchObject({
      hitl_type: "confirm",
      data: { message: "Delete the file?", details: "It is old.", risk_level: "medium" },
    });
    await answer(graph, backend, "t", "Which city?", { answer: "Basel" });
    await answer(graph, backend, "t", "Delete the file?", { confirmed: false, comment: "I need it." });
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({
      a: "Basel",
      c: "The user declined: do not do it, and do not try it another way. The user said: I need it.",
    });
  });

  it("P8 cancelled: the model reads that nothing was approved, and the run goes on", async () => {
    const backend = new InMemoryHITLBackend();
    const graph = await open(name, backend);
    for (const { hitl_id } of await pending(backend, "t")) await backend.cancel(hitl_id);
    await resumeThread(graph, { thread_id: "t", backend });
    const said = "The question was cancelled. Nothing was approved; do not act as if it were.";
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ a: said, c: said });
  });
});

describe("the answer", () => {
  const cases = [
    [sure, { confirmed: true }, "The user confirmed: go ahead."],
    [
      sure,
      { confirmed: true, comment: "but quick" },
      "The user confirmed: go ahead. The user said: but quick",
    ],
    [ask, { answer: " " }, "The user answered with an empty text."],
    [{ ...ask, args: { question: "Name?" } }, { answer: "ann" }, "ann"],
  ] as const;
  it.each(cases)("to %j, %j, is read as %j", async (call, response, text) => {
    const backend = new InMemoryHITLBackend();
    const graph = toolsGraph(new HITLToolNode(tools, { backend }));
    await graph.invoke(input(call), thread("t"));
    await answer(graph, backend, "t", undefined, response);
    expect(Object.values(outputs((await graph.getState(thread("t"))).values))).toEqual([text]);
  });
});

describe("what a model calls", () => {
  it.each([
    ["ask_user", {}],
    ["ask_user", { question: "" }],
    ["ask_user", { question: "x".repeat(8001) }],
    ["ask_user", { question: "?", options: Array.from({ length: 51 }, (_, n) => `${n}`) }],
    ["ask_user", { question: "?", options: [""] }],
    ["confirm", { details: "no action" }],
    ["confirm", { action: "x", risk_level: "extreme" }],
  ])("%s: wrong arguments are told to the model, and nobody is asked", async (name, args) => {
    const backend = new InMemoryHITLBackend();
    const graph = toolsGraph(new HITLToolNode(tools, { backend }));
    const result = await graph.invoke(input({ name, args, id: "x" }), thread("t"));
    expect(String(outputs(result)["x"])).toContain("did not match expected schema");
    expect((await backend.list({})).items).toEqual([]);
  });

  it("in a bare stock ToolNode they ask too: they hand on their runtime", async () => {
    const backend = new InMemoryHITLBackend();
    const graph = toolsGraph(new ToolNode(tools));
    const config = { configurable: { thread_id: "t", holdpoint: { backend } } };
    await graph.invoke(input(ask), config);
    await answer(graph, backend, "t", "Which city?", { answer: "Bern" });
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ a: "Bern" });
  });
});
