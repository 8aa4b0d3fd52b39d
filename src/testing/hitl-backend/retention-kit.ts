/** What the retention cases share: records as the engine writes them, and sweeps. */
import assert from "node:assert/strict";
import type { HITLBackend } from "../../backends/hitl-backend.ts";
import { takenUp } from "../../backends/hitl-transitions.ts";
import { CALL_KIND, PAUSE_KIND, THREAD_KIND } from "../../backends/kinds.ts";
import type { InsertOp, StoredRecord } from "../../backends/record-store.ts";
import type { RetentionOptions } from "../../backends/retention/options.ts";
import { StoreHITLBackend } from "../../backends/store-backend.ts";
import { makeId, slotOf } from "../../core/ids.ts";
import type { JsonObject } from "../../core/json.ts";
import { must } from "../assertions.ts";
import type { FakeClock } from "../fake-clock.ts";

export const HOUR = 60 * 60 * 1000;
export const DAY = 24 * HOUR;
export const THREAD = "thread-1";
const SLOT = slotOf("default", THREAD);

/** On the same store, with times of its own. */
export function keeping(
  backend: HITLBackend,
  clock: FakeClock,
  retention: RetentionOptions,
): StoreHITLBackend {
  return new StoreHITLBackend(backend.store, { clock, retention: { ...retention, sweepEveryMs: 0 } });
}

/** Until nothing is due any more. */
export async function sweepAll(backend: HITLBackend): Promise<number> {
  let removed = 0;
  for (let n = 0, more = true; more; n += 1) {
    assert.ok(n < 100, "the sweep does not come to an end");
    const swept = await backend.sweep();
    removed += swept.removed;
    more = swept.more;
  }
  return removed;
}

export async function isThere(backend: HITLBackend, id: string): Promise<boolean> {
  return (await backend.store.get([id]))[0] !== null;
}

/** A record as the engine writes it, of the thread. */
export function engineRecord(
  kind: string,
  name: string,
  status: string,
  value: JsonObject = {},
  due_at: number | null = null,
): InsertOp {
  const id = makeId(kind, SLOT, [name]);
  const keys = { thread: THREAD };
  const whole = { schema_version: 1, thread_id: THREAD, ...value };
  return { op: "insert", record: { id, kind, tenant_id: "default", status, keys, due_at, value: whole } };
}

export const call = (name: string, status: string, root = "c1", value: JsonObject = {}): InsertOp =>
  engineRecord(CALL_KIND, name, status, { root_checkpoint_id: root, ...value });
export const pause = (root = "c1"): InsertOp =>
  engineRecord(PAUSE_KIND, root, "active", { checkpoint_id: root });
export const threadDue = (due_at: number): InsertOp =>
  engineRecord(THREAD_KIND, "thread", "active", {}, due_at);

/** Records that are there, by the names of {@link engineRecord}. */
export async function left(backend: HITLBackend, inserts: readonly InsertOp[]): Promise<boolean[]> {
  const found = await backend.store.get(inserts.map(({ record }) => record.id));
  return found.map((record) => record !== null);
}

export async function finish(backend: HITLBackend, { record: { id } }: InsertOp): Promise<void> {
  await backend.store.commit([
    { op: "update", id, patch: { status: "finished" }, event: { type: "finished" } },
  ]);
}

/** As the graph does when it uses an answer. */
export async function takeUp(backend: StoreHITLBackend, id: string): Promise<StoredRecord> {
  const patch = takenUp("completed", backend.retention);
  const { results } = await backend.store.commit([{ op: "update", id, patch, event: { type: "taken_up" } }]);
  return must(results[0]?.record, "record");
}
