/** Agent Inbox against the server: what it shows of each question, and what each control comes to. */
import {
  type BaseCheckpointSaver,
  MemorySaver,
  MessagesAnnotation,
  Send,
  START,
  StateGraph,
} from "@langchain/langgraph";
import type { Client, Interrupt, Thread } from "@langchain/langgraph-sdk";
import { askUser, type HITLBackend, HITLToolNode, InMemoryHITLBackend } from "holdpoint";
import { createLangGraphServer } from "holdpoint/server/langgraph";
import { describe, expect, it, test } from "vitest";
import type { InterruptPayload } from "../../src/suspend/interrupt-payload.ts";
import { REQUESTS } from "../interop/kit.ts";
import { OF, SIBLINGS } from "../interop/matrix/questions.ts";
import { Counter, toolOf } from "../nodes/kit.ts";
import { callOf, CASES, edited } from "./agent-inbox.cases.ts";
import { type Item, itemOf, listed, sentBy, use } from "./agent-inbox.kit.ts";
import { clientOf, collect } from "./kit.ts";

const asked = (name: "name" | "survey" | "toppings") => ({
  call: { name: `ask_${name}`, args: {}, id: `call_${name}` },
  ask: () => askUser(REQUESTS[name].data),
});

/** What each tool asks, by the name of its call. */
const ASKED = [...Object.values(OF), ...SIBLINGS, asked("name"), asked("survey"), asked("toppings")];

interface Inbox {
  readonly client: Client;
  readonly backend: HITLBackend;
  /** How often the body of this tool went on, in this thread. */
  ran(thread_id: string, name: string): number;
  start(...names: readonly string[]): Promise<string>;
}

/** One server for all: what ran is counted by thread. @param inTasks - each call in a task of its own, as `createAgent` does */
function inboxOf(inTasks = false, checkpointer: BaseCheckpointSaver = new MemorySaver()): Inbox {
  const backend = new InMemoryHITLBackend();
  const counter = new Counter();
  const tools = ASKED.map(({ call, ask }) =>
    toolOf(call.name, async (_args, runtime) => {
      const answer = await ask();
      const { thread_id } = runtime["configurable"] as { thread_id: string };
      counter.hit(`${thread_id} ${call.name}`);
      return JSON.stringify(answer);
    }),
  );
  const dispatch = ({ messages }: typeof MessagesAnnotation.State) => {
    const { tool_calls = [] } = messages.at(-1) as { tool_calls?: object[] };
    return inTasks ? tool_calls.map((call) => new Send("tools", { lg_tool_call: call })) : "tools";
  };
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("tools", new HITLToolNode(tools, { backend }))
    .addConditionalEdges(START, dispatch, ["tools"])
    .compile({ checkpointer });
  const client = clientOf(createLangGraphServer({ graphs: { agent: graph }, backend }));
  return {
    client,
    backend,
    ran: (thread_id, name) => counter.of(`${thread_id} ${name}`),
    async start(...names) {
      const calls = names.map((name) => ASKED.find(({ call }) => call.name === name)?.call);
      const { thread_id } = await client.threads.create({ graphId: "agent" });
      const input = { messages: [{ type: "ai", content: "", tool_calls: calls }] };
      await client.runs.wait(thread_id, "agent", { input });
      return thread_id;
    },
  };
}

const inbox = inboxOf();
const { client, backend, ran, start } = inbox;

async function shown(thread_id: string, from = client): Promise<Item> {
  const thread = await listed(from, thread_id);
  if (!thread) throw new Error("The thread is not in the list.");
  // A page that is opened alone reads the same.
  expect((await from.threads.get(thread_id)).interrupts).toEqual(thread.interrupts);
  return itemOf(thread);
}

const recordsOf = async (thread_id: string, from = backend) => (await from.getByThread(thread_id)).items;
const interruptsOf = ({ interrupts }: Thread): Interrupt<InterruptPayload>[] =>
  Object.values(interrupts).flat() as Interrupt<InterruptPayload>[];

describe.each(CASES)("one question: $name", ({ call, shows, does }) => {
  it("P3 P10 shows what can be done, and no other control", async () => {
    const thread_id = await start(call);
    const item = await shown(thread_id);
    expect(item).toMatchObject(shows);
    expect(item.controls).toEqual(shows.controls);
    const [record] = await recordsOf(thread_id);
    expect(item.description).toContain(record?.data["message"]);
    // What the controls are is tried below.
    const tried = does.map(([control]) => control);
    expect(tried).toEqual(expect.arrayContaining([...item.controls]));
  });

  it.each(does.map(([control, response, typed = {}]) => [control, response, typed] as const))(
    "P1 P3 P4 %s comes to %j, once",
    async (control, response, typed) => {
      const thread_id = await start(call);
      await use(client, thread_id, control, typed);
      const [record, ...others] = await recordsOf(thread_id);
      expect(others).toEqual([]);
      expect(record).toMatchObject({ status: "completed", user_response: response });
      expect(ran(thread_id, call)).toBe(1);
      expect(await listed(client, thread_id)).toBeUndefined();
      expect((await client.threads.get(thread_id)).status).toBe("idle");
    },
  );

  it("its “resolve” ends the thread: the question is cancelled, and nothing runs", async () => {
    const thread_id = await start(call);
    await use(client, thread_id, "resolve");
    const records = await recordsOf(thread_id);
    expect(records).toMatchObject([{ status: "cancelled", reason: "superseded" }]);
    expect(ran(thread_id, call)).toBe(0);
    expect(await listed(client, thread_id)).toBeUndefined();
  });
});

