/**
 * The planner that needs no model: what has been called so far decides what comes next. It is a function of the
 * messages alone, so a process that was killed while planning plans the same again.
 */
import { AIMessage, type BaseMessage, isAIMessage, isToolMessage } from "@langchain/core/messages";
import type { Duplicates } from "./survey.ts";

interface Call {
  readonly name: string;
  readonly args: Record<string, unknown>;
}

interface Findings {
  readonly find_duplicates: { readonly groups: readonly Duplicates[] };
  readonly find_large_files: { readonly paths: readonly string[] };
  readonly find_stale_files: { readonly paths: readonly string[] };
  readonly find_cryptic_names: {
    readonly files: readonly { readonly path: string; readonly suggestion: string }[];
  };
}

const LOOKS: readonly (keyof Findings)[] = [
  "find_duplicates",
  "find_large_files",
  "find_stale_files",
  "find_cryptic_names",
];

/** Each phase is one step of the graph; all questions of a step are open at once. */
const PHASES: readonly {
  readonly words: string;
  readonly calls: (messages: readonly BaseMessage[]) => Call[];
}[] = [
  { words: "Looking around.", calls: () => LOOKS.map((name) => ({ name, args: {} })) },
  { words: "This could be tidied.", calls: changes },
  { words: "Sorting what lies about.", calls: () => [{ name: "sort_loose_files", args: {} }] },
  { words: "Last, the trash.", calls: () => [{ name: "empty_trash", args: {} }] },
];

export function planByRules(messages: readonly BaseMessage[]): AIMessage {
  for (let phase = nextPhase(messages); phase < PHASES.length; phase += 1) {
    const { words, calls } = PHASES[phase] as (typeof PHASES)[number];
    const tool_calls = calls(messages).map((call, index) => ({
      ...call,
      id: `${ID}${phase}-${index}`,
      type: "tool_call" as const,
    }));
    if (tool_calls.length > 0) return new AIMessage({ content: words, tool_calls });
  }
  return new AIMessage("Done.");
}

/** The ids of the calls say which phase they were of. */
const ID = "tidy-";

function nextPhase(messages: readonly BaseMessage[]): number {
  const ids = messages
    .filter(isAIMessage)
    .flatMap((message) => message.tool_calls?.map((call) => call.id ?? "") ?? []);
  const phases = ids.filter((id) => id.startsWith(ID)).map((id) => Number.parseInt(id.slice(ID.length), 10));
  return Math.max(-1, ...phases) + 1;
}

/** One question for each file: what is a duplicate is not asked about again because it is also old. */
function changes(messages: readonly BaseMessage[]): Call[] {
  const asked = new Set<string>();
  const fresh = (path: string): boolean => !asked.has(path) && asked.add(path) !== undefined;
  const { groups = [] } = found(messages, "find_duplicates");
  for (const path of groups.flatMap((group) => group.paths)) asked.add(path);
  const { paths: large = [] } = found(messages, "find_large_files");
  const { paths: old = [] } = found(messages, "find_stale_files");
  const { files: cryptic = [] } = found(messages, "find_cryptic_names");
  // In this order, since each takes its files away from the next.
  const oversized = large.filter(fresh);
  const stale = old.filter(fresh);
  return [
    ...groups.map(({ paths }) => ({ name: "keep_one", args: { paths } })),
    ...oversized.map((path) => ({ name: "trash_large_file", args: { path } })),
    ...(stale.length > 0 ? [{ name: "trash_stale_files", args: { paths: stale } }] : []),
    ...cryptic.filter(({ path }) => fresh(path)).map((file) => ({ name: "rename_file", args: { ...file } })),
  ];
}

/** Empty if the tool failed: what could not be found is not tidied, and the summary says why. */
function found<Name extends keyof Findings>(
  messages: readonly BaseMessage[],
  name: Name,
): Partial<Findings[Name]> {
  const message = messages.findLast((candidate) => isToolMessage(candidate) && candidate.name === name);
  if (!isToolMessage(message) || message.status === "error") return {};
  return JSON.parse(message.text) as Findings[Name];
}
