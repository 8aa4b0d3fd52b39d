/** Agents of langchain with scripted models: what their tools ask, and how often what ran. */
import type { StructuredToolInterface } from "@langchain/core/tools";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { type BaseCheckpointSaver, MemorySaver } from "@langchain/langgraph";
import { type AgentMiddleware, createAgent } from "langchain";
import { HITLSuspend, type HITLBackend, confirm, resumption } from "../../src/index.ts";
import {
  type HITLMiddleware,
  hitlMiddleware,
  type HITLMiddlewareOptions,
} from "../../src/nodes/middleware/hitl-middleware.ts";
import { ai, type Counter, ScriptedModel, toolOf } from "../nodes/kit.ts";

export const VERSIONS = ["v1", "v2"] as const;
export type Version = (typeof VERSIONS)[number];
export const yes = { confirmed: true };
export const go = { messages: [new HumanMessage("go")] };

export type ScriptedCall = { name: string; args?: Record<string, unknown>; id?: string };

export interface AgentInit {
  readonly version: Version;
  readonly backend: HITLBackend;
  readonly tools: readonly StructuredToolInterface[];
  /** The calls of each turn of the model. */
  readonly turns: readonly (readonly ScriptedCall[])[];
  readonly before?: readonly AgentMiddleware[];
  readonly after?: readonly AgentMiddleware[];
  readonly checkpointer?: BaseCheckpointSaver | null;
  readonly options?: HITLMiddlewareOptions;
  readonly hitl?: HITLMiddleware;
  readonly name?: string;
}

export function agentOf(init: AgentInit) {
  const model = new ScriptedModel([...init.turns.map((calls) => ai(calls)), new AIMessage("done")]);
  const hitl = init.hitl ?? hitlMiddleware({ backend: init.backend, ...init.options });
  const agent = createAgent({
    model,
    tools: [...init.tools],
    version: init.version,
    middleware: [...(init.before ?? []), hitl, ...(init.after ?? [])] as AgentMiddleware[],
    ...(init.checkpointer === null ? {} : { checkpointer: init.checkpointer ?? new MemorySaver() }),
    ...(init.name === undefined ? {} : { name: init.name }),
  });
  return { agent, model };
}

/** Awaits a confirmation, then has its effect. */
export function payTool(counter: Counter, name = "pay") {
  return toolOf(name, async ({ to = "x" }) => {
    counter.hit(`${name} body`);
    const { confirmed } = await confirm({ message: `Pay ${String(to)}?` });
    counter.hit(`${name} effect`);
    return confirmed ? `paid ${String(to)}` : `kept ${String(to)}`;
  });
}

/** Asks in continuation mode, two rounds. */
export function wizardTool(counter: Counter) {
  return toolOf("wizard", () => {
    counter.hit("wizard body");
    const resumed = resumption();
    const said = resumed ? (resumed.response as { answer: string }).answer : undefined;
    const first = resumed?.tool_state?.["first"] as string | undefined;
    if (first !== undefined) {
      counter.hit("wizard effect");
      return `${first} ${said}`;
    }
    throw new HITLSuspend({
      resume_mode: "continuation",
      tool_state: said === undefined ? {} : { first: said },
      data: { message: said === undefined ? "First name?" : "Last name?" },
    });
  });
}

export function lookTool(counter: Counter) {
  return toolOf("look", () => `looked ${counter.hit("look")}`);
}
