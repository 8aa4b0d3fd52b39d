/** Who may call, for whom, and with how much. */
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import type { Client } from "@langchain/langgraph-sdk";
import { InMemoryHITLBackend } from "holdpoint";
import { expect, test } from "vitest";
import type { Caller } from "holdpoint/server/langgraph";
import { calling, clientOf, kitOf, lastText, refunding, URL_OF_SERVER } from "./kit.ts";

const send = (
  server: { fetch(request: Request): Promise<Response> },
  path: string,
  init: RequestInit = {},
): Promise<Response> => server.fetch(new Request(`${URL_OF_SERVER}${path}`, init));

const post = (body: string, headers: Record<string, string> = {}): RequestInit => ({
  method: "POST",
  body,
  headers: { "content-type": "application/json", ...headers },
});

const people: Record<string, Caller> = {
  kim: { user_id: "kim", tenant_id: "north" },
  lee: { user_id: "lee", tenant_id: "north" },
  eve: { user_id: "eve", tenant_id: "south" },
};

function withPeople() {
  const kit = kitOf({
    authenticate: (request) => {
      const caller = people[request.headers.get("x-api-key") ?? ""];
      return caller ?? Response.json({ detail: "Who are you?" }, { status: 401 });
    },
  });
  const of = (name: string): Client => clientOf(kit.server, { "x-api-key": name });
  return { ...kit, of };
}

test("who answers is whom authenticate names, whatever the client says (P8)", async () => {
  const { of, backend } = withPeople();
  const { thread_id } = await of("kim").threads.create();
  const config = {
    configurable: {
      holdpoint: { user_id: "root", tenant_id: "default" },
      thread_id: "other",
      checkpoint_ns: "x",
    },
  };
  await of("kim").runs.wait(thread_id, "agent", { input: refunding("A-1"), config });
  await of("lee").runs.wait(thread_id, "agent", {
    command: { resume: { decisions: [{ type: "approve" }] } },
    config,
  });
  const { items } = await backend.forTenant("north").getByThread(thread_id);
  expect(items.map(({ responded_by, status }) => [responded_by?.id, status])).toEqual([["lee", "completed"]]);
  expect((await backend.list({})).items).toEqual([]);
});

test("another tenant's thread is not there: not read, not run, not listed, not deleted", async () => {
  const { of } = withPeople();
  const { thread_id } = await of("kim").threads.create({ graphId: "agent" });
  await of("kim").runs.wait(thread_id, "agent", { input: refunding("A-1") });
  const eve = of("eve");
  for (const attempt of [
    () => eve.threads.get(thread_id),
    () => eve.threads.getState(thread_id),
    () => eve.threads.getHistory(thread_id),
    () => eve.threads.update(thread_id, { metadata: { by: "eve" } }),
    () => eve.threads.updateState(thread_id, { values: null, asNode: "__end__" }),
    () => eve.threads.delete(thread_id),
    () => eve.runs.list(thread_id),
    () => eve.runs.wait(thread_id, "agent", { command: { resume: { decisions: [{ type: "approve" }] } } }),
  ])
    await expect(attempt()).rejects.toThrow(/404/);
  await expect(eve.threads.create({ threadId: thread_id, ifExists: "do_nothing" })).rejects.toThrow(/409/);
  await expect(eve.runs.wait(thread_id, "agent", { input: null, ifNotExists: "create" })).rejects.toThrow(
    /409/,
  );
  expect(await eve.threads.search()).toEqual([]);
  expect(await eve.threads.search({ ids: [thread_id] })).toEqual([]);
  expect((await of("lee").threads.get(thread_id)).status).toBe("interrupted");
});

test("where people are told apart, nobody takes an id that can be guessed", async () => {
  const { of } = withPeople();
  await expect(of("kim").threads.create({ threadId: "order-42" })).rejects.toThrow(/422.*UUID/s);
  await expect(
    of("kim").runs.wait("order-42", "agent", { input: null, ifNotExists: "create" }),
  ).rejects.toThrow(/422.*UUID/s);
});

test("a caller whom nobody knows hears what authenticate answers", async () => {
  const { server } = withPeople();
  const response = await send(server, "/threads/search", post("{}"));
  expect([response.status, await response.json()]).toEqual([401, { detail: "Who are you?" }]);
});

