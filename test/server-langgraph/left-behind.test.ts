/** What a crash, another process or an agent of langchain's own leaves to the server. */
import { AIMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { MemorySaver } from "@langchain/langgraph";
import { confirm, hitlMiddleware, InMemoryHITLBackend, respondAndResume } from "holdpoint";
import { createLangGraphServer } from "holdpoint/server/langgraph";
import { createAgent } from "langchain";
import { expect, test } from "vitest";
import { z } from "zod";
import { ScriptedModel } from "../nodes/kit.ts";
import { calling, clientOf, kitOf, lastText, refunding } from "./kit.ts";

test("a crash between an update and its clean-up leaves a question that nobody's answer takes up, until it is cancelled (P1)", async () => {
  const { client, backend, graph, effects } = kitOf();
  const { thread_id } = await client.threads.create({ graphId: "agent" });
  await client.runs.wait(thread_id, "agent", { input: refunding("A-1") });
  // What is written when the server dies there: the checkpoint, and nothing else.
  await graph.updateState({ configurable: { thread_id } }, null, "__end__");
  const [question] = (await backend.list({ status: "pending" })).items;
  expect((await client.threads.get(thread_id)).status).toBe("idle");
  expect(await client.threads.search({ status: "interrupted" })).toEqual([]);
  await expect(
    client.runs.wait(thread_id, "agent", { command: { resume: { decisions: [{ type: "approve" }] } } }),
  ).rejects.toThrow(/409/);
  await client.runs.wait(thread_id, "agent", { input: calling("echo", { text: "on" }) });
  const hitl_id = question?.hitl_id as string;
  expect(await backend.get(hitl_id)).toMatchObject({ status: "cancelled", reason: "superseded" });
  const { status, resume } = await respondAndResume(graph, {
    backend,
    hitl_id,
    response: { confirmed: true },
  });
  expect([status, resume, effects.size]).toEqual(["cancelled", null, 0]);
});

test("an answer at the backend and a resume there are the same to the server's clients", async () => {
  const { client, backend, graph, effects } = kitOf();
  const { thread_id } = await client.threads.create({ graphId: "agent" });
  await client.runs.wait(thread_id, "agent", { input: refunding("A-2") });
  const [question] = (await backend.list({ status: "pending" })).items;
  await respondAndResume(graph, {
    backend,
    hitl_id: question?.hitl_id as string,
    response: { confirmed: true },
  });
  expect(await client.threads.get(thread_id)).toMatchObject({ status: "idle", interrupts: {} });
  expect((await client.threads.search({ status: "idle" })).map((thread) => thread.thread_id)).toEqual([
    thread_id,
  ]);
  expect(effects.get("A-2")).toBe(1);
});

test("two tools of langchain's agent ask in tasks of their own, and are answered together by their ids (P10)", async () => {
  const done: string[] = [];
  const pay = tool(
    async ({ to }) => {
      if (!(await confirm({ message: `Pay ${to}?` })).confirmed) return "kept";
      done.push(to);
      return "paid";
    },
    { name: "pay", description: "Pays.", schema: z.object({ to: z.string() }) },
  );
  const backend = new InMemoryHITLBackend();
  const tool_calls = ["kim", "lee"].map((to) => ({ name: "pay", args: { to }, id: `call_${to}` }));
  const model = new ScriptedModel([new AIMessage({ content: "", tool_calls })]);
  const { graph } = createAgent({
    model,
    tools: [pay],
    middleware: [hitlMiddleware({ backend })],
    checkpointer: new MemorySaver(),
  });
  const client = clientOf(createLangGraphServer({ graphs: { agent: graph }, backend }));
  const { thread_id } = await client.threads.create();
  await client.runs.wait(thread_id, "agent", {
    input: { messages: [{ type: "human", content: "Pay both." }] },
  });
  const { tasks } = await client.threads.getState(thread_id);
  const ids = tasks.flatMap(({ interrupts }) => interrupts.map(({ id }) => id as string));
  expect(ids).toHaveLength(2);
  const resume = Object.fromEntries(ids.map((id) => [id, { type: "approve" }]));
  const values = await client.runs.wait(thread_id, "agent", { command: { resume } });
  expect(lastText(values)).toBe("done");
  expect(done.sort()).toEqual(["kim", "lee"]);
});
