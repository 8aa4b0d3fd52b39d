/** respondAndResume, resumeThread and plain wake-ups: P1, P3, P4, P9, F4, F7, F8. */
import { MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import {
  confirm,
  HITLSuspend,
  HITLToolNode,
  InMemoryHITLBackend,
  respondAndResume,
  resumeThread,
} from "../../src/index.ts";
import { FakeClock } from "../../src/testing/index.ts";
import {
  answer,
  Counter,
  gate,
  input,
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

function setUp() {
  const backend = new InMemoryHITLBackend();
  const counter = new Counter();
  const pay = toolOf("pay", async ({ to = "ann" }) => {
    counter.hit("body");
    const { confirmed } = await confirm({ message: `Pay ${String(to)}?` });
    counter.hit(confirmed ? `paid ${String(to)}` : `refused ${String(to)}`);
    return confirmed ? "paid" : "not paid";
  });
  const graph = toolsGraph(new HITLToolNode([pay], { backend }), new MemorySaver(), () =>
    counter.hit("after"),
  );
  const output = async (thread_id = "t") => outputs((await graph.getState(thread(thread_id))).values);
  return {
    backend,
    counter,
    graph,
    output,
    start: (thread_id = "t") => graph.invoke(input({ name: "pay", id: "p" }), thread(thread_id)),
  };
}

describe("what cannot be resumed (F7)", () => {
  it("an unknown id: not_found, and the graph is not touched", async () => {
    const { backend, graph, counter, start } = setUp();
    await start();
    for (const hitl_id of ["hitl_00000000000000000000000000000000", "my-own", ""]) {
      expect(await respondAndResume(graph, { backend, hitl_id, response: yes })).toEqual({
        status: "not_found",
        resume: null,
      });
    }
    expect(counter.of("body")).toBe(1);
  });

  it("another thread than the record's: a typed error, and nothing is answered", async () => {
    const { backend, graph, start } = setUp();
    await start();
    const { hitl_id } = await openAsk(backend, "t");
    await expect(
      respondAndResume(graph, { backend, hitl_id, response: yes, thread_id: "other" }),
    ).rejects.toMatchObject({ code: "ERR_HITL_INVALID_INPUT" });
    expect(await pending(backend, "t")).toHaveLength(1);
  });

  it("a record without a thread: a typed error that says how to answer it", async () => {
    const { backend, graph } = setUp();
    await backend.create({ hitl_id: "free", hitl_type: "ask_user", session_id: "s" });
    await expect(
      respondAndResume(graph, { backend, hitl_id: "free", response: { answer: "x" } }),
    ).rejects.toMatchObject({ code: "ERR_HITL_INVALID_INPUT" });
  });

  it("a graph without checkpointer: ERR_HITL_NO_CHECKPOINTER, before the answer is stored", async () => {
    const { backend, start } = setUp();
    await start();
    const bare = new StateGraph(MessagesAnnotation)
      .addNode("tools", () => ({}))
      .addEdge(START, "tools")
      .compile();
    const { hitl_id } = await openAsk(backend, "t");
    await expect(respondAndResume(bare, { backend, hitl_id, response: yes })).rejects.toMatchObject({
      code: "ERR_HITL_NO_CHECKPOINTER",
    });
    await expect(resumeThread(bare, { thread_id: "t", backend })).rejects.toMatchObject({
      code: "ERR_HITL_NO_CHECKPOINTER",
    });
    expect(await pending(backend, "t")).toHaveLength(1);
  });

  it("a thread that never started, one with nothing answered, one that has finished: nothing_to_resume, no node runs", async () => {
    const { backend, graph, counter, start } = setUp();
    expect(await resumeThread(graph, { thread_id: "never", backend })).toEqual({
      status: "nothing_to_resume",
      pending: [],
    });
    expect((await graph.getState(thread("never"))).values).toEqual({});
    await start();
    expect(await resumeThread(graph, { thread_id: "t", backend })).toMatchObject({
      status: "nothing_to_resume",
      pending: [{ status: "pending" }],
    });
    await answer(graph, backend, "t", undefined, yes);
    expect(await resumeThread(graph, { thread_id: "t", backend })).toEqual({
      status: "nothing_to_resume",
      pending: [],
    });
    expect(counter.all()).toEqual({ body: 2, "paid ann": 1, after: 1 });
  });
});

describe("answers", () => {
  it("a malformed answer changes nothing, says what is wrong, and the right one that follows is taken (P3, F9)", async () => {
    const { backend, graph, counter, start, output } = setUp();
    await start();
    const { hitl_id } = await openAsk(backend, "t");
    for (const response of [{}, "yes", true, { confirmed: "yes" }, null, [yes]]) {
      const refused = await respondAndResume(graph, { backend, hitl_id, response });
      expect(refused).toMatchObject({ status: "invalid", resume: null, issues: [expect.anything()] });
    }
    expect(counter.of("body")).toBe(1);
    expect((await respondAndResume(graph, { backend, hitl_id, response: no })).status).toBe("accepted");
    expect(await output()).toEqual({ p: "not paid" });
  });

  it("the same answer again is a duplicate, another one a conflict that shows the winner; no effect twice (P4, F4)", async () => {
    const { backend, graph, counter, start, output } = setUp();
    await start();
    const { hitl_id } = await openAsk(backend, "t");
    await respondAndResume(graph, { backend, hitl_id, response: yes });
    expect(await respondAndResume(graph, { backend, hitl_id, response: yes })).toMatchObject({
      status: "duplicate",
      resume: null,
    });
    expect(await respondAndResume(graph, { backend, hitl_id, response: no })).toMatchObject({
      status: "conflict",
      record: { user_response: yes },
      resume: null,
    });
    expect(await output()).toEqual({ p: "paid" });
    expect(counter.all()).toEqual({ body: 2, "paid ann": 1, after: 1 });
  });

  it("ten at once: one is accepted, one effect, the graph goes on once (P4, P9, F4)", async () => {
    const { backend, graph, counter, start, output } = setUp();
    await start();
    const { hitl_id } = await openAsk(backend, "t");
    const all = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        respondAndResume(graph, { backend, hitl_id, response: i % 2 ? yes : no }),
      ),
    );
    expect(all.filter(({ status }) => status === "accepted")).toHaveLength(1);
    expect(Object.keys(await output())).toEqual(["p"]);
    expect(counter.of("paid ann") + counter.of("refused ann")).toBe(1);
    expect(counter.of("after")).toBe(1);
  });

  it("answered by the backend alone, a duplicate through respondAndResume still wakes the thread", async () => {
    const { backend, graph, start, output } = setUp();
    await start();
    const { hitl_id } = await openAsk(backend, "t");
    await backend.respond(hitl_id, yes);
    expect(await respondAndResume(graph, { backend, hitl_id, response: yes })).toMatchObject({
      status: "duplicate",
      resume: { status: "resumed" },
    });
    expect(await output()).toEqual({ p: "paid" });
  });

  it("the actor is kept with the answer", async () => {
    const { backend, graph, start } = setUp();
    await start();
    const { hitl_id } = await openAsk(backend, "t");
    const { record } = await respondAndResume(graph, {
      backend,
      hitl_id,
      response: yes,
      actor: { id: "u1", role: "user" },
    });
    expect(record?.responded_by).toMatchObject({ id: "u1", role: "user" });
  });
});

