/**
 * What the looks have found files to be: in the artifact of their messages, which no model is sent. A tool whose call is
 * approved changes what was looked at, and not what has taken its place since.
 */
import { type BaseMessage, isToolMessage } from "@langchain/core/messages";
import type { Seen } from "../paths.ts";

export interface Noted {
  readonly seen: readonly Seen[];
}

/** By path, as it was last looked at. @param runtime - what a tool is given beside its arguments */
export function notedIn(runtime: unknown): ReadonlyMap<string, Seen> {
  const { messages = [] } = (runtime as { state?: { messages?: readonly BaseMessage[] } }).state ?? {};
  const noted = messages
    .filter(isToolMessage)
    .flatMap(({ artifact }) => (artifact as Partial<Noted> | undefined)?.seen ?? []);
  return new Map(noted.map((seen) => [seen.path, seen]));
}
