/** What the look-around has found, as the changes that would be asked about: shown first, then planned. */
import { type BaseMessage, isAIMessage, isToolMessage } from "@langchain/core/messages";
import { count } from "./format.ts";
import type { Duplicates } from "./survey.ts";

/** The kinds of changes. A human who agrees to some of them names them so. */
export const KINDS = ["duplicates", "large", "stale", "names", "loose", "trash"] as const;
export type Kind = (typeof KINDS)[number];

/** The first is the one that a change of the kind begins with. */
export const TOOLS_OF: Readonly<Record<Kind, readonly [string, ...string[]]>> = {
  duplicates: ["keep_one"],
  large: ["trash_large_file"],
  stale: ["trash_stale_files"],
  names: ["rename_file"],
  loose: ["sort_loose_files", "move_file"],
  trash: ["empty_trash"],
};

const MOVE = "move_file";

export interface Call {
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
  readonly find_loose_files: { readonly count: number };
  readonly find_trashed_files: { readonly count: number };
  readonly sort_loose_files: { readonly moves: readonly Move[] };
}

/** Into which subfolder a loose file goes: the arguments of move_file. */
export interface Move {
  readonly path: string;
  readonly ending: string;
  readonly folder: string;
}

export const LOOKS: readonly (keyof Findings)[] = [
  "find_duplicates",
  "find_large_files",
  "find_stale_files",
  "find_cryptic_names",
  "find_loose_files",
  "find_trashed_files",
];

/** One question for each file: what is a duplicate is not asked about again because it is also old. */
export function proposedCalls(messages: readonly BaseMessage[]): Readonly<Record<Kind, readonly Call[]>> {
  const asked = new Set<string>();
  const fresh = (path: string): boolean => !asked.has(path) && asked.add(path) !== undefined;
  const call = (kind: Kind, args: Call["args"] = {}): Call => ({ name: TOOLS_OF[kind][0], args });
  const { groups = [] } = found(messages, "find_duplicates");
  for (const path of groups.flatMap((group) => group.paths)) asked.add(path);
  const { paths: large = [] } = found(messages, "find_large_files");
  const { paths: old = [] } = found(messages, "find_stale_files");
  const { files: cryptic = [] } = found(messages, "find_cryptic_names");
  const { count: loose = 0 } = found(messages, "find_loose_files");
  const { count: trashed = 0 } = found(messages, "find_trashed_files");
  // In this order, since each takes its files away from the next.
  const oversized = large.filter(fresh);
  const stale = old.filter(fresh);
  const misnamed = cryptic.filter(({ path }) => fresh(path));
  const trash = groups.length + oversized.length + stale.length + trashed;
  return {
    duplicates: groups.map(({ paths }) => call("duplicates", { paths })),
    large: oversized.map((path) => call("large", { path })),
    stale: stale.length > 0 ? [call("stale", { paths: stale })] : [],
    names: misnamed.map(({ path, suggestion }) => call("names", { path, name: suggestion })),
    loose: loose > 0 ? [call("loose")] : [],
    trash: trash > 0 ? [call("trash")] : [],
  };
}

/** Of one kind of file, once the first has been asked about. */
const MOST_OF_A_KIND = 8;

/**
 * Which loose files are moved next: of each kind the first one, since its answer may stand for all others, and then some
 * more at a time.
 */
export function nextMoves(messages: readonly BaseMessage[]): readonly Call[] {
  const called = messages
    .filter(isAIMessage)
    .flatMap(({ tool_calls = [] }) => tool_calls.filter(({ name }) => name === MOVE));
  const done = new Set(called.map(({ args }) => args["path"]));
  const { moves = [] } = found(messages, "sort_loose_files");
  const taken = new Map<string, number>();
  const next = moves.filter(({ path, ending, folder }) => {
    if (done.has(path)) return false;
    const kind = `${folder}/${ending}`;
    taken.set(kind, (taken.get(kind) ?? 0) + 1);
    return (taken.get(kind) ?? 0) <= (called.length === 0 ? 1 : MOST_OF_A_KIND);
  });
  return next.map((args) => ({ name: MOVE, args: { ...args } }));
}

export function proposedKinds(messages: readonly BaseMessage[]): Kind[] {
  const calls = proposedCalls(messages);
  return KINDS.filter((kind) => calls[kind].length > 0);
}

/** A line for each kind that there is. It names no files: the questions that follow do. */
export function proposalText(messages: readonly BaseMessage[]): string {
  const calls = proposedCalls(messages);
  const stale = calls.stale.flatMap(({ args }) => args["paths"] as readonly string[]).length;
  const { count: loose = 0 } = found(messages, "find_loose_files");
  const lines: Readonly<Record<Kind, string>> = {
    duplicates: `${count(calls.duplicates.length, "group")} of files with the same content; one of each stays, the others go to the trash folder`,
    large: `${count(calls.large.length, "large file goes", "large files go")} to the trash folder`,
    stale: `${count(stale, "file")} that nobody has changed for long ${stale === 1 ? "goes" : "go"} to the trash folder`,
    names: `${count(calls.names.length, "file gets a better name", "files get better names")}`,
    loose: `${count(loose, "file that lies", "files that lie")} loose: sorted into subfolders`,
    trash: "last, what is in the trash folder is deleted for good",
  };
  return proposedKinds(messages)
    .map((kind) => `${kind}: ${lines[kind]}`)
    .join("\n");
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
