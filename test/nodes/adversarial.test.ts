/** Calls as models and applications really make them: equal ids, forgotten awaits, foreign interrupts, lost sessions. */
import { interrupt, MemorySaver } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { tool } from "@langchain/core/tools";
import { describe, expect, it } from "vitest";
import {
  askUser,
  confirm,
  HITLSuspend,
  HITLToolNode,
  holdpointTools,
  InMemoryHITLBackend,
  respondAndResume,
  resumeThread,
  step,
} from "../../src/index.ts";
import {
  ai,
  answer,
  anyArgs,
  Counter,
  gate,
  input,
  interruptsIn,
  openAsk,
  outputs,
  pending,
  thread,
  toolOf,
  toolsGraph,
  turns,
  wake,
} from "./kit.ts";

const yes = { confirmed: true };
const no = { confirmed: false };
type Body = (args: Record<string, unknown>, runtime: Record<string, unknown>) => unknown;

function setUp(bodies: Record<string, Body>, kind: "HITLToolNode" | "holdpointTools" = "HITLToolNode") {
  const backend = new InMemoryHITLBackend();
  const counter = new Counter();
  const tools = Object.entries(bodies).map(([name, body]) => toolOf(name, body));
  const node =
    kind === "HITLToolNode"
      ? new HITLToolNode(tools, { backend })
      : new ToolNode(holdpointTools(tools, { backend }));
  const graph = toolsGraph(node, new MemorySaver(), () => counter.hit("after"));
  const output = async () => outputs((await graph.getState(thread("t"))).values);
  return { backend, counter, graph, output };
}

const pay: Body = async ({ to = "x" }) =>
  `${String(to)} ${(await confirm({ message: `Pay ${String(to)}?` })).confirmed}`;

describe.each(["HITLToolNode", "holdpointTools"] as const)("ids that a model made up: %s", (kind) => {
  it.each([
    ["the same id twice", "same"],
    ["empty ids", ""],
  ])("%s: each call has its own question and answer, as the stock node runs both", async (_name, id) => {
    const { backend, graph } = setUp({ pay }, kind);
    await graph.invoke(
      input({ name: "pay", args: { to: "a" }, id }, { name: "pay", args: { to: "b" }, id }),
      thread("t"),
    );
    await answer(graph, backend, "t", "Pay b?", no);
    await answer(graph, backend, "t", "Pay a?", yes);
    const { messages } = (await graph.getState(thread("t"))).values as {
      messages: { getType(): string; content: unknown }[];
    };
    expect(
      messages.filter((message) => message.getType() === "tool").map((message) => message.content),
    ).toEqual(["a true", "b false"]);
  });
});

describe("what authors forget", () => {
  it("an ask that is not awaited has asked all the same; its rejection does not crash the process", async () => {
    const { backend, graph, output } = setUp({
      it: async () => {
        void confirm({ message: "Go?" });
        await turns(3);
        return "done";
      },
    });
    await graph.invoke(input({ name: "it", id: "c" }), thread("t"));
    expect(await output()).toEqual({});
    await answer(graph, backend, "t", "Go?", yes);
    expect(await output()).toEqual({ c: "done" });
  });

  it("two asks that start together and are awaited one after the other: no rejection is left unhandled", async () => {
    const { backend, graph, output } = setUp({
      it: async () => {
        const [first, second] = [confirm({ message: "First?" }), confirm({ message: "Second?" })];
        return `${(await first).confirmed} ${(await second).confirmed}`;
      },
    });
    await graph.invoke(input({ name: "it", id: "c" }), thread("t"));
    expect(await pending(backend, "t")).toHaveLength(2);
    await answer(graph, backend, "t", "Second?", no);
    await answer(graph, backend, "t", "First?", yes);
    expect(await output()).toEqual({ c: "true false" });
  });

  it("an ask inside a step: the step is not kept until it has its answer, and is kept then", async () => {
    const ran = new Counter();
    const { backend, graph, output } = setUp({
      it: async () => {
        const first = await step("outer", async () => {
          ran.hit("step");
          return (await confirm({ message: "In step?" })).confirmed;
        });
        return `${first} ${(await confirm({ message: "After?" })).confirmed}`;
      },
    });
    await graph.invoke(input({ name: "it", id: "c" }), thread("t"));
    await answer(graph, backend, "t", "In step?", yes);
    await answer(graph, backend, "t", "After?", no);
    expect(await output()).toEqual({ c: "true false" });
    expect(ran.of("step")).toBe(2);
  });

  it("data that is no JSON, or too large: a typed error out of the run, and nothing is asked", async () => {
    for (const [metadata, code] of [
      [{ big: 1n }, "ERR_HITL_NOT_JSON"],
      [{ text: "x".repeat(300_000) }, "ERR_HITL_TOO_LARGE"],
    ] as const) {
      const { backend, graph } = setUp({
        it: async () => `${(await confirm({ message: "Go?", metadata })).confirmed}`,
      });
      await expect(graph.invoke(input({ name: "it", id: "c" }), thread("t"))).rejects.toMatchObject({ code });
      expect((await backend.list({})).items).toEqual([]);
    }
  });

  it("a question that fails does not take the sibling's question or effect with it", async () => {
    const ran = new Counter();
    let broken = true;
    const { backend, graph, output } = setUp({
      bad: async () =>
        `${(await confirm({ message: "Bad?", ...(broken ? { metadata: { big: 1n } } : {}) })).confirmed}`,
      pay: async () => {
        const { confirmed } = await confirm({ message: "Pay?" });
        ran.hit("paid");
        return `${confirmed}`;
      },
      look: () => `looked ${ran.hit("look")}`,
    });
    await expect(
      graph.invoke(
        input({ name: "bad", id: "b" }, { name: "pay", id: "p" }, { name: "look", id: "l" }),
        thread("t"),
      ),
    ).rejects.toMatchObject({ code: "ERR_HITL_NOT_JSON" });
    broken = false;
    await graph.invoke(null, thread("t"));
    await answer(graph, backend, "t", "Pay?", yes);
    await answer(graph, backend, "t", "Bad?", no);
    expect(await output()).toEqual({ b: "false", p: "true", l: "looked 1" });
    expect(ran.all()).toEqual({ paid: 1, look: 1 });
  });
});

