/** The requests that agent-chat-ui makes: `useStream` of LangGraph's SDK, with the state's history. */
import type { Checkpoint, ThreadState } from "@langchain/langgraph-sdk";
import { expect, test } from "vitest";
import { collect, type Kit, kitOf, lastText, refunding, URL_OF_SERVER } from "./kit.ts";

/** As `useStream` submits: with the checkpoint that it shows, and the modes of what its page reads. */
async function submit(
  { client }: Kit,
  thread_id: string,
  payload: object,
  shown?: ThreadState,
): Promise<{ event: string; data: unknown }[]> {
  const { thread_id: own, ...checkpoint } = (shown?.checkpoint ?? {}) as Checkpoint;
  void own;
  const stream = client.runs.stream(thread_id, "agent", {
    ...payload,
    ...(shown ? { checkpoint } : {}),
    streamMode: ["messages-tuple", "values", "custom"],
    streamSubgraphs: true,
    streamResumable: true,
    onDisconnect: "continue",
  } as never);
  return (await collect(stream)) as { event: string; data: unknown }[];
}

const head = async ({ client }: Kit, thread_id: string): Promise<ThreadState> =>
  (await client.threads.getHistory(thread_id, { limit: 10 }))[0] as ThreadState;

async function asked(kit: Kit, order: string): Promise<string> {
  const { thread_id } = await kit.client.threads.create();
  const chunks = await submit(kit, thread_id, { input: refunding(order) });
  const values = chunks.filter(({ event }) => event === "values").at(-1)?.data as {
    __interrupt__: { value: unknown }[];
  };
  expect(values.__interrupt__[0]?.value).toMatchObject({
    action_requests: [{ name: "refund" }],
    review_configs: [{ action_name: "refund", allowed_decisions: ["approve", "reject"] }],
  });
  return thread_id;
}

test("agent-chat-ui reaches the server, streams a run, decides at the checkpoint that it shows, and sees one effect", async () => {
  const kit = kitOf();
  expect((await kit.server.fetch(new Request(`${URL_OF_SERVER}/info`))).ok).toBe(true);
  const thread_id = await asked(kit, "A-1");
  const shown = await head(kit, thread_id);
  expect(shown.tasks[0]?.interrupts).toHaveLength(1);
  const chunks = await submit(
    kit,
    thread_id,
    { input: {}, command: { resume: { decisions: [{ type: "approve" }] } } },
    shown,
  );
  expect(chunks.some(({ event }) => event.startsWith("messages"))).toBe(true);
  expect(lastText(chunks.filter(({ event }) => event === "values").at(-1)?.data)).toBe("refunded");
  expect(kit.effects.get("A-1")).toBe(1);
  const [thread] = await kit.client.threads.search({ metadata: { graph_id: "agent" }, limit: 100 });
  expect(thread).toMatchObject({ thread_id, status: "idle", metadata: { graph_id: "agent" } });
});

test("a second click on a decision, at the checkpoint that was answered, is refused and has no effect (P4)", async () => {
  const kit = kitOf();
  const thread_id = await asked(kit, "A-2");
  const shown = await head(kit, thread_id);
  const approve = { input: {}, command: { resume: { decisions: [{ type: "approve" }] } } };
  await submit(kit, thread_id, approve, shown);
  await expect(submit(kit, thread_id, approve, shown)).rejects.toThrow(/409.*answered before/s);
  expect(kit.effects.get("A-2")).toBe(1);
  expect(lastText((await head(kit, thread_id)).values)).toBe("refunded");
});

test("'mark as resolved' ends the thread: nothing is asked again, and the question is superseded", async () => {
  const kit = kitOf();
  const thread_id = await asked(kit, "A-3");
  await submit(kit, thread_id, { input: {}, command: { goto: "__end__" } }, await head(kit, thread_id));
  const { next, tasks } = await head(kit, thread_id);
  expect({ next, tasks }).toEqual({ next: [], tasks: [] });
  const { items } = await kit.backend.getByThread(thread_id);
  expect(items.map(({ status, reason }) => [status, reason])).toEqual([["cancelled", "superseded"]]);
  expect((await kit.client.threads.get(thread_id)).status).toBe("idle");
});

test("new input on a thread that waits supersedes its question", async () => {
  const kit = kitOf();
  const thread_id = await asked(kit, "A-4");
  await submit(kit, thread_id, {
    input: { messages: [{ type: "human", content: "never mind" }, ...refunding("A-5").messages] },
  });
  const { items } = await kit.backend.getByThread(thread_id);
  expect(items.map(({ status, data }) => [data["message"], status]).sort()).toEqual([
    ["Refund A-4?", "cancelled"],
    ["Refund A-5?", "pending"],
  ]);
});

test("an answer that is not understood answers nothing, and the next interrupt says why", async () => {
  const kit = kitOf();
  const thread_id = await asked(kit, "A-6");
  const decisions = [{ type: "approve" }, { type: "approve" }];
  const chunks = await submit(
    kit,
    thread_id,
    { command: { resume: { decisions } } },
    await head(kit, thread_id),
  );
  const values = chunks.filter(({ event }) => event === "values").at(-1)?.data as {
    __interrupt__: { value: { issues: unknown[] } }[];
  };
  expect(values.__interrupt__[0]?.value.issues).toHaveLength(1);
  expect(kit.effects.size).toBe(0);
  await submit(
    kit,
    thread_id,
    { command: { resume: { decisions: [{ type: "approve" }] } } },
    await head(kit, thread_id),
  );
  expect(kit.effects.get("A-6")).toBe(1);
});
