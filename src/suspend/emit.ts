/** Block events of a run, on LangGraph's `custom` stream: what is asked, and how its tool calls stand. */
import { isDeaf } from "./deaf-writer.ts";
import { type BlockContext, blockIdOf, hitlDraft } from "../blocks/build.ts";
import type { HITLRecord } from "../core/record.ts";

/** Makes an event and writes it. Whatever fails in that is no reason for a tool to fail, whose effect may have happened (P6). */
export type EmitBlock = (make: () => unknown) => void;

/** The writer of a run to which nobody listens: nothing is made for it. */
export const SILENT = (): void => {};

export interface HostWriter {
  readonly writer?: ((chunk: unknown) => void) | undefined;
}

/** Undefined if surely nobody listens. */
export function emitterOf({ writer }: HostWriter): EmitBlock | undefined {
  if (!writer || writer === SILENT || isDeaf(writer)) return undefined;
  return (make) => {
    try {
      writer(make());
    } catch {
      // Arguments that are no JSON or too large, or a stream that its reader has left.
    }
  };
}

/** Names of the graphs around a task, outermost first: `agent:1b9d…|tools:77c2…` is in `agent`. */
function branchOf(checkpoint_ns: string): string | null {
  const around = checkpoint_ns.split("|").slice(0, -1);
  return around.length === 0 ? null : around.map((part) => part.split(":", 1)[0]).join(".");
}

export interface EmitPlace {
  readonly emit: EmitBlock | undefined;
  readonly session_id: string;
  readonly invocation_id: string;
  readonly checkpoint_ns: string;
}

export function contextOf({ session_id, invocation_id, checkpoint_ns }: EmitPlace): BlockContext {
  return { session_id, invocation_id, branch: branchOf(checkpoint_ns) };
}

/** What the block of a node's run is named after: LangGraph's task, as its `tasks` stream names it. Null outside of one. */
export function nodeRunIdOf(checkpoint_ns: string): string | null {
  const task = checkpoint_ns.slice(checkpoint_ns.lastIndexOf("|") + 1);
  const at = task.lastIndexOf(":");
  return at < 0 ? null : `task_${task.slice(at + 1)}`;
}

/** @param asker - id of the call, or of the node's run, that shows a block of its own; null if nothing does */
export function emitQuestion(place: EmitPlace, read: () => HITLRecord, asker: string | null): void {
  const parent_id = asker === null ? null : blockIdOf(asker);
  place.emit?.(() => hitlDraft(read(), { parent_id, branch: branchOf(place.checkpoint_ns) }));
}
