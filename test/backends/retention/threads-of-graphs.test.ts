/** What graphs leave in a store, for how long, and that nothing of it is missed while they wait. */
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { confirm, HITLToolNode, holdpointTools, sendMessage, StoreHITLBackend } from "holdpoint";
import { afterAll, describe, expect, it } from "vitest";
import { call, chatOf } from "../../message/kit.ts";
import {
  answer,
  Counter,
  input,
  nodeGraph,
  openAsk,
  outputs,
  thread,
  toolOf,
  toolsGraph,
} from "../../nodes/kit.ts";
import { backendOn, countsOf, DAY, days, type Opened, STORES, sweepAll } from "./kit.ts";

const opened = new Map<string, Opened>();
afterAll(async () => {
  for (const one of opened.values()) await one.close();
});

describe.each(["memory", "sqlite", "redis"] as const)("in %s", (name) => {
  const open = async (): Promise<Opened> => {
    const one = opened.get(name) ?? (await STORES[name]());
    opened.set(name, one);
    return one;
  };

  const asking = (counter: Counter) =>
    toolOf("ask", async () => {
      counter.hit("ask body");
      const first = await confirm({ message: "First?", key: "first" });
      const second = await confirm({ message: "Second?", key: "second" });
      counter.hit("ask effect");
      return `${first.confirmed} ${second.confirmed}`;
    });
  const paying = (counter: Counter) => toolOf("pay", () => `paid ${counter.hit("pay")}`);

  it.each(["HITLToolNode", "holdpointTools"] as const)(
    "P6 %s: a sibling that finished, and a first answer, are there when the second one comes after 60 days",
    async (kind) => {
      const own = await open();
      const backend = backendOn(own, { completedMs: DAY, callsMs: DAY });
      const counter = new Counter();
      const tools = [paying(counter), asking(counter)];
      const graph = toolsGraph(
        kind === "HITLToolNode"
          ? new HITLToolNode(tools, { backend })
          : new ToolNode(holdpointTools(tools, { backend })),
      );
      await graph.invoke(input({ name: "pay", id: "p" }, { name: "ask", id: "a" }), thread("t"));
      expect((await answer(graph, backend, "t", "First?", { confirmed: true })).status).toBe("accepted");
      await days(60, own, backend);
      expect(await countsOf(own.store)).toEqual({ hitl: 2, call: 2, pause: 1, thread: 1 });
      expect((await answer(graph, backend, "t", "Second?", { confirmed: false })).status).toBe("accepted");
      expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ p: "paid 1", a: "true false" });
      // The pay call ended 60 days ago, and the host may run the step once more: it stays with its sibling.
      await sweepAll(backend);
      expect(await countsOf(own.store)).toMatchObject({ call: 2, pause: 1, thread: 1 });
      await days(4, own, backend);
      expect(await countsOf(own.store)).toEqual({});
      expect(counter.all()).toEqual({ pay: 1, "ask body": 3, "ask effect": 1 });
    },
  );

  it("P8 a thread that nobody answers is there after ten years", async () => {
    const own = await open();
    const backend = backendOn(own);
    const counter = new Counter();
    const graph = toolsGraph(new HITLToolNode([paying(counter), asking(counter)], { backend }));
    await graph.invoke(input({ name: "pay", id: "p" }, { name: "ask", id: "a" }), thread("old"));
    const before = await countsOf(own.store);
    for (let month = 0; month < 120; month += 1) {
      own.clock.advance(30 * DAY);
      await sweepAll(backend);
    }
    expect(await countsOf(own.store)).toEqual(before);
    await answer(graph, backend, "old", "First?", { confirmed: true });
    await answer(graph, backend, "old", "Second?", { confirmed: true });
    expect(counter.all()).toEqual({ pay: 1, "ask body": 3, "ask effect": 1 });
    // Thirty days, and the day by which each look was put off.
    await days(33, own, backend);
    expect(await countsOf(own.store)).toEqual({});
  });

  it("P8 a question that nobody answered in time, and its thread, go after their time", async () => {
    const own = await open();
    const backend = backendOn(own);
    const expires_at = own.clock.now() + DAY;
    const tool = toolOf("ask", async () => {
      const { confirmed } = await confirm({ message: "In time?", expires_at }).catch(() => ({
        confirmed: "late",
      }));
      return String(confirmed);
    });
    const graph = toolsGraph(new HITLToolNode([tool], { backend }));
    await graph.invoke(input({ name: "ask", id: "a" }), thread("late"));
    await days(2, own, backend);
    // Expired by a sweep, and not taken up: whoever resumes the thread finds it.
    await graph.invoke(null, thread("late"));
    expect(outputs((await graph.getState(thread("late"))).values)).toEqual({ a: "late" });
    await days(29, own, backend);
    expect(await countsOf(own.store)).toEqual({ hitl: 1, call: 1, pause: 1, thread: 1 });
    await days(4, own, backend);
    expect(await countsOf(own.store)).toEqual({});
  });

  it("P2 a step that was given up for new input goes, and so does the one that came after it", async () => {
    const own = await open();
    const backend = backendOn(own);
    const counter = new Counter();
    const graph = toolsGraph(new HITLToolNode([paying(counter), asking(counter)], { backend }));
    const two = input({ name: "pay", id: "p" }, { name: "ask", id: "a" });
    await graph.invoke(two, thread("again"));
    await graph.invoke(two, thread("again"));
    expect(await countsOf(own.store)).toEqual({ hitl: 2, call: 4, pause: 2, thread: 1 });
    await answer(graph, backend, "again", "First?", { confirmed: true });
    await days(60, own, backend);
    await answer(graph, backend, "again", "Second?", { confirmed: true });
    expect(counter.of("ask effect")).toBe(1);
    await days(34, own, backend);
    expect(await countsOf(own.store)).toEqual({});
  });

  it("P2 a question in a plain node leaves nothing", async () => {
    const own = await open();
    const backend = backendOn(own);
    const graph = nodeGraph(async () => {
      await confirm({ message: "Node?" });
      return {};
    });
    const config = { configurable: { thread_id: "node", holdpoint: { backend } } };
    await graph.invoke({ messages: [] }, config);
    const { hitl_id } = await openAsk(backend, "node", "Node?");
    await backend.respond(hitl_id, { confirmed: true });
    await graph.invoke(null, config);
    await days(34, own, backend);
    expect(await countsOf(own.store)).toEqual({});
  });

  it("P10 messages that were sent while a question was open are gone a month after they were delivered", async () => {
    const own = await open();
    const backend = backendOn(own);
    const counter = new Counter();
    const script = { start: [call("ask", "a")] };
    const graph = chatOf({ backend, tools: [asking(counter)], script });
    const to = { backend, thread_id: "chat", ifNotExists: "create" } as const;
    await sendMessage(graph, { ...to, message: "start" });
    const { status } = await sendMessage(graph, { ...to, message: "are you there?" });
    expect(status).toBe("waiting");
    await days(40, own, backend);
    expect(await countsOf(own.store)).toMatchObject({ hitl: 1, message: 1, mailbox: 1 });
    await answer(graph, backend, "chat", "First?", { confirmed: true });
    await answer(graph, backend, "chat", "Second?", { confirmed: true });
    const { messages } = (await graph.getState(thread("chat"))).values as { messages: { text: string }[] };
    expect(messages.at(-1)?.text).toBe("ok are you there?");
    await days(34, own, backend);
    expect(await countsOf(own.store)).toEqual({});
  });
});

