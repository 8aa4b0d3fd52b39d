/** `createMcpTools`: tools that can ask humans, on a server of MCP. */
import type { DynamicTool, StructuredToolInterface } from "@langchain/core/tools";
import type { ToolCall } from "@langchain/core/messages/tool";
import type { LangGraphRunnableConfig } from "@langchain/langgraph";
import type { HITLBackend } from "../backends/hitl-backend.ts";
import { HoldpointError } from "../core/errors.ts";
import type { Actor, HITLRecord } from "../core/record.ts";
import { CallLedger } from "../nodes/ledger/call-ledger.ts";
import type { LedgerRules } from "../nodes/ledger/ledger-rule.ts";
import { CallPolicy } from "../nodes/policy/call-policy.ts";
import type { Policy } from "../policy/policy.ts";
import { resolveBackend } from "../suspend/configure.ts";
import type { InDoubtPolicy } from "../suspend/tool-step.ts";
import { exchangeOf, type McpRequest } from "./exchange.ts";
import type { RunTool } from "./mcp-call.ts";
import { type McpSecret, References } from "./reference.ts";
import { errorResult, type McpToolResult } from "./results.ts";
import { serve, type Settings } from "./serve.ts";
import { shownSchema } from "./tool-schema.ts";

export interface McpToolsOptions {
  /** Where questions and calls are kept. Default: that of `configureHoldpoint`. */
  readonly backend?: HITLBackend;
  /**
   * Signs the references to waiting calls; at least 32 bytes. A list while it is changed: the first one signs, all are read.
   * Default: a random one, so that references are good in this process only.
   */
  readonly secret?: McpSecret | readonly McpSecret[];
  /** Milliseconds for which a reference is good. Default one hour. */
  readonly referenceTtlMs?: number;
  /**
   * Who calls, and answers: from what the server has verified, never from what a client says of itself. Without it nobody
   * in particular answers, and over HTTP without sessions a call goes on by its reference only.
   */
  readonly user?: (request: McpRequest) => string | Actor | undefined;
  /** The session of the records. Default: the user, else the transport's session, else `mcp`. */
  readonly session?: (request: McpRequest) => string | undefined;
  /** Which questions a client may show and answer; the others wait for somebody else. Default: all. */
  readonly elicit?: (record: HITLRecord) => boolean;
  /**
   * Milliseconds for which a request waits for a human. Given, it waits for people elsewhere, too. Default: 55 000 while
   * the client shows a question, else 0.
   */
  readonly waitMs?: number;
  /** How often a question is shown to a client whose answers are refused. Default 3. */
  readonly maxAttempts?: number;
  /** Milliseconds between notifications of progress, to clients that want them. Default 10 000. */
  readonly progressMs?: number;
  /** Which calls run, wait for a human, or do not run (docs/policy.md). Default: all run. */
  readonly policy?: Policy;
  /** Tools whose calls run at most once, across crashes too (docs/ledger.md). Default: none. */
  readonly ledger?: LedgerRules;
  /** What to do with a call whose process died in its middle. Default `ask`: a human decides. */
  readonly inDoubt?: InDoubtPolicy | ((tool_name: string) => InDoubtPolicy);
  /** Milliseconds without a sign of life after which a call, or a request that waits, is taken for dead. Default 60 000. */
  readonly leaseMs?: number;
}

/** `McpServer` of either official SDK, as far as it is needed. */
export interface McpToolServer {
  registerTool(...args: never[]): unknown;
  readonly server: { getClientCapabilities(): unknown };
}

/** What a server shows of a tool beside its name, description and arguments: `title`, `annotations`, `_meta`. */
export type McpToolConfig = Readonly<Record<string, unknown>>;

export interface McpTools {
  /**
   * Registers the tools on a server: once for each connection, as the SDKs want it. They share everything that is kept.
   *
   * @param configOf - what to show of a tool beside its name, description and arguments
   */
  register(server: McpToolServer, configOf?: (tool_name: string) => McpToolConfig): void;
  /** For a `requestState.verify` of the server's own: it has to let those of these tools pass, by giving `undefined`. */
  ownsRequestState(state: string): boolean;
}

type Tool = StructuredToolInterface | DynamicTool;
type Handler = (args: unknown, context: unknown) => Promise<McpToolResult>;

/** The largest time that a timer takes. */
const MAX_MS = 2 ** 31 - 1 - 60_000;
const HOUR_MS = 60 * 60 * 1000;