describe("an async generator as a tool", () => {
  it("asks and goes on like any other", async () => {
    const backend = new InMemoryHITLBackend();
    const stream = tool(
      async function* () {
        yield "working";
        const { confirmed } = await confirm({ message: "Go?" });
        return `${confirmed}`;
      } as never,
      { name: "it", description: "it", schema: anyArgs },
    );
    const graph = toolsGraph(new HITLToolNode([stream as never], { backend }));
    await graph.invoke(input({ name: "it", id: "c" }), thread("t"));
    await answer(graph, backend, "t", "Go?", yes);
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ c: "true" });
  });
});

describe("LangGraph's own interrupt() in a tool of our node", () => {
  it("still takes its value from the resume command", async () => {
    const { graph, output } = setUp({ it: () => `native ${String(interrupt("native?"))}` });
    const first = await graph.invoke(input({ name: "it", id: "c" }), thread("t"));
    expect(interruptsIn(first).map(({ value }) => value)).toEqual(["native?"]);
    await graph.invoke(wake("value"), thread("t"));
    expect(await output()).toEqual({ c: "native value" });
  });

  it("beside a question of ours: each gets its own, in both orders", async () => {
    for (const first of ["native", "ours"]) {
      const { backend, graph, output } = setUp({
        native: () => `native ${String(interrupt("native?"))}`,
        pay,
      });
      await graph.invoke(input({ name: "native", id: "n" }, { name: "pay", id: "p" }), thread("t"));
      expect(await pending(backend, "t")).toHaveLength(1);
      if (first === "native") await graph.invoke(wake("value"), thread("t"));
      await answer(graph, backend, "t", "Pay x?", no);
      if (first === "ours") await graph.invoke(wake("value"), thread("t"));
      expect(await output()).toEqual({ n: "native value", p: "x false" });
    }
  });
});

describe("what a run is called with", () => {
  it("a wake-up without the session of the first run finds the same question (P2: the id is of tenant, thread and place)", async () => {
    const { backend, graph, output } = setUp({ pay });
    await graph.invoke(input({ name: "pay", id: "p" }), {
      configurable: { thread_id: "t", holdpoint: { session_id: "s1" } },
    });
    const { hitl_id } = await openAsk(backend, "t");
    await backend.respond(hitl_id, yes);
    await graph.invoke(wake("x"), thread("t"));
    expect(await pending(backend, "t")).toEqual([]);
    expect(await output()).toEqual({ p: "x true" });
  });

  it("a wake-up under another tenant is never given the answer (fail closed)", async () => {
    const { backend, graph, output } = setUp({ pay });
    await graph.invoke(input({ name: "pay", id: "p" }), thread("t"));
    await backend.respond((await openAsk(backend, "t")).hitl_id, yes);
    await graph.invoke(wake("x"), { configurable: { thread_id: "t", holdpoint: { tenant_id: "other" } } });
    expect(await output()).toEqual({});
  });

  it("ids and sessions of any characters", async () => {
    for (const thread_id of ["ünï|code:1", "a b/c?d#e", "x".repeat(200), "hitl_1"]) {
      const { backend, graph } = setUp({ pay });
      await graph.invoke(input({ name: "pay", id: "toolu_01|x:y" }), thread(thread_id));
      await answer(graph, backend, thread_id, "Pay x?", yes);
      expect(outputs((await graph.getState(thread(thread_id))).values)).toEqual({ "toolu_01|x:y": "x true" });
    }
  });
});

