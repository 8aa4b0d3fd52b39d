/** sendMessage: a user writes while the agent waits for a human (F11), and at any other time. */
import { describe, expect, it } from "vitest";
import { confirm, askUser, InMemoryHITLBackend, respondAndResume, resumeThread, step } from "holdpoint";
import { sendMessage, waitingMessages, withdrawMessage } from "../../src/nodes/message/send-message.ts";
import { call, chatOf, openAsk, pending, said, thread, toolOf } from "./kit.ts";

const yes = { confirmed: true };

function setUp() {
  const backend = new InMemoryHITLBackend();
  const effects: string[] = [];
  const pay = toolOf("pay", async ({ to }) => {
    const { confirmed } = await confirm({ message: `Pay ${String(to)}?` });
    if (confirmed) effects.push(`paid ${String(to)}`);
    return confirmed ? "paid" : "not paid";
  });
  const look = toolOf("look", () => {
    effects.push("looked");
    return "sunny";
  });
  const colour = toolOf("colour", async () => {
    const { answer } = await askUser({
      message: "Which colour?",
      options: ["red", { value: "b", label: "Blue" }],
    });
    return `painted ${String(answer)}`;
  });
  const name = toolOf("name", async () => {
    const { answer } = await askUser({ message: "Your name?" });
    return `hello ${String(answer)}`;
  });
  const script = {
    pay: [call("pay", "p1", { to: "ann" })],
    both: [call("look", "l1"), call("pay", "p1", { to: "ann" }), call("pay", "p2", { to: "bob" })],
    paint: [call("colour", "c1")],
    name: [call("name", "n1")],
  };
  const seen: string[][] = [];
  const graph = chatOf({
    backend,
    tools: [pay, look, colour, name],
    script,
    onModel: (messages) => void seen.push(said(messages)),
  });
  const send = (message: string, options: Partial<Parameters<typeof sendMessage>[1]> = {}) =>
    sendMessage(graph, { backend, thread_id: "t", message, ifNotExists: "create", ...options });
  const state = async () => said((await graph.getState(thread("t"))).values);
  const respond = async (message: string, response: unknown = yes) => {
    const { hitl_id } = await openAsk(backend, "t", message);
    return respondAndResume(graph, { backend, hitl_id, response });
  };
  return { backend, effects, graph, seen, send, state, respond };
}

describe("nothing is pending", () => {
  it("runs the graph with the message, and a retry with its id is no second message", async () => {
    const { send, state, seen } = setUp();
    expect(await send("hello", { message_id: "m1" })).toMatchObject({
      status: "delivered",
      message_id: "m1",
      pending: [],
      result: { messages: [{ id: "m1" }, {}] },
    });
    expect(await send("hello", { message_id: "m1" })).toEqual({
      status: "delivered",
      message_id: "m1",
      pending: [],
      result: null,
    });
    expect(await state()).toEqual(["human: hello", "ai: ok hello"]);
    expect(seen).toHaveLength(1);
  });

  it("says what the run has asked", async () => {
    const { send } = setUp();
    expect(await send("pay")).toMatchObject({
      status: "delivered",
      pending: [{ data: { message: "Pay ann?" } }],
    });
  });
});

