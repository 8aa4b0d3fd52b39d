/** Agents of langchain that hold a conversation, by a model that refuses, as providers do, whatever is no valid list. */
import type { AIMessage, BaseMessage } from "@langchain/core/messages";
import type { ChatResult } from "@langchain/core/outputs";
import type { StructuredToolInterface } from "@langchain/core/tools";
import { type BaseCheckpointSaver, MemorySaver } from "@langchain/langgraph";
import { type AgentMiddleware, createAgent } from "langchain";
import { confirm, type HITLBackend, hitlMiddleware, type HITLMiddlewareOptions } from "holdpoint";
import { assertAccepted, replyTo, said, type Script } from "../message/kit.ts";
import { ScriptedModel, toolOf } from "../nodes/kit.ts";
import type { Version } from "./kit.ts";

/** Answers the last message of a user: by its calls, then, when they have results, by "ok <text>". */
export class ChatModel extends ScriptedModel {
  readonly #script: Script;
  readonly #onModel: (() => void | Promise<void>) | undefined;

  constructor(script: Script, onModel?: () => void | Promise<void>) {
    super([]);
    this.#script = script;
    this.#onModel = onModel;
  }

  override async _generate(messages: BaseMessage[]): Promise<ChatResult> {
    this.seen.push(messages);
    assertAccepted(messages);
    await this.#onModel?.();
    const message: AIMessage = replyTo(messages, this.#script);
    return { generations: [{ text: message.text, message }] };
  }
}

export interface ChatAgentInit {
  readonly version: Version;
  readonly backend?: HITLBackend;
  readonly tools: readonly StructuredToolInterface[];
  readonly script: Script;
  readonly before?: readonly AgentMiddleware[];
  readonly after?: readonly AgentMiddleware[];
  readonly checkpointer?: BaseCheckpointSaver | true | null;
  readonly options?: HITLMiddlewareOptions;
  readonly name?: string;
  readonly onModel?: () => void | Promise<void>;
}

export function chatAgent(init: ChatAgentInit) {
  const { version, backend, tools, script, before = [], after = [], checkpointer, options, name } = init;
  const model = new ChatModel(script, init.onModel);
  const hitl = hitlMiddleware({ ...(backend ? { backend } : {}), ...options });
  const agent = createAgent({
    model,
    tools: [...tools],
    version,
    middleware: [...before, hitl, ...after] as AgentMiddleware[],
    ...(checkpointer === null ? {} : { checkpointer: checkpointer ?? new MemorySaver() }),
    ...(name === undefined ? {} : { name }),
  });
  return { agent, model };
}

export type ChatAgent = ReturnType<typeof chatAgent>["agent"];

export const say = (content: string) => ({ messages: [{ role: "user" as const, content }] });

export async function conversation(agent: ChatAgent, thread_id = "t"): Promise<string[]> {
  return said((await agent.graph.getState({ configurable: { thread_id } })).values);
}

/** A tool that gives `what` to an agent of its own, and what that says to the model. */
export function delegateTo(inner: ChatAgent) {
  return toolOf("delegate", async ({ what }, runtime) => {
    const result = await inner.invoke(say(String(what)), runtime as never);
    return result.messages.at(-1)?.text ?? "";
  });
}

/** `look` asks nobody, `pay` waits for a human; what they did, in `effects`. */
export function shopTools(effects: string[]) {
  const look = toolOf("look", ({ at = "" }) => {
    effects.push(`looked ${String(at)}`.trim());
    return "sunny";
  });
  const pay = toolOf("pay", async ({ to }) => {
    const { confirmed } = await confirm({ message: `Pay ${String(to)}?` });
    if (confirmed) effects.push(`paid ${String(to)}`);
    return confirmed ? "paid" : "not paid";
  });
  return [look, pay];
}
