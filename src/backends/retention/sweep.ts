/**
 * Removes what has ended and whose time is up, and nothing that is still needed (docs/retention.md). Each call does
 * bounded work; what it leaves behind when it dies, the next one finds.
 */
import { defaultLeaseOwner } from "../../core/ids.ts";
import { checkLimit } from "../store-rules.ts";
import { sweepEffects } from "./effects.ts";
import { sweepCallsOfGrants, sweepGrants } from "./grants.ts";
import { sweepMessages } from "./messages.ts";
import { Threads } from "./open-threads.ts";
import { sweepQuestions } from "./questions.ts";
import { assertGoesOn, type SweepOptions, type SweepResult, type Sweeping } from "./sweeping.ts";
import { sweepThreads } from "./threads.ts";

const DEFAULT_LIMIT = 100;
/** Longer than a call takes; a sweep that dies holds back for so long what it was at. */
const LEASE_MS = 60_000;

/** Questions and calls before what has to outlive them. */
const PARTS = [
  sweepQuestions,
  sweepThreads,
  sweepMessages,
  sweepEffects,
  sweepCallsOfGrants,
  sweepGrants,
] as const;

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT`, `ERR_HITL_ABORTED`, and what the store throws */
export async function sweep(
  { store, retention, expire }: Pick<Sweeping, "store" | "retention" | "expire">,
  options: SweepOptions = {},
): Promise<SweepResult> {
  const { signal } = options;
  const limit = checkLimit(options.limit ?? DEFAULT_LIMIT);
  const now = await store.now();
  const lease = { owner: defaultLeaseOwner(), durationMs: LEASE_MS };
  const sweeping = { store, retention, limit, signal, lease, now, threads: new Threads(store, now), expire };
  const results: SweepResult[] = [];
  for (const part of PARTS) {
    assertGoesOn(signal);
    results.push(await part(sweeping));
  }
  return {
    removed: sum(results, "removed"),
    kept: sum(results, "kept"),
    expired: sum(results, "expired"),
    more: results.some(({ more }) => more),
  };
}

function sum(results: readonly SweepResult[], name: "removed" | "kept" | "expired"): number {
  return results.reduce((total, result) => total + result[name], 0);
}