describe("what a question does not take", () => {
  it.each([
    ["a text that is no option", callOf("ask_user"), "response", { text: "Newton" }, { text: "Kepler" }],
    ["a text that is no form", callOf("form"), "response", { text: "Oslo" }, { text: '{"city":"Oslo"}' }],
    // Its list has a button for this whatever the question allows.
    ["an ignore", callOf("ask_user"), "ignore", {}, { text: "Kepler" }],
  ] as const)(
    "P3 %s leaves it open, says why, and a right one still counts",
    async (_name, call, control, wrong, right) => {
      const thread_id = await start(call);
      await use(client, thread_id, control, wrong);
      expect(await recordsOf(thread_id)).toMatchObject([{ status: "pending", user_response: null }]);
      expect(ran(thread_id, call)).toBe(0);
      const [interrupt] = interruptsOf(await client.threads.get(thread_id));
      expect(interrupt?.value?.issues?.[0]?.message).toMatch(/Expected: respond/);
      expect((await shown(thread_id)).controls).toEqual(["response"]);
      await use(client, thread_id, "response", right);
      expect(await recordsOf(thread_id)).toMatchObject([{ status: "completed" }]);
      expect(ran(thread_id, call)).toBe(1);
    },
  );
});

describe("several questions", () => {
  const [pay, wire, stop, deploy, book, form] = ["pay", "wire", "stop", "deploy", "book", "travel"];
  const names = [pay, wire, stop, book] as string[];
  const statuses = async (thread_id: string, from = backend): Promise<Record<string, string>> => {
    const records = await recordsOf(thread_id, from);
    return Object.fromEntries(records.map(({ tool_name, status }) => [tool_name, status]));
  };

  it("P10 the thread lists each as an interrupt of its own, by the ids of their records", async () => {
    const thread_id = await start(...names);
    const thread = await client.threads.get(thread_id);
    expect(Object.keys(thread.interrupts)).toHaveLength(1);
    const found = interruptsOf(thread);
    const records = await recordsOf(thread_id);
    const idOf = (name: string) => records.find(({ tool_name }) => tool_name === name)?.interrupt_id;
    expect(found.map(({ id }) => id)).toEqual(names.map(idOf));
    for (const [index, { id, value }] of found.entries()) {
      const isText = names[index] === book;
      expect(value).toMatchObject({ schema_version: 1, interrupt_id: id, tool_name: names[index] });
      expect(value?.asks?.map(({ tool_name }) => tool_name)).toEqual(names);
      expect(value?.action_requests?.map(({ name }) => name)).toEqual(isText ? undefined : [names[index]]);
      expect(value?.review_configs?.length).toBe(isText ? undefined : 1);
    }
  });

  it("P10 they are answered one after another, as long as the answer names its call; the last by anything", async () => {
    const thread_id = await start(...names);
    expect(await shown(thread_id)).toMatchObject({ action: pay, controls: ["accept", "edit", "response"] });
    await use(client, thread_id, "edit", { fields: { amount: "50" } });
    expect(await statuses(thread_id)).toEqual({
      pay: "completed",
      wire: "pending",
      stop: "pending",
      book: "pending",
    });
    expect(await shown(thread_id)).toMatchObject({ action: wire });
    await use(client, thread_id, "accept");
    expect(await shown(thread_id)).toMatchObject({ action: stop, controls: ["accept", "response"] });
    // Somebody answers this one elsewhere.
    const confirmation = (await recordsOf(thread_id)).find(({ tool_name }) => tool_name === stop);
    const resume = { [confirmation?.interrupt_id as string]: { confirmed: true } };
    await client.runs.wait(thread_id, "agent", { command: { resume } });
    expect(await shown(thread_id)).toMatchObject({ action: "ask_user", controls: ["response"] });
    await use(client, thread_id, "response", { text: "Kepler" });
    const records = await recordsOf(thread_id);
    expect(
      Object.fromEntries(records.map(({ tool_name, user_response }) => [tool_name, user_response])),
    ).toEqual({
      pay: { decision: "edit", edited_args: edited },
      wire: { decision: "approve_once" },
      stop: { confirmed: true },
      book: { answer: "k" },
    });
    for (const name of names) expect(ran(thread_id, name)).toBe(1);
    expect(await listed(client, thread_id)).toBeUndefined();
  });

  it.each([
    ["a rejection", pay, "response", { text: "No." }],
    ["an ignore", pay, "ignore", {}],
    ["an accept of what cannot be edited", deploy, "accept", {}],
    ["an accept of a permission without edits", callOf("permission, no edits"), "accept", {}],
    ["an answer to a question", book, "response", { text: "Kepler" }],
    ["an answer to a form", form, "response", { text: '{"city":"Oslo"}' }],
  ] as const)(
    "P1 P4 %s names no call, so it answers nothing, and says what was expected",
    async (_name, first, control, typed) => {
      const thread_id = await start(first as string, "wire", "stop");
      const before = await recordsOf(thread_id);
      await use(client, thread_id, control, typed);
      expect(await recordsOf(thread_id)).toEqual(before);
      const found = interruptsOf(await client.threads.get(thread_id));
      expect(found).toHaveLength(3);
      for (const { value } of found)
        expect(value?.issues).toMatchObject([
          { code: "ambiguous", message: expect.stringMatching(/Expected: /) },
        ]);
      for (const name of [first as string, "wire", "stop"]) expect(ran(thread_id, name)).toBe(0);
    },
  );

  it("P4 an accept of arguments that are those of no open call answers nothing", async () => {
    const thread_id = await start("pay", "wire");
    const resume = { decisions: [{ type: "approve", args: { action: "wire", args: { to: "eve" } } }] };
    await client.runs.wait(thread_id, "agent", { command: { resume } });
    expect(await statuses(thread_id)).toEqual({ pay: "pending", wire: "pending" });
  });

  it("“resolve” cancels all of them", async () => {
    const thread_id = await start(...names);
    await use(client, thread_id, "resolve");
    expect(new Set(Object.values(await statuses(thread_id)))).toEqual(new Set(["cancelled"]));
    expect(names.map((name) => ran(thread_id, name))).toEqual([0, 0, 0, 0]);
  });

  describe("in tasks of their own", () => {
    const tasks = inboxOf(true);
    const answerById = async (thread_id: string, name: string, answer: object): Promise<void> => {
      const records = await recordsOf(thread_id, tasks.backend);
      const id = records.find(({ tool_name }) => tool_name === name)?.interrupt_id as string;
      await tasks.client.runs.wait(thread_id, "agent", { command: { resume: { [id]: answer } } });
    };

    it("P10 each is in the list of its task; what was answered is not shown again, and the others are answered", async () => {
      const thread_id = await tasks.start("book", "pay", "deploy");
      const open = await tasks.client.threads.get(thread_id);
      expect(Object.values(open.interrupts).map((list) => list.length)).toEqual([1, 1, 1]);
      // It takes the accept that other tasks allow for a button of the first one's card.
      expect(await shown(thread_id, tasks.client)).toMatchObject({
        action: "ask_user",
        controls: ["accept", "response"],
      });
      await use(tasks.client, thread_id, "accept");
      expect(new Set(Object.values(await statuses(thread_id, tasks.backend)))).toEqual(new Set(["pending"]));

      await answerById(thread_id, "book", { answer: "Curie" });
      expect(await shown(thread_id, tasks.client)).toMatchObject({ action: "pay" });
      await use(tasks.client, thread_id, "accept");
      expect(await shown(thread_id, tasks.client)).toMatchObject({ action: "deploy" });
      // LangGraph keeps the others with the checkpoint: what has no id may be meant for one of them.
      await use(tasks.client, thread_id, "accept");
      expect(await shown(thread_id, tasks.client)).toMatchObject({ action: "deploy" });
      await answerById(thread_id, "deploy", { confirmed: true });
      expect(await statuses(thread_id, tasks.backend)).toEqual({
        book: "completed",
        pay: "completed",
        deploy: "completed",
      });
      for (const name of ["book", "pay", "deploy"]) expect(tasks.ran(thread_id, name)).toBe(1);
    });
  });
});

