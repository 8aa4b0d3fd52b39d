/** Failing tools, retries and hosts that catch errors: a question is never a tool's failure, a failure no answer. */
import { HumanMessage } from "@langchain/core/messages";
import { Command, END, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import {
  createMiddleware,
  modelRetryMiddleware,
  ToolMessage,
  toolErrorMiddleware,
  toolRetryMiddleware,
} from "langchain";
import { describe, expect, it } from "vitest";
import { confirm, HITLSuspend, InMemoryHITLBackend, resumeThread, step } from "../../src/index.ts";
import { hitlMiddleware } from "../../src/nodes/middleware/hitl-middleware.ts";
import { answer, Counter, outputs, pending, thread, toolOf } from "../nodes/kit.ts";
import { until } from "../support/poll.ts";
import { agentOf, go, lookTool, payTool, VERSIONS, wizardTool, yes } from "./kit.ts";

const retry = () => toolRetryMiddleware({ initialDelayMs: 0, maxRetries: 2 });

/** Confirms, charges once in a step, and then fails as often as it is told. */
function flakyTool(counter: Counter, failures: number) {
  return toolOf("flaky", async () => {
    const { confirmed } = await confirm({ message: "Charge?" });
    const charge = await step("charge", () => counter.hit("charged"));
    if (counter.hit("tried") <= failures) throw new Error("down");
    return `${confirmed} ${charge}`;
  });
}

describe.each(VERSIONS)("createAgent %s", (version) => {
  it.each(["before", "after"] as const)(
    "P6 a retry %s it runs the body again after a failure: the answer is known, the step has run",
    async (where) => {
      const backend = new InMemoryHITLBackend();
      const counter = new Counter();
      const tools = [flakyTool(counter, 2), lookTool(counter)];
      const turns = [
        [
          { name: "flaky", id: "f" },
          { name: "look", id: "l" },
        ],
      ];
      const { agent } = agentOf({ version, backend, tools, turns, [where]: [retry()] });
      await agent.invoke(go, thread("t"));
      await answer(agent, backend, "t", "Charge?", yes);
      expect(await pending(backend, "t")).toEqual([]);
      expect(outputs((await agent.graph.getState(thread("t"))).values)).toEqual({
        f: "true 1",
        l: "looked 1",
      });
      expect(counter.all()).toEqual({ charged: 1, tried: 3, look: 1 });
    },
  );

  it("a failure that nobody catches fails the run; run again, the call goes on with its answer and its steps (P6)", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const tools = [flakyTool(counter, 1), lookTool(counter)];
    const turns = [
      [
        { name: "flaky", id: "f" },
        { name: "look", id: "l" },
      ],
    ];
    const { agent } = agentOf({ version, backend, tools, turns });
    await agent.invoke(go, thread("t"));
    await expect(answer(agent, backend, "t", "Charge?", yes)).rejects.toThrow("down");
    await agent.invoke(null as never, thread("t"));
    expect(outputs((await agent.graph.getState(thread("t"))).values)).toEqual({ f: "true 1", l: "looked 1" });
    expect(counter.all()).toEqual({ charged: 1, tried: 2, look: 1 });
  });

  it("a failure that toolErrorMiddleware inside makes a result is the outcome, and runs once (P6)", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const broken = toolOf("broken", () => {
      counter.hit("broken");
      throw new Error("always");
    });
    const turns = [
      [
        { name: "broken", id: "b" },
        { name: "pay", id: "p" },
      ],
    ];
    const after = [toolErrorMiddleware({ onError: (error) => `failed: ${(error as Error).message}` })];
    const { agent } = agentOf({ version, backend, tools: [broken, payTool(counter)], turns, after });
    await agent.invoke(go, thread("t"));
    await answer(agent, backend, "t", "Pay x?", yes);
    expect(outputs((await agent.graph.getState(thread("t"))).values)).toEqual({
      b: "failed: always",
      p: "paid x",
    });
    expect(counter.of("broken")).toBe(1);
  });

  it("P6 a failure that toolErrorMiddleware outside makes a result is kept while a sibling waits: it ran once", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const broken = toolOf("broken", () => {
      throw new Error(`failure ${counter.hit("broken")}`);
    });
    for (const names of [
      ["broken", "pay"],
      ["pay", "broken"],
    ]) {
      const id = `t ${names.join()}`;
      const turns = [names.map((name) => ({ name, id: name }))];
      const before = [toolErrorMiddleware({ onError: (error) => (error as Error).message })];
      const tools = [broken, payTool(counter)];
      const { agent } = agentOf({ version, backend, tools, turns, before });
      await agent.invoke(go, thread(id));
      // Woken without an answer first: nothing runs again.
      await agent.graph.invoke(new Command({ resume: "spurious" }), thread(id));
      await answer(agent, backend, id, "Pay x?", yes);
      expect(outputs((await agent.graph.getState(thread(id))).values)).toEqual({
        broken: `failure ${counter.of("broken")}`,
        pay: "paid x",
      });
    }
    expect(counter.all()).toEqual({ broken: 2, "pay body": 4, "pay effect": 2 });
  });

  it("P6 a retry outside that gave up is given up again without the body, whoever made a result of it", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const tools = [flakyTool(counter, 99), payTool(counter)];
    const turns = [
      [
        { name: "pay", id: "p" },
        { name: "flaky", id: "f" },
      ],
    ];
    const error = toolErrorMiddleware({ onError: (thrown) => `gave up: ${(thrown as Error).message}` });
    const before = [error, toolRetryMiddleware({ initialDelayMs: 0, maxRetries: 2, onFailure: "error" })];
    const { agent } = agentOf({ version, backend, tools, turns, before });
    await agent.invoke(go, thread("t"));
    await answer(agent, backend, "t", "Charge?", yes);
    expect(counter.all()).toEqual({ "pay body": 1, charged: 1, tried: 3 });
    // The failed call's answer is used: nothing of it is due.
    const idle = await resumeThread(agent.graph, { backend, thread_id: "t" });
    expect(idle).toMatchObject({ status: "nothing_to_resume" });
    await answer(agent, backend, "t", "Pay x?", yes);
    expect(outputs((await agent.graph.getState(thread("t"))).values)).toMatchObject({ p: "paid x" });
    expect(String(outputs((await agent.graph.getState(thread("t"))).values)["f"])).toContain("down");
    expect(counter.all()).toEqual({ "pay body": 2, "pay effect": 1, charged: 1, tried: 3 });
  });

  it("P6 after a failure that nobody caught, the step is tried again with the call that failed", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const tools = [flakyTool(counter, 1), payTool(counter)];
    const turns = [
      [
        { name: "pay", id: "p" },
        { name: "flaky", id: "f" },
      ],
    ];
    const { agent } = agentOf({ version, backend, tools, turns });
    await agent.invoke(go, thread("t"));
    await expect(answer(agent, backend, "t", "Charge?", yes)).rejects.toThrow("down");
    await answer(agent, backend, "t", "Pay x?", yes);
    expect(outputs((await agent.graph.getState(thread("t"))).values)).toEqual({ p: "paid x", f: "true 1" });
    expect(counter.all()).toEqual({ "pay body": 2, "pay effect": 1, charged: 1, tried: 2 });
  });

  it("P6 a tool that a middleware inside brings asks and runs as any other", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const pay = payTool(counter, "late");
    const bringing = createMiddleware({
      name: "Bringing",
      wrapToolCall: (request, handler) => handler(request.tool ? request : { ...request, tool: pay }),
    });
    const turns = [[{ name: "late", id: "p" }]];
    const { agent } = agentOf({ version, backend, tools: [lookTool(counter)], turns, after: [bringing] });
    await agent.invoke(go, thread("t"));
    await answer(agent, backend, "t", "Pay x?", yes);
    expect(outputs((await agent.graph.getState(thread("t"))).values)).toEqual({ p: "paid x" });
    expect(counter.all()).toEqual({ "late body": 2, "late effect": 1 });
  });

  it("arguments that the tool's schema refuses reach the model as before", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const { agent, model } = agentOf({
      version,
      backend,
      tools: [
        toolOf("strict", () => "never", {
          schema: { type: "object", properties: { n: { type: "number" } }, required: ["n"] },
        }),
        payTool(counter),
      ],
      turns: [[{ name: "strict", args: { n: "x" }, id: "s" }]],
    });
    await agent.invoke(go, thread("t"));
    expect(String(outputs((await agent.graph.getState(thread("t"))).values)["s"])).toContain(
      "Error invoking tool",
    );
    expect(model.seen).toHaveLength(2);
  });

  it("P8 a middleware outside that replaces the pause by a result: ERR_HITL_PAUSE_SWALLOWED, and no model reads it", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const replacing = createMiddleware({
      name: "Replacing",
      wrapToolCall: async (request, handler) => {
        await handler(request);
        return new ToolMessage({ content: "all good", tool_call_id: request.toolCall.id ?? "" });
      },
    });
    const turns = [[{ name: "pay", id: "p" }]];
    const made = agentOf({ version, backend, tools: [payTool(counter)], turns, before: [replacing] });
    await expect(made.agent.invoke(go, thread("t"))).rejects.toMatchObject({
      message: expect.stringContaining("Put hitlMiddleware before that middleware"),
      cause: { code: "ERR_HITL_PAUSE_SWALLOWED" },
    });
    expect(made.model.seen).toHaveLength(1);
    // In the other order there is nothing to replace.
    const mended = agentOf({ version, backend, tools: [payTool(counter)], turns, after: [replacing] });
    await mended.agent.invoke(go, thread("u"));
    await answer(mended.agent, backend, "u", "Pay x?", yes);
    expect(outputs((await mended.agent.graph.getState(thread("u"))).values)).toEqual({ p: "all good" });
  });

  it("a pause that another process went on with is no swallowed one", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const checkpointer = new MemorySaver();
    const failing = { on: true };
    const down = toolOf("down", async () => {
      if (failing.on) {
        await until("the question of the sibling", async () => (await pending(backend, "t")).length === 1);
        throw new Error("down");
      }
      return "up";
    });
    const turns = [
      [
        { name: "pay", id: "p" },
        { name: "down", id: "d" },
      ],
      [{ name: "look", id: "l" }],
    ];
    const init = {
      version,
      backend,
      checkpointer,
      turns,
      tools: [payTool(counter), down, lookTool(counter)],
    };
    const one = agentOf(init);
    // The failure takes the host past the pause: it never arrives there.
    await expect(one.agent.invoke(go, thread("t"))).rejects.toThrow("down");
    failing.on = false;
    await answer(agentOf(init).agent, backend, "t", "Pay x?", yes);
    const { messages } = (await one.agent.graph.getState(thread("t"))).values as { messages: unknown[] };
    await one.agent.invoke({ messages: [new HumanMessage("more")] }, thread("t"));
    expect(messages.length).toBeGreaterThan(4);
    expect(counter.of("pay effect")).toBe(1);
  });

  it.each(["thread", "checkpointer", "backend"] as const)(
    "without a %s a tool that asks fails with its reason, past every retry; others run",
    async (missing) => {
      const backend = new InMemoryHITLBackend();
      const counter = new Counter();
      const hitl = hitlMiddleware(missing === "backend" ? {} : { backend });
      const config = missing === "thread" ? {} : thread("t");
      const code = {
        thread: "ERR_HITL_NO_THREAD",
        checkpointer: "ERR_HITL_NO_CHECKPOINTER",
        backend: "ERR_HITL_NO_BACKEND",
      }[missing];
      for (const tool of [payTool(counter), wizardTool(counter), lookTool(counter)]) {
        const { agent } = agentOf({
          version,
          backend,
          tools: [tool],
          turns: [[{ name: tool.name, id: "x" }]],
          hitl,
          checkpointer: missing === "backend" ? new MemorySaver() : null,
          before: [retry()],
          after: [{ ...retry(), name: "inner" }],
        });
        const run = agent.invoke(go, config);
        if (tool.name === "look") expect(outputs(await run)).toEqual({ x: "looked 1" });
        else
          await expect(run).rejects.toMatchObject({
            code: missing === "thread" ? expect.stringMatching(/^ERR_HITL_NO_(THREAD|CHECKPOINTER)$/) : code,
          });
      }
      expect(counter.of("pay effect")).toBe(0);
    },
  );

  it("modelRetryMiddleware around it neither retries nor hides the model's own work", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const { agent, model } = agentOf({
      version,
      backend,
      tools: [payTool(counter)],
      turns: [[{ name: "pay", id: "p" }]],
      before: [modelRetryMiddleware({ initialDelayMs: 0 })],
    });
    await agent.invoke(go, thread("t"));
    await answer(agent, backend, "t", "Pay x?", yes);
    expect(model.seen).toHaveLength(2);
  });
});

