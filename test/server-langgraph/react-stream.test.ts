/** LangChain's thread protocol, by the clients that `useStream` of `@langchain/react` is made of. */
import { AIMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { MemorySaver } from "@langchain/langgraph";
import { StreamController } from "@langchain/langgraph-sdk/stream";
import { confirm, hitlMiddleware } from "holdpoint";
import { createLangGraphServer } from "holdpoint/server/langgraph";
import { createAgent } from "langchain";
import { expect, test } from "vitest";
import { z } from "zod";
import { ScriptedModel } from "../nodes/kit.ts";
import { until } from "../support/poll.ts";
import { calling, clientOf, type Kit, kitOf, lastText, refunding } from "./kit.ts";

interface Root {
  readonly values: unknown;
  readonly interrupts: readonly { readonly id?: string; readonly value?: unknown }[];
  readonly isLoading: boolean;
  readonly error: unknown;
}

/** As the hook makes it; event streams do not go through the client's own fetch. */
function controllerOf({ client, server }: Kit, threadId: string | null = null): StreamController<object> {
  const fetch = ((input: string | URL, init?: RequestInit) =>
    server.fetch(new Request(input, init))) as typeof globalThis.fetch;
  return new StreamController({ assistantId: "agent", client, threadId, fetch } as never);
}

/** What the page shows, once it is as expected. */
function shown(controller: StreamController<object>, isWanted: (root: Root) => boolean): Promise<Root> {
  return new Promise((resolve) => {
    const look = (): boolean => {
      const root = controller.rootStore.getSnapshot() as unknown as Root;
      if (isWanted(root)) resolve(root);
      return isWanted(root);
    };
    if (look()) return;
    const stop = controller.rootStore.subscribe(() => {
      if (look()) stop();
    });
  });
}

test("the hook submits, shows the question, answers it by id, and shows what came of it", async () => {
  const kit = kitOf();
  const controller = controllerOf(kit);
  void controller.submit(refunding("A-1"));
  const { interrupts } = await shown(controller, (root) => root.interrupts.length === 1 && !root.isLoading);
  expect(interrupts[0]?.value).toMatchObject({ hitl_type: "confirm", message: "Refund A-1?" });
  await controller.respond({ confirmed: true });
  const { values, error } = await shown(
    controller,
    (root) => lastText(root.values) === "refunded" && !root.isLoading,
  );
  expect(error).toBeUndefined();
  expect(lastText(values)).toBe("refunded");
  expect(kit.effects.get("A-1")).toBe(1);
  await controller.dispose();
});

test("a page that is opened later shows the open question, and its answer counts once", async () => {
  const kit = kitOf();
  const { thread_id } = await kit.client.threads.create();
  await kit.client.runs.wait(thread_id, "agent", { input: calling("send", { to: "a@b.c", copies: 1 }) });
  const pages = [controllerOf(kit, thread_id), controllerOf(kit, thread_id)] as const;
  await Promise.all(pages.map((page) => page.hydrate(thread_id)));
  for (const page of pages) {
    expect((page.rootStore.getSnapshot() as unknown as Root).interrupts).toHaveLength(1);
    // What `respond` without an id answers is told by the events.
    await until("the interrupt", () => page.getThread()?.interrupts.length === 1);
  }
  const outcomes = await Promise.allSettled(pages.map((page) => page.respond({ decision: "approve_once" })));
  expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  await shown(pages[0], (root) => lastText(root.values).startsWith("sent"));
  expect(kit.effects.get("a@b.c")).toBe(1);
  await Promise.all(pages.map((page) => page.dispose()));
});

test("a run that fails is an error of the hook, without a stack", async () => {
  const kit = kitOf();
  const controller = controllerOf(kit);
  await controller.submit({ messages: [{ type: "nobody" }] });
  const { error } = await shown(controller, (root) => root.error !== undefined);
  expect(String(error)).not.toContain("    at ");
  await controller.dispose();
});

test("several questions in tasks of their own are answered in one command (P10)", async () => {
  const paid: string[] = [];
  const kit = kitOf();
  const pay = tool(
    async ({ to }) => {
      if (!(await confirm({ message: `Pay ${to}?` })).confirmed) return "kept";
      paid.push(to);
      return "paid";
    },
    { name: "pay", description: "Pays.", schema: z.object({ to: z.string() }) },
  );
  const tool_calls = ["kim", "lee"].map((to) => ({ name: "pay", args: { to }, id: `call_${to}` }));
  const { graph } = createAgent({
    model: new ScriptedModel([new AIMessage({ content: "", tool_calls })]),
    tools: [pay],
    middleware: [hitlMiddleware({ backend: kit.backend })],
    checkpointer: new MemorySaver(),
  });
  const server = createLangGraphServer({ graphs: { agent: graph }, backend: kit.backend });
  const controller = controllerOf({ ...kit, server, client: clientOf(server) });
  void controller.submit({ messages: [{ type: "human", content: "Pay both." }] });
  const { interrupts } = await shown(controller, (root) => root.interrupts.length === 2 && !root.isLoading);
  const answerOf = (value: unknown): object => ({
    confirmed: (value as { message: string }).message === "Pay lee?",
  });
  await controller.respondAll(Object.fromEntries(interrupts.map(({ id, value }) => [id, answerOf(value)])));
  await shown(controller, (root) => lastText(root.values) === "done" && !root.isLoading);
  expect(paid).toEqual(["lee"]);
  await controller.dispose();
});

/** An agent of langchain's that calls one tool. */
function agentKit(named: string, body: () => Promise<string>): Kit {
  const kit = kitOf();
  const only = tool(body, { name: named, description: named, schema: z.object({}) });
  const { graph } = createAgent({
    model: new ScriptedModel([
      new AIMessage({ content: "", tool_calls: [{ name: named, args: {}, id: "call_1" }] }),
    ]),
    tools: [only],
    middleware: [hitlMiddleware({ backend: kit.backend })],
    checkpointer: new MemorySaver(),
  });
  const server = createLangGraphServer({ graphs: { agent: graph }, backend: kit.backend });
  return { ...kit, server, client: clientOf(server) };
}

test("a tool that waits is shown as one that runs, not as one that has failed", async () => {
  const kit = agentKit("asking", async () => String((await confirm({ message: "Go?" })).confirmed));
  const controller = controllerOf(kit);
  void controller.submit({ messages: [{ type: "human", content: "Try." }] });
  await shown(controller, (root) => root.interrupts.length === 1 && !root.isLoading);
  const { toolCalls } = controller.rootStore.getSnapshot() as unknown as {
    toolCalls: { name: string; status: string }[];
  };
  expect(toolCalls.map(({ name, status }) => [name, status])).toEqual([["asking", "running"]]);
  await controller.respond({ confirmed: true });
  await shown(controller, (root) => lastText(root.values) === "done" && !root.isLoading);
  await controller.dispose();
});

test("a tool that fails is an error of the run, and no rejection that ends the process", async () => {
  const controller = controllerOf(agentKit("broken", () => Promise.reject(new Error("no such account"))));
  void controller.submit({ messages: [{ type: "human", content: "Try." }] });
  const { error } = await shown(controller, (root) => root.error !== undefined && !root.isLoading);
  expect(String(error)).toContain("no such account");
  await controller.dispose();
});

test("new input while a question is open is new input: the question is superseded", async () => {
  const kit = kitOf();
  const controller = controllerOf(kit);
  void controller.submit(refunding("A-1"));
  await shown(controller, (root) => root.interrupts.length === 1 && !root.isLoading);
  await controller.submit(calling("echo", { text: "instead" }, "call_2"));
  const { interrupts, values } = await shown(
    controller,
    (root) => !root.isLoading && lastText(root.values) === "instead",
  );
  expect(interrupts).toEqual([]);
  expect(lastText(values)).toBe("instead");
  const { items } = await kit.backend.list({});
  expect(items.map(({ status, reason }) => [status, reason])).toEqual([["cancelled", "superseded"]]);
  await controller.dispose();
});

test("a page of a server that was restarted goes on where the thread is", async () => {
  const kit = kitOf();
  const before = controllerOf(kit);
  void before.submit(refunding("A-9"));
  await shown(before, (root) => root.interrupts.length === 1 && !root.isLoading);
  const { thread_id } = (await kit.client.threads.search())[0] as { thread_id: string };
  const server = createLangGraphServer({ graphs: { agent: kit.graph }, backend: kit.backend });
  const after = controllerOf({ ...kit, server, client: clientOf(server) }, thread_id);
  await after.hydrate(thread_id);
  await until("the interrupt", () => after.getThread()?.interrupts.length === 1);
  await after.respond({ confirmed: true });
  await shown(after, (root) => lastText(root.values) === "refunded");
  expect(kit.effects.get("A-9")).toBe(1);
  await Promise.all([before.dispose(), after.dispose()]);
});
