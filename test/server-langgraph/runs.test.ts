/** Runs: one at a time in a thread, in the background, cancelled, joined. */
import type { Run } from "@langchain/langgraph-sdk";
import { expect, test } from "vitest";
import { until } from "../support/poll.ts";
import { calling, collect, holdOf, type Input, kitOf, lastText, refunding } from "./kit.ts";

const holding = calling("hold", {});
const echoing = (text: string): Input => calling("echo", { text }, `call_${text}`);

test("a run in the background is busy, then joined; it is listed and read", async () => {
  const hold = holdOf();
  const { client } = kitOf({ hold });
  const { thread_id } = await client.threads.create();
  const run: Run = await client.runs.create(thread_id, "agent", { input: holding, metadata: { by: "test" } });
  expect(run).toMatchObject({
    thread_id,
    status: "running",
    metadata: { by: "test" },
    multitask_strategy: "reject",
  });
  await hold.begun.passed;
  expect((await client.threads.get(thread_id)).status).toBe("busy");
  expect((await client.threads.search({ status: "busy" })).map((thread) => thread.thread_id)).toEqual([
    thread_id,
  ]);
  const joined = client.runs.join(thread_id, run.run_id);
  hold.end.open();
  expect(lastText(await joined)).toBe("held");
  expect(await client.runs.get(thread_id, run.run_id)).toMatchObject({ status: "success" });
  expect((await client.runs.list(thread_id)).map((one) => one.run_id)).toEqual([run.run_id]);
  expect(await client.threads.search({ status: "busy" })).toEqual([]);
});

test("a second run in a thread is refused, unless it says that it waits; then it runs after the first", async () => {
  const hold = holdOf();
  const { client } = kitOf({ hold });
  const { thread_id } = await client.threads.create();
  await client.runs.create(thread_id, "agent", { input: holding });
  await hold.begun.passed;
  await expect(client.runs.wait(thread_id, "agent", { input: echoing("no") })).rejects.toThrow(
    /409.*already running/s,
  );
  const second = client.runs.wait(thread_id, "agent", { input: echoing("b"), multitaskStrategy: "enqueue" });
  await until("a run that waits", async () =>
    (await client.runs.list(thread_id)).some(({ status }) => status === "pending"),
  );
  const third = client.runs.wait(thread_id, "agent", { input: echoing("c"), multitaskStrategy: "enqueue" });
  hold.end.open();
  expect([lastText(await second), lastText(await third)]).toEqual(["b", "c"]);
  expect((await client.runs.list(thread_id)).map(({ status }) => status)).toEqual([
    "success",
    "success",
    "success",
  ]);
});

test("a run can take the place of the one in progress", async () => {
  const hold = holdOf();
  const { client } = kitOf({ hold });
  const { thread_id } = await client.threads.create();
  const first = await client.runs.create(thread_id, "agent", { input: holding });
  await hold.begun.passed;
  const result = await client.runs.wait(thread_id, "agent", {
    input: echoing("now"),
    multitaskStrategy: "interrupt",
  });
  expect(lastText(result)).toBe("now");
  expect((await client.runs.get(thread_id, first.run_id)).status).toBe("interrupted");
  hold.end.open();
});

test("a cancelled run ends, and leaves a thread that can go on", async () => {
  const hold = holdOf();
  const { client, effects } = kitOf({ hold });
  const { thread_id } = await client.threads.create();
  const run = await client.runs.create(thread_id, "agent", { input: holding });
  await hold.begun.passed;
  await client.runs.cancel(thread_id, run.run_id, true);
  expect((await client.runs.get(thread_id, run.run_id)).status).toBe("interrupted");
  expect((await client.threads.get(thread_id)).status).toBe("interrupted");
  hold.end.open();
  await until("the body's end", () => effects.get("held") === 1);
  const result = await client.runs.wait(thread_id, "agent", { input: null });
  // Nobody was asked in this step, so its call has no record, and begins anew.
  expect(lastText(result)).toBe("held");
});

test("a stream that its client leaves cancels the run only if that was asked for", async () => {
  for (const onDisconnect of ["continue", "cancel"] as const) {
    const hold = holdOf();
    const { client } = kitOf({ hold });
    const { thread_id } = await client.threads.create();
    const leaving = new AbortController();
    const streamed = collect(
      client.runs.stream(thread_id, "agent", { input: holding, onDisconnect, signal: leaving.signal }),
    );
    await hold.begun.passed;
    leaving.abort();
    await streamed.catch(() => {});
    const [run] = (await client.runs.list(thread_id)) as [Run];
    if (onDisconnect === "cancel")
      await until(
        "the end",
        async () => (await client.runs.get(thread_id, run.run_id)).status === "interrupted",
      );
    hold.end.open();
    await client.runs.join(thread_id, run.run_id);
    expect((await client.runs.get(thread_id, run.run_id)).status).toBe(
      onDisconnect === "cancel" ? "interrupted" : "success",
    );
  }
});