describe.each(VERSIONS)("hosts that catch errors, createAgent %s", (version) => {
  const kinds = {
    true: true,
    false: false,
    "a function": () => new ToolMessage({ content: "handled", tool_call_id: "p" }),
  };

  it.each(Object.entries(kinds))(
    "handleToolErrors %s of its tool node: a question pauses, and is no error of the tool",
    async (_name, handleToolErrors) => {
      const thrown = toolOf("pay", () => {
        throw new HITLSuspend({ hitl_type: "confirm", data: { message: "Pay x?" } });
      });
      for (const asking of [payTool(new Counter()), thrown]) {
        const backend = new InMemoryHITLBackend();
        const turns = [[{ name: "pay", id: "p" }]];
        const { agent, model } = agentOf({ version, backend, tools: [asking], turns, before: [retry()] });
        // createAgent makes the node and gives no access to this option of it.
        const node = agent.graph.nodes["tools"]?.bound as unknown as { handleToolErrors: unknown };
        expect(node).toHaveProperty("handleToolErrors");
        node.handleToolErrors = handleToolErrors;
        await agent.invoke(go, thread("t"));
        expect((await agent.graph.getState(thread("t"))).next).toEqual(["tools"]);
        expect(model.seen).toHaveLength(1);
        await answer(agent, backend, "t", "Pay x?", yes);
        const { p } = outputs((await agent.graph.getState(thread("t"))).values);
        expect(["paid x", '{"confirmed":true}']).toContain(p);
      }
    },
  );

  it("the agent as a node with a retryPolicy: no question is retried (P6)", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const turns = [
      [
        { name: "pay", id: "p" },
        { name: "look", id: "l" },
      ],
    ];
    const tools = [payTool(counter), lookTool(counter)];
    const { agent, model } = agentOf({ version, backend, tools, turns, checkpointer: null });
    const retryPolicy = { maxAttempts: 3, initialInterval: 1, retryOn: () => true, logWarning: false };
    const graph = graphOf(agent.graph, { retryPolicy });
    await graph.invoke(go, thread("t"));
    expect(counter.all()).toEqual({ "pay body": 1, look: 1 });
    await answer(graph, backend, "t", "Pay x?", yes);
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ p: "paid x", l: "looked 1" });
    expect(counter.all()).toEqual({ "pay body": 2, "pay effect": 1, look: 1 });
    expect(model.seen).toHaveLength(2);
  });

  it("the agent as a node with an errorHandler: it gets no question", async () => {
    const backend = new InMemoryHITLBackend();
    const handled: unknown[] = [];
    const turns = [[{ name: "pay", id: "p" }]];
    const { agent } = agentOf({
      version,
      backend,
      tools: [payTool(new Counter())],
      turns,
      checkpointer: null,
    });
    const errorHandler = (error: unknown) => (handled.push(error), {});
    const graph = graphOf(agent.graph, { errorHandler });
    await graph.invoke(go, thread("t"));
    await answer(graph, backend, "t", "Pay x?", yes);
    expect(handled).toEqual([]);
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ p: "paid x" });
  });
});

// biome-ignore lint/suspicious/noExplicitAny: any graph as a node, with any options.
function graphOf(node: any, options: any) {
  return new StateGraph(MessagesAnnotation)
    .addNode("agent", node, options)
    .addEdge(START, "agent")
    .addEdge("agent", END)
    .compile({ checkpointer: new MemorySaver() });
}

describe("refused when it is made", () => {
  it.each([
    [{ inDoubt: "maybe" }, "inDoubt"],
    [{ leaseMs: 0 }, "leaseMs"],
    [{ leaseMs: Number.NaN }, "leaseMs"],
    [{ backend: {} }, "backend"],
    [{ backend: null }, "backend"],
  ])("%j: ERR_HITL_INVALID_INPUT that names the option", (options, option) => {
    let thrown: unknown;
    try {
      hitlMiddleware(options as never);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: "ERR_HITL_INVALID_INPUT", details: { option } });
  });
});
