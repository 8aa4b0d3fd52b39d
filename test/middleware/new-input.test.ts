/**
 * A user's message comes by a plain `invoke` while the thread waits for a human: the model is given a valid list (F11),
 * what was open is open no more, and nothing runs twice (P6).
 */
import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { Command, interrupt, ReducedValue, StateSchema } from "@langchain/langgraph";
import { createMiddleware, summarizationMiddleware, todoListMiddleware } from "langchain";
import { describe, expect, it } from "vitest";
import {
  confirm,
  type HITLBackend,
  HITLSuspend,
  InMemoryHITLBackend,
  respondAndResume,
  resumeThread,
  sendMessage,
  step,
  StoreHITLBackend,
} from "holdpoint";
import { FakeClock, MemoryRecordStore } from "holdpoint/testing";
import { z } from "zod";
import { call } from "../message/kit.ts";
import { ai, gate, openAsk, pending, ScriptedModel, thread, toolOf } from "../nodes/kit.ts";
import { type ChatAgent, chatAgent, conversation, delegateTo, say, shopTools } from "./chat.ts";
import { VERSIONS, yes } from "./kit.ts";

const three = [call("look", "l"), call("pay", "a", { to: "ann" }), call("pay", "b", { to: "bob" })];
const script = { go: three, pay: [call("pay", "p", { to: "eve" })] };
const cancelled = (id: string): unknown =>
  expect.stringMatching(new RegExp(`^${id}: The call was cancelled: it`));
const unused = (id: string): unknown =>
  expect.stringMatching(new RegExp(`^${id}: The call was cancelled: a human had answered`));
const unknown = (id: string): unknown =>
  expect.stringMatching(new RegExp(`^${id}: The call was interrupted`));

async function answer(agent: ChatAgent, backend: HITLBackend, message: string, response: unknown = yes) {
  const { hitl_id } = await openAsk(backend, "t", message);
  return respondAndResume(agent, { backend, hitl_id, response });
}

const typesOf = async (backend: HITLBackend, hitl_id: string): Promise<string[]> =>
  (await backend.history(hitl_id)).items.map(({ type }) => type);

