/** What a server is made of: its tools as clients see them, and options that cannot be. */
import { DynamicTool, tool } from "@langchain/core/tools";
import { GraphInterrupt, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { AIMessage } from "@langchain/core/messages";
import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";
import { Client } from "@modelcontextprotocol/client";
import {
  createMcpHandler,
  createRequestStateCodec,
  inputRequired,
  McpServer,
} from "@modelcontextprotocol/server";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { confirm, configureHoldpoint, HITLToolNode, InMemoryHITLBackend, respondAndResume } from "holdpoint";
import { createMcpTools, type McpToolsOptions } from "holdpoint/mcp";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import {
  connect1,
  connect2,
  connectLegacy2,
  onlyPending,
  pendingIn,
  refundTool,
  textOf,
  yes,
} from "./kit.ts";

describe("createMcpTools", () => {
  const backend = new InMemoryHITLBackend();
  const wrong: readonly (readonly [string, object])[] = [
    ["secret", { secret: "short" }],
    ["secret", { secret: [] }],
    ["secret", { secret: ["s".repeat(32), "short"] }],
    ["secret", { secret: 12 }],
    ["waitMs", { waitMs: 0 }],
    ["waitMs", { waitMs: Number.POSITIVE_INFINITY }],
    ["leaseMs", { leaseMs: Number.NaN }],
    ["referenceTtlMs", { referenceTtlMs: -1 }],
    ["progressMs", { progressMs: "10" }],
    ["maxAttempts", { maxAttempts: 0 }],
    ["maxAttempts", { maxAttempts: 1.5 }],
    ["user", { user: "kim" }],
    ["elicit", { elicit: true }],
    ["policy", { policy: {} }],
    ["ledger", { ledger: [] }],
  ];

  it.each(wrong)("refuses a wrong %s: %j", (option, options) => {
    const make = () => createMcpTools([refundTool([])], { backend, ...options } as McpToolsOptions);
    expect(make).toThrow(expect.objectContaining({ code: "ERR_HITL_INVALID_INPUT" }));
    expect(make).toThrow(option);
  });

  it("needs a backend; that of the process will do", async () => {
    expect(() => createMcpTools([refundTool([])])).toThrow(
      expect.objectContaining({ code: "ERR_HITL_NO_BACKEND" }),
    );
    const restore = configureHoldpoint({ backend });
    onTestFinished(restore);
    const peer = await connect1(createMcpTools([refundTool([])]), { elicit: () => yes });
    expect(textOf(await peer.call("refund", { order: "A-17" }))).toBe("A-17 refunded");
  });

  it("does not begin a call whose caller cannot be told (P8)", async () => {
    const effects: string[] = [];
    const options: McpToolsOptions[] = [
      { user: () => "" },
      { user: () => ({ id: 7 }) as never },
      { session: () => "a\u0000b" },
      {
        user: () => {
          throw new Error("the directory is away");
        },
      },
    ];
    for (const more of options) {
      const peer = await connect1(createMcpTools([refundTool(effects)], { backend, ...more }), {
        elicit: () => yes,
      });
      expect((await peer.call("refund", { order: "A-17" })).isError).toBe(true);
    }
    expect(effects).toEqual([]);
    expect(await pendingIn(backend)).toEqual([]);
  });
});

it("shows each tool as it is, to clients of both SDKs; a schema transforms the arguments once", async () => {
  const json = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] } as const;
  const tools = [
    tool(({ at }) => at.toISOString(), {
      name: "when",
      description: "Tells.",
      schema: z.object({ at: z.string().transform((text) => new Date(text)) }),
    }),
    tool((args) => `n is ${(args as { n: number }).n}`, {
      name: "count",
      description: "Counts.",
      schema: json,
    }),
    new DynamicTool({ name: "echo", description: "Echoes.", func: async (input) => `${input}!` }),
  ];
  const mcp = createMcpTools(tools, { backend: new InMemoryHITLBackend() });
  for (const connect of [connect1, connectLegacy2, connect2]) {
    const peer = await connect(mcp);
    const listed = await peer.list();
    expect(listed.map(({ name, description }) => [name, description])).toEqual([
      ["when", "Tells."],
      ["count", "Counts."],
      ["echo", "Echoes."],
    ]);
    expect(listed[0]?.inputSchema).toMatchObject({
      type: "object",
      properties: { at: { type: "string" } },
      required: ["at"],
    });
    expect(listed[1]?.inputSchema).toMatchObject(json);
    expect(listed[2]?.inputSchema).toMatchObject({
      type: "object",
      properties: { input: { type: "string" } },
    });
    expect(textOf(await peer.call("when", { at: "2026-01-02" }))).toBe("2026-01-02T00:00:00.000Z");
    expect(textOf(await peer.call("count", { n: 3 }))).toBe("n is 3");
    expect((await peer.call("count", { n: "x" })).isError).toBe(true);
    expect(textOf(await peer.call("echo", { input: "hey" }))).toBe("hey!");
  }
});