test("without authenticate only a loopback address is answered", async () => {
  const { server } = kitOf();
  expect((await server.fetch(new Request("http://127.0.0.1:2024/ok"))).status).toBe(200);
  expect((await server.fetch(new Request("http://[::1]/ok"))).status).toBe(200);
  expect((await server.fetch(new Request("http://rebound.example.com/ok"))).status).toBe(403);
  const open = kitOf({ authenticate: "none" }).server;
  expect((await open.fetch(new Request("http://agents.example.com/ok"))).status).toBe(200);
});

test("pages of other origins may call only if they are named", async () => {
  const origin = "http://localhost:3000";
  const preflight = { method: "OPTIONS", headers: { origin, "access-control-request-method": "POST" } };
  const closed = kitOf().server;
  expect((await send(closed, "/threads/search", preflight)).status).toBe(403);
  expect((await send(closed, "/threads", post("{}", { origin }))).status).toBe(403);
  expect((await send(closed, "/ok", { headers: { origin: "null" } })).status).toBe(403);
  expect((await send(closed, "/ok", { headers: { origin: URL_OF_SERVER } })).status).toBe(200);

  const { server } = kitOf({ cors: { origins: [origin], headers: ["x-team"] } });
  const allowed = await send(server, "/threads/search", preflight);
  expect([allowed.status, allowed.headers.get("access-control-allow-origin")]).toEqual([204, origin]);
  expect(allowed.headers.get("access-control-allow-headers")).toContain("x-team");
  const answered = await send(server, "/threads/search", post("{}", { origin }));
  expect(answered.headers.get("access-control-allow-origin")).toBe(origin);
  expect(answered.headers.get("access-control-expose-headers")).toContain("content-location");
  expect((await send(server, "/ok", { headers: { origin: "http://evil.example" } })).status).toBe(403);
});

test("bodies are limited in size, depth and keys, and have to be JSON that says so", async () => {
  const { server } = kitOf({ limits: { maxBodyBytes: 1000, maxDepth: 8 } });
  const statusOf = async (init: RequestInit): Promise<number> =>
    (await send(server, "/threads", init)).status;
  expect(await statusOf(post(JSON.stringify({ metadata: { x: "y".repeat(1000) } })))).toBe(413);
  expect(await statusOf(post(`{"metadata":${"[".repeat(9)}${"]".repeat(9)}}`))).toBe(422);
  expect(await statusOf(post('{"metadata":{"__proto__":{"a":1}}}'))).toBe(422);
  expect(await statusOf(post('{"metadata":{"constructor":{"a":1}}}'))).toBe(422);
  expect(await statusOf(post("[]"))).toBe(422);
  expect(await statusOf(post("{"))).toBe(400);
  expect(await statusOf(post("{}", { "content-type": "text/plain" }))).toBe(415);
  expect(await statusOf(post('{"thread_id":"../etc"}'))).toBe(422);
  expect(await statusOf(post(`{"thread_id":"${"a".repeat(129)}"}`))).toBe(422);
  expect(await statusOf(post("{}"))).toBe(200);
  expect((await send(server, "/nowhere")).status).toBe(404);
  expect((await send(server, "/threads", { method: "DELETE" })).status).toBe(405);
});

test("metadata is small, because it is kept: also what is added bit by bit", async () => {
  const { client } = kitOf();
  const { thread_id } = await client.threads.create({ graphId: "agent" });
  await expect(client.threads.create({ metadata: { note: "x".repeat(66_000) } })).rejects.toThrow(/413/);
  const input = calling("echo", { text: "a" });
  await expect(
    client.runs.wait(thread_id, "agent", { input, metadata: { note: "x".repeat(9000) } }),
  ).rejects.toThrow(/413/);
  await client.threads.update(thread_id, { metadata: { a: "x".repeat(40_000) } });
  await expect(client.threads.update(thread_id, { metadata: { b: "x".repeat(40_000) } })).rejects.toThrow(
    /413/,
  );
  expect(Object.keys((await client.threads.get(thread_id)).metadata ?? {})).toEqual([
    "a",
    "graph_id",
    "assistant_id",
  ]);
});