describe.each(VERSIONS)("createAgent %s", (version) => {
  function setUp(init: Partial<Parameters<typeof chatAgent>[0]> = {}) {
    const backend = new InMemoryHITLBackend();
    const effects: string[] = [];
    const tools = shopTools(effects);
    return { backend, effects, tools, ...chatAgent({ version, backend, tools, script, ...init }) };
  }

  it("P6 what ran keeps its result, what waited is cancelled, and the model reads the message behind it", async () => {
    const { agent, backend, effects, model } = setUp();
    await agent.invoke(say("go"), thread("t"));
    await answer(agent, backend, "Pay bob?");
    const [open] = await pending(backend, "t");
    const result = await agent.invoke(say("stop"), thread("t"));
    expect(result).not.toHaveProperty("__interrupt__");
    expect(await conversation(agent)).toEqual([
      "human: go",
      "ai: →l →a →b",
      "l: sunny",
      cancelled("a"),
      "b: paid",
      "human: stop",
      "ai: ok stop",
    ]);
    expect(effects.toSorted()).toEqual(["looked", "paid bob"]);
    expect(model.seen).toHaveLength(2);
    expect(await pending(backend, "t")).toEqual([]);
    expect(await backend.get(open?.hitl_id as string)).toMatchObject({
      status: "cancelled",
      reason: "superseded",
    });
    expect(await resumeThread(agent, { backend, thread_id: "t" })).toMatchObject({
      status: "nothing_to_resume",
    });
  });

  it("who follows the run is shown that the question is cancelled", async () => {
    const { agent } = setUp();
    await agent.invoke(say("pay"), thread("t"));
    const shown: unknown[] = [];
    const stream = await agent.stream(say("stop"), { ...thread("t"), streamMode: "custom" });
    for await (const chunk of stream) shown.push(chunk);
    const data = expect.objectContaining({ message: "Pay eve?", status: "cancelled", reason: "superseded" });
    expect(shown).toContainEqual(expect.objectContaining({ kind: "hitl", data }));
  });

  it("P4 an answer that comes too late hears that its question is cancelled, and changes nothing", async () => {
    const { agent, backend, effects } = setUp();
    await agent.invoke(say("pay"), thread("t"));
    const { hitl_id } = await openAsk(backend, "t");
    await agent.invoke(say("stop"), thread("t"));
    const before = await conversation(agent);
    const late = await respondAndResume(agent, { backend, hitl_id, response: yes });
    expect(late).toMatchObject({ status: "cancelled", resume: null });
    expect(effects).toEqual([]);
    expect(await conversation(agent)).toEqual(before);
  });

  it("P4 an answer that was accepted and not taken up stays, is marked orphaned, and its call says so", async () => {
    const { agent, backend, effects } = setUp();
    await agent.invoke(say("go"), thread("t"));
    const { hitl_id } = await openAsk(backend, "t", "Pay ann?");
    expect(await backend.respond(hitl_id, yes)).toMatchObject({ status: "accepted" });
    await agent.invoke(say("stop"), thread("t"));
    expect((await conversation(agent)).slice(2, 5)).toEqual(["l: sunny", unused("a"), cancelled("b")]);
    expect(await backend.get(hitl_id)).toMatchObject({ status: "completed", user_response: yes });
    expect(await typesOf(backend, hitl_id)).toEqual(["created", "answered", "orphaned"]);
    expect(await resumeThread(agent, { backend, thread_id: "t" })).toMatchObject({
      status: "nothing_to_resume",
    });
    const again = await respondAndResume(agent, { backend, hitl_id, response: yes });
    expect(again).toMatchObject({ status: "duplicate", resume: null });
    expect(effects).toEqual(["looked"]);
  });

  it("P4 in response mode the answer is the result: it is given to the model", async () => {
    const ask = toolOf("ask", () => {
      throw new HITLSuspend({ resume_mode: "response", data: { message: "For how many?" } });
    });
    const { agent, backend } = setUp({ tools: [ask], script: { go: [call("ask", "q")] } });
    await agent.invoke(say("go"), thread("t"));
    const { hitl_id } = await openAsk(backend, "t");
    await backend.respond(hitl_id, { answer: "two" });
    await agent.invoke(say("and a terrace"), thread("t"));
    expect((await conversation(agent)).slice(1, 4)).toEqual([
      "ai: →q",
      'q: {"answer":"two"}',
      "human: and a terrace",
    ]);
  });

  it("a question whose deadline has passed has expired, and is not cancelled (P8)", async () => {
    const clock = new FakeClock();
    const backend = new StoreHITLBackend(new MemoryRecordStore({ clock }), { clock });
    const ask = toolOf("ask", async () =>
      String((await confirm({ message: "?", expiresInMs: 1000 })).confirmed),
    );
    const { agent } = chatAgent({ version, backend, tools: [ask], script: { go: [call("ask", "q")] } });
    await agent.invoke(say("go"), thread("t"));
    const { hitl_id } = await openAsk(backend, "t");
    clock.advance(2000);
    await agent.invoke(say("stop"), thread("t"));
    expect(await backend.get(hitl_id)).toMatchObject({ status: "expired" });
    expect((await conversation(agent))[2]).toEqual(cancelled("q"));
  });

  it("P9 a call at work is left to its process: its effect happens once, and the model hears that nobody knows", async () => {
    const [started, opened] = [gate(), gate()];
    const effects: string[] = [];
    const work = toolOf("work", async () => {
      await confirm({ message: "Work?" });
      await step("work", async () => {
        started.open();
        await opened.opened;
        effects.push("worked");
      });
      return "done";
    });
    const { agent, backend } = setUp({ tools: [work], script: { go: [call("work", "w")] } });
    await agent.invoke(say("go"), thread("t"));
    const resumed = answer(agent, backend, "Work?");
    await started.opened;
    await agent.invoke(say("stop"), thread("t"));
    expect((await conversation(agent)).slice(1)).toEqual([
      "ai: →w",
      unknown("w"),
      "human: stop",
      "ai: ok stop",
    ]);
    opened.open();
    await resumed.catch(() => {});
    expect(effects).toEqual(["worked"]);
    expect(await pending(backend, "t")).toEqual([]);
  });

  it("P9 a call whose process died is given up: whatever it did, with the steps that are done", async () => {
    const clock = new FakeClock();
    const backend = new StoreHITLBackend(new MemoryRecordStore({ clock }), { clock });
    const [started, never] = [gate(), gate()];
    const work = toolOf("work", async () => {
      await confirm({ message: "Work?" });
      await step("first", () => 1);
      await step("second", async () => {
        started.open();
        await never.opened;
      });
      return "done";
    });
    const { agent } = chatAgent({ version, backend, tools: [work], script: { go: [call("work", "w")] } });
    await agent.invoke(say("go"), thread("t"));
    void answer(agent, backend, "Work?").catch(() => {});
    await started.opened;
    clock.advance(10 * 60_000);
    await agent.invoke(say("stop"), thread("t"));
    expect((await conversation(agent))[2]).toMatch(
      /^w: The call was interrupted .* Done before that: first\.$/,
    );
  });

  it("a list that is valid costs nothing: no operation on the store", async () => {
    const operations: string[] = [];
    const store = new Proxy(new MemoryRecordStore(), {
      get(target, name) {
        const own: unknown = Reflect.get(target, name, target);
        if (typeof own !== "function") return own;
        return (...args: unknown[]): unknown => {
          operations.push(String(name));
          return Reflect.apply(own, target, args);
        };
      },
    });
    const backend = new StoreHITLBackend(store);
    const { agent } = chatAgent({ version, backend, tools: [], script: {} });
    await agent.invoke(say("one"), thread("t"));
    await agent.invoke(say("two"), thread("t"));
    expect(operations).toEqual([]);
    expect(await conversation(agent)).toHaveLength(4);
  });

  it("late and stray tool messages come to their places without the store; a valid state is left as it is", async () => {
    const { agent, model } = setUp({ tools: [], script: {} });
    await agent.invoke(
      {
        messages: [
          new HumanMessage("go"),
          ai([{ name: "look", id: "x" }]),
          new HumanMessage("hm"),
          new ToolMessage({ content: "late", tool_call_id: "x" }),
          new ToolMessage({ content: "stray", tool_call_id: "y" }),
        ],
      },
      thread("t"),
    );
    const mended = ["human: go", "ai: →x", "x: late", "human: hm", "ai: ok hm"];
    expect(await conversation(agent)).toEqual(mended);
    await agent.invoke(say("next"), thread("t"));
    expect(await conversation(agent)).toEqual([...mended, "human: next", "ai: ok next"]);
    expect(model.seen).toHaveLength(2);
  });

  it("without a backend the list is mended by what can be said", async () => {
    const stop = toolOf("stop", () => String(interrupt("?")));
    const { agent } = chatAgent({ version, tools: [stop], script: { go: [call("stop", "s")] } });
    await agent.invoke(say("go"), thread("t"));
    await agent.invoke(say("well"), thread("t"));
    expect((await conversation(agent)).slice(1, 4)).toEqual(["ai: →s", unknown("s"), "human: well"]);
  });

  // In v1 langchain takes calls with an id that was answered before for answered, and runs none of them.
  if (version === "v2")
    it("ids that a model gives again in each turn: each call gets its own result", async () => {
      const { agent, backend, effects } = setUp({
        script: {
          one: [call("look", "c0", { at: "one" }), call("pay", "c1", { to: "ann" })],
          two: [call("pay", "c0", { to: "bob" }), call("look", "c1", { at: "two" })],
        },
      });
      await agent.invoke(say("one"), thread("t"));
      await answer(agent, backend, "Pay ann?");
      await agent.invoke(say("two"), thread("t"));
      await agent.invoke(say("stop"), thread("t"));
      expect((await conversation(agent)).slice(4)).toEqual([
        "ai: ok one",
        "human: two",
        "ai: →c0 →c1",
        cancelled("c0"),
        "c1: sunny",
        "human: stop",
        "ai: ok stop",
      ]);
      expect(effects).toEqual(["looked one", "paid ann", "looked two"]);
    });

  it.each(["agent", "graph", "sendMessage"] as const)(
    "what a finished call changes beside the messages is kept, once: %s",
    async (by) => {
      const notes = new ReducedValue(z.array(z.string()).default([]), {
        reducer: (before: string[], more: string[]) => [...before, ...more],
      });
      const noted = createMiddleware({ name: "Notes", stateSchema: new StateSchema({ notes }) });
      const note = toolOf("note", async (_, runtime) => {
        await step("look up", () => 1);
        const tool_call_id = runtime["toolCallId"] as string;
        return new Command({
          update: { messages: [new ToolMessage({ content: "noted", tool_call_id })], notes: ["x"] },
        });
      });
      const { agent, backend } = setUp({
        tools: [...shopTools([]), note],
        script: { go: [call("note", "n"), call("pay", "p", { to: "ann" })] },
        before: [noted],
      });
      const graph = by === "graph" ? agent.graph : agent;
      await graph.invoke(say("go") as never, thread("t"));
      const sent = { backend, thread_id: "t", message: "stop", whenPending: "cancel" } as const;
      await (by === "sendMessage"
        ? sendMessage(agent, sent)
        : graph.invoke(say("stop") as never, thread("t")));
      expect((await conversation(agent)).slice(2, 4)).toEqual(["n: noted", cancelled("p")]);
      expect((await agent.graph.getState(thread("t"))).values).toMatchObject({ notes: ["x"] });
    },
  );

  it.each(["before", "after"] as const)("under a middleware that summarises, %s it", async (where) => {
    const summary = summarizationMiddleware({
      model: new ScriptedModel([]),
      trigger: { messages: 4 },
      keep: { messages: 3 },
    });
    const { agent, backend, effects, model } = setUp({ [where]: [summary, todoListMiddleware()] });
    await agent.invoke(say("hello"), thread("t"));
    await agent.invoke(say("pay"), thread("t"));
    await agent.invoke(say("stop"), thread("t"));
    await agent.invoke(say("pay"), thread("t"));
    await answer(agent, backend, "Pay eve?");
    await agent.invoke(say("bye"), thread("t"));
    expect(model.seen.length).toBeGreaterThanOrEqual(5);
    expect((await conversation(agent)).at(-1)).toBe("ai: ok bye");
    expect(effects).toEqual(["paid eve"]);
  });

  it("what another middleware cuts out of the request is made good in the request", async () => {
    const cut = createMiddleware({
      name: "Cut",
      wrapModelCall: (request, handler) =>
        handler({ ...request, messages: request.messages.filter((entry) => entry.getType() !== "tool") }),
    });
    const { agent } = setUp({ before: [cut], script: { go: [call("look", "l")] } });
    await agent.invoke(say("go"), thread("t"));
    expect(await conversation(agent)).toEqual(["human: go", "ai: →l", "l: sunny", "ai: ok go"]);
  });

  it("a pause that a middleware replaced by nothing is no new input: ERR_HITL_PAUSE_SWALLOWED", async () => {
    const drop = createMiddleware({
      name: "Drop",
      wrapToolCall: async (request, handler) => {
        await handler(request);
        return new Command({});
      },
    });
    const { agent, backend } = setUp({ before: [drop] });
    await expect(agent.invoke(say("pay"), thread("t"))).rejects.toThrow("replaced its pause");
    expect(await pending(backend, "t")).toHaveLength(1);
  });

  it("sendMessage after such input goes on as ever: wait and cancel", async () => {
    const { agent, backend, effects } = setUp();
    const to = { backend, thread_id: "t" };
    await agent.invoke(say("pay"), thread("t"));
    await agent.invoke(say("go"), thread("t"));
    expect(await sendMessage(agent, { ...to, message: "later" })).toMatchObject({ status: "waiting" });
    await answer(agent, backend, "Pay bob?");
    await answer(agent, backend, "Pay ann?");
    expect(await conversation(agent)).toEqual([
      "human: pay",
      "ai: →p",
      cancelled("p"),
      "human: go",
      "ai: →l →a →b",
      "l: sunny",
      "a: paid",
      "b: paid",
      "ai: ok go",
      "human: later",
      "ai: ok later",
    ]);
    expect(effects.toSorted()).toEqual(["looked", "paid ann", "paid bob"]);
  });

  it("an agent in a tool that keeps its own conversation: its list is mended too", async () => {
    const backend = new InMemoryHITLBackend();
    const effects: string[] = [];
    const inner = chatAgent({
      version,
      backend,
      tools: shopTools(effects),
      script,
      checkpointer: true,
      name: "inner",
    });
    const delegate = delegateTo(inner.agent);
    const outer = chatAgent({
      version,
      backend,
      tools: [delegate],
      script: {
        first: [call("delegate", "d1", { what: "go" })],
        second: [call("delegate", "d2", { what: "hello" })],
      },
    });
    await outer.agent.invoke(say("first"), thread("t"));
    expect(await pending(backend, "t")).toHaveLength(2);
    await outer.agent.invoke(say("second"), thread("t"));
    expect(await conversation(outer.agent)).toEqual([
      "human: first",
      "ai: →d1",
      cancelled("d1"),
      "human: second",
      "ai: →d2",
      "d2: ok hello",
      "ai: ok second",
    ]);
    expect(inner.model.seen.at(-1)?.map((entry) => entry.getType())).toEqual([
      "human",
      "ai",
      "tool",
      "tool",
      "tool",
      "human",
    ]);
    expect(inner.model.seen.at(-1)?.[2]?.text).toBe("sunny");
    expect(await pending(backend, "t")).toEqual([]);
    expect(effects).toEqual(["looked"]);
  });
});