describe("plain wake-ups (P1)", () => {
  const values: [string, unknown][] = [
    ["another record's id", { "00000000000000000000000000000000": { hitl: "x" } }],
    ["the right interrupt id with what is no answer", "by-id"],
    ["an object", { confirmed: true }],
    ["an empty object", {}],
    ["an array", []],
    ["text", "approve"],
    ["true", true],
    [
      "LangChain's decisions, more than there are questions",
      { decisions: [{ type: "approve" }, { type: "approve" }] },
    ],
  ];

  it.each(values)(
    "%s answers nothing, harms nothing, and the real answer counts afterwards",
    async (_name, value) => {
      const { backend, graph, counter, start, output } = setUp();
      await start();
      const { hitl_id, interrupt_id } = await openAsk(backend, "t");
      const resume = value === "by-id" ? { [String(interrupt_id)]: { confirmed: "yes" } } : value;
      await graph.invoke(wake(resume), thread("t"));
      await graph.invoke(wake(resume), thread("t"));
      expect(counter.all()).toEqual({ body: 1 });
      await respondAndResume(graph, { backend, hitl_id, response: no });
      expect(await output()).toEqual({ p: "not paid" });
    },
  );

  it("swapped values of two threads and of two calls change nothing", async () => {
    const { backend, graph, output } = setUp();
    const two = input(
      { name: "pay", args: { to: "ann" }, id: "a" },
      { name: "pay", args: { to: "bob" }, id: "b" },
    );
    await graph.invoke(two, thread("t"));
    const [a, b] = [await openAsk(backend, "t", "Pay ann?"), await openAsk(backend, "t", "Pay bob?")];
    await backend.respond(a.hitl_id, yes);
    await backend.respond(b.hitl_id, no);
    await graph.invoke(
      wake({ [String(a.interrupt_id)]: { hitl: b.hitl_id }, [String(b.interrupt_id)]: { hitl: a.hitl_id } }),
      thread("t"),
    );
    expect(await output()).toEqual({ a: "paid", b: "not paid" });
  });

  it("after the answer any wake-up goes on: plain value, invoke(null)", async () => {
    for (const by of [wake("anything"), wake({ x: 1 }), null]) {
      const { backend, graph, counter, start, output } = setUp();
      await start();
      await backend.respond((await openAsk(backend, "t")).hitl_id, yes);
      await graph.invoke(by, thread("t"));
      expect(await output()).toEqual({ p: "paid" });
      await graph.invoke(wake("late"), thread("t"));
      expect(counter.all()).toEqual({ body: 2, "paid ann": 1, after: 1 });
    }
  });

  it("a late value of a question does not answer the next one (2.3)", async () => {
    const backend = new InMemoryHITLBackend();
    const graph = toolsGraph(
      new HITLToolNode(
        [
          toolOf(
            "it",
            async () =>
              `${(await confirm({ message: "One?" })).confirmed} ${(await confirm({ message: "Two?" })).confirmed}`,
          ),
        ],
        { backend },
      ),
    );
    await graph.invoke(input({ name: "it", id: "c" }), thread("t"));
    const one = await openAsk(backend, "t", "One?");
    await respondAndResume(graph, { backend, hitl_id: one.hitl_id, response: yes });
    await graph.invoke(wake({ [String(one.interrupt_id)]: yes }), thread("t"));
    await respondAndResume(graph, { backend, hitl_id: one.hitl_id, response: yes });
    await openAsk(backend, "t", "Two?");
    await answer(graph, backend, "t", "Two?", no);
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ c: "true false" });
  });
});

