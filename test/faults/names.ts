/** What a run's records are called, so that processes that never speak meet on the same ones. */
import { makeId } from "../../src/core/ids.ts";

const SESSIONS = 8;
const LEASED = 6;
const PAIRS = 3;
/** So many calls later a process goes on to the next records: those of the others' that lag behind are still in use. */
const CALLS_PER_GENERATION = 120;

export const JOB_KIND = "job";
export const PAIR_KIND = "pair";
export const FAULT_SESSIONS: readonly string[] = Array.from({ length: SESSIONS }, (_, n) => `session-${n}`);

export function generationOf(calls: number): number {
  return Math.floor(calls / CALLS_PER_GENERATION);
}

export function jobIds(generation: number): readonly string[] {
  return Array.from({ length: LEASED }, (_, n) =>
    makeId(JOB_KIND, (generation * 977 + n * 613) % 4096, [JOB_KIND, generation, n]),
  );
}

export function pairIds(generation: number): readonly (readonly [string, string])[] {
  return Array.from({ length: PAIRS }, (_, n) => {
    const slot = (generation * 1451 + n * 389) % 4096;
    const id = (side: string): string => makeId(PAIR_KIND, slot, [PAIR_KIND, generation, n, side]);
    return [id("left"), id("right")] as const;
  });
}

/** Ids of the callers' own, of which several processes create and answer the same at about the same time. */
export function sharedQuestion(
  calls: number,
  n: number,
): { readonly hitl_id: string; readonly session: string } {
  const position = Math.floor(calls / 8);
  return {
    hitl_id: `shared-${position}-${n}`,
    session: FAULT_SESSIONS[(position * 3 + n) % SESSIONS] as string,
  };
}
