/** Resume values where a node asks by itself, where an answer is a list, and where interrupts are somebody else's. */
import { AIMessage, type ToolMessage } from "@langchain/core/messages";
import {
  Command,
  END,
  interrupt,
  MemorySaver,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import { approvalNode, askUser, confirm, HITLToolNode, InMemoryHITLBackend } from "../../src/index.ts";
import {
  input,
  interruptsIn,
  nodeGraph,
  outputs,
  pending,
  thread,
  toolOf,
  toolsGraph,
} from "../nodes/kit.ts";
import { ASK, idOf, openBy } from "./hosts-kit.ts";

const approve = { type: "approve" };

describe("nodes that ask by themselves", () => {
  it("approvalNode: approved in LangChain's words", async () => {
    const backend = new InMemoryHITLBackend();
    const review = approvalNode(
      MessagesAnnotation,
      { message: "Publish?", backend },
      { approved: { update: () => ({ messages: [new AIMessage("out")] }) }, rejected: END },
    );
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("review", review, { ends: review.ends })
      .addEdge(START, "review")
      .compile({ checkpointer: new MemorySaver() });
    await graph.invoke({ messages: [] }, thread("t"));
    const result = await graph.invoke(new Command({ resume: { decisions: [approve] } }), thread("t"));
    expect((result.messages.at(-1) as AIMessage).text).toBe("out");
  });

  it("a plain node, twice in a row; a bad answer is said at the question", async () => {
    const backend = new InMemoryHITLBackend();
    const got: unknown[] = [];
    const graph = nodeGraph(async () => {
      const first = await confirm({ message: "First?" });
      got.push(first.confirmed, (await askUser({ message: "Second?" })).answer);
      return {};
    });
    const config = { configurable: { thread_id: "t", holdpoint: { backend } } };
    const resume = (value: unknown) => graph.invoke(new Command({ resume: value as never }), config);
    await graph.invoke({ messages: [] }, config);
    expect(interruptsIn(await resume({ decisions: [{ type: "respond", message: "x" }] }))).toMatchObject([
      { value: { message: "First?", issues: [{ code: "not_allowed" }] } },
    ]);
    const second = await resume({ decisions: [approve] });
    expect(interruptsIn(second)).toMatchObject([{ value: { message: "Second?" } }]);
    expect(interruptsIn(second)[0]?.value).not.toHaveProperty("issues");
    await resume([{ type: "response", args: "Ann" }]);
    expect(got).toEqual([true, "Ann"]);
  });
});

describe("lists that are answers", () => {
  it("a choice of as many options as there are questions is the answer to its question alone", async () => {
    const backend = new InMemoryHITLBackend();
    const which = toolOf("which", async () =>
      JSON.stringify(await askUser({ message: "Which?", options: ["a", "b", "c"], multiple: true })),
    );
    const graph = toolsGraph(new HITLToolNode([which, ASK.go], { backend }));
    await graph.invoke(input({ name: "which", id: "w" }, { name: "go", id: "g" }), thread("t"));
    const open = await openBy(backend);
    const resume = { [idOf(open["Which?"])]: ["a", "c"] };
    await graph.invoke(new Command({ resume }), thread("t"));
    expect(await backend.get(open["Which?"]?.hitl_id ?? "")).toMatchObject({
      user_response: { answer: ["a", "c"] },
    });
    expect(await pending(backend, "t")).toHaveLength(1);
  });
});

describe("beside interrupts that are not ours", () => {
  it("an answer without an id may be theirs: ours takes none, and by id it does", async () => {
    const backend = new InMemoryHITLBackend();
    const got: unknown[] = [];
    const tools = new HITLToolNode([ASK.go], { backend });
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("tools", tools)
      .addNode("native", () => {
        got.push(interrupt({ actionRequests: [] }));
        return {};
      })
      .addEdge(START, "tools")
      .addEdge(START, "native")
      .compile({ checkpointer: new MemorySaver() });
    const resume = (value: unknown) => graph.invoke(new Command({ resume: value as never }), thread("t"));
    await graph.invoke(input({ name: "go", id: "g" }), thread("t"));
    const value = { decisions: [approve] };
    const result = await resume(value);
    expect(got).toEqual([value]);
    expect(await pending(backend, "t")).toHaveLength(1);
    expect(interruptsIn(result)).toMatchObject([{ value: { issues: [{ code: "ambiguous" }] } }]);
    const [ask] = await pending(backend, "t");
    const last = await resume({ [idOf(ask)]: { decisions: [approve] } });
    expect((last.messages.at(-1) as ToolMessage).content).toBe("true");
  });

  it("a native interrupt() in the same tool node does not take what was meant for ours", async () => {
    const backend = new InMemoryHITLBackend();
    const got: unknown[] = [];
    const native = toolOf("native", () => {
      got.push(interrupt("native?"));
      return "done";
    });
    const graph = toolsGraph(new HITLToolNode([ASK.go, native], { backend }));
    const resume = (value: unknown) => graph.invoke(new Command({ resume: value as never }), thread("t"));
    await graph.invoke(input({ name: "go", id: "g" }, { name: "native", id: "n" }), thread("t"));
    const [ask] = await pending(backend, "t");
    await resume({ __agui_resume_map__: { [idOf(ask)]: { status: "resolved", payload: true } } });
    expect(got).toEqual([]);
    expect(outputs(await resume("from outside"))).toEqual({ g: "true", n: "done" });
    expect(got).toEqual(["from outside"]);
  });
});
