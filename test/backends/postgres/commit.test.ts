import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StoreOp } from "../../../src/backends/record-store.ts";
import { guardHolds } from "../../../src/backends/store-rules.ts";
import { PostgresRecordStore } from "../../../src/backends/postgres/index.ts";
import {
  type ConformanceContext,
  hitlBackendConformance,
  recordStoreConformance,
} from "../../../src/testing/index.ts";
import { StoreHITLBackend } from "../../../src/backends/store-backend.ts";
import { type PostgresServer, startPostgresServer } from "../../support/postgres-server.ts";
import { idOf, insertOf, read, updateOf } from "../../support/store-ops.ts";
import { WAYS, asSeveral } from "./kit.ts";

const server: PostgresServer = await startPostgresServer();
const schema = server.schema();
let pool: Pool;
beforeAll(() => {
  pool = new Pool({ connectionString: server.url, max: 12 });
});
afterAll(async () => {
  await pool?.end();
  await server.stop();
});

/** Two hundred commits that queue for the same rows take their time on a busy machine. */
const storeOf = (name = server.schema()): PostgresRecordStore =>
  new PostgresRecordStore({ pool, schema: name, commandTimeoutMs: 60_000 });

// Single operations have statements of their own: here all of them go through commit_ops, and have to do the same.
const several = async ({ id, clock }: ConformanceContext): Promise<PostgresRecordStore> =>
  asSeveral(new PostgresRecordStore({ pool, schema: `${schema}_${id}`, clock }));
const suite = {
  name: "postgres by commit_ops",
  capabilities: { durable: true, shared: true, fakeClock: true },
};
recordStoreConformance({ ...suite, createStore: several, openAnother: several }, { describe, it });
const backend = async (context: ConformanceContext): Promise<StoreHITLBackend> =>
  new StoreHITLBackend(await several(context), { clock: context.clock });
hitlBackendConformance({ ...suite, createBackend: backend, openAnother: backend }, { describe, it });

describe.each(WAYS)("S1: commits that meet, $way", ({ as }) => {
  it("S4: a record that was missing for a touch is not shown to it, though it is there by now", async () => {
    const store = as(storeOf());
    for (let n = 1; n <= 30; n += 1) {
      const touch: StoreOp = {
        op: "update",
        id: idOf(n),
        optional: true,
        guard: { version: -1 },
        touch: true,
      };
      const [, ...touched] = await Promise.all([
        store.commit([insertOf(idOf(n))]),
        ...Array.from({ length: 11 }, () => store.commit([touch])),
      ]);
      const results = touched.flatMap((outcome) => outcome.results);
      for (const { status, record } of results) expect(record === null).toBe(status === "missing");
      const counted = results.filter(({ status }) => status === "stale").length;
      expect((await read(store, idOf(n))).touches).toBe(counted);
    }
  });

  it("whoever is refused sees a record for which his guard fails", async () => {
    const store = as(storeOf());
    await store.commit([insertOf(idOf(1))]);
    for (let round = 0; round < 25; round += 1) {
      const { version } = await read(store, idOf(1));
      const guard = { version };
      const outcomes = await Promise.all(
        Array.from({ length: 12 }, (_, n) =>
          store.commit([updateOf(idOf(1), { guard, patch: { value: { n } }, event: { type: "won" } })]),
        ),
      );
      expect(outcomes.filter(({ status }) => status === "committed")).toHaveLength(1);
      for (const { status, results } of outcomes) {
        const record = results[0]?.record;
        if (status === "refused") expect(record && guardHolds(record, guard, Date.now())).toBe(false);
      }
    }
    const events = await store.history(idOf(1), { limit: 1000 });
    expect(events.items.map(({ seq }) => seq)).toEqual(Array.from({ length: 25 }, (_, n) => n + 1));
  });

  it("inserts of one id at once: one inserts, the others find what he inserted", async () => {
    const store = as(storeOf());
    for (let round = 0; round < 25; round += 1) {
      const id = idOf(`race-${round}`, round);
      const outcomes = await Promise.all(
        Array.from({ length: 12 }, (_, n) =>
          store.commit([
            insertOf(id, { value: { n } }, { if_exists: n % 2 ? "abort" : "keep", event: { type: "c" } }),
          ]),
        ),
      );
      const statuses = outcomes.map(({ results }) => results[0]?.status);
      expect(statuses.filter((status) => status === "inserted")).toHaveLength(1);
      const winner = await read(store, id);
      for (const { status, results } of outcomes) {
        expect(results[0]?.record).toEqual(winner);
        expect(["inserted", "exists"]).toContain(results[0]?.status);
        if (status === "refused") expect(results[0]?.status).toBe("exists");
      }
      expect((await store.history(id)).items).toHaveLength(1);
    }
  });

  it("events that are appended at once have a position each", async () => {
    const store = as(storeOf());
    await store.commit([insertOf(idOf(1), {}, { event: { type: "created" } })]);
    const all = Array.from({ length: 60 }, (_, n) =>
      n % 3 === 0
        ? store.commit([updateOf(idOf(1), { event: { type: "moved" } })])
        : store.append(idOf(1), { type: "note" }),
    );
    await Promise.all(all);
    const { items } = await store.history(idOf(1), { limit: 1000 });
    expect(items.map(({ seq }) => seq)).toEqual(Array.from({ length: 61 }, (_, n) => n + 1));
    expect(await read(store, idOf(1))).toMatchObject({ version: 21 });
  });
});

