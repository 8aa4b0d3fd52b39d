/**
 * `holdpoint/mcp`: tools that ask humans, on a server of the Model Context Protocol (docs/mcp.md). Works with both official
 * SDKs, and imports neither.
 *
 * @module holdpoint/mcp
 */
export {
  createMcpTools,
  type McpToolConfig,
  type McpTools,
  type McpToolServer,
  type McpToolsOptions,
} from "./create-mcp-tools.ts";
export type { McpRequest } from "./exchange.ts";
export type { McpSecret } from "./reference.ts";