/**
 * Tools of LangChain that ask humans, for `McpServer` of `@modelcontextprotocol/sdk` 1 or `@modelcontextprotocol/server` 2.
 * A call is recorded as in a graph; a client that can shows its questions, anybody else answers them by the backend.
 *
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT` for options that cannot be, `ERR_HITL_NO_BACKEND`
 *
 * @example
 * ```ts
 * import { tool } from "@langchain/core/tools";
 * import { confirm, InMemoryHITLBackend } from "holdpoint";
 * import { createMcpTools, type McpToolServer } from "holdpoint/mcp";
 * import { z } from "zod";
 *
 * const refund = tool(
 *   async ({ order }) => ((await confirm({ message: `Refund ${order}?` })).confirmed ? "refunded" : "kept"),
 *   { name: "refund", description: "Refunds an order.", schema: z.object({ order: z.string() }) },
 * );
 * const mcp = createMcpTools([refund], { backend: new InMemoryHITLBackend() });
 *
 * export function serve<Server extends McpToolServer>(server: Server): Server {
 *   mcp.register(server);
 *   return server;
 * }
 * ```
 */
export function createMcpTools(tools: readonly Tool[], options: McpToolsOptions = {}): McpTools {
  const settings = settingsOf(options);
  const runOf = runnerOf(options);
  const served = tools.map((tool) => ({ tool, run: runOf(tool), inputSchema: shownSchema(tool) }));
  return {
    register(server, configOf) {
      for (const { tool, run, inputSchema } of served) {
        const { name, description } = tool;
        const handler: Handler = async (args, context) => {
          try {
            const declared = (): unknown => server.server.getClientCapabilities();
            return await serve(settings, { tool, run }, args, exchangeOf(name, context, declared));
          } catch (error) {
            return errorResult(error);
          }
        };
        const config = { ...configOf?.(name), description, inputSchema };
        const register = server.registerTool as (...args: unknown[]) => unknown;
        register.call(server, name, config, handler);
      }
    },
    ownsRequestState: (state) => References.isOwn(state),
  };
}

function settingsOf(options: McpToolsOptions): Settings {
  const backend = resolveBackend(undefined, options.backend);
  const { secret, user, session, elicit = () => true, inDoubt } = options;
  const leaseMs = milliseconds("leaseMs", options.leaseMs ?? 60_000, 1);
  const policy = typeof inDoubt === "string" ? (): InDoubtPolicy => inDoubt : inDoubt;
  const { maxAttempts = 3, waitMs } = options;
  if (!Number.isInteger(maxAttempts) || maxAttempts < 1)
    throw invalid("maxAttempts", "a whole number, 1 or more");
  for (const [name, given] of Object.entries({ user, session, elicit }))
    if (given !== undefined && typeof given !== "function") throw invalid(name, "a function");
  return {
    backend,
    references: new References(secret, backend.tenant_id, () => backend.now()),
    referenceTtlMs: milliseconds("referenceTtlMs", options.referenceTtlMs ?? HOUR_MS, 1),
    leaseMs,
    step: { leaseMs, inDoubt: policy },
    user,
    session,
    elicit,
    maxAttempts,
    waitMs: waitMs === undefined ? undefined : milliseconds("waitMs", waitMs, 1),
    progressMs: milliseconds("progressMs", options.progressMs ?? 10_000, 1),
  };
}

function milliseconds(option: string, given: unknown, least: number): number {
  if (typeof given === "number" && Number.isFinite(given) && given >= least && given <= MAX_MS) return given;
  throw invalid(option, `a number of milliseconds from ${least} to ${MAX_MS}`);
}

function invalid(option: string, expected: string): HoldpointError {
  return new HoldpointError("ERR_HITL_INVALID_INPUT", `The option ${option} has to be ${expected}.`, {
    details: { option },
  });
}

/** As `holdpointTools`: a policy is around the ledger, which is around the tool. */
function runnerOf({ policy, ledger, backend }: McpToolsOptions): (tool: Tool) => RunTool {
  const policies = CallPolicy.of(policy, backend);
  const ledgers = CallLedger.of(ledger, backend);
  return (tool) => ({
    isBehindLedger: (call) => ledgers?.selectedBy(call) !== undefined,
    run(call, config) {
      const { schema } = tool;
      const selected = ledgers?.selectedBy(call);
      const run = (made: ToolCall): Promise<unknown> => {
        const invoke = (given: LangGraphRunnableConfig): Promise<unknown> =>
          tool.invoke({ ...made, type: "tool_call" } as never, given as never);
        // A call that a human has changed may be one that the ledger means only now.
        const behind = selected ?? (made === call ? undefined : ledgers?.selectedBy(made));
        if (!behind) return invoke(config);
        return behind.run({ call: made, config, schema, invoke: (signal) => invoke({ ...config, signal }) });
      };
      return policies ? policies.guard({ call, config, tool, run }) : run(call);
    },
  });
}