describe("what a stream shows (P10)", () => {
  it("one interrupt chunk that lists every ask, and its id wakes the thread", async () => {
    const { backend, graph, output } = setUp({ pay });
    const calls = input(
      { name: "pay", args: { to: "a" }, id: "a" },
      { name: "pay", args: { to: "b" }, id: "b" },
    );
    const chunks: Record<string, unknown>[] = [];
    for await (const chunk of await graph.stream(calls, { ...thread("t"), streamMode: "updates" }))
      chunks.push(chunk as never);
    const found = chunks.flatMap(interruptsIn);
    expect(new Set(found.flatMap(({ value }) => value.asks.map(({ hitl_id }) => hitl_id))).size).toBe(2);
    for (const record of await pending(backend, "t")) await backend.respond(record.hitl_id, yes);
    await graph.invoke(wake({ [String(found[0]?.id)]: { anything: 1 } }), thread("t"));
    expect(await output()).toEqual({ a: "a true", b: "b true" });
  });

  it("getState shows the pause, with ids that are records (2.2)", async () => {
    const { backend, graph } = setUp({ pay });
    await graph.invoke(input({ name: "pay", id: "p" }), thread("t"));
    const { tasks, next } = await graph.getState(thread("t"));
    const record = await openAsk(backend, "t");
    expect(next).toEqual(["tools"]);
    expect(tasks.flatMap((task) => task.interrupts)).toMatchObject([
      { id: record.interrupt_id, value: { hitl_id: record.hitl_id, tool_name: "pay", message: "Pay x?" } },
    ]);
    expect(record.interrupt_id).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe("two wake-ups at once through plain invoke (P9)", () => {
  it.each(["HITLToolNode", "holdpointTools"] as const)(
    "the answered effect happens once, the rest of the graph runs once: %s",
    async (kind) => {
      const ran = new Counter();
      const slowly = gate();
      const { backend, counter, graph, output } = setUp(
        {
          pay: async () => {
            const { confirmed } = await confirm({ message: "Pay?" });
            ran.hit("paid");
            await slowly.opened;
            return `${confirmed}`;
          },
        },
        kind,
      );
      await graph.invoke(input({ name: "pay", id: "p" }), thread("t"));
      await backend.respond((await openAsk(backend, "t")).hitl_id, yes);
      const both = [graph.invoke(wake("a"), thread("t")), graph.invoke(wake("b"), thread("t"))];
      await turns(30);
      slowly.open();
      await Promise.all(both);
      await resumeThread(graph, { thread_id: "t", backend });
      expect(ran.of("paid")).toBe(1);
      expect(await output()).toEqual({ p: "true" });
      expect(counter.of("after")).toBe(1);
    },
  );
});

describe("several turns of one agent", () => {
  it("a question of one turn never meets the answer of another, whatever ids repeat", async () => {
    const { backend, graph } = setUp({ it: async () => (await askUser({ message: "Name?" })).answer });
    const names = ["ann", "bob", "cy"];
    for (const name of names) {
      await graph.invoke({ messages: [ai([{ name: "it", id: `call_${name}` }])] }, thread("t"));
      await answer(graph, backend, "t", "Name?", { answer: name });
    }
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual(
      Object.fromEntries(names.map((name) => [`call_${name}`, name])),
    );
  });

  it("respondAndResume takes the answer of a question whose record has an own id, by that id", async () => {
    const { backend, graph, output } = setUp({
      it: () => {
        throw new HITLSuspend({ hitl_id: "mine", data: { message: "?" } });
      },
    });
    await graph.invoke(input({ name: "it", id: "c" }), thread("t"));
    expect(
      (await respondAndResume(graph, { backend, hitl_id: "mine", response: { answer: "x" } })).status,
    ).toBe("accepted");
    expect(await output()).toEqual({ c: '{"answer":"x"}' });
  });
});
