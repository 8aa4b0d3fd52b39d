/** How each {@link Call} is made of a backend, and what of its answer goes into the ledger. */
import type { HITLBackend } from "../../src/backends/hitl-backend.ts";
import type { NewEvent, OpResult, StoredRecord, StoreOp } from "../../src/backends/record-store.ts";
import { isHoldpointError } from "../../src/core/errors.ts";
import type { JsonObject } from "../../src/core/json.ts";
import type { HITLRecord } from "../../src/core/record.ts";
import type { Call, Result, View } from "./ledger.ts";
import { JOB_KIND, PAIR_KIND } from "./names.ts";

export interface CallOf<K extends Call["kind"]> {
  readonly call: Extract<Call, { kind: K }>;
}
type Of<K extends Call["kind"]> = CallOf<K>["call"];

/** Longer than a call may take, as a lease has to be: one that was taken unheard still holds when it is asked for again. */
export const LEASE_MS = 900;
export const DUE_LIMIT = 3;
const PAGE_LIMIT = 40;

const text = (value: unknown): string | null => (typeof value === "string" ? value : null);

export function viewOf(record: HITLRecord): View {
  const response = record.user_response as { comment?: unknown } | null;
  return {
    hitl_id: record.hitl_id,
    status: record.status,
    version: record.version,
    mark: text(record.metadata["mark"]),
    response: response === null ? null : (text(response.comment) ?? JSON.stringify(response)),
  };
}

export async function create(backend: HITLBackend, call: Of<"create">): Promise<Result> {
  const { session, mark, expires_at, on_expire } = call;
  const shown = { confirmed: false, comment: `expired:${mark}` };
  const { status, record } = await backend.create({
    ...(call.hitl_id === null ? {} : { hitl_id: call.hitl_id }),
    hitl_type: "confirm",
    session_id: session,
    invocation_id: `run-${session}`,
    // Without a thread nothing is due after the end; with one there is a wake-up.
    thread_id: mark.length % 2 === 0 ? `thread-${session}` : null,
    data: { message: `May it go on, ${mark}?` },
    metadata: { mark },
    expires_at,
    on_expire:
      on_expire === "expire" ? "expire" : on_expire === "respond" ? { respond: shown } : { escalate: "boss" },
    actor: { id: mark },
  });
  return { status, view: viewOf(record) };
}

export async function respond(
  backend: HITLBackend,
  call: Of<"respond">,
  record: HITLRecord | undefined,
): Promise<Result> {
  const { hitl_id, mark, key, valid } = call;
  const result = await backend.respond(
    hitl_id,
    { confirmed: valid ? true : "yes", comment: mark },
    {
      actor: { id: mark },
      ...(key === null ? {} : { idempotency_key: key }),
      ...(record === undefined ? {} : { record }),
    },
  );
  // The record that an unconfirmed answer comes with is what was known before it.
  const shown = result.status !== "indeterminate" && result.record;
  return { status: result.status, ...(shown ? { view: viewOf(shown) } : {}) };
}

export async function cancel(backend: HITLBackend, call: Of<"cancel">): Promise<Result> {
  const { status, record } = await backend.cancel(call.hitl_id, {
    actor: { id: call.mark },
    reason: call.mark,
  });
  return { status, ...(record ? { view: viewOf(record) } : {}) };
}

export async function listAll(
  backend: HITLBackend,
  call: Of<"list">,
): Promise<{ readonly result: Result; readonly records: readonly HITLRecord[] }> {
  const records: HITLRecord[] = [];
  let cursor: string | undefined;
  do {
    const page = await backend.getPendingBySession(call.session, { limit: PAGE_LIMIT, cursor });
    records.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== undefined);
  return { result: { status: "listed", views: records.map(viewOf) }, records };
}

export async function history(backend: HITLBackend, call: Of<"history">): Promise<Result> {
  const { items } = await backend.history(call.hitl_id, { limit: 100 });
  return {
    status: "read",
    events: items.map(({ seq, type, version }) => [seq, type, version] as const),
  };
}

export async function waitFor(backend: HITLBackend, call: Of<"wait">): Promise<Result> {
  try {
    const record = await backend.waitFor(call.hitl_id, { timeoutMs: call.timeoutMs });
    return { status: "terminal", view: viewOf(record) };
  } catch (error) {
    if (isHoldpointError(error, "ERR_HITL_TIMEOUT")) return { status: "timeout" };
    throw error;
  }
}

function insertJob(id: string): StoreOp & { readonly op: "insert" } {
  return {
    op: "insert",
    record: {
      id,
      kind: JOB_KIND,
      tenant_id: "default",
      status: "open",
      keys: { session: `jobs-${id.slice(-1)}` },
      due_at: 1,
      value: { writes: [] },
    },
    event: { type: "created" },
  };
}

