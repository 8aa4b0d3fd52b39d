/**
 * sendMessage with agents of langchain and hitlMiddleware, in both versions, through two handles on each store: the model
 * refuses whatever a provider refuses (F11), and what ran runs once (P6).
 */
import {
  type AgentMiddleware,
  modelCallLimitMiddleware,
  summarizationMiddleware,
  todoListMiddleware,
  toolErrorMiddleware,
  toolRetryMiddleware,
} from "langchain";
import { MemorySaver } from "@langchain/langgraph";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  askUser,
  type HITLBackend,
  InMemoryHITLBackend,
  respondAndResume,
  resumeThread,
  sendMessage,
  type SendMessageOptions,
} from "holdpoint";
import { type ChatAgent, chatAgent, conversation, delegateTo, say, shopTools } from "../middleware/chat.ts";
import { VERSIONS, type Version, yes } from "../middleware/kit.ts";
import { openAsk, pending, ScriptedModel, thread, toolOf } from "../nodes/kit.ts";
import { type SharedStore, sharedStore, type SharedStoreName } from "../support/shared-stores.ts";
import { call } from "./kit.ts";

const script = {
  go: [call("look", "l"), call("pay", "a", { to: "ann" }), call("pay", "b", { to: "bob" })],
  pay: [call("pay", "p", { to: "eve" })],
  name: [call("look", "n0"), call("name", "n")],
};
const cancelled = (id: string): unknown =>
  expect.stringMatching(new RegExp(`^${id}: The call was cancelled`));

interface Handle {
  readonly backend: HITLBackend;
  readonly agent: ChatAgent;
  send(message: string, options?: Partial<SendMessageOptions>): ReturnType<typeof sendMessage>;
  respond(message: string, response?: unknown): ReturnType<typeof respondAndResume>;
}

interface Around {
  readonly before?: readonly AgentMiddleware[];
  readonly after?: readonly AgentMiddleware[];
}

/** Two processes on one store and one checkpointer. */
function handlesOf(version: Version, pair: readonly HITLBackend[], around: Around = {}) {
  const effects: string[] = [];
  const name = toolOf("name", async () => {
    const { answer } = await askUser({ message: "Your name?" });
    effects.push(`named ${String(answer)}`);
    return `hello ${String(answer)}`;
  });
  const checkpointer = new MemorySaver();
  const tools = [...shopTools(effects), name];
  const handles = pair.map((backend): Handle => {
    const { agent } = chatAgent({ version, backend, tools, script, checkpointer, ...around });
    const to = { backend, thread_id: "t", ifNotExists: "create" } as const;
    return {
      backend,
      agent,
      send: (message, options) => sendMessage(agent, { ...to, message, ...options }),
      respond: async (message, response = yes) => {
        const { hitl_id } = await openAsk(backend, "t", message);
        return respondAndResume(agent, { backend, hitl_id, response });
      },
    };
  });
  return { effects, one: handles[0] as Handle, two: handles[1] as Handle };
}

type World = ReturnType<typeof handlesOf>;

