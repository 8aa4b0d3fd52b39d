/**
 * `holdpoint/server/langgraph`: the HTTP interface of a LangGraph server, as far as Agent Inbox, agent-chat-ui and
 * LangGraph's own clients call it, over graphs and a backend of your own (docs/langgraph-server.md).
 *
 * @module
 */
export { toNodeListener } from "./node-listener.ts";
export type {
  Caller,
  CorsOptions,
  LangGraphServerOptions,
  ServedGraph,
  ServedState,
  ServedTask,
  ServerLimits,
  StateConfig,
} from "./options.ts";
export { type AdoptRequest, createLangGraphServer, type LangGraphServer } from "./server.ts";