describe("wait", () => {
  it("keeps messages in their order until the thread comes to rest, and whoever answers lets them in (F11)", async () => {
    const { backend, send, state, respond } = setUp();
    await send("both");
    for (const text of ["one", "two", "three"])
      expect(await send(text)).toMatchObject({ status: "waiting", pending: [{}, {}] });
    expect((await waitingMessages({ backend, thread_id: "t" })).map(({ content }) => content)).toEqual([
      "one",
      "two",
      "three",
    ]);
    await respond("Pay bob?");
    expect(await waitingMessages({ backend, thread_id: "t" })).toHaveLength(3);
    expect(await respond("Pay ann?")).toMatchObject({
      resume: { status: "resumed", result: { messages: { length: 10 } } },
    });
    expect(await state()).toEqual([
      "human: both",
      "ai: →l1 →p1 →p2",
      "l1: sunny",
      "p1: paid",
      "p2: paid",
      "ai: ok both",
      "human: one",
      "human: two",
      "human: three",
      "ai: ok three",
    ]);
    expect(await waitingMessages({ backend, thread_id: "t" })).toEqual([]);
  });

  it("a question that is answered by the backend alone is taken up by the next message", async () => {
    const { backend, send, state, effects } = setUp();
    await send("pay");
    await backend.respond((await openAsk(backend, "t")).hitl_id, yes);
    expect(await send("thanks")).toMatchObject({ status: "delivered" });
    expect(effects).toEqual(["paid ann"]);
    expect(await state()).toEqual([
      "human: pay",
      "ai: →p1",
      "p1: paid",
      "ai: ok pay",
      "human: thanks",
      "ai: ok thanks",
    ]);
  });

  it("resumeThread lets in what waits in a thread that has come to rest without us", async () => {
    const { backend, graph, send, state } = setUp();
    await send("pay");
    await send("later");
    await backend.respond((await openAsk(backend, "t")).hitl_id, yes);
    await graph.invoke(null, thread("t"));
    expect((await state()).at(-1)).toBe("ai: ok pay");
    expect(await resumeThread(graph, { backend, thread_id: "t" })).toMatchObject({ status: "resumed" });
    expect((await state()).at(-1)).toBe("ai: ok later");
    expect(await resumeThread(graph, { backend, thread_id: "t" })).toMatchObject({
      status: "nothing_to_resume",
    });
  });

  it("a message that waits can be taken back, once", async () => {
    const { backend, send, state, respond } = setUp();
    await send("pay");
    await send("oops", { message_id: "m" });
    const which = { backend, thread_id: "t", message_id: "m" };
    expect(await withdrawMessage(which)).toEqual({ status: "withdrawn" });
    expect(await withdrawMessage(which)).toEqual({ status: "withdrawn" });
    expect(await withdrawMessage({ ...which, message_id: "other" })).toEqual({ status: "not_found" });
    expect(await send("oops", { message_id: "m" })).toMatchObject({ status: "withdrawn" });
    await respond("Pay ann?");
    expect(await state()).not.toContain("human: oops");
    await send("there", { message_id: "n" });
    expect(await withdrawMessage({ ...which, message_id: "n" })).toEqual({ status: "conflict" });
  });
});

describe("cancel", () => {
  it("calls off what is open; finished siblings keep their outcomes (P6), and the model sees it all at once", async () => {
    const { backend, effects, seen, send, state, respond } = setUp();
    await send("both");
    await respond("Pay ann?");
    const asked = await openAsk(backend, "t");
    expect(await send("stop", { whenPending: "cancel", actor: { id: "u1", role: "user" } })).toMatchObject({
      status: "delivered",
      pending: [],
    });
    expect(await state()).toEqual([
      "human: both",
      "ai: →l1 →p1 →p2",
      "l1: sunny",
      "p1: paid",
      expect.stringMatching(/^p2: The call was cancelled: .* the user sent a new message/),
      "human: stop",
      "ai: ok stop",
    ]);
    expect(seen).toHaveLength(2);
    expect(effects).toEqual(["looked", "paid ann"]);
    const record = await backend.get(asked.hitl_id);
    expect(record).toMatchObject({ status: "cancelled", reason: "new_message" });
    expect((await backend.history(asked.hitl_id)).items.at(-1)).toMatchObject({
      type: "cancelled",
      reason: "new_message",
      actor: { id: "u1" },
    });
  });

  it("a message that waits goes in before it, and one that is sent again may cancel", async () => {
    const { send, state } = setUp();
    await send("pay");
    await send("one", { message_id: "1" });
    await send("two", { message_id: "2" });
    await send("one", { message_id: "1", whenPending: "cancel" });
    expect((await state()).slice(3)).toEqual(["human: one", "human: two", "ai: ok two"]);
  });

  it("an answer that was accepted before is not cancelled: its call runs, then the message goes in (P4)", async () => {
    const { backend, effects, send, state } = setUp();
    await send("both");
    await backend.respond((await openAsk(backend, "t", "Pay ann?")).hitl_id, yes);
    expect(await send("stop", { whenPending: "cancel" })).toMatchObject({ status: "delivered", pending: [] });
    expect(effects).toEqual(["looked", "paid ann"]);
    expect((await state()).slice(2)).toEqual([
      "l1: sunny",
      "p1: paid",
      expect.stringMatching(/^p2: The call was cancelled/),
      "human: stop",
      "ai: ok stop",
    ]);
  });

  it("an answer at the same moment: one of the two wins, as a whole (P4)", async () => {
    for (let turn = 0; turn < 20; turn += 1) {
      const { backend, effects, graph, send, state } = setUp();
      await send("pay");
      const { hitl_id } = await openAsk(backend, "t");
      const late = async () => {
        for (let i = 0; i < turn; i += 1) await Promise.resolve();
        return respondAndResume(graph, { backend, hitl_id, response: yes });
      };
      const [sent, answered] = await Promise.all([send("stop", { whenPending: "cancel" }), late()]);
      await resumeThread(graph, { backend, thread_id: "t" });
      expect(["accepted", "cancelled"]).toContain(answered.status);
      expect(effects).toEqual(answered.status === "accepted" ? ["paid ann"] : []);
      expect((await state()).filter((line) => line === "human: stop")).toHaveLength(1);
      expect((await state())[2]).toMatch(
        answered.status === "accepted" ? /^p1: paid/ : /^p1: The call was cancelled/,
      );
      expect(["delivered", "busy", "waiting"]).toContain(sent.status);
      expect(await pending(backend, "t")).toEqual([]);
    }
  });

  it("a call in whose middle steps were done says so", async () => {
    const backend = new InMemoryHITLBackend();
    const order = toolOf("order", async () => {
      await step("reserve", () => "ok");
      await confirm({ message: "Order?" });
      return "ordered";
    });
    const graph = chatOf({ backend, tools: [order], script: { order: [call("order", "o1")] } });
    await sendMessage(graph, { backend, thread_id: "t", message: "order", ifNotExists: "create" });
    await sendMessage(graph, { backend, thread_id: "t", message: "stop", whenPending: "cancel" });
    const [, , result] = said((await graph.getState(thread("t"))).values);
    expect(result).toContain("Done before that: reserve.");
  });
});