describe("a server that lists interrupts as LangGraph keeps them", () => {
  const asKept = async (thread_id: string): Promise<Item> => {
    const { tasks } = await client.threads.getState(thread_id);
    const interrupts = Object.fromEntries(tasks.map(({ id, interrupts: kept }) => [id, kept]));
    return itemOf({ ...(await client.threads.get(thread_id)), interrupts });
  };

  it.each(CASES)(
    "$name: the same controls, or none for what is answered by text",
    async ({ call, shows }) => {
      const item = await asKept(await start(call));
      expect(item).toMatchObject({ action: shows.action, isLangChain: true });
      expect(item.controls).toEqual(shows.isLangChain ? shows.controls : []);
    },
  );

  it("of several it shows the first one", async () => {
    const first = async (...calls: string[]): Promise<Item> => asKept(await start(...calls));
    expect(await first("book", "pay")).toMatchObject({ action: "ask_user", controls: [] });
    expect(await first("pay", "book")).toMatchObject({
      action: "pay",
      controls: ["accept", "edit", "response"],
    });
  });
});

test("it says which node runs, as its events tell", async () => {
  const thread_id = await start("deploy");
  const resume = sentBy(await client.threads.get(thread_id), "accept") as never;
  const options = { command: { resume }, streamMode: "events" } as const;
  const chunks = await collect(client.runs.stream(thread_id, "agent", options));
  const nodes = chunks
    .map(({ data }) => data as { event?: string; metadata?: { langgraph_node?: string } })
    .filter(({ event }) => event === "on_chain_start")
    .map(({ metadata }) => metadata?.langgraph_node);
  expect(nodes).toContain("tools");
});