describe("resumeThread", () => {
  it("takes up several answers in one run, and says what is still open", async () => {
    const { backend, graph, counter, output } = setUp();
    await graph.invoke(
      input(...["a", "b", "c"].map((to) => ({ name: "pay", args: { to }, id: to }))),
      thread("t"),
    );
    for (const to of ["a", "c"])
      await backend.respond((await openAsk(backend, "t", `Pay ${to}?`)).hitl_id, yes);
    const result = await resumeThread(graph, { thread_id: "t", backend });
    expect(result).toMatchObject({ status: "resumed", pending: [{ tool_call_id: "b" }] });
    expect(counter.all()).toMatchObject({ "paid a": 1, "paid c": 1 });
    await answer(graph, backend, "t", undefined, no);
    expect(await output()).toEqual({ a: "paid", b: "not paid", c: "paid" });
  });

  it("two at once: the effect happens once, and the thread does not stall (P9)", async () => {
    const { backend, graph, counter, start, output } = setUp();
    await start();
    await backend.respond((await openAsk(backend, "t")).hitl_id, yes);
    const results = await Promise.all([1, 2, 3].map(() => resumeThread(graph, { thread_id: "t", backend })));
    expect(results.filter(({ status }) => status === "resumed").length).toBeGreaterThanOrEqual(1);
    expect(await output()).toEqual({ p: "paid" });
    expect(counter.all()).toEqual({ body: 2, "paid ann": 1, after: 1 });
  });

  it("an answer that arrives while the thread runs is taken up by the run that holds it (P9)", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const working = gate();
    const pay = toolOf("pay", async ({ to }) => {
      const { confirmed } = await confirm({ message: `Pay ${String(to)}?` });
      counter.hit(`paid ${String(to)}`);
      if (to === "slow") await working.opened;
      return `${confirmed}`;
    });
    const graph = toolsGraph(new HITLToolNode([pay], { backend }), new MemorySaver(), () =>
      counter.hit("after"),
    );
    await graph.invoke(
      input({ name: "pay", args: { to: "slow" }, id: "s" }, { name: "pay", args: { to: "quick" }, id: "q" }),
      thread("t"),
    );
    const first = answer(graph, backend, "t", "Pay slow?", yes);
    await turns();
    const second = await answer(graph, backend, "t", "Pay quick?", no);
    expect(second).toMatchObject({ status: "accepted", resume: { status: "busy" } });
    const until = second.resume?.status === "busy" ? second.resume.until : null;
    expect(until).toBeGreaterThan(backend.now() + 50_000);
    working.open();
    expect((await first).resume?.status).toBe("resumed");
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ s: "true", q: "false" });
    expect(counter.all()).toEqual({ "paid slow": 1, "paid quick": 1, after: 1 });
  });

  it("a wake-up leaves no resume value in the checkpointer (P1)", async () => {
    const backend = new InMemoryHITLBackend();
    const saver = new MemorySaver();
    const channels: string[] = [];
    const putWrites = saver.putWrites.bind(saver);
    saver.putWrites = (config, writes, task) => {
      channels.push(...writes.map(([channel]) => String(channel)));
      return putWrites(config, writes, task);
    };
    const pay = toolOf("pay", async () => `${(await confirm({ message: "Pay?" })).confirmed}`);
    const graph = toolsGraph(new HITLToolNode([pay], { backend }), saver);
    await graph.invoke(input({ name: "pay", id: "p" }), thread("t"));
    await answer(graph, backend, "t", "Pay?", yes);
    expect(channels).toContain("__interrupt__");
    expect(channels).not.toContain("__resume__");
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ p: "true" });
  });

  it("respondAndResume reads the thread once: the run begins with the head that was looked at", async () => {
    const backend = new InMemoryHITLBackend();
    const saver = new MemorySaver();
    let reads = 0;
    const getTuple = saver.getTuple.bind(saver);
    saver.getTuple = (config) => {
      reads += 1;
      return getTuple(config);
    };
    const pay = toolOf("pay", async () => `${(await confirm({ message: "Pay?" })).confirmed}`);
    const graph = toolsGraph(new HITLToolNode([pay], { backend }), saver);
    await graph.invoke(input({ name: "pay", id: "p" }), thread("t"));
    reads = 0;
    const { resume } = await answer(graph, backend, "t", "Pay?", yes);
    expect([resume?.status, reads]).toEqual(["resumed", 1]);
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ p: "true" });
    const { next } = await graph.getState(thread("t"));
    expect(next).toEqual([]);
  });

  it("busy says when the lease of a call ends whose process may be dead, and then there is a doubt (P9)", async () => {
    const clock = new FakeClock(Date.now());
    const backend = new InMemoryHITLBackend({ clock });
    const never = gate();
    const pay = toolOf("pay", async () => {
      await confirm({ message: "Pay?" });
      await never.opened;
      return "paid";
    });
    const graph = toolsGraph(new HITLToolNode([pay], { backend }));
    await graph.invoke(input({ name: "pay", id: "p" }), thread("t"));
    void answer(graph, backend, "t", "Pay?", yes);
    await turns();
    // The resumer's own lease is gone, that of the call is not.
    const { store, tenant_id } = backend;
    const { items } = await store.page({ kind: "pause", tenant_id, statuses: ["active"] });
    for (const { id } of items) await store.commit([{ op: "update", id, patch: { lease: "release" } }]);
    const woken = await resumeThread(graph, { thread_id: "t", backend });
    expect(woken).toEqual({ status: "busy", until: clock.now() + 60_000, pending: [] });
    clock.advance(60_000);
    const { pending } = await resumeThread(graph, { thread_id: "t", backend });
    expect(pending.map(({ hitl_type }) => hitl_type)).toEqual(["in_doubt"]);
  });

  it("a run that fails before it uses the answer leaves its error in the record", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const pay = toolOf("pay", async () => {
      const { confirmed } = await confirm({ message: "Pay?" });
      if (counter.hit("charge") === 1) throw new TypeError("the bank is down");
      return `${confirmed}`;
    });
    const graph = toolsGraph(new HITLToolNode([pay], { backend, handleToolErrors: false }));
    await graph.invoke(input({ name: "pay", id: "p" }), thread("t"));
    await expect(answer(graph, backend, "t", "Pay?", yes)).rejects.toThrow("the bank is down");
    const { items } = await backend.getByThread("t");
    expect(items.map(({ resume }) => [resume.state, resume.last_error])).toEqual([
      ["waiting", "TypeError: the bank is down"],
    ]);
    expect((await resumeThread(graph, { thread_id: "t", backend })).status).toBe("resumed");
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ p: "true" });
    const after = await backend.getByThread("t");
    expect(after.items.map(({ resume }) => resume.state)).toEqual(["done"]);
  });

  it("a run that throws gives the thread back, and the answer can be taken up again", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const pay = toolOf("pay", async () => `${(await confirm({ message: "Pay?" })).confirmed}`);
    const graph = toolsGraph(new HITLToolNode([pay], { backend }), new MemorySaver(), () => {
      if (counter.hit("after") === 1) throw new Error("after failed");
    });
    await graph.invoke(input({ name: "pay", id: "p" }), thread("t"));
    await expect(answer(graph, backend, "t", undefined, yes)).rejects.toThrow("after failed");
    await graph.invoke(null, thread("t"));
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ p: "true" });
    expect(counter.of("after")).toBe(2);
  });

  it.each([{}, { session_id: "sess" }])(
    "a thread in a session of its own is resumed, whether its session is given or not: %j",
    async (given) => {
      const { backend, graph, output } = setUp();
      const config = {
        configurable: { thread_id: "t", holdpoint: { session_id: "sess", invocation_id: "inv" } },
      };
      await graph.invoke(input({ name: "pay", id: "p" }), config);
      expect((await backend.getPendingBySession("sess")).items).toMatchObject([
        { thread_id: "t", invocation_id: "inv" },
      ]);
      await backend.respond((await openAsk(backend, "t")).hitl_id, yes);
      expect((await resumeThread(graph, { thread_id: "t", backend, ...given })).status).toBe("resumed");
      expect(await output()).toEqual({ p: "paid" });
    },
  );

  it("P9 a branch that failed after its answer is tried again, although another branch still waits for a human", async () => {
    const { backend, counter } = setUp();
    const asking = (name: string, failures: number) => async () => {
      const { confirmed } = await confirm({ message: `${name}?` });
      if (counter.hit(`${name} ran`) <= failures) throw new Error(`${name} failed`);
      counter.hit(`${name} ${String(confirmed)}`);
      return {};
    };
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("left", asking("left", 1))
      .addNode("right", asking("right", 0))
      .addEdge(START, "left")
      .addEdge(START, "right")
      .compile({ checkpointer: new MemorySaver() });
    const options = { thread_id: "t", backend };
    await graph.invoke({ messages: [] }, { configurable: { thread_id: "t", holdpoint: { backend } } });
    const { hitl_id } = await openAsk(backend, "t", "left?");
    await expect(respondAndResume(graph, { backend, hitl_id, response: yes })).rejects.toThrow("left failed");
    expect(counter.all()).toEqual({ "left ran": 1 });

    expect(await resumeThread(graph, options)).toMatchObject({
      status: "resumed",
      pending: [{ data: { message: "right?" } }],
    });
    expect(counter.all()).toEqual({ "left ran": 2, "left true": 1 });
    // It waits for the human alone now: nothing is run for nothing.
    expect(await resumeThread(graph, options)).toMatchObject({ status: "nothing_to_resume" });

    await answer(graph, backend, "t", "right?", yes);
    expect(counter.all()).toEqual({ "left ran": 2, "left true": 1, "right ran": 1, "right true": 1 });
    expect((await graph.getState(thread("t"))).next).toEqual([]);
  });

  it("of a tenant: the tenant's view resumes it, another tenant sees nothing", async () => {
    const { backend, graph, output } = setUp();
    await graph.invoke(input({ name: "pay", id: "p" }), {
      configurable: { thread_id: "t", holdpoint: { tenant_id: "acme" } },
    });
    const acme = backend.forTenant("acme");
    const { hitl_id } = await openAsk(acme, "t");
    expect((await respondAndResume(graph, { backend, hitl_id, response: yes })).status).toBe("not_found");
    expect(await respondAndResume(graph, { backend: acme, hitl_id, response: yes })).toMatchObject({
      status: "accepted",
      resume: { status: "resumed" },
    });
    expect(await output()).toEqual({ p: "paid" });
  });
});