describe("answer", () => {
  it("the text answers the one open ask_user, by value, label or as free text", async () => {
    for (const [ask, text, result] of [
      ["paint", "red", "c1: painted red"],
      ["paint", " blue ", "c1: painted b"],
      ["name", "Ann Lee", "n1: hello Ann Lee"],
    ] as const) {
      const { send, state } = setUp();
      await send(ask);
      expect(await send(text, { whenPending: "answer", message_id: "m" })).toMatchObject({
        status: "answered",
        record: { status: "completed" },
        resume: { status: "resumed" },
      });
      expect((await state()).slice(2)).toEqual([result, `ai: ok ${ask}`]);
      expect(await send(text, { whenPending: "answer", message_id: "m" })).toMatchObject({
        status: "answered",
        resume: null,
      });
    }
  });

  it("P3 a text that is no valid answer changes nothing, says why, and is not lost", async () => {
    const { backend, send, state } = setUp();
    await send("paint");
    expect(await send("purple", { whenPending: "answer" })).toMatchObject({
      status: "invalid",
      issues: [{}],
      pending: [{ data: { message: "Which colour?" } }],
    });
    expect(await pending(backend, "t")).toHaveLength(1);
    expect(await send("red", { whenPending: "answer" })).toMatchObject({ status: "answered" });
    expect((await state()).slice(2)).toEqual([
      "c1: painted red",
      "ai: ok paint",
      "human: purple",
      "ai: ok purple",
    ]);
  });

  it("without one open ask_user it waits", async () => {
    const { send } = setUp();
    await send("pay");
    expect(await send("yes", { whenPending: "answer" })).toMatchObject({ status: "waiting" });
  });

  it("P4 a human who answers at the same moment wins or loses; the text is answer or message, never both", async () => {
    for (let turn = 0; turn < 10; turn += 1) {
      const { backend, graph, send, state } = setUp();
      await send("name");
      const { hitl_id } = await openAsk(backend, "t");
      const late = async () => {
        for (let i = 0; i < turn * 2; i += 1) await Promise.resolve();
        return respondAndResume(graph, { backend, hitl_id, response: { answer: "Bob" } });
      };
      const [sent, answered] = await Promise.all([send("Ann", { whenPending: "answer" }), late()]);
      await resumeThread(graph, { backend, thread_id: "t" });
      const lines = await state();
      if (sent.status === "answered") {
        expect(answered.status).toBe("conflict");
        expect(lines.slice(2)).toEqual(["n1: hello Ann", "ai: ok name"]);
      } else {
        expect(answered.status).toBe("accepted");
        expect(lines.slice(2)).toEqual(["n1: hello Bob", "ai: ok name", "human: Ann", "ai: ok Ann"]);
      }
    }
  });
});
