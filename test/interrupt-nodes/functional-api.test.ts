/** The nodes called like functions, in entrypoints and tasks. */
import { Annotation, entrypoint, MemorySaver, START, StateGraph, task } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import { configureHoldpoint, confirm, InMemoryHITLBackend } from "../../src/index.ts";
import { confirmNode } from "../../src/nodes/interrupt-nodes/confirm-node.ts";
import { answer, Counter, thread } from "../nodes/kit.ts";

const State = Annotation.Root({
  item: Annotation<string>,
  items: Annotation<string[]>,
  count: Annotation<number>,
  done: Annotation<string[]>({ reducer: (all, more) => [...all, ...more], default: () => [] }),
});

describe("the functional API", () => {
  const backend = new InMemoryHITLBackend();

  it("confirm in an entrypoint and in a task; what ran before does not run again", async () => {
    const restore = configureHoldpoint({ backend });
    try {
      const counter = new Counter();
      const write = task("write", async (topic: string) => (counter.hit("write"), `on ${topic}`));
      const ask = task(
        "ask",
        async (text: string) => (await confirm({ message: `Send "${text}"?` })).confirmed,
      );
      const publish = entrypoint(
        { name: "publish", checkpointer: new MemorySaver() },
        async (topic: string) => {
          const text = await write(topic);
          const sent = await ask(text);
          const { confirmed } = await confirm({ message: "Archive?" });
          counter.hit("end");
          return { text, sent, archived: confirmed };
        },
      );
      await publish.invoke("tea", thread("f"));
      await answer(publish, backend, "f", 'Send "on tea"?', { confirmed: true });
      const { resume } = await answer(publish, backend, "f", "Archive?", { confirmed: false });
      expect(resume).toMatchObject({
        status: "resumed",
        result: { text: "on tea", sent: true, archived: false },
      });
      expect(counter.all()).toEqual({ write: 1, end: 1 });
    } finally {
      restore();
    }
  });

  it("nodes are called there like functions, several of them, side by side too", async () => {
    const counter = new Counter();
    const keep = (name: string) =>
      confirmNode(
        State,
        { message: ({ item }) => `${name} ${item}?`, backend },
        {
          confirmed: { update: { done: [`kept ${name}`] } },
          declined: { update: { done: [`left ${name}`] } },
        },
      );
    const [red, blue] = [keep("red"), keep("blue")];
    const flow = entrypoint({ name: "flow", checkpointer: new MemorySaver() }, async (item: string) => {
      const state = { item, items: [], count: 0, done: [] };
      const results = await Promise.all([red(state), blue(state)]);
      const last = await red({ ...state, item: "x" });
      counter.hit("end");
      return [...results, last].map((update) => (update as { done: string[] }).done);
    });
    await flow.invoke("ball", thread("g"));
    await answer(flow, backend, "g", "blue ball?", { confirmed: false });
    await answer(flow, backend, "g", "red ball?", { confirmed: true });
    const { resume } = await answer(flow, backend, "g", "red x?", { confirmed: true });
    expect(resume).toMatchObject({ result: [["kept red"], ["left blue"], ["kept red"]] });
    expect(counter.all()).toEqual({ end: 1 });
  });

  it("with a config it is the task's only node: a second one is refused, not given the first one's answer", async () => {
    const first = confirmNode(
      State,
      { message: "First?", backend },
      { confirmed: { update: {} }, declined: { update: {} } },
    );
    const graph = new StateGraph(State)
      .addNode("both", async (state, config) => (await first(state, config), await first(state, config)))
      .addEdge(START, "both")
      .compile({ checkpointer: new MemorySaver() });
    await graph.invoke({}, thread("h"));
    await expect(answer(graph, backend, "h", "First?", { confirmed: true })).rejects.toMatchObject({
      code: "ERR_HITL_INVALID_INPUT",
    });
  });
});
