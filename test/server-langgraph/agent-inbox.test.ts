/** The requests that Agent Inbox makes, in its order, by LangGraph's client as it uses it. */
import type { Thread } from "@langchain/langgraph-sdk";
import { expect, test } from "vitest";
import { calling, collect, kitOf, lastText, refunding } from "./kit.ts";

test("Agent Inbox lists interrupted threads, shows one, and an accepted call runs once (P1, P4)", async () => {
  const { client, effects, backend } = kitOf();
  const { thread_id } = await client.threads.create({ graphId: "agent" });
  await client.runs.wait(thread_id, "agent", { input: refunding("A-1") });

  const [thread] = (await client.threads.search({
    status: "interrupted",
    metadata: { graph_id: "agent" },
    limit: 10,
  })) as Thread[];
  expect(thread?.thread_id).toBe(thread_id);
  const [interrupt] = Object.values(thread?.interrupts ?? {}).flat();
  expect(interrupt?.value).toMatchObject({
    action_requests: [{ name: "refund", args: { order: "A-1", amount: 5 } }],
  });

  // It turns arguments into texts, and calls its middleware mode "approve".
  const resume = {
    decisions: [{ type: "approve", args: { action: "refund", args: { order: "A-1", amount: "5" } } }],
  };
  const chunks = await collect(
    client.runs.stream(thread_id, "agent", { command: { resume }, streamMode: "events" }),
  );
  expect(
    chunks.some(
      ({ event, data }) => event === "events" && (data as { event: string }).event === "on_chain_start",
    ),
  ).toBe(true);
  expect(chunks.filter(({ event }) => event === "error")).toEqual([]);

  const after = await client.threads.get(thread_id);
  expect(after.status).toBe("idle");
  expect(lastText(after.values)).toBe("refunded");
  expect(effects.get("A-1")).toBe(1);
  expect(await client.threads.search({ status: "interrupted" })).toEqual([]);
  const { items } = await backend.getByThread(thread_id);
  expect(items.map(({ status }) => status)).toEqual(["completed"]);
});

test("Agent Inbox edits arguments as texts: they are numbers again", async () => {
  const { client, effects } = kitOf();
  const { thread_id } = await client.threads.create({ graphId: "agent" });
  await client.runs.wait(thread_id, "agent", { input: calling("send", { to: "a@b.c", copies: 2 }) });
  const resume = [{ type: "edit", args: { action: "send", args: { to: "x@y.z", copies: "3" } } }];
  await client.runs.create(thread_id, "agent", { command: { resume: resume as never } });
  const [run] = await client.runs.list(thread_id);
  await client.runs.join(thread_id, run?.run_id as string);
  expect(lastText((await client.threads.getState(thread_id)).values)).toBe("sent to x@y.z, number 3");
  expect([...effects]).toEqual([["x@y.z", 1]]);
});

test("Agent Inbox's resolve leaves no open question: the record is cancelled as superseded", async () => {
  const { client, effects, backend } = kitOf();
  const { thread_id } = await client.threads.create({ graphId: "agent" });
  await client.runs.wait(thread_id, "agent", { input: refunding("A-2") });
  await client.threads.updateState(thread_id, { values: null, asNode: "__end__" });
  expect((await client.threads.get(thread_id)).status).toBe("idle");
  const { items } = await backend.getByThread(thread_id);
  expect(items.map(({ status, reason }) => [status, reason])).toEqual([["cancelled", "superseded"]]);
  expect(effects.size).toBe(0);
});

test("Agent Inbox's answer to LangChain's request is a rejection with its text", async () => {
  const { client, effects, backend } = kitOf();
  const { thread_id } = await client.threads.create({ graphId: "agent" });
  await client.runs.wait(thread_id, "agent", { input: calling("send", { to: "a@b.c", copies: 2 }) });
  const resume = { decisions: [{ type: "reject", args: "Not today." }] };
  await client.runs.wait(thread_id, "agent", { command: { resume } });
  const { items } = await backend.getByThread(thread_id);
  expect(items[0]?.user_response).toEqual({ decision: "reject", message: "Not today." });
  expect(effects.size).toBe(0);
});

test("Agent Inbox's ignore skips, and its response is read by the tool", async () => {
  const { client } = kitOf();
  for (const [answer, said] of [
    [{ type: "ignore", args: null }, "skip"],
    [{ type: "response", args: "Ask Kim first." }, "told: Ask Kim first."],
  ] as const) {
    const { thread_id } = await client.threads.create({ graphId: "agent" });
    await client.runs.wait(thread_id, "agent", { input: calling("send", { to: "a@b.c", copies: 2 }) });
    const result = await client.runs.wait(thread_id, "agent", { command: { resume: [answer] as never } });
    expect(lastText(result)).toBe(said);
  }
});