it("hands pictures and several texts on as they are; an artifact stays here", async () => {
  const draw = tool(
    async () => [
      [
        { type: "text", text: "a dot" },
        { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
        { type: "image", data: "BBBB", mimeType: "image/gif" },
      ],
      { secret: new Map([["a", 1]]) },
    ],
    { name: "draw", description: "Draws.", schema: z.object({}), responseFormat: "content_and_artifact" },
  );
  const peer = await connect1(createMcpTools([draw], { backend: new InMemoryHITLBackend() }));
  expect((await peer.call("draw", {})).content).toEqual([
    { type: "text", text: "a dot" },
    { type: "image", data: "AAAA", mimeType: "image/png" },
    { type: "image", data: "BBBB", mimeType: "image/gif" },
  ]);
});

it("ends a call that something else has interrupted, which no client could resume", async () => {
  const odd = tool(
    () => {
      throw new GraphInterrupt([{ id: "0".repeat(32), value: "of another graph" }]);
    },
    { name: "odd", description: "Interrupts.", schema: z.object({}) },
  );
  const peer = await connect1(createMcpTools([odd], { backend: new InMemoryHITLBackend() }));
  const said = await peer.call("odd", {});
  expect(said.isError).toBe(true);
  expect(textOf(said)).toContain("no client of MCP can resume it");
});

it("runs what is behind the ledger once, and asks for its approval", async () => {
  const backend = new InMemoryHITLBackend();
  const effects: string[] = [];
  const charge = tool(({ amount }) => (effects.push(String(amount)), `charged ${amount}`), {
    name: "charge",
    description: "Charges.",
    schema: z.object({ amount: z.number() }),
  });
  const mcp = createMcpTools([charge], { backend, ledger: { for: "charge", requires_approval: true } });
  const shown: string[] = [];
  const peer = await connect2(mcp, {
    elicit: ({ message }) => {
      shown.push(message);
      return { action: "accept", content: { decision: "approve_once" } };
    },
  });
  expect(textOf(await peer.call("charge", { amount: 5 }))).toContain("charged 5");
  expect(shown).toHaveLength(1);
  expect(effects).toEqual(["5"]);
  const { items } = await backend.store.page({
    kind: "effect",
    tenant_id: "default",
    statuses: ["succeeded"],
  });
  expect(items).toHaveLength(1);
});

it("a server that a graph's own tool calls keeps its questions apart from the graph's", async () => {
  const backend = new InMemoryHITLBackend();
  const seen: (string | undefined)[] = [];
  const look = tool(
    async () => {
      const { configurable = {} } = AsyncLocalStorageProviderSingleton.getRunnableConfig() ?? {};
      seen.push(...Object.keys(configurable as object).filter((name) => name.startsWith("__pregel")));
      return "looked";
    },
    { name: "look", description: "Looks at its config.", schema: z.object({}) },
  );
  const peer = await connect1(createMcpTools([refundTool([]), look], { backend }));
  const outer = tool(
    async () => {
      await peer.call("look", {});
      const first = textOf(await peer.call("refund", { order: "A-17" }));
      return (await confirm({ message: "Shown?" })).confirmed ? first : "no";
    },
    { name: "outer", description: "Calls a server.", schema: z.object({}) },
  );
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("tools", new HITLToolNode([outer], { backend }))
    .addEdge(START, "tools")
    .compile({ checkpointer: new MemorySaver() });
  const calls = [{ name: "outer", id: "call_1", args: {} }];
  await graph.invoke(
    { messages: [new AIMessage({ content: "", tool_calls: calls })] },
    { configurable: { thread_id: "t" } },
  );
  // A graph that the tool runs is not one of the graph that called the server.
  expect(seen).toEqual([]);
  const pending = await pendingIn(backend);
  expect(pending.map(({ thread_id, tool_name }) => [thread_id === "t", tool_name]).toSorted()).toEqual([
    [false, "refund"],
    [true, "outer"],
  ]);
  const own = pending.find(({ thread_id }) => thread_id === "t");
  await respondAndResume(graph, { backend, hitl_id: own?.hitl_id as string, response: { confirmed: true } });
  const { values } = await graph.getState({ configurable: { thread_id: "t" } });
  expect((values as { messages: { text: string }[] }).messages.at(-1)?.text).toContain("waits for a human");
  expect((await onlyPending(backend)).tool_name).toBe("refund");
});

it("stands beside tools of the server's own that make rounds, under its own verify hook", async () => {
  const backend = new InMemoryHITLBackend();
  const mcp = createMcpTools([refundTool([])], { backend });
  const codec = createRequestStateCodec<{ own: number }>({ key: "k".repeat(32) });
  const handler = createMcpHandler(() => {
    const server = new McpServer(
      { name: "test", version: "1.0.0" },
      {
        capabilities: { tools: {} },
        requestState: {
          verify: (state, ctx) => (mcp.ownsRequestState(state) ? undefined : codec.verify(state, ctx)),
        },
      },
    );
    mcp.register(server, (name) => ({ title: `The tool ${name}`, annotations: { destructiveHint: true } }));
    server.registerTool("own", { description: "Its own." }, async (ctx) => {
      const state = ctx.mcpReq.requestState<{ own: number }>();
      if (state) return { content: [{ type: "text", text: `own ${state.own}` }] };
      return inputRequired({ requestState: await codec.mint({ own: 7 }, ctx) });
    });
    return server;
  });
  const client = new Client(
    { name: "test", version: "1.0.0" },
    { capabilities: { elicitation: {} } as never, versionNegotiation: { mode: { pin: "2026-07-28" } } },
  );
  client.setRequestHandler("elicitation/create", () => yes as never);
  const url = new URL("http://localhost/mcp");
  await client.connect(
    new StreamableHTTPClientTransport(url, {
      fetch: (input, init) => handler.fetch(new Request(input, init)),
    }),
  );
  onTestFinished(() => client.close());
  const call = async (name: string, args = {}) =>
    textOf((await client.callTool({ name, arguments: args })) as never);
  expect(await call("refund", { order: "A-17" })).toBe("A-17 refunded");
  expect(await call("own")).toBe("own 7");
  const { tools } = await client.listTools();
  expect(tools.find(({ name }) => name === "refund")).toMatchObject({
    title: "The tool refund",
    annotations: { destructiveHint: true },
  });
});
