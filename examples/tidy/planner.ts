/**
 * The planner that needs no model: what has been called so far decides what comes next. It is a function of the
 * state alone, so a process that was killed while planning plans the same again.
 */
import { AIMessage, type BaseMessage, isAIMessage } from "@langchain/core/messages";
import { type Call, type Kind, LOOKS, nextMoves, proposedCalls } from "./proposal.ts";
import type { TidyState } from "./graph-state.ts";

/** What the agent does next: calls of tools, or its last words. */
export type Planner = (state: TidyState) => AIMessage | Promise<AIMessage>;

/** Each phase is one step of the graph; all questions of a step are open at once. */
const PHASES: readonly { readonly words: string; readonly kinds: readonly Kind[] }[] = [
  { words: "This could be tidied.", kinds: ["duplicates", "large", "stale", "names"] },
  { words: "Sorting what lies about.", kinds: ["loose"] },
  { words: "Last, the trash.", kinds: ["trash"] },
];

/** The one whose wizard says what is to be moved. */
const LOOSE = PHASES.findIndex(({ kinds }) => kinds.includes("loose"));

/** The ids of the calls say which phase they were of. */
const ID = "tidy-";

/** The same for every planner: nothing is proposed that nobody has looked for. */
export function lookAround(): AIMessage {
  const calls = LOOKS.map((name) => ({ name, args: {} }));
  return calling("Looking around.", calls, "look-");
}

export const planByRules: Planner = ({ messages, changes }) => {
  const proposed = proposedCalls(messages);
  const ids = callIds(messages);
  const last = Math.max(-1, ...ids.map((id) => Number.parseInt(id.slice(ID.length), 10)));
  const moves = last === LOOSE ? nextMoves(messages) : [];
  // Numbered on, since the ids of one thread have to differ.
  if (moves.length > 0) return calling("Into their folders.", moves, `${ID}${LOOSE}-`, ids.length);
  for (let phase = last + 1; phase < PHASES.length; phase += 1) {
    const { words, kinds } = PHASES[phase] as (typeof PHASES)[number];
    const calls = kinds.filter((kind) => changes.includes(kind)).flatMap((kind) => proposed[kind]);
    if (calls.length > 0) return calling(words, calls, `${ID}${phase}-`);
  }
  return new AIMessage("Done.");
};

function calling(content: string, calls: readonly Call[], id: string, first = 0): AIMessage {
  const tool_calls = calls.map((call, index) => ({
    ...call,
    id: `${id}${first + index}`,
    type: "tool_call" as const,
  }));
  return new AIMessage({ content, tool_calls });
}

/** Of this planner's own calls. */
function callIds(messages: readonly BaseMessage[]): readonly string[] {
  const calls = messages.filter(isAIMessage).flatMap(({ tool_calls = [] }) => tool_calls);
  return calls.map(({ id = "" }) => id).filter((id) => id.startsWith(ID));
}
