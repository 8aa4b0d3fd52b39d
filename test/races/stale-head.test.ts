/** A head that was read while another resumer still ran is not where the next run may begin (P9). */
import type { RunnableConfig } from "@langchain/core/runnables";
import { Annotation, type CheckpointTuple, MemorySaver, StateGraph } from "@langchain/langgraph";
import { confirm, InMemoryHITLBackend, respondAndResume } from "holdpoint";
import { expect, it } from "vitest";
import { configOf, openQuestion } from "../support/agent.ts";
import { until } from "../support/poll.ts";

const yes = { confirmed: true };

/** Lets a test hold back what was read. */
class SlowReader extends MemorySaver {
  afterRead: (() => Promise<void>) | null = null;

  override async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    const wait = this.afterRead;
    this.afterRead = null;
    const found = await super.getTuple(config);
    await wait?.();
    return found;
  }
}

it("P9 two answers to parallel nodes: what the first resumer finished is not run again by the second", async () => {
  const backend = new InMemoryHITLBackend();
  const saver = new SlowReader();
  const effects: string[] = [];
  let working = (): void => {};
  const atWork = new Promise<void>((resolve) => {
    working = resolve;
  });
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const State = Annotation.Root({
    log: Annotation<string[]>({ reducer: (a, b) => [...a, ...b], default: () => [] }),
  });
  const node = (name: string) => async (): Promise<{ log: string[] }> => {
    await confirm({ message: `${name}?` });
    effects.push(name);
    if (name === "a") {
      working();
      await opened;
    }
    return { log: [name] };
  };
  const graph = new StateGraph(State)
    .addNode("a", node("a"))
    .addNode("b", node("b"))
    .addEdge("__start__", "a")
    .addEdge("__start__", "b")
    .compile({ checkpointer: saver });
  const config = configOf("t");
  await graph.invoke(
    { log: [] },
    { ...config, configurable: { ...config.configurable, holdpoint: { backend } } },
  );
  const a = await openQuestion(backend, "t", "a?");
  const b = await openQuestion(backend, "t", "b?");

  const first = respondAndResume(graph, { backend, hitl_id: a.hitl_id, response: yes });
  await atWork;
  let hasRead = false;
  saver.afterRead = async () => {
    hasRead = true;
    open();
    await first;
  };
  const second = await respondAndResume(graph, { backend, hitl_id: b.hitl_id, response: yes });
  await until("the second to have read the head while the first ran", () => hasRead);
  expect(second.resume?.status).toBe("resumed");
  expect(effects.toSorted()).toEqual(["a", "b"]);
});
