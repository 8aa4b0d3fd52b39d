/** What LangGraph keeps with a checkpoint that waits: the value of the last `Command({ resume })`, and what is shown. */
import { hashJson } from "../core/ids.ts";
import { type JsonValue, toJson } from "../core/json.ts";
import { isWakeUp } from "../interop/unfold.ts";
import type { Place } from "./place.ts";

const RESUME_CHANNEL = "__resume__";
const INTERRUPT_CHANNEL = "__interrupt__";
/** Where LangGraph keeps a resume value that is of no task. */
const NO_TASK = "00000000-0000-0000-0000-000000000000";
const TAKEN = { hitl: "taken" };

type At = Pick<Place, "checkpointer" | "thread_id" | "root_checkpoint_id">;

/** Nothing, or a wake-up that carries nothing. */
export function isPoke(value: unknown): boolean {
  try {
    return value === undefined || isWakeUp(value as JsonValue);
  } catch {
    // A proxy or a getter: it is read, and refused, with care.
    return false;
  }
}

/** Null for what is no JSON. */
export function hashOf(value: unknown): string | null {
  try {
    return hashJson(toJson(value, "resume", { maxBytes: 4 * 1024 * 1024, maxDepth: 80 }));
  } catch {
    return null;
  }
}

export interface Shown {
  /** Of the questions, in their order. */
  readonly ids: readonly string[];
  /** One interrupt lists all of them. Several interrupts have no order that every client sees. */
  readonly inOneList: boolean;
  /** An interrupt that is not of ours is shown, too. */
  readonly foreign: boolean;
  /** The interrupts themselves, of which each may list several questions. */
  readonly interrupts: readonly string[];
}

/** How long a checkpointer may take to save what a run has begun with. */
const SAVED_WITHIN_MS = 2_000;

/** The interrupts that LangGraph keeps with the checkpoint; null if it does not keep this resume value with them. */
export async function shownWith(place: At, hash: string): Promise<Shown | null> {
  if (place.root_checkpoint_id === null) return null;
  const deadline = performance.now() + SAVED_WITHIN_MS;
  for (let pauseMs = 1; ; pauseMs *= 2) {
    const writes = await pendingWrites(place);
    const kept = writes.find(([task, channel]) => task === NO_TASK && channel === RESUME_CHANNEL)?.[2];
    if (kept !== undefined && hashOf(kept) === hash) return shownIn(writes);
    if (isPoke(kept) && kept !== undefined) return null;
    if (performance.now() + pauseMs > deadline) return null;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** The interrupts that LangGraph keeps with the checkpoint. */
export async function shownAt(place: At): Promise<Shown | null> {
  return place.root_checkpoint_id === null ? null : shownIn(await pendingWrites(place));
}

type PendingWrite = readonly [task: string, channel: string, value: unknown];

async function pendingWrites({
  checkpointer,
  thread_id,
  root_checkpoint_id: checkpoint_id,
}: At): Promise<readonly PendingWrite[]> {
  const configurable = { thread_id, checkpoint_ns: "", checkpoint_id };
  const tuple = await checkpointer.getTuple({ configurable });
  return (tuple as { readonly pendingWrites?: readonly PendingWrite[] } | undefined)?.pendingWrites ?? [];
}

function shownIn(writes: readonly PendingWrite[]): Shown {
  const values = writes
    .filter(([, channel]) => channel === INTERRUPT_CHANNEL)
    .flatMap(([, , written]) => written)
    .map((entry) => (entry as { value?: unknown } | null)?.value);
  const ids = new Set<string>();
  const interrupts = new Set<string>();
  let longest = 0;
  let foreign = false;
  for (const value of values) {
    const { hitl_id, interrupt_id, asks } = (value ?? {}) as {
      hitl_id?: unknown;
      interrupt_id?: unknown;
      asks?: readonly { hitl_id?: unknown }[];
    };
    if (typeof interrupt_id === "string") interrupts.add(interrupt_id);
    const named = Array.isArray(asks) ? asks.map((ask) => ask.hitl_id) : [hitl_id];
    longest = Math.max(longest, named.length);
    if (named.every((id) => typeof id === "string")) for (const id of named) ids.add(id);
    else foreign = true;
  }
  return { ids: [...ids], inOneList: longest === ids.size, foreign, interrupts: [...interrupts] };
}

interface WritingCheckpointer {
  putWrites?(
    config: unknown,
    writes: readonly (readonly [string, unknown])[],
    task: string,
  ): Promise<unknown>;
}

/**
 * Puts a wake-up in the place of the value, so that no later run from this checkpoint is handed it, and the same words can
 * answer the next question. False if the checkpointer keeps it all the same.
 */
export async function forget(place: At): Promise<boolean> {
  const { checkpointer, thread_id, root_checkpoint_id: checkpoint_id } = place;
  const saver = checkpointer as WritingCheckpointer;
  if (typeof saver.putWrites !== "function") return false;
  const configurable = { thread_id, checkpoint_ns: "", checkpoint_id };
  await saver.putWrites({ configurable }, [[RESUME_CHANNEL, TAKEN]], NO_TASK);
  const writes = await pendingWrites(place);
  return writes.every(
    ([task, channel, kept]) => task !== NO_TASK || channel !== RESUME_CHANNEL || isPoke(kept),
  );
}