const FLOWS: Readonly<Record<string, (world: World) => Promise<void>>> = {
  "wait: several messages go in together and in order, behind the results": async ({ effects, one, two }) => {
    await one.send("go");
    expect(await two.send("first")).toMatchObject({ status: "waiting", pending: [{}, {}] });
    expect(await one.send("second")).toMatchObject({ status: "waiting" });
    await two.respond("Pay bob?");
    expect(await one.send("third")).toMatchObject({ status: "waiting", pending: [{}] });
    await one.respond("Pay ann?", { confirmed: false });
    expect(await conversation(two.agent)).toEqual([
      "human: go",
      "ai: →l →a →b",
      "l: sunny",
      "a: not paid",
      "b: paid",
      "ai: ok go",
      "human: first",
      "human: second",
      "human: third",
      "ai: ok third",
    ]);
    expect(effects.toSorted()).toEqual(["looked", "paid bob"]);
  },
  "cancel: what ran keeps its result, the rest is cancelled, waiting messages go in first": async ({
    effects,
    one,
    two,
  }) => {
    await one.send("go");
    await two.respond("Pay bob?");
    const { hitl_id } = await openAsk(one.backend, "t", "Pay ann?");
    await one.send("hm");
    expect(await two.send("stop", { whenPending: "cancel" })).toMatchObject({
      status: "delivered",
      pending: [],
    });
    const late = await respondAndResume(one.agent, { backend: one.backend, hitl_id, response: yes });
    expect(late).toMatchObject({ status: "cancelled", record: { reason: "new_message" } });
    expect(await conversation(one.agent)).toEqual([
      "human: go",
      "ai: →l →a →b",
      "l: sunny",
      cancelled("a"),
      "b: paid",
      "human: hm",
      "human: stop",
      "ai: ok stop",
    ]);
    expect(effects.toSorted()).toEqual(["looked", "paid bob"]);
  },
  "answer: the text is the answer, and no message": async ({ effects, one, two }) => {
    await one.send("name");
    const sent = { whenPending: "answer", message_id: "m" } as const;
    expect(await two.send("Ann", sent)).toMatchObject({ status: "answered", record: { tool_call_id: "n" } });
    expect(await one.send("Ann", sent)).toMatchObject({ status: "answered" });
    expect(await conversation(one.agent)).toEqual([
      "human: name",
      "ai: →n0 →n",
      "n0: sunny",
      "n: hello Ann",
      "ai: ok name",
    ]);
    expect(effects).toEqual(["looked", "named Ann"]);
  },
  "a second turn asks as the first one did": async ({ effects, one, two }) => {
    await one.send("pay");
    await two.send("go", { whenPending: "cancel" });
    await one.respond("Pay ann?");
    await two.respond("Pay bob?");
    expect((await conversation(one.agent)).slice(2)).toEqual([
      cancelled("p"),
      "human: go",
      "ai: →l →a →b",
      "l: sunny",
      "a: paid",
      "b: paid",
      "ai: ok go",
    ]);
    expect(effects.toSorted()).toEqual(["looked", "paid ann", "paid bob"]);
  },
  "a plain invoke past sendMessage: valid, called off, and later messages go on": async ({
    effects,
    one,
    two,
  }) => {
    await one.send("go");
    await two.respond("Pay bob?");
    await one.send("kept");
    await two.agent.invoke(say("stop"), thread("t"));
    expect(await pending(one.backend, "t")).toEqual([]);
    // Whoever looks after the thread next lets in what waited.
    expect(await resumeThread(one.agent, { backend: one.backend, thread_id: "t" })).toMatchObject({
      status: "resumed",
    });
    expect((await conversation(one.agent)).slice(2)).toEqual([
      "l: sunny",
      cancelled("a"),
      "b: paid",
      "human: stop",
      "ai: ok stop",
      "human: kept",
      "ai: ok kept",
    ]);
    expect(effects.toSorted()).toEqual(["looked", "paid bob"]);
  },
  "cancel and a plain invoke at once, from two processes: valid, and each effect at most once": async ({
    effects,
    one,
    two,
  }) => {
    await one.send("go");
    await Promise.all([
      one.send("stop", { whenPending: "cancel" }),
      two.agent.invoke(say("also stop"), thread("t")),
    ]);
    const late = await Promise.all([one, two].map(async ({ backend }) => pending(backend, "t")));
    expect(late).toEqual([[], []]);
    expect(effects).toEqual(["looked"]);
  },
  "an answer and a plain invoke at once: the call has its effect at most once, and no question stays open":
    async ({ effects, one, two }) => {
      await one.send("pay");
      const { hitl_id } = await openAsk(one.backend, "t");
      const [answered] = await Promise.all([
        respondAndResume(one.agent, { backend: one.backend, hitl_id, response: yes }),
        two.agent.invoke(say("stop"), thread("t")),
      ]);
      expect(["accepted", "cancelled"]).toContain(answered.status);
      const record = await two.backend.get(hitl_id);
      expect(record?.status).toBe(answered.status === "accepted" ? "completed" : "cancelled");
      expect(effects.length).toBeLessThanOrEqual(answered.status === "accepted" ? 1 : 0);
      expect(await pending(two.backend, "t")).toEqual([]);
    },
};

