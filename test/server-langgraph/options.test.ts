/** Options of the server that cannot be are refused when it is made. */
import { MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import { InMemoryHITLBackend } from "../../src/index.ts";
import { createLangGraphServer, type LangGraphServerOptions } from "../../src/server/langgraph/index.ts";

const builder = new StateGraph(MessagesAnnotation).addNode("a", () => ({})).addEdge(START, "a");
const graph = builder.compile({ checkpointer: new MemorySaver() });
const backend = new InMemoryHITLBackend();

/** As a caller without types passes them. */
function made(options: Record<string, unknown>): () => unknown {
  const all: unknown = { graphs: { agent: graph }, backend, ...options };
  return () => createLangGraphServer(all as LangGraphServerOptions);
}

describe("createLangGraphServer", () => {
  it.each<[string, Record<string, unknown>, string, RegExp]>([
    ["no graph", { graphs: {} }, "ERR_HITL_INVALID_INPUT", /graphs: has to name a graph/],
    ["what is no graph", { graphs: { agent: {} } }, "ERR_HITL_INVALID_INPUT", /"agent" is no compiled graph/],
    [
      "a graph without a checkpointer",
      { graphs: { agent: builder.compile() } },
      "ERR_HITL_NO_CHECKPOINTER",
      /compile\(\{ checkpointer \}\)/,
    ],
    ["no backend", { backend: undefined }, "ERR_HITL_NO_BACKEND", /InMemoryHITLBackend/],
    ["what is no backend", { backend: {} }, "ERR_HITL_NO_BACKEND", /InMemoryHITLBackend/],
    ["a word for authenticate", { authenticate: "all" }, "ERR_HITL_INVALID_INPUT", /authenticate: .*"none"/],
    ["durability exit", { durability: "exit" }, "ERR_HITL_INVALID_INPUT", /nobody can be asked/],
    ["a log that is none", { onError: true }, "ERR_HITL_INVALID_INPUT", /onError: has to be a function/],
    ["limits below one", { limits: { maxRuns: 0 } }, "ERR_HITL_INVALID_INPUT", /limits.maxRuns/],
    ["one origin as text", { cors: { origins: "http://a" } }, "ERR_HITL_INVALID_INPUT", /list of origins/],
    [
      "an origin with a path",
      { cors: { origins: ["http://localhost:3000/"] } },
      "ERR_HITL_INVALID_INPUT",
      /"http:\/\/localhost:3000\/" is no origin/,
    ],
    [
      "credentials for every page",
      { cors: { origins: "*", credentials: true } },
      "ERR_HITL_INVALID_INPUT",
      /credentials need a list/,
    ],
  ])("refuses %s, and says what to pass", (_what, options, code, message) => {
    expect(made(options)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });

  it.each<[Record<string, unknown>]>([
    [{}],
    [{ authenticate: "none" }],
    [{ authenticate: () => ({ user_id: "kim" }) }],
    [{ cors: { origins: ["https://inbox.example.com", "http://localhost:3000"], credentials: true } }],
    [{ cors: { origins: "*" }, durability: "async" }],
  ])("takes %j", (options) => {
    expect(made(options)).not.toThrow();
  });
});
