/**
 * The planner that needs no model: what has been called so far decides what comes next. It is a function of the
 * state alone, so a process that was killed while planning plans the same again.
 */
import { AIMessage, type BaseMessage, isAIMessage } from "@langchain/core/messages";
import { type Call, type Kind, LOOKS, proposedCalls } from "./proposal.ts";
import type { TidyState } from "./graph-state.ts";

/** What the agent does next: calls of tools, or its last words. */
export type Planner = (state: TidyState) => AIMessage | Promise<AIMessage>;

/** Each phase is one step of the graph; all questions of a step are open at once. */
const PHASES: readonly { readonly words: string; readonly kinds: readonly Kind[] }[] = [
  { words: "This could be tidied.", kinds: ["duplicates", "large", "stale", "names"] },
  { words: "Sorting what lies about.", kinds: ["loose"] },
  { words: "Last, the trash.", kinds: ["trash"] },
];

/** The ids of the calls say which phase they were of. */
const ID = "tidy-";

/** The same for every planner: nothing is proposed that nobody has looked for. */
export function lookAround(): AIMessage {
  const calls = LOOKS.map((name) => ({ name, args: {} }));
  return calling("Looking around.", calls, "look-");
}

export const planByRules: Planner = ({ messages, changes }) => {
  const proposed = proposedCalls(messages);
  for (let phase = nextPhase(messages); phase < PHASES.length; phase += 1) {
    const { words, kinds } = PHASES[phase] as (typeof PHASES)[number];
    const calls = kinds.filter((kind) => changes.includes(kind)).flatMap((kind) => proposed[kind]);
    if (calls.length > 0) return calling(words, calls, `${ID}${phase}-`);
  }
  return new AIMessage("Done.");
};

function calling(content: string, calls: readonly Call[], id: string): AIMessage {
  const tool_calls = calls.map((call, index) => ({
    ...call,
    id: `${id}${index}`,
    type: "tool_call" as const,
  }));
  return new AIMessage({ content, tool_calls });
}

function nextPhase(messages: readonly BaseMessage[]): number {
  const ids = messages
    .filter(isAIMessage)
    .flatMap((message) => message.tool_calls?.map((call) => call.id ?? "") ?? []);
  const phases = ids.filter((id) => id.startsWith(ID)).map((id) => Number.parseInt(id.slice(ID.length), 10));
  return Math.max(-1, ...phases) + 1;
}
