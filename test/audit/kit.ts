/** Records that are written through the trail, and what somebody may do to it afterwards. */
import fc from "fast-check";
import { type HITLBackend, type JsonObject, type RecordStore, StoreHITLBackend } from "holdpoint";
import { FakeClock, MemoryRecordData, MemoryRecordStore } from "holdpoint/testing";
import { AuditedStore, type AuditOptions, type AuditTrail, readAudit } from "../../src/audit/index.ts";
import type { InsertOp, NewEvent, StoreOp, UpdateOp } from "../../src/backends/record-store.ts";
import { makeId } from "../../src/core/ids.ts";

export const SALT = "a salt that nobody knows";
const START = 1_700_000_000_000;

export const idOf = (n: number): string => makeId("rec", 0x123, ["audit", n]);

export interface Site {
  readonly data: MemoryRecordData;
  readonly clock: FakeClock;
  /** Without the trail. */
  readonly bare: RecordStore;
  readonly store: AuditedStore;
  readonly backend: HITLBackend;
  /** Another handle on the same data, as another process has it. */
  another(): AuditedStore;
  trail(id?: string): Promise<AuditTrail>;
}

/** A store in memory, and the trail over it. */
export function site(options: AuditOptions = {}): Site {
  const data = new MemoryRecordData();
  const clock = new FakeClock(START);
  const bare = new MemoryRecordStore({ clock }, data);
  const another = (): AuditedStore =>
    new AuditedStore(new MemoryRecordStore({ clock }, data), { clock, ...options });
  const store = another();
  const backend = new StoreHITLBackend(store, { clock, retention: { sweepEveryMs: 0 } });
  const trail = async (id = idOf(1)): Promise<AuditTrail> => {
    const found = await readAudit(backend, id);
    if (!found) throw new Error(`There is no record ${id}.`);
    return found;
  };
  return { data, clock, bare, store, backend, another, trail };
}

export function insertOp(n: number, more: Partial<InsertOp["record"]> = {}, event?: NewEvent): InsertOp {
  const record = { id: idOf(n), kind: "thing", tenant_id: "default", status: "open", value: {}, ...more };
  return { op: "insert", record, ...(event ? { event } : {}) };
}

export function updateOp(n: number, more: Omit<UpdateOp, "op" | "id"> = {}): UpdateOp {
  return { op: "update", id: idOf(n), ...more };
}

export async function put(
  store: RecordStore,
  n: number,
  more: Partial<InsertOp["record"]> = {},
  event: NewEvent = { type: "created" },
): Promise<void> {
  await store.commit([insertOp(n, more, event)]);
}

export async function change(
  store: RecordStore,
  n: number,
  more: Omit<UpdateOp, "op" | "id">,
): Promise<string> {
  const { results } = await store.commit([updateOp(n, more)]);
  return results[0]?.status ?? "nothing";
}

/** Something that happens to record 1. */
export type Happening = { readonly append: NewEvent } | { readonly op: StoreOp };

const value = fc.dictionary(fc.string({ maxLength: 4 }), fc.jsonValue({ maxDepth: 2 }), {
  maxKeys: 3,
}) as fc.Arbitrary<JsonObject>;
const unreserved = value.filter((one) => !Object.hasOwn(one, "audit"));

const event: fc.Arbitrary<NewEvent> = fc.record(
  {
    type: fc.constantFrom("changed", "noted", "é"),
    actor: fc.record(
      { id: fc.string({ minLength: 1, maxLength: 4 }), role: fc.constant("user" as const), meta: unreserved },
      { requiredKeys: ["id"] },
    ),
    reason: fc.string({ maxLength: 6 }),
    data: fc.oneof(
      unreserved,
      fc.record({ card: fc.record({ number: fc.stringMatching(/^[0-9]{16}$/) }), n: fc.nat() }),
    ),
  },
  { requiredKeys: ["type"] },
);

const patch = fc.record(
  {
    status: fc.constantFrom("open", "held", "done"),
    value: fc.oneof(unreserved, fc.record({ secret: fc.string(), public: fc.string() })),
    keys: fc.dictionary(fc.constantFrom("session", "thread", "wake"), fc.option(fc.constantFrom("x", "y")), {
      maxKeys: 2,
    }),
    due_at: fc.option(fc.nat()),
  },
  { requiredKeys: [] },
);

const lease = fc.oneof(
  fc.record({ owner: fc.constantFrom("a", "b"), durationMs: fc.integer({ min: 1, max: 50 }) }),
  fc.constant("release" as const),
  fc.record({ renewMs: fc.integer({ min: 1, max: 50 }) }),
);

/** With an event, without one, leases alone, and events that are appended. */
export const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ patch, event }).map((more) => ({ op: updateOp(1, more) })) },
  { weight: 2, arbitrary: fc.record({ patch }).map((more) => ({ op: updateOp(1, more) })) },
  { weight: 1, arbitrary: lease.map((one) => ({ op: updateOp(1, { patch: { lease: one } }) })) },
  { weight: 2, arbitrary: event.map((append) => ({ append })) },
);

export async function happen(store: RecordStore, one: Happening): Promise<void> {
  if ("append" in one) await store.append(idOf(1), one.append);
  else await store.commit([one.op]);
}
