/** What the decorator costs, what it refuses, and what it keeps of records that are older than it. */
import { describe, expect, it } from "vitest";
import { InMemoryHITLBackend, type RecordStore, StoreHITLBackend } from "holdpoint";
import {
  audited,
  AuditedStore,
  type AuditProblemKind,
  readAudit,
  verifyAudit,
} from "../../src/audit/index.ts";
import { change, idOf, insertOp, put, site, updateOp } from "./kit.ts";

type Counts = Record<"commit" | "get" | "history" | "append" | "now" | "page", number>;

/** A store that counts what reaches it. */
function counting(inner: RecordStore): { store: RecordStore; counts: Counts } {
  const counts: Counts = { commit: 0, get: 0, history: 0, append: 0, now: 0, page: 0 };
  const store = new Proxy(inner, {
    get: (target, name) => {
      const own: unknown = Reflect.get(target, name, target);
      if (typeof own !== "function") return own;
      return (...args: unknown[]): unknown => {
        if (Object.hasOwn(counts, name)) counts[name as keyof Counts] += 1;
        return Reflect.apply(own, target, args);
      };
    },
  });
  return { store, counts };
}

const none: Counts = { commit: 0, get: 0, history: 0, append: 0, now: 0, page: 0 };
const question = { hitl_type: "confirm", session_id: "s", data: { message: "Go on?" } };
const yes = { confirmed: true };
const kindsOf = (problems: readonly { kind: AuditProblemKind }[]): string[] =>
  problems.map(({ kind }) => kind);

describe("round trips", () => {
  it("P5 create, respond and cancel take as many as without the trail", async () => {
    const { store, counts } = counting(new InMemoryHITLBackend().store);
    const here = audited(new StoreHITLBackend(store));
    const elsewhere = audited(new StoreHITLBackend(store));
    const count = async (run: () => Promise<unknown>): Promise<Partial<Counts>> => {
      Object.assign(counts, none);
      await run();
      return { ...counts };
    };
    const ids: string[] = [];
    const create = async (): Promise<unknown> => ids.push((await here.create(question)).record.hitl_id);
    expect(await count(create)).toEqual({ ...none, commit: 1 });
    await create();
    await create();
    const [a, b, c] = ids as [string, string, string];
    expect(await count(() => here.respond(a, yes))).toEqual({ ...none, commit: 1 });
    expect(await count(() => elsewhere.respond(b, yes))).toEqual({ ...none, get: 1, commit: 1 });
    expect(await count(() => elsewhere.cancel(c))).toEqual({ ...none, get: 1, commit: 1 });
    for (const id of ids) expect((await verifyAudit((await readAudit(here, id)) as never)).ok).toBe(true);
  });

  it("a renewed lease is sent as it was given, and does not break the chain", async () => {
    const own = site();
    await put(own.store, 1);
    await change(own.store, 1, {
      patch: { lease: { owner: "a", durationMs: 50 } },
      event: { type: "claimed" },
    });
    const { store, counts } = counting(own.bare);
    const stranger = new AuditedStore(store, { clock: own.clock });
    expect(await change(stranger, 1, { guard: { fence: 1 }, patch: { lease: { renewMs: 70 } } })).toBe(
      "updated",
    );
    expect(counts).toEqual({ ...none, commit: 1 });
    expect(await change(own.store, 1, { guard: { fence: 1 }, event: { type: "done" } })).toBe("updated");
    const { problems, record } = await verifyAudit(await own.trail());
    expect([problems, record]).toEqual([[], "event"]);
  });

  it("S1 an optional update happens with the rest of its commit, although another handle changed its record", async () => {
    const own = site();
    const other = own.another();
    await put(own.store, 1);
    await other.get([idOf(1)]);
    await change(own.store, 1, { patch: { status: "held" }, event: { type: "held" } });
    const guard = { status: ["held"] };
    const { status, results } = await other.commit([
      updateOp(1, { guard, optional: true, event: { type: "seen" } }),
      insertOp(2),
    ]);
    expect([status, ...results.map((one) => one.status)]).toEqual(["committed", "updated", "inserted"]);
    expect((await verifyAudit(await own.trail())).ok).toBe(true);
  });

  it("S1 a commit of several records links each in its own chain, or none", async () => {
    const own = site();
    await put(own.store, 1);
    await put(own.store, 2);
    const both = (version: number) => [
      updateOp(1, { event: { type: "a" } }),
      updateOp(2, { guard: { version }, event: { type: "b" } }),
      insertOp(3, {}, { type: "c" }),
    ];
    expect((await own.store.commit(both(9))).status).toBe("refused");
    expect((await own.store.commit(both(1))).status).toBe("committed");
    const events = [];
    for (const n of [1, 2, 3]) {
      const trail = await own.trail(idOf(n));
      expect((await verifyAudit(trail)).problems).toEqual([]);
      events.push(trail.events.map(({ type }) => type));
    }
    expect(events).toEqual([["created", "a"], ["created", "b"], ["c"]]);
  });
});

