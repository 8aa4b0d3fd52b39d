/** Random work for a store, done on the model and on the real one, and compared. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type {
  CommitResult,
  DueQuery,
  Guard,
  NewEvent,
  PageQuery,
  Patch,
  RecordEvent,
  RecordStore,
  StoredRecord,
  StoreOp,
} from "../../src/backends/record-store.ts";
import { KEY_NAMES } from "../../src/backends/record-store.ts";
import { makeId } from "../../src/core/ids.ts";
import type { JsonObject } from "../../src/core/json.ts";
import type { FakeClock } from "../../src/testing/index.ts";

export interface Model {
  readonly store: RecordStore;
  readonly clock: FakeClock;
}
type Command = fc.AsyncCommand<Model, RecordStore>;

const START = 1_700_000_000_000;
const SLOTS = [0, 4095] as const;
const KINDS = ["a", "b"] as const;
const TENANTS = ["default", "t:2"] as const;
const STATUSES = ["open", "held", "done"] as const;
const VALUES = ["x", "y"] as const;
const idsOfSlot = (slot: number): string[] => [0, 1, 2].map((n) => makeId("rec", slot, n));
const IDS = SLOTS.flatMap(idsOfSlot);

const one = <T>(values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const key = one(["session", "thread", "wake"] as const);
const weighed =
  (weight: number) =>
  <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
    fc.oneof({ weight, arbitrary }, { weight: 100 - weight, arbitrary: fc.constant(undefined) });
/** Absent half of the time, or mostly. */
const some = weighed(50);
const rare = weighed(15);
const value = fc.dictionary(fc.string({ maxLength: 3 }), fc.jsonValue({ maxDepth: 2 }), {
  maxKeys: 3,
}) as fc.Arbitrary<JsonObject>;
const time = fc.integer({ min: -300, max: 600 }).map((offset) => START + offset);
const lease = fc.record({ owner: one(["w1", "w2"]), durationMs: fc.integer({ min: 1, max: 100 }) });

/** Without the properties that are undefined: as a caller writes it. */
const given = <T extends object>(shape: T): T =>
  Object.fromEntries(Object.entries(shape).filter(([, part]) => part !== undefined)) as T;

const event: fc.Arbitrary<NewEvent> = fc
  .record({
    type: one(["e", "f"]),
    actor: some(fc.constant({ id: "u", role: "user" as const })),
    reason: some(fc.string({ maxLength: 3 })),
    data: some(value),
  })
  .map(given);

const conditions = {
  status: fc.subarray([...STATUSES], { minLength: 1 }),
  version: fc.integer({ min: 1, max: 3 }),
  lease: fc.constant("free" as const),
  fence: fc.integer({ min: 1, max: 2 }),
  touches: fc.integer({ min: 0, max: 1 }),
  due: fc.constant(true as const),
  not_due: fc.constant(true as const),
};

/** Mostly one condition: many of them together hardly ever hold. */
const guard: fc.Arbitrary<Guard> = fc.oneof(
  ...Object.entries(conditions).map(([name, condition]) => condition.map((is) => ({ [name]: is }) as Guard)),
  fc.record(conditions, { requiredKeys: [] }),
);

const keysPatch = fc.dictionary(key, fc.option(one(VALUES)), { maxKeys: 3 });

const patch: fc.Arbitrary<Patch> = fc
  .record({
    status: some(one(STATUSES)),
    value: some(value),
    keys: some(keysPatch),
    due_at: some(fc.oneof(time, fc.constant(null), fc.record({ inMs: fc.integer({ min: 0, max: 300 }) }))),
    lease: some(
      fc.oneof(
        lease,
        fc.record({ renewMs: fc.integer({ min: 1, max: 200 }) }),
        fc.constant("release" as const),
      ),
    ),
  })
  .map(given);