describe("response mode through respondAndResume (F8)", () => {
  it.each([[false], [0], [""], [null]])("%j reaches the model", async (response) => {
    const backend = new InMemoryHITLBackend();
    const it = toolOf("it", () => {
      throw new HITLSuspend({ hitl_type: "workflow_human", data: { message: "?" } });
    });
    const graph = toolsGraph(new HITLToolNode([it], { backend }));
    await graph.invoke(input({ name: "it", id: "c" }), thread("t"));
    expect((await answer(graph, backend, "t", undefined, response)).resume?.status).toBe("resumed");
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({
      c: response === "" ? "" : JSON.stringify(response),
    });
  });
});

describe("a thread that rests at a breakpoint", () => {
  function setUp() {
    const clock = new FakeClock();
    const backend = new InMemoryHITLBackend({ clock });
    const counter = new Counter();
    const ask = toolOf("ask", async () => String((await confirm({ message: "Go?" })).confirmed));
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("route", () => ({}))
      .addNode("tools", new HITLToolNode([ask], { backend }))
      .addNode("guarded", () => (counter.hit("guarded"), {}))
      .addEdge(START, "route")
      .addConditionalEdges(
        "route",
        ({ messages }) =>
          (messages.at(-1) as { tool_calls?: unknown[] }).tool_calls?.length ? "tools" : "guarded",
        ["tools", "guarded"],
      )
      .addEdge("tools", "__end__")
      .addEdge("guarded", "__end__")
      .compile({ checkpointer: new MemorySaver(), interruptBefore: ["guarded"] });
    return { clock, backend, counter, graph };
  }

  it("is not resumed past it because an older pause was once resumed (P8)", async () => {
    const { clock, backend, counter, graph } = setUp();
    await graph.invoke(input({ name: "ask", id: "c" }), thread("t"));
    expect((await answer(graph, backend, "t", "Go?", yes)).status).toBe("accepted");
    await graph.invoke({ messages: [{ role: "user", content: "and now?" }] }, thread("t"));
    // Longer than the lease of whoever resumed the pause.
    clock.advance(120_000);
    const { status } = await resumeThread(graph, { thread_id: "t", backend });
    expect([status, counter.of("guarded")]).toEqual(["nothing_to_resume", 0]);
    await graph.invoke(null, thread("t"));
    expect(counter.of("guarded")).toBe(1);
  });
});