describe("what is written past the trail", () => {
  it("an event that another process wrote without it shows as unlinked", async () => {
    const own = site();
    await put(own.store, 1);
    await own.bare.append(idOf(1), { type: "approved" });
    const { problems } = await verifyAudit(await own.trail());
    expect(kindsOf(problems)).toEqual(["unlinked"]);
  });

  it("it shows as well where events may be older than the trail", async () => {
    const own = site();
    await put(own.bare, 1);
    await own.store.append(idOf(1), { type: "noted" });
    const unlinked = "allowed" as const;
    expect((await verifyAudit(await own.trail(), { unlinked })).ok).toBe(true);
    await own.bare.append(idOf(1), { type: "approved" });
    expect(kindsOf((await verifyAudit(await own.trail(), { unlinked })).problems)).toEqual(["unlinked"]);
  });

  it("a value that was written without it shows as edited, and one without the head as forged", async () => {
    const own = site();
    await put(own.store, 1, { value: { paid: false } });
    const [stored] = await own.bare.get([idOf(1)]);
    await change(own.bare, 1, { patch: { value: { ...stored?.value, paid: true } } });
    expect(kindsOf((await verifyAudit(await own.trail())).problems)).toEqual(["record_edited"]);
    await change(own.bare, 1, { patch: { value: { paid: true } } });
    expect(kindsOf((await verifyAudit(await own.trail())).problems)).toEqual(["forged_head"]);
  });

  it("a status or a key that was changed without it shows", async () => {
    for (const patch of [{ status: "done" }, { keys: { assignee: "mallory" } }]) {
      const own = site();
      await put(own.store, 1);
      await change(own.bare, 1, { patch });
      expect(kindsOf((await verifyAudit(await own.trail())).problems)).toEqual(["record_edited"]);
    }
  });

  it("what changes without an event is proved by the head, until the next event proves it", async () => {
    const own = site();
    await put(own.store, 1, { value: { n: 1 } });
    const states = [];
    for (const event of [undefined, { type: "changed" }]) {
      await change(own.store, 1, {
        patch: { value: { n: 2 }, keys: { wake: "x" } },
        ...(event ? { event } : {}),
      });
      const { ok, record } = await verifyAudit(await own.trail());
      states.push([ok, record]);
    }
    expect(states).toEqual([
      [true, "head"],
      [true, "event"],
    ]);
  });
});

describe("appended events", () => {
  it("are in the chain, in their order, and make no version that anybody sees", async () => {
    const own = site();
    await put(own.store, 1, { value: { n: 1 } });
    const [before] = await own.store.get([idOf(1)]);
    const other = own.another();
    await Promise.all(
      Array.from({ length: 12 }, (_, n) => (n % 2 ? other : own.store).append(idOf(1), { type: `e${n}` })),
    );
    own.clock.advance(5);
    expect(await own.store.get([idOf(1)])).toEqual([before]);
    expect(await other.get([idOf(1)])).toEqual([before]);
    // A version that was read before them is still the present one, for an update and for a removal.
    expect(await change(own.another(), 1, { guard: { version: 1 }, event: { type: "changed" } })).toBe(
      "updated",
    );
    const trail = await own.trail();
    expect(trail.events.map(({ version }) => version)).toEqual([...Array.from({ length: 13 }, () => 1), 2]);
    expect((await verifyAudit(trail)).problems).toEqual([]);
    const [after] = await own.store.get([idOf(1)]);
    expect(after?.version).toBe(2);
    expect(await own.another().remove([after as never])).toBe(1);
    expect(await own.store.append(idOf(1), { type: "late" })).toBe(false);
  });

  it("a hint counts versions as records do", async () => {
    const own = site();
    await put(own.store, 1);
    await own.store.append(idOf(1), { type: "noted" });
    const versions: number[] = [];
    const watcher = await own.store.watch([idOf(1)], ({ version }) => versions.push(version));
    await change(own.store, 1, { event: { type: "changed" } });
    await Promise.resolve();
    await watcher.close();
    expect(versions).toEqual([2]);
  });
});