test("an object of a class is refused in every body, and a message in that form is a plain one", async () => {
  const { client } = kitOf();
  const { thread_id } = await client.threads.create({ graphId: "agent" });
  const serialised = {
    lc: 1,
    type: "constructor",
    id: ["langchain_core", "prompts", "PromptTemplate"],
    kwargs: {},
  };
  const secret = { lc: 1, type: "secret", id: ["OPENAI_API_KEY"] };
  const pattern = { lc: 2, type: "constructor", id: ["RegExp"], args: ["(a+)+$", ""] };
  const command = { lg_name: "Command", goto: ["tools"] };
  for (const bad of [serialised, secret, pattern, command]) {
    const message = { type: "human", content: "x", additional_kwargs: { bad } };
    await expect(client.runs.wait(thread_id, "agent", { input: { messages: [message] } })).rejects.toThrow(
      /422.*serialised/s,
    );
    await expect(client.threads.updateState(thread_id, { values: { messages: [message] } })).rejects.toThrow(
      /422.*serialised/s,
    );
    await expect(
      client.runs.wait(thread_id, "agent", { command: { resume: { bad } as never } }),
    ).rejects.toThrow(/422.*serialised/s);
    await expect(client.threads.create({ metadata: { bad } })).rejects.toThrow(/422.*serialised/s);
  }
  const messages = [
    new HumanMessage("hello"),
    new AIMessage({ content: "", tool_calls: [{ name: "echo", args: { text: "on" }, id: "c" }] }),
  ];
  expect(lastText(await client.runs.wait(thread_id, "agent", { input: { messages } }))).toBe("on");
});

test("a caller that cannot be told is nobody: what authenticate throws is not told, and refuses (P8)", async () => {
  const seen: unknown[] = [];
  const { server } = kitOf({
    authenticate: () => Promise.reject(new Error("directory away")),
    onError: (error) => seen.push(error),
  });
  expect((await send(server, "/threads/search", post("{}"))).status).toBe(500);
  expect(String(seen[0])).toContain("directory away");
  for (const caller of [undefined, { user_id: "" }, { tenant_id: "a\nb" }]) {
    const careless = kitOf({ authenticate: () => caller as never }).server;
    expect((await send(careless, "/threads/search", post("{}"))).status).toBe(500);
  }
});

test("more runs than allowed at one time are refused, and said to be worth another try", async () => {
  const { server, client } = kitOf({ limits: { maxRuns: 1 } });
  const [one, two] = await Promise.all([client.threads.create(), client.threads.create()]);
  const body = (text: string): string =>
    JSON.stringify({ assistant_id: "agent", input: calling("echo", { text }) });
  const responses = await Promise.all(
    [one, two].map(({ thread_id }, index) =>
      send(server, `/threads/${thread_id}/runs/wait`, post(body(String(index)))),
    ),
  );
  expect(responses.map(({ status }) => status).sort()).toEqual([200, 429]);
  expect(responses.find(({ status }) => status === 429)?.headers.get("retry-after")).toBe("1");
});

test("what fails inside is not told", async () => {
  const seen: unknown[] = [];
  const backend = new InMemoryHITLBackend();
  const broken = Object.assign(kitOf().graph, {
    getState: () => Promise.reject(new Error("password=secret")),
  });
  const { server } = kitOf({
    backend,
    graphs: { agent: broken },
    onError: (error) => {
      seen.push(error);
      throw new Error("the log is away, too");
    },
  });
  const response = await send(server, "/threads", post('{"metadata":{"graph_id":"agent"}}'));
  expect([response.status, await response.json()]).toEqual([
    500,
    { detail: "Internal Server Error", message: "Internal Server Error" },
  ]);
  expect(String(seen[0])).toContain("secret");
});

test("nothing of the server's own is in states, histories and streams", async () => {
  const { client } = kitOf();
  const { thread_id } = await client.threads.create();
  const texts: string[] = [];
  const streamMode = [
    "values",
    "updates",
    "debug",
    "tasks",
    "checkpoints",
    "events",
    "custom",
    "messages-tuple",
  ] as const;
  for await (const chunk of client.runs.stream(thread_id, "agent", {
    input: refunding("A-1"),
    streamMode: [...streamMode],
    streamSubgraphs: true,
  }))
    texts.push(JSON.stringify(chunk));
  texts.push(JSON.stringify(await client.threads.getState(thread_id, undefined, { subgraphs: true })));
  texts.push(JSON.stringify(await client.threads.getHistory(thread_id)));
  for (const text of texts) expect(text).not.toMatch(/"__\w*pregel\w*":|"holdpoint":|\\n {4}at /);
  expect(
    lastText(
      await client.runs.wait(thread_id, "agent", {
        command: { resume: [{ type: "accept", args: null }] as never },
      }),
    ),
  ).toBe("refunded");
});
