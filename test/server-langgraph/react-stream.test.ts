/** LangChain's thread protocol, by the clients that `useStream` of `@langchain/react` is made of. */
import { StreamController } from "@langchain/langgraph-sdk/stream";
import { expect, test } from "vitest";
import { until } from "../support/poll.ts";
import { calling, type Kit, kitOf, lastText, refunding } from "./kit.ts";

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
