/** A server of MCP on standard input and output, over a SQLite file: `node server.child <file> <effects> <lease ms>`. */
import { appendFileSync } from "node:fs";
import { tool } from "@langchain/core/tools";
import { McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { confirm, step } from "holdpoint";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { createMcpTools } from "holdpoint/mcp";
import { z } from "zod";

const [path = "", effects = "", leaseMs = ""] = process.argv.slice(2);

const deploy = tool(
  async ({ to, dies }) => {
    const build = await step("build", () => {
      appendFileSync(effects, "built\n");
      return 7;
    });
    const { confirmed } = await confirm({ message: `Deploy build ${build} to ${to}?` });
    if (!confirmed) return "not deployed";
    appendFileSync(effects, "deployed\n");
    // In the middle of its effect: it may have happened, or not.
    if (dies) process.kill(process.pid, "SIGKILL");
    return `build ${build} is on ${to}`;
  },
  {
    name: "deploy",
    description: "Deploys.",
    schema: z.object({ to: z.string(), dies: z.boolean().optional() }),
  },
);

const backend = new SqliteHITLBackend({ path });
const mcp = createMcpTools([deploy], { backend, secret: "s".repeat(32), leaseMs: Number(leaseMs) });
serveStdio(() => {
  const server = new McpServer({ name: "deploy", version: "1.0.0" }, { capabilities: { tools: {} } });
  mcp.register(server);
  return server;
});
