/** Stores that lose replies, freeze what they hand out, or are moved on by others at the worst moment. */
import { describe, expect, it } from "vitest";
import { HoldpointError, type RecordStore, type StoredRecord, StoreHITLBackend } from "holdpoint";
import { AuditedStore, readAudit, verifyAudit } from "../../src/audit/index.ts";
import { change, idOf, put, site, updateOp } from "./kit.ts";

type Commit = RecordStore["commit"];

/** The store, with another way to commit. */
function committing(inner: RecordStore, commit: (own: Commit) => Commit): RecordStore {
  return new Proxy(inner, {
    get: (target, name) => {
      const own: unknown = Reflect.get(target, name, target);
      if (typeof own !== "function") return own;
      const bound: unknown = own.bind(target);
      return name === "commit" ? commit(bound as Commit) : bound;
    },
  });
}

describe("a lost reply", () => {
  it("P4 the answer that is sent again is a duplicate of itself, and the chain has it once", async () => {
    const own = site();
    let lose = false;
    const store = committing(own.bare, (commit) => async (ops) => {
      const done = await commit(ops);
      if (!lose) return done;
      lose = false;
      throw new HoldpointError("ERR_HITL_INDETERMINATE", "The reply was lost.");
    });
    const backend = new StoreHITLBackend(new AuditedStore(store, { clock: own.clock }), { clock: own.clock });
    const { record } = await backend.create({
      hitl_type: "confirm",
      session_id: "s",
      data: { message: "?" },
    });
    const answer = () => backend.respond(record.hitl_id, { confirmed: true });
    lose = true;
    expect((await answer()).status).toBe("indeterminate");
    expect((await answer()).status).toBe("duplicate");
    const trail = await readAudit(backend, record.hitl_id);
    expect(trail?.events.map(({ type }) => type)).toEqual(["created", "answered"]);
    expect((await verifyAudit(trail as never)).problems).toEqual([]);
    await backend.close();
  });

  it("what follows on the record is built on what the store has, not on what was hoped", async () => {
    const own = site();
    let lose = true;
    const store = committing(own.bare, (commit) => async (ops) => {
      const done = await commit(ops);
      if (!lose) return done;
      lose = false;
      throw new HoldpointError("ERR_HITL_INDETERMINATE", "The reply was lost.");
    });
    const audited = new AuditedStore(store, { clock: own.clock });
    await expect(put(audited, 1)).rejects.toMatchObject({ code: "ERR_HITL_INDETERMINATE" });
    await change(audited, 1, { event: { type: "a" } });
    lose = true;
    await expect(audited.append(idOf(1), { type: "b" })).rejects.toMatchObject({
      code: "ERR_HITL_INDETERMINATE",
    });
    await change(audited, 1, { event: { type: "c" } });
    const trail = await own.trail();
    expect(trail.events.map(({ type }) => type)).toEqual(["created", "a", "b", "c"]);
    expect((await verifyAudit(trail)).problems).toEqual([]);
  });
});

describe("another process at the worst moment", () => {
  it("between a read and its write, once or many times: the write comes through, and no link is lost", async () => {
    const own = site();
    const other = own.another();
    await put(own.store, 1);
    let rivals = 0;
    const store = committing(own.bare, (commit) => async (ops) => {
      if (rivals > 0) {
        rivals -= 1;
        await change(other, 1, { patch: { lease: "release" }, event: { type: "rival" } });
      }
      return commit(ops);
    });
    const audited = new AuditedStore(store, { clock: own.clock });
    for (const many of [1, 20]) {
      rivals = many;
      expect(await change(audited, 1, { optional: true, event: { type: "mine" } })).toBe("updated");
      rivals = many;
      expect(await audited.append(idOf(1), { type: "note" })).toBe(true);
    }
    const trail = await own.trail();
    expect(trail.events).toHaveLength(1 + 2 * 21 + 4);
    expect((await verifyAudit(trail)).problems).toEqual([]);
  });

  it("without end: it gives up, having written nothing, and says so", async () => {
    const own = site();
    const other = own.another();
    await put(own.store, 1);
    const store = committing(own.bare, (commit) => async (ops) => {
      await change(other, 1, { event: { type: "rival" } });
      return commit(ops);
    });
    const audited = new AuditedStore(store, { clock: own.clock });
    await expect(change(audited, 1, { event: { type: "mine" } })).rejects.toMatchObject({
      code: "ERR_HITL_STORE",
    });
    await expect(audited.append(idOf(1), { type: "mine" })).rejects.toMatchObject({ code: "ERR_HITL_STORE" });
    const { events } = await own.trail();
    expect(events.some(({ type }) => type === "mine")).toBe(false);
  });

  it("a record that is removed before its update is missing, and an optional one is passed over", async () => {
    for (const optional of [false, true]) {
      const own = site();
      await put(own.store, 1);
      const [stored] = await own.bare.get([idOf(1)]);
      const store = committing(own.bare, (commit) => async (ops) => {
        await own.bare.remove([stored as StoredRecord]);
        return commit(ops);
      });
      const audited = new AuditedStore(store, { clock: own.clock });
      await audited.get([idOf(1)]);
      const { status, results } = await audited.commit([updateOp(1, { optional, event: { type: "e" } })]);
      expect([status, results]).toEqual([
        optional ? "committed" : "refused",
        [{ status: "missing", record: null }],
      ]);
    }
  });
});

/** As a store of somebody else's may. */
function deepFrozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const item of Object.values(value)) deepFrozen(item);
  return Object.freeze(value);
}

describe("a store that freezes what it hands out, and hands out the same object again", () => {
  it("loses no head by it", async () => {
    const own = site();
    const plain = (record: StoredRecord | null): StoredRecord | null =>
      record && deepFrozen(JSON.parse(JSON.stringify(record)) as StoredRecord);
    const kept = new Map<string, StoredRecord | null>();
    const once = (record: StoredRecord | null): StoredRecord | null => {
      const name = JSON.stringify(record);
      if (!kept.has(name)) kept.set(name, plain(record));
      return kept.get(name) ?? null;
    };
    const frozen = new Proxy(
      committing(own.bare, (commit) => async (ops) => {
        const { status, results } = await commit(ops);
        return { status, results: results.map((one) => ({ ...one, record: once(one.record) })) };
      }),
      {
        get: (target, name) => {
          if (name !== "get") return Reflect.get(target, name, target) as unknown;
          return async (ids: string[]) => (await target.get(ids)).map(once);
        },
      },
    );
    const audited = new AuditedStore(frozen, { clock: own.clock });
    await put(audited, 1, { value: { a: { b: 1 } } });
    await audited.append(idOf(1), { type: "note" });
    const read = { op: "read", id: idOf(1) } as const;
    const { results } = await audited.commit([updateOp(1, { event: { type: "e" } }), read, read]);
    expect(results.map(({ record }) => [record?.version, record?.value])).toEqual(
      [1, 2, 3].map(() => [2, { a: { b: 1 } }]),
    );
    await change(audited, 1, { patch: { keys: { wake: "x" } }, event: { type: "f" } });
    expect((await verifyAudit(await own.trail())).problems).toEqual([]);
  });
});
