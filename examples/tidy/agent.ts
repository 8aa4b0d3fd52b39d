/**
 * The agent: it looks around, a human agrees to what it proposes, and then a planner and the tools take turns until
 * there is nothing more to call. The tools that change anything stand behind `agree`: there is no other way to them.
 */
import { AIMessage, isAIMessage, ToolMessage } from "@langchain/core/messages";
import type { StructuredToolInterface } from "@langchain/core/tools";
import { type BaseCheckpointSaver, END, START, StateGraph } from "@langchain/langgraph";
import { approvalNode, type HITLBackend, HITLToolNode, unansweredToolCalls } from "holdpoint";
import type { Policy } from "holdpoint/policy";
import { z } from "zod";
import { lookAround, type Planner } from "./planner.ts";
import { KINDS, type Kind, LOOKS, proposalText, proposedKinds, TOOLS_OF } from "./proposal.ts";
import { TidyAnnotation, type TidyState } from "./graph-state.ts";
import { changeTools } from "./tools/change-tools.ts";
import { tidyPolicy } from "./policy.ts";
import type { TidyContext } from "./tools/context.ts";
import { lookTools } from "./tools/look-tools.ts";
import { sortWizard } from "./tools/sort-wizard.ts";

/**
 * How long a process that was killed keeps its calls to itself. Short, since the next start has to wait for it;
 * a living one renews it all the time, however long it works.
 */
export const LEASE_MS = 2000;

export interface TidyTools {
  readonly look: readonly StructuredToolInterface[];
  readonly change: readonly StructuredToolInterface[];
  /** Says which of their calls are asked about. */
  readonly policy: Policy;
}

export function tidyTools(context: TidyContext): TidyTools {
  const change = [...changeTools(context), sortWizard(context)];
  return { look: lookTools(context), change, policy: tidyPolicy(context.root) };
}

export function tidyAgent(
  { look, change, policy }: TidyTools,
  planner: Planner,
  backend: HITLBackend,
  checkpointer: BaseCheckpointSaver,
) {
  const agree = approvalNode(
    TidyAnnotation,
    {
      message: "Tidy the folder like this? Each change is asked about again before it is made.",
      details: ({ messages }) => proposalText(messages),
      editable: { changes: z.array(z.enum(KINDS)).min(1) },
      metadata: { yes: { decision: "approve" }, no: { decision: "reject" } },
      backend,
      leaseMs: LEASE_MS,
    },
    {
      approved: "plan",
      // `changes` is what the human has left of them.
      edited: "plan",
      rejected: { goto: END, update: ({ comment }) => lastWords("You did not agree to the plan.", comment) },
      cancelled: { goto: END, update: ({ reason }) => lastWords("The plan was withdrawn.", reason) },
    },
  );

  return (
    new StateGraph(TidyAnnotation)
      .addNode("look", () => ({ messages: [lookAround()] }))
      .addNode("find", new HITLToolNode([...look], { backend, policy, leaseMs: LEASE_MS }))
      .addNode("propose", propose)
      .addNode("agree", agree, { ends: agree.ends })
      .addNode("plan", async (state) => {
        const message = await planner(state);
        return { messages: [message, ...refusals(message, state.changes)] };
      })
      // A call that was killed in its middle may run again: its finished steps are kept, and files.ts finds out
      // about the one that was not. Without that, the default would be right: ask a human what has happened.
      .addNode(
        "change",
        new HITLToolNode([...look, ...change], { backend, policy, inDoubt: "retry", leaseMs: LEASE_MS }),
      )
      .addEdge(START, "look")
      .addEdge("look", "find")
      .addEdge("find", "propose")
      .addConditionalEdges("propose", ({ changes }) => (changes.length > 0 ? "agree" : END), ["agree", END])
      .addConditionalEdges("plan", afterPlan, ["plan", "change", END])
      .addEdge("change", "plan")
      .compile({ checkpointer })
  );
}

export type TidyAgent = ReturnType<typeof tidyAgent>;

function propose({ messages }: TidyState): Partial<TidyState> {
  const changes = proposedKinds(messages);
  return changes.length > 0 ? { changes } : { changes, ...lastWords("There is nothing to tidy.") };
}

function lastWords(words: string, remark?: string | null): { messages: AIMessage[] } {
  return { messages: [new AIMessage(remark ? `${words} (${remark})` : words)] };
}

/** A model may call what it was not given. A call without its answer would be an error at its provider. */
function refusals(message: AIMessage, changes: readonly Kind[]): ToolMessage[] {
  const agreed = new Set<string>([...LOOKS, ...changes.flatMap((kind) => TOOLS_OF[kind])]);
  return (message.tool_calls ?? [])
    .filter(({ name }) => !agreed.has(name))
    .map(({ id = "", name }) => {
      const content = "The user has not agreed to changes of this kind.";
      return new ToolMessage({ tool_call_id: id, name, status: "error", content });
    });
}

function afterPlan({ messages }: TidyState): "plan" | "change" | typeof END {
  if (unansweredToolCalls(messages).length > 0) return "change";
  const last = messages.at(-1);
  return last && isAIMessage(last) ? END : "plan";
}