test("a client that comes back gets the frames that it has missed, and no others", async () => {
  const { client } = kitOf();
  const { thread_id } = await client.threads.create();
  const run = await client.runs.create(thread_id, "agent", {
    input: echoing("a"),
    streamMode: ["values", "updates"],
  });
  await client.runs.join(thread_id, run.run_id);
  const all = await collect(client.runs.joinStream(thread_id, run.run_id, { lastEventId: "-1" }));
  expect(all.map(({ event }) => event)).toEqual(["metadata", "values", "updates", "values"]);
  const missed = await collect(client.runs.joinStream(thread_id, run.run_id, { lastEventId: all[1]?.id }));
  expect(missed).toEqual(all.slice(2));
});

test("an error of a run is told without its stack; the thread says so, and the next run goes on", async () => {
  const seen: unknown[] = [];
  const { client } = kitOf({ onError: (error) => seen.push(error) });
  const { thread_id } = await client.threads.create();
  const chunks = await collect(
    client.runs.stream(thread_id, "agent", { input: calling("fail", {}), streamMode: ["values", "events"] }),
  );
  expect(chunks.at(-1)).toMatchObject({ event: "error", data: { error: "Error", message: "no such order" } });
  expect(JSON.stringify(chunks)).not.toMatch(/\n {4}at |\\n {4}at /);
  expect(seen).toHaveLength(1);
  expect(await client.threads.get(thread_id)).toMatchObject({
    status: "error",
    error: { message: "no such order" },
  });
  expect((await client.threads.search({ status: "error" })).map((thread) => thread.thread_id)).toEqual([
    thread_id,
  ]);
  await expect(client.runs.wait(thread_id, "agent", { input: calling("fail", {}) })).rejects.toThrow(
    "no such order",
  );
  await client.runs.wait(thread_id, "agent", { input: echoing("well") });
  expect((await client.threads.get(thread_id)).status).toBe("idle");
});

test("a resume that finds nothing open, an empty one, and null are refused; false is an answer", async () => {
  const { client, effects } = kitOf();
  const { thread_id } = await client.threads.create({ graphId: "agent" });
  const resumed = (resume: unknown): Promise<unknown> =>
    client.runs.wait(thread_id, "agent", { command: { resume } as never });
  await expect(resumed({ decisions: [{ type: "approve" }] })).rejects.toThrow(/409/);
  await client.runs.wait(thread_id, "agent", { input: refunding("A-1") });
  await expect(resumed(null)).rejects.toThrow(/422.*null is no answer/s);
  await expect(client.runs.wait(thread_id, "agent", { command: {} })).rejects.toThrow(/422/);
  await resumed(false);
  expect(lastText((await client.threads.getState(thread_id)).values)).toBe("kept");
  expect(effects.size).toBe(0);
});

test("a run without a thread leaves none, and no open question", async () => {
  const { client, backend } = kitOf();
  const result = await client.runs.wait(null, "agent", { input: refunding("A-1") });
  expect(result).toHaveProperty("__interrupt__");
  expect(await client.threads.search()).toEqual([]);
  const { items } = await backend.list({});
  expect(items.map(({ status }) => status)).toEqual(["cancelled"]);
});

test("what is not supported is refused before anything is written", async () => {
  const { client } = kitOf();
  const { thread_id } = await client.threads.create();
  const refused = (payload: object): Promise<unknown> =>
    client.runs.wait(thread_id, "agent", { input: echoing("x"), ...payload } as never);
  await expect(refused({ multitaskStrategy: "rollback" })).rejects.toThrow(/422.*cannot be undone/s);
  await expect(refused({ durability: "exit" })).rejects.toThrow(/422.*exit/s);
  await expect(refused({ webhook: "http://example.com" })).rejects.toThrow(/422.*Webhooks/s);
  await expect(refused({ afterSeconds: 3 })).rejects.toThrow(/422.*Delayed/s);
  await expect(refused({ config: { recursion_limit: 1001 } })).rejects.toThrow(/422.*recursion_limit/s);
  await expect(client.runs.wait(thread_id, "nobody", {})).rejects.toThrow(/404.*assistant/s);
  expect(await client.runs.list(thread_id)).toEqual([]);
});

test("a server that closes stops its runs, and takes no more", async () => {
  const hold = holdOf();
  const { client, server } = kitOf({ hold });
  const { thread_id } = await client.threads.create();
  const run = await client.runs.create(thread_id, "agent", { input: holding });
  await hold.begun.passed;
  await server.close();
  expect((await client.runs.get(thread_id, run.run_id)).status).toBe("interrupted");
  await expect(client.runs.create(thread_id, "agent", { input: holding })).rejects.toThrow(/503/);
  hold.end.open();
});
