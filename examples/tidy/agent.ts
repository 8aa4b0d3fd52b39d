/** The agent: a planner and the tools, round and round until the planner has nothing more to call. */
import type { AIMessage } from "@langchain/core/messages";
import type { StructuredToolInterface } from "@langchain/core/tools";
import { type BaseCheckpointSaver, END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { type HITLBackend, HITLToolNode } from "holdpoint";
import { changeTools } from "./tools/change-tools.ts";
import type { TidyContext } from "./tools/context.ts";
import { lookTools } from "./tools/look-tools.ts";
import { sortWizard } from "./tools/sort-wizard.ts";

/** What the agent does next: calls of tools, or its last words. */
export type Planner = (messages: typeof MessagesAnnotation.State.messages) => AIMessage | Promise<AIMessage>;

/**
 * How long a process that was killed keeps its calls to itself. Short, since the next start has to wait for it;
 * a living one renews it all the time, however long it works.
 */
export const LEASE_MS = 2000;

export function tidyTools(context: TidyContext): StructuredToolInterface[] {
  return [...lookTools(context), ...changeTools(context), sortWizard(context)];
}

export function tidyAgent(
  tools: StructuredToolInterface[],
  planner: Planner,
  backend: HITLBackend,
  checkpointer: BaseCheckpointSaver,
) {
  return new StateGraph(MessagesAnnotation)
    .addNode("plan", async ({ messages }) => ({ messages: [await planner(messages)] }))
    .addNode(
      "tools",
      // A call that was killed in its middle may run again: its finished steps are kept, and files.ts finds out
      // about the one that was not. Without that, the default would be right: ask a human what has happened.
      new HITLToolNode(tools, { backend, inDoubt: "retry", leaseMs: LEASE_MS }),
    )
    .addEdge(START, "plan")
    .addConditionalEdges("plan", ({ messages }) => (hasCalls(messages.at(-1)) ? "tools" : END), [
      "tools",
      END,
    ])
    .addEdge("tools", "plan")
    .compile({ checkpointer });
}

export type TidyAgent = ReturnType<typeof tidyAgent>;

function hasCalls(message: unknown): boolean {
  return ((message as AIMessage | undefined)?.tool_calls?.length ?? 0) > 0;
}
