/**
 * Loaded before the example: what it finds when it imports `@langchain/openai` is a chat model that says what a test
 * wants, offline. It is as strict as a provider: a call without its answer, or an answer without its call, is an error.
 */
import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import type { StructuredToolInterface } from "@langchain/core/tools";
import { register } from "node:module";
import { repairMessages } from "holdpoint";

class ChatOpenAI {
  readonly #model: string;

  constructor({ model }: { readonly model: string }) {
    this.#model = model;
  }

  bindTools(tools: readonly StructuredToolInterface[]) {
    return {
      invoke: async (messages: readonly BaseMessage[]): Promise<AIMessage> => {
        const valid = repairMessages(messages, () => {
          throw new Error("tool_use ids were found without tool_result");
        });
        if (valid !== messages) throw new Error("messages are not in order");
        const turn = messages.filter((message) => message.getType() === "ai").length;
        const tool_calls = turn > 1 ? [] : callsFor(tools);
        const content = turn > 1 ? `${this.#model} says goodbye.` : "";
        return new AIMessage({ content, tool_calls });
      },
    };
  }
}

/** All that it has, and one that it has not. */
function callsFor(tools: readonly StructuredToolInterface[]) {
  const names = [...tools.map(({ name }) => name).filter((name) => !name.startsWith("find_")), "empty_trash"];
  const args = { path: "8f3a2c91d4.txt", name: "minutes.txt" };
  return names.map((name, index) => ({ name, args, id: `call_${index}`, type: "tool_call" as const }));
}

Object.assign(globalThis, { TidyTestChatOpenAI: ChatOpenAI });
const module = "data:text/javascript,export const ChatOpenAI = globalThis.TidyTestChatOpenAI;";
register(
  `data:text/javascript,${encodeURIComponent(
    `export const resolve = (name, context, next) => name === "@langchain/openai"
       ? { url: ${JSON.stringify(module)}, shortCircuit: true }
       : next(name, context);`,
  )}`,
);
