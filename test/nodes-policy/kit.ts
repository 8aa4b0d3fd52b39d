/** Graphs under a policy, with what goes wrong around them: a process that dies, a middleware that changes arguments. */
import { MemorySaver } from "@langchain/langgraph";
import { hitlMiddleware } from "holdpoint";
import { type AgentMiddleware, createAgent, createMiddleware } from "langchain";
import { ScriptedModel } from "../nodes/kit.ts";
import { type AnyGraph, type GraphOptions, graphOf, type Host, said } from "../nodes-ledger/kit.ts";

/** Its process dies when the result of a tool is to be saved, if it was told to; then nothing is saved until the next one. */
export class MortalSaver extends MemorySaver {
  #state: "alive" | "dying" | "dead" = "alive";

  /** It dies of the next result. */
  arm(): void {
    this.#state = "dying";
  }

  /** True if it had died. */
  revive(): boolean {
    const died = this.#state === "dead";
    this.#state = "alive";
    return died;
  }

  override async putWrites(...args: Parameters<MemorySaver["putWrites"]>): Promise<void> {
    this.#dieOf(args[1]);
    return super.putWrites(...args);
  }

  override async put(...args: Parameters<MemorySaver["put"]>): ReturnType<MemorySaver["put"]> {
    if (this.#state === "dead") this.#dieOf(null);
    return super.put(...args);
  }

  #dieOf(saved: unknown): void {
    if (this.#state === "dying" && JSON.stringify(saved).includes("ToolMessage")) this.#state = "dead";
    if (this.#state === "dead") throw new Error("the process died");
  }
}

export const isAgent = (host: Host): boolean => host.startsWith("createAgent");

/** As `graphOf`; in an agent `inner` is between hitlMiddleware and the tool. */
export function graphWith(host: Host, options: GraphOptions, inner: readonly AgentMiddleware[]): AnyGraph {
  if (!isAgent(host) || inner.length === 0) return graphOf(host, options);
  const { backend, tools, ledger, policy, turns, leaseMs, checkpointer } = options;
  const own = {
    backend,
    ...(ledger === undefined ? {} : { ledger }),
    ...(policy === undefined ? {} : { policy }),
    ...(leaseMs === undefined ? {} : { leaseMs }),
  };
  return createAgent({
    model: new ScriptedModel(turns.map((calls, turn) => said(calls, turn))),
    tools: [...tools],
    version: host === "createAgent v1" ? "v1" : "v2",
    middleware: [hitlMiddleware(own), ...inner] as AgentMiddleware[],
    checkpointer: checkpointer ?? new MemorySaver(),
  }) as unknown as AnyGraph;
}

/** Changes the arguments of each call, just before its tool. */
export function changing(
  change: (args: Record<string, unknown>) => Record<string, unknown>,
): AgentMiddleware {
  return createMiddleware({
    name: "Changing",
    wrapToolCall: (request, handler) => {
      const { toolCall } = request;
      return handler({ ...request, toolCall: { ...toolCall, args: change(toolCall.args) } });
    },
  }) as AgentMiddleware;
}