const operation = (id: string): fc.Arbitrary<StoreOp> =>
  fc.oneof(
    fc
      .record({
        op: fc.constant("insert" as const),
        record: fc
          .record({
            id: fc.constant(id),
            kind: one(KINDS),
            tenant_id: one(TENANTS),
            status: one(STATUSES),
            keys: some(fc.dictionary(key, one(VALUES), { maxKeys: 3 })),
            due_at: some(fc.option(time)),
            value,
          })
          .map(given),
        lease: some(lease),
        event: some(event),
        if_exists: rare(one(["keep", "abort"] as const)),
        touch: some(fc.boolean()),
      })
      .map(given),
    fc
      .record({
        op: fc.constant("update" as const),
        id: fc.constant(id),
        guard: some(guard),
        patch: some(patch),
        event: some(event),
        optional: some(fc.boolean()),
        touch: some(fc.boolean()),
      })
      .map(given),
    fc.record({ op: fc.constant("read" as const), id: fc.constant(id) }),
  );

const commit: fc.Arbitrary<readonly StoreOp[]> = one(SLOTS).chain((slot) =>
  fc.shuffledSubarray(idsOfSlot(slot), { minLength: 1 }).chain((ids) => fc.tuple(...ids.map(operation))),
);

const page: fc.Arbitrary<PageQuery> = fc
  .record({
    kind: one(KINDS),
    tenant_id: one(TENANTS),
    statuses: fc.subarray([...STATUSES], { minLength: 1 }),
    key: some(fc.record({ name: key, value: one(VALUES) })),
    slot: rare(one(SLOTS)),
    order: some(one(["oldest", "newest"] as const)),
    limit: fc.integer({ min: 1, max: 5 }),
  })
  .map(given);

/** Comparable to the byte: the order of the keys of a value counts, that of the envelope does not. */
function seen(record: StoredRecord | null): unknown {
  return record && { ...record, value: JSON.stringify(record.value) };
}

function seenEvent(one: RecordEvent): unknown {
  return { ...one, data: JSON.stringify(one.data), actor: JSON.stringify(one.actor) };
}

const seenCommit = ({ status, results }: CommitResult): unknown => ({
  status,
  results: results.map((result) => [result.status, seen(result.record)]),
});

const byId = (records: readonly StoredRecord[]): unknown[] =>
  records.toSorted((a, b) => (a.id < b.id ? -1 : 1)).map(seen);

async function walk(store: RecordStore, query: PageQuery): Promise<unknown[]> {
  const records: unknown[] = [];
  let cursor: string | undefined;
  do {
    const found: Awaited<ReturnType<RecordStore["page"]>> = await store.page({ ...query, cursor });
    records.push(found.items.length, ...found.items.map(seen));
    cursor = found.next_cursor;
  } while (cursor !== undefined);
  return records;
}

async function events(store: RecordStore, id: string, limit: number): Promise<unknown[]> {
  const all: unknown[] = [];
  let cursor: string | undefined;
  do {
    const found: Awaited<ReturnType<RecordStore["history"]>> = await store.history(id, { limit, cursor });
    all.push(found.items.length, ...found.items.map(seenEvent));
    cursor = found.next_cursor;
  } while (cursor !== undefined);
  return all;
}

/** The same call on both, and the same outcome and records afterwards. */
function both(
  name: string,
  argument: unknown,
  call: (store: RecordStore, clock: FakeClock) => Promise<unknown>,
): Command {
  return {
    check: () => true,
    run: async ({ store, clock }, real) => {
      const expected = await call(store, clock);
      assert.deepEqual(await call(real, clock), expected);
      await compareRecords(store, real);
    },
    toString: () => `${name}(${JSON.stringify(argument)})`,
  };
}

async function compareRecords(model: RecordStore, real: RecordStore): Promise<void> {
  const expected = await model.get(IDS);
  assert.deepEqual((await real.get(IDS)).map(seen), expected.map(seen));
  for (const kind of KINDS) {
    for (const tenant_id of TENANTS) {
      const query: PageQuery = { kind, tenant_id, statuses: STATUSES, limit: 1000 };
      assert.deepEqual(await walk(real, query), await walk(model, query));
    }
  }
}