describe("with a sweep after every operation of the store, and no time to keep anything", () => {
  it.each(["HITLToolNode", "holdpointTools"] as const)(
    "P6 %s: a round is what it is without",
    async (kind) => {
      const { store: inner, clock } = await STORES.memory();
      const retention = { sweepEveryMs: 0, completedMs: 0, cancelledMs: 0, expiredMs: 0, messagesMs: 0 };
      const sweeper = new StoreHITLBackend(inner, { clock, retention });
      let sweeps = 0;
      const store = new Proxy(inner, {
        get(target, name) {
          const own: unknown = Reflect.get(target, name, target);
          if (name !== "commit" && name !== "get" && name !== "page")
            return typeof own === "function" ? own.bind(target) : own;
          return async (...args: unknown[]): Promise<unknown> => {
            const result: unknown = await Reflect.apply(own as () => unknown, target, args);
            // What waits is put off by a second, and then due once more.
            clock.advance(1000);
            await sweeper.sweep();
            sweeps += 1;
            return result;
          };
        },
      });
      const backend = new StoreHITLBackend(store, { clock, retention });
      const counter = new Counter();
      const pay = toolOf("pay", () => `paid ${counter.hit("pay")}`);
      const ask = toolOf("ask", async () => {
        const answers = [];
        for (const key of ["First?", "Second?", "Third?"])
          answers.push((await confirm({ message: key, key })).confirmed);
        counter.hit("effect");
        return answers.join(" ");
      });
      const node =
        kind === "HITLToolNode"
          ? new HITLToolNode([pay, ask], { backend })
          : new ToolNode(holdpointTools([pay, ask], { backend }));
      const graph = toolsGraph(node);
      await graph.invoke(input({ name: "pay", id: "p" }, { name: "ask", id: "a" }), thread("t"));
      for (const [key, confirmed] of [
        ["First?", true],
        ["Second?", false],
        ["Third?", true],
      ] as const)
        expect((await answer(graph, backend, "t", key, { confirmed })).status).toBe("accepted");
      expect(outputs((await graph.getState(thread("t"))).values)).toEqual({
        p: "paid 1",
        a: "true false true",
      });
      expect(counter.all()).toEqual({ pay: 1, effect: 1 });
      expect(sweeps).toBeGreaterThan(10);
    },
  );
});