const STORES: readonly SharedStoreName[] = ["memory", "sqlite", "redis"];

describe.each(STORES)("through two handles on %s", (name) => {
  let shared: SharedStore;
  beforeAll(async () => {
    shared = await sharedStore(name);
  });
  afterAll(() => shared.stop());

  describe.each(VERSIONS)("createAgent %s", (version) => {
    it.each(Object.entries(FLOWS))("%s (F11, P6, P9)", async (_, flow) => {
      await flow(handlesOf(version, shared.pair()));
    });
  });
});

const retry = () => toolRetryMiddleware({ initialDelayMs: 0 });
const errors = () => toolErrorMiddleware({ onError: () => "the tool failed" });
const summary = () =>
  summarizationMiddleware({
    model: new ScriptedModel([]),
    trigger: { messages: 50 },
    keep: { messages: 20 },
  });
const AROUND: readonly (readonly [string, () => Around])[] = [
  ["outside", () => ({ before: [retry(), errors(), summary(), todoListMiddleware()] })],
  [
    "inside",
    () => ({ after: [retry(), errors(), summary(), modelCallLimitMiddleware({ threadLimit: 100 })] }),
  ],
];

describe.each(VERSIONS)("createAgent %s", (version) => {
  describe.each(AROUND)("with other middleware %s", (_, around) => {
    it.each(Object.entries(FLOWS))("%s (F11, P6)", async (_flow, flow) => {
      const backend = new InMemoryHITLBackend();
      await flow(handlesOf(version, [backend, backend], around()));
    });
  });

  function nested() {
    const backend = new InMemoryHITLBackend();
    const effects: string[] = [];
    const inner = chatAgent({
      version,
      backend,
      tools: shopTools(effects),
      script,
      checkpointer: null,
      name: "inner",
    });
    const delegate = delegateTo(inner.agent);
    const outer = chatAgent({
      version,
      backend,
      tools: [delegate, ...shopTools(effects)],
      script: { go: [call("look", "o"), call("delegate", "d", { what: "go" })] },
    });
    const send = (message: string, options: Partial<SendMessageOptions> = {}) =>
      sendMessage(outer.agent, { backend, thread_id: "t", message, ifNotExists: "create", ...options });
    const respond = async (message: string) => {
      const { hitl_id } = await openAsk(backend, "t", message);
      return respondAndResume(outer.agent, { backend, hitl_id, response: yes });
    };
    return { backend, effects, agent: outer.agent, send, respond };
  }

  it("an agent in a tool: wait", async () => {
    const { agent, effects, send, respond } = nested();
    await send("go");
    expect(await send("and then?")).toMatchObject({ status: "waiting", pending: [{}, {}] });
    await respond("Pay bob?");
    await respond("Pay ann?");
    expect((await conversation(agent)).slice(2)).toEqual([
      "o: sunny",
      "d: ok go",
      "ai: ok go",
      "human: and then?",
      "ai: ok and then?",
    ]);
    expect(effects.toSorted()).toEqual(["looked", "looked", "paid ann", "paid bob"]);
  });

  it.each(["sendMessage", "a plain invoke"])("an agent in a tool: called off by %s", async (by) => {
    const { agent, backend, effects, send, respond } = nested();
    await send("go");
    await respond("Pay bob?");
    const { hitl_id } = await openAsk(backend, "t", "Pay ann?");
    if (by === "sendMessage") await send("stop", { whenPending: "cancel" });
    else await agent.invoke(say("stop"), thread("t"));
    expect((await conversation(agent)).slice(2)).toEqual([
      "o: sunny",
      cancelled("d"),
      "human: stop",
      "ai: ok stop",
    ]);
    expect(await pending(backend, "t")).toEqual([]);
    const late = await respondAndResume(agent, { backend, hitl_id, response: yes });
    expect(late).toMatchObject({ status: "cancelled", resume: null });
    expect(effects.toSorted()).toEqual(["looked", "looked", "paid bob"]);
  });
});