/** Jobs one by one, pairs both together. */
export async function seed(backend: HITLBackend, call: Of<"seed">): Promise<Result> {
  const pair = call.ids[0]?.startsWith(`${PAIR_KIND}_`) === true;
  if (!pair) {
    for (const id of call.ids) await backend.store.commit([insertJob(id)]);
    return { status: "seeded" };
  }
  await backend.store.commit(
    call.ids.map((id) => ({
      op: "insert",
      record: {
        id,
        kind: PAIR_KIND,
        tenant_id: "default",
        status: "open",
        keys: { session: "pairs" },
        value: { marks: [] },
      },
      event: { type: "created" },
    })),
  );
  return { status: "seeded" };
}

function heldOf(records: readonly StoredRecord[]): readonly (readonly [string, number])[] {
  return records.map(({ id, fence }) => [id, fence] as const);
}

interface Acquired {
  readonly result: Result;
  readonly records: readonly StoredRecord[];
}

export async function acquire(backend: HITLBackend, call: Of<"acquire">): Promise<Acquired> {
  const { results } = await backend.store.commit([
    {
      op: "update",
      id: call.id,
      guard: { lease: "free" },
      patch: { lease: { owner: call.owner, durationMs: LEASE_MS } },
      event: { type: "acquired", data: { mark: call.owner } },
    },
  ]);
  const [one] = results as [OpResult];
  const records = one.status === "updated" && one.record ? [one.record] : [];
  return { result: { status: one.status, held: heldOf(records) }, records };
}

export async function acquireDue(backend: HITLBackend, call: Of<"acquire_due">): Promise<Acquired> {
  const records = await backend.store.acquireDue({
    kind: JOB_KIND,
    limit: DUE_LIMIT,
    lease: { owner: call.owner, durationMs: LEASE_MS },
  });
  return { result: { status: "acquired", held: heldOf(records) }, records };
}

/** The holder's write: what the record held when the lease was taken, and one more. */
export async function write(
  backend: HITLBackend,
  call: Of<"write">,
  record: StoredRecord,
): Promise<{ readonly result: Result; readonly record: StoredRecord | null }> {
  const writes = record.value["writes"] as readonly JsonObject[];
  const { results } = await backend.store.commit([
    {
      op: "update",
      id: call.id,
      guard: { fence: call.fence },
      patch: { value: { writes: [...writes, { mark: call.mark, fence: call.fence }] } as JsonObject },
      event: { type: "written", data: { mark: call.mark } },
    },
  ]);
  const [one] = results as [OpResult];
  return { result: { status: one.status }, record: one.status === "updated" ? one.record : null };
}

export async function release(backend: HITLBackend, call: Of<"release">): Promise<Result> {
  const { results } = await backend.store.commit([
    {
      op: "update",
      id: call.id,
      guard: { fence: call.fence },
      patch: { lease: "release", due_at: { inMs: 100 } },
      event: { type: "released", data: { mark: call.mark } },
    },
  ]);
  return { status: results[0]?.status ?? "missing" };
}

export function marksOf(record: StoredRecord | null | undefined): readonly string[] {
  return (record?.value["marks"] as readonly string[] | undefined) ?? [];
}

async function readBoth(backend: HITLBackend, ids: readonly [string, string]): Promise<readonly OpResult[]> {
  const { results } = await backend.store.commit(ids.map((id) => ({ op: "read", id })));
  return results;
}

export async function look(backend: HITLBackend, call: Of<"look">): Promise<Result> {
  const results = await readBoth(backend, call.ids);
  return { status: "read", marks: results.map(({ record }) => marksOf(record)) };
}

/** One more mark in both records, each guarded by the version that was read (S1, S2). */
export async function pair(backend: HITLBackend, call: Of<"pair">): Promise<Result> {
  const read = await readBoth(backend, call.ids);
  if (read.some(({ record }) => record === null)) return { status: "missing" };
  const event: NewEvent = { type: "marked", data: { mark: call.mark } };
  const { status } = await backend.store.commit(
    read.map(({ record }) => ({
      op: "update",
      id: (record as StoredRecord).id,
      guard: { version: (record as StoredRecord).version },
      patch: { value: { marks: [...marksOf(record), call.mark] } },
      event,
    })),
  );
  return { status };
}

export async function touch(backend: HITLBackend, call: Of<"touch">): Promise<Result> {
  const { results } = await backend.store.commit([{ ...insertJob(call.id), touch: true }]);
  return { status: results[0]?.status ?? "missing" };
}

export async function append(backend: HITLBackend, call: Of<"append">): Promise<Result> {
  const done = await backend.store.append(call.id, { type: "noted", data: { mark: call.mark } });
  return { status: done ? "appended" : "missing" };
}
