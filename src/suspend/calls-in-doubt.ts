/** Which calls nobody may vouch for (P9): for whoever looks after the service, over all threads. */
import type { HITLBackend, PageOptions } from "../backends/hitl-backend.ts";
import { checkId } from "../backends/hitl-codec.ts";
import type { Page, StoredRecord } from "../backends/record-store.ts";
import { CALL_KIND, callValueOf } from "./call-record.ts";

/** A tool call whose holder stopped in its middle: it may or may not have had its effect. */
export interface CallInDoubt {
  readonly call_id: string;
  readonly thread_id: string;
  readonly checkpoint_ns: string;
  readonly tool_name: string;
  /** Null for a node that asked by itself. */
  readonly tool_call_id: string | null;
  /** `running`: its lease has run out, and nobody has met it since. `in_doubt`: a resumer has. */
  readonly status: "running" | "in_doubt";
  /** Names of the steps that are recorded as done, and will not run again. */
  readonly steps_done: readonly string[];
  /** The question what to do; null if none was asked (yet): resume the thread. */
  readonly hitl_id: string | null;
  /** Epoch ms of its last sign of life, or of when it was found in doubt. */
  readonly updated_at: number;
}

export interface CallsInDoubtQuery extends PageOptions {
  /** Default: the calls of all threads of the tenant. */
  readonly thread_id?: string;
}

/**
 * Calls that are in doubt, and those that will be when their thread is next resumed. A page may hold fewer than `limit`:
 * calls that are at work are passed over.
 *
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT`, `ERR_HITL_CURSOR`
 *
 * @example
 * ```ts
 * import { callsInDoubt, type HITLBackend } from "holdpoint";
 *
 * export async function report(backend: HITLBackend): Promise<void> {
 *   const { items } = await callsInDoubt(backend, { limit: 100 });
 *   for (const call of items) console.log(call.thread_id, call.tool_name, call.steps_done.join(", "), call.hitl_id);
 * }
 * ```
 */
export async function callsInDoubt(
  backend: HITLBackend,
  query: CallsInDoubtQuery = {},
): Promise<Page<CallInDoubt>> {
  const { thread_id, order, limit, cursor } = query;
  const { store, tenant_id } = backend;
  const now = await store.now();
  const { items, next_cursor } = await store.page({
    kind: CALL_KIND,
    tenant_id,
    statuses: ["running", "in_doubt"],
    order,
    limit,
    cursor,
    ...(thread_id === undefined
      ? {}
      : { key: { name: "thread", value: checkId(thread_id, "thread_id") } as const }),
  });
  const dead = items.filter(({ lease }) => lease === null || lease.expires_at <= now).map(callInDoubt);
  return next_cursor === undefined ? { items: dead } : { items: dead, next_cursor };
}

function callInDoubt(stored: StoredRecord): CallInDoubt {
  const { thread_id, checkpoint_ns, tool_name, tool_call_id, steps, doubt } = callValueOf(stored);
  return {
    call_id: stored.id,
    thread_id,
    checkpoint_ns,
    tool_name,
    tool_call_id,
    status: stored.status as CallInDoubt["status"],
    steps_done: Object.keys(steps),
    hitl_id: doubt,
    updated_at: stored.updated_at,
  };
}