/** Every index, every history and what is due: at the end of a sequence, since it is much. */
export async function compareEverything({ store, clock }: Model, real: RecordStore): Promise<void> {
  await compareRecords(store, real);
  for (const kind of KINDS) {
    for (const tenant_id of TENANTS) {
      for (const status of STATUSES) {
        const keys = KEY_NAMES.flatMap((name) => VALUES.map((text) => ({ name, value: text })));
        for (const by of [undefined, ...keys]) {
          const query: PageQuery = given({ kind, tenant_id, statuses: [status], key: by, limit: 1000 });
          assert.deepEqual(await walk(real, query), await walk(store, query));
        }
      }
    }
  }
  for (const id of IDS) assert.deepEqual(await events(real, id, 1000), await events(store, id, 1000));
  for (const ms of [0, 100, 10_000]) {
    clock.advance(ms);
    for (const kind of KINDS) {
      const query: DueQuery = { kind, limit: 1000, lease: { owner: "end", durationMs: 50 } };
      assert.deepEqual(byId(await real.acquireDue(query)), byId(await store.acquireDue(query)));
    }
  }
}

const purgeQuery = fc.record({
  kind: one(KINDS),
  statuses: fc.subarray([...STATUSES], { minLength: 1 }),
  age: fc.integer({ min: -50, max: 300 }),
});

/** Mostly as they are. */
const removal = fc.array(
  fc.record({
    id: one(IDS),
    behind: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: -1, max: 1 })),
    older: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.constant(1)),
  }),
  { minLength: 1, maxLength: 3 },
);

const commits = commit.map((ops) =>
  both("commit", ops, async (store) => seenCommit(await store.commit(ops))),
);

/** Sent through one handle without waiting: a store may do them together, and each comes out as if it were alone. */
const commitsTogether = fc.array(commit, { minLength: 2, maxLength: 5 }).map((batch) =>
  both("commits together", batch, async (store) => {
    const done = await Promise.all(batch.map((ops) => store.commit(ops)));
    return done.map(seenCommit);
  }),
);

export const commands: readonly fc.Arbitrary<Command>[] = [
  commits,
  commitsTogether,
  commits,
  commits,
  commits,
  page.map((query) => both("page", query, (store) => walk(store, query))),
  fc
    .record({ kind: one(KINDS), limit: fc.constant(1000), lease })
    .map((query) => both("acquireDue", query, async (store) => byId(await store.acquireDue(query)))),
  fc
    .tuple(one(IDS), event)
    .map(([id, what]) => both("append", [id, what], (store) => store.append(id, what))),
  fc
    .tuple(one(IDS), fc.integer({ min: 1, max: 3 }))
    .map(([id, limit]) => both("history", [id, limit], (store) => events(store, id, limit))),
  purgeQuery.map(({ age, ...query }) =>
    both("purge", { age, ...query }, (store, clock) =>
      store.purge({ ...query, updatedBefore: clock.now() - age, limit: 1000 }),
    ),
  ),
  removal.map((wanted) =>
    both("remove", wanted, async (store) => {
      const found = await store.get(wanted.map(({ id }) => id));
      // As each store handed them out, or as they may have been before: of another version, or made at another time.
      const asRead = wanted.map(({ id, behind, older }, n) => ({
        id,
        version: (found[n]?.version ?? 2) - behind,
        created_at: (found[n]?.created_at ?? START) - older,
      }));
      return store.remove(asRead);
    }),
  ),
  fc.integer({ min: -20, max: 250 }).map(
    (ms): Command => ({
      check: () => true,
      run: async ({ clock }) => void clock.advance(ms),
      toString: () => `advance(${ms})`,
    }),
  ),
];

export { START };