describe("what is refused before anything is written", () => {
  const invalid = { code: "ERR_HITL_INVALID_INPUT" };

  it("the names that the trail keeps for itself, in values and in data of events", async () => {
    const own = site();
    const reserved = { audit: { forged: true } };
    await put(own.store, 1);
    await expect(put(own.store, 2, { value: reserved })).rejects.toMatchObject(invalid);
    await expect(put(own.store, 2, {}, { type: "e", data: reserved })).rejects.toMatchObject(invalid);
    await expect(change(own.store, 1, { patch: { value: reserved } })).rejects.toMatchObject(invalid);
    await expect(own.store.append(idOf(1), { type: "e", data: reserved })).rejects.toMatchObject(invalid);
    expect(await own.store.get([idOf(2)])).toEqual([null]);
    expect((await own.trail()).events).toHaveLength(1);
  });

  it("what has no canonical form", async () => {
    const own = site();
    const value = { lone: "\ud800" };
    await expect(put(own.store, 1, { value })).rejects.toMatchObject({ code: "ERR_HITL_NOT_JSON" });
    expect(await own.bare.get([idOf(1)])).toEqual([null]);
  });

  it("a backend that is audited already, or that has no store of records", async () => {
    const backend = audited(new InMemoryHITLBackend());
    expect(() => audited(backend)).toThrow(expect.objectContaining(invalid));
    expect(() => audited({ store: {} } as never)).toThrow(expect.objectContaining(invalid));
    await expect(readAudit(new InMemoryHITLBackend(), "x")).rejects.toMatchObject(invalid);
    await backend.close();
  });

  it("a head that a newer release wrote", async () => {
    const own = site();
    await put(own.bare, 1, { value: { audit: { schema_version: 2 } } });
    const code = "ERR_HITL_SCHEMA_VERSION";
    await expect(change(own.store, 1, { event: { type: "e" } })).rejects.toMatchObject({ code });
  });
});

describe("a backend", () => {
  it("has the options of the one that it takes the place of, and its tenant", async () => {
    const own = site();
    const plain = new StoreHITLBackend(own.bare, {
      clock: own.clock,
      randomId: () => "5".repeat(29),
      limits: { maxBytes: 2000 },
      retention: { sweepEveryMs: 0 },
    });
    const backend = audited(plain.forTenant("acme"));
    expect([backend.tenant_id, backend.now()]).toEqual(["acme", own.clock.now()]);
    const { record } = await backend.create({ ...question, hitl_id: "mine" });
    expect(record.interrupt_id).toMatch(/^[0-9a-f]{3}5{29}$/);
    const large = { ...question, data: { message: "x".repeat(3000) } };
    await expect(backend.create(large)).rejects.toMatchObject({ code: "ERR_HITL_TOO_LARGE" });
    const trail = await readAudit(backend, "mine");
    expect(trail?.events.map(({ tenant_id, type }) => [tenant_id, type])).toEqual([["acme", "created"]]);
    expect(trail?.events[0]?.audit?.at).toBe(own.clock.now());
    // Another tenant sees nothing of it, neither by its name nor by its id in the store.
    expect(await readAudit(audited(plain), "mine")).toBeNull();
    expect(await readAudit(audited(plain), trail?.record.id as string)).toBeNull();
    await put(backend.store, 1, { tenant_id: "acme" });
    expect((await readAudit(backend, idOf(1)))?.record.kind).toBe("thing");
    expect(await readAudit(audited(plain), idOf(1))).toBeNull();
  });

  it("shows nothing of links and heads to those who use it", async () => {
    const backend = audited(new InMemoryHITLBackend());
    const { record } = await backend.create(question);
    await backend.respond(record.hitl_id, yes, { actor: { id: "ann" } });
    const [stored] = await backend.store.get([record.hitl_id]);
    const history = await backend.history(record.hitl_id);
    expect(JSON.stringify([stored, history, await backend.get(record.hitl_id)])).not.toContain("audit");
    expect(history.items.map((one) => [one.type, "data" in one])).toEqual([
      ["created", false],
      ["answered", false],
    ]);
    await backend.close();
  });
});