describe("S1: commits of several records that meet", () => {
  it("in any order of their operations: none is lost to a deadlock, and each is whole", async () => {
    const store = storeOf();
    const ids = Array.from({ length: 6 }, (_, n) => idOf(n));
    await store.commit(ids.slice(0, 3).map((id) => insertOf(id)));
    const shuffled = (seed: number): string[] =>
      ids
        .map((id, n) => ({ id, at: (n * 7 + seed * 13) % 11 }))
        .toSorted((a, b) => a.at - b.at)
        .map(({ id }) => id);
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, (_, seed) =>
        store.commit(
          shuffled(seed).map((id): StoreOp => {
            if (ids.indexOf(id) >= 3) return insertOf(id, {}, { touch: true, event: { type: "created" } });
            return updateOf(id, { event: { type: "moved" } });
          }),
        ),
      ),
    );
    expect(outcomes.every(({ status }) => status === "committed")).toBe(true);
    const records = await store.get(ids);
    expect(records.map((record) => record?.version)).toEqual([201, 201, 201, 1, 1, 1]);
    expect(records.map((record) => record?.touches)).toEqual([0, 0, 0, 199, 199, 199]);
    for (const id of ids.slice(3)) expect((await store.history(id)).items).toHaveLength(1);
  });

  it("an insert with abort that meets another one in the middle takes back what it had inserted", async () => {
    const store = storeOf();
    for (let round = 0; round < 30; round += 1) {
      const [a, b, c] = ["a", "b", "c"].map((name) => idOf(`${round}${name}`)) as [string, string, string];
      const abort = { if_exists: "abort", event: { type: "created" } } as const;
      const outcomes = await Promise.all([
        store.commit([insertOf(a, {}, abort), insertOf(c, {}, abort)]),
        store.commit([insertOf(b, {}, abort), insertOf(c, {}, abort)]),
        store.commit([insertOf(c, {}, abort)]),
      ]);
      const won = outcomes.map(({ status }) => status === "committed");
      expect(won.filter(Boolean)).toHaveLength(1);
      const there = (await store.get([a, b, c])).map((record) => record !== null);
      expect(there).toEqual([won[0], won[1], true]);
      for (const { status, results } of outcomes)
        if (status === "refused") expect(results.at(-1)?.status).toBe("exists");
      for (const id of [a, b, c]) expect((await store.history(id)).items.length).toBeLessThanOrEqual(1);
    }
  });

  it("a purge that meets events and inserts leaves no history of what it deleted", async () => {
    const own = server.schema();
    const store = storeOf(own);
    for (let round = 0; round < 40; round += 1) {
      const id = idOf(`purged-${round}`);
      await store.commit([insertOf(id, { status: "done" }, { event: { type: "old" } })]);
      await Promise.all([
        store.purge({ kind: "thing", statuses: ["done"], updatedBefore: 1e15, limit: 10 }),
        ...Array.from({ length: 4 }, () => store.append(id, { type: "note" })),
        store.commit([insertOf(id, { status: "fresh" }, { event: { type: "new" } })]),
      ]);
    }
    const orphans = await server.sql(
      `SELECT h.* FROM ${own}.history h
       WHERE NOT EXISTS (SELECT FROM ${own}.records r WHERE r.id = h.id AND r.events >= h.seq)`,
    );
    expect(orphans).toEqual([]);
  });

  it("workers that lease what is due at once never get the same record", async () => {
    const store = storeOf();
    await Promise.all(
      Array.from({ length: 120 }, (_, n) => store.commit([insertOf(idOf(n, n), { due_at: n + 1 })])),
    );
    const taken = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        store.acquireDue({ kind: "thing", limit: 15, lease: { owner: `w${n}`, durationMs: 60_000 } }),
      ),
    );
    const ids = taken.flat().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const rest = await store.acquireDue({
      kind: "thing",
      limit: 120,
      lease: { owner: "z", durationMs: 60_000 },
    });
    expect(ids.length + rest.length).toBe(120);
  });
});
