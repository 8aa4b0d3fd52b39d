/** The handler under Node's own server, over a real connection. */
import { createServer, request as send, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Client } from "@langchain/langgraph-sdk";
import { toNodeListener } from "holdpoint/server/langgraph";
import { afterEach, expect, test } from "vitest";
import { until } from "../support/poll.ts";
import { calling, collect, holdOf, kitOf, lastText, refunding } from "./kit.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function listening(fetch: (request: Request) => Promise<Response>): Promise<string> {
  const server = createServer(toNodeListener(fetch));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const clientAt = (apiUrl: string): Client =>
  new Client({ apiUrl, apiKey: null as never, callerOptions: { maxRetries: 0 } });

test("a thread is run, listed and answered over a connection; frames arrive one by one", async () => {
  const { server, effects } = kitOf();
  const client = clientAt(await listening(server.fetch));
  const { thread_id } = await client.threads.create({ graphId: "agent" });
  const created: unknown[] = [];
  const chunks = await collect(
    client.runs.stream(thread_id, "agent", {
      input: refunding("A-1"),
      streamMode: ["values", "updates"],
      onRunCreated: (run) => created.push(run),
    }),
  );
  expect(chunks.map(({ event }) => event)).toEqual(["metadata", "values", "updates", "values"]);
  expect(created).toEqual([{ run_id: (chunks[0] as { data: { run_id: string } }).data.run_id, thread_id }]);
  const [thread] = await client.threads.search({ status: "interrupted" });
  expect(thread?.thread_id).toBe(thread_id);
  const result = await client.runs.wait(thread_id, "agent", {
    command: { resume: { decisions: [{ type: "approve" }] } },
  });
  expect(lastText(result)).toBe("refunded");
  expect(effects.get("A-1")).toBe(1);
  await client.threads.delete(thread_id);
});

test("a client that goes away in the middle of a stream cancels its run, if it asked for that", async () => {
  const hold = holdOf();
  const { server, client: inside } = kitOf({ hold });
  const client = clientAt(await listening(server.fetch));
  const { thread_id } = await client.threads.create();
  const leaving = new AbortController();
  const { signal } = leaving;
  const streamed = collect(
    client.runs.stream(thread_id, "agent", { input: calling("hold", {}), onDisconnect: "cancel", signal }),
  );
  await hold.begun.passed;
  leaving.abort();
  await streamed.catch(() => {});
  await until("the run's end", async () => (await inside.runs.list(thread_id))[0]?.status === "interrupted");
  hold.end.open();
});

test("an idle stream carries comments, and a wait carries spaces, so that nothing in between closes them", async () => {
  const hold = holdOf();
  const { server, client: inside } = kitOf({ hold, heartbeatMs: 5 });
  const url = await listening(server.fetch);
  const { thread_id } = await inside.threads.create();
  const body = JSON.stringify({ assistant_id: "agent", input: calling("hold", {}), stream_mode: "values" });
  const headers = { "content-type": "application/json" };
  const streaming = await fetch(`${url}/threads/${thread_id}/runs/stream`, { method: "POST", headers, body });
  const { run_id } = (await inside.runs.list(thread_id))[0] as { run_id: string };
  const waiting = await fetch(`${url}/threads/${thread_id}/runs/${run_id}/join`);
  const reader = (streaming.body as ReadableStream<Uint8Array>).getReader();
  let seen = "";
  const decoder = new TextDecoder();
  while (!seen.includes(": heartbeat\n\n: heartbeat")) seen += decoder.decode((await reader.read()).value);
  const joined = (waiting.body as ReadableStream<Uint8Array>).getReader();
  let text = "";
  const joinedDecoder = new TextDecoder();
  while (text.length < 2) text += joinedDecoder.decode((await joined.read()).value);
  expect(text.trim()).toBe("");
  hold.end.open();
  for (let part = await joined.read(); !part.done; part = await joined.read())
    text += joinedDecoder.decode(part.value);
  expect(lastText(JSON.parse(text))).toBe("held");
  await reader.cancel();
});

test("a request without a usable host or path is refused, and a body that is too large is cut off", async () => {
  const { server } = kitOf({ limits: { maxBodyBytes: 1000 } });
  const url = new URL(await listening(server.fetch));
  const statusOf = (path: string, headers: Record<string, string>, body?: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = url;
      const outgoing = send(
        { hostname, port, path, method: body === undefined ? "GET" : "POST", headers },
        (incoming) => {
          incoming.resume();
          resolve(incoming.statusCode ?? 0);
        },
      );
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  expect(await statusOf("/ok", {})).toBe(200);
  expect(await statusOf("/ok", { host: "[" })).toBe(400);
  expect(await statusOf("/ok", { host: "rebound.example.com" })).toBe(403);
  expect(
    await statusOf(
      "/threads",
      { "content-type": "application/json" },
      `{"metadata":{"a":"${"x".repeat(2000)}"}}`,
    ),
  ).toBe(413);
});
