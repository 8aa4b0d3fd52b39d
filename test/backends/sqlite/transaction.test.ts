/** Records within a transaction that the application began on a connection of its own. */
import { linkSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, describe, expect, it } from "vitest";
import type { SqliteDriver, SqliteHandle } from "../../../src/backends/sqlite/driver.ts";
import { loadBetterSqlite3 } from "../../../src/backends/sqlite/drivers/better-sqlite3.ts";
import { loadNodeSqlite } from "../../../src/backends/sqlite/drivers/node-sqlite.ts";
import { SqliteHITLBackend, SqliteRecordStore } from "../../../src/backends/sqlite/index.ts";
import { freshId, insertOf, openStore, temporaryPath, until } from "./helpers/support.ts";

const question = { session_id: "s", hitl_type: "confirm", data: { message: "Ship it?" } } as const;
const retention = { sweepEveryMs: 0 };
const ORDER = "INSERT INTO orders VALUES ('o1')";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function world(options: { busyTimeoutMs?: number } = {}) {
  const path = temporaryPath();
  const backend = new SqliteHITLBackend({ path, retention, watchIntervalMs: 5, ...options });
  await backend.get("none");
  const connection = connect(path);
  connection.exec("CREATE TABLE orders (id text)");
  ends.push(() => backend.close());
  const orders = (): unknown[] => connect(path).prepare("SELECT id FROM orders").pluck().all();
  return { path, backend, connection, orders };
}

function connect(path: string, options: Database.Options = {}): Database.Database {
  const connection = new Database(path, options);
  ends.push(() => connection.close());
  return connection;
}

describe("P5 withTransaction", () => {
  it.each(["BEGIN", "BEGIN IMMEDIATE"])(
    "%s: commit leaves both, the question and the row; nobody sees either before",
    async (begin) => {
      const { backend, connection, orders } = await world();
      const tx = backend.withTransaction(connection);
      connection.exec(begin);
      const { record } = await tx.create(question);
      connection.exec(ORDER);
      expect(await tx.get(record.hitl_id)).toMatchObject({ status: "pending" });
      expect(await backend.get(record.hitl_id)).toBeNull();
      expect(orders()).toEqual([]);
      connection.exec("COMMIT");
      expect(await backend.get(record.hitl_id)).toMatchObject({ status: "pending" });
      expect((await backend.history(record.hitl_id)).items).toHaveLength(1);
      expect(orders()).toEqual(["o1"]);
    },
  );

  it("rollback leaves nothing: no question, no answer, no event, no row", async () => {
    const { backend, connection, orders } = await world();
    const { record: open } = await backend.create(question);
    const tx = backend.withTransaction(connection);
    connection.exec("BEGIN");
    connection.exec(ORDER);
    const { record } = await tx.create({ ...question, key: "other" });
    expect(await tx.respond(open.hitl_id, { confirmed: true })).toMatchObject({ status: "accepted" });
    connection.exec("ROLLBACK");
    tx.announce();
    expect(await backend.get(record.hitl_id)).toBeNull();
    expect(await backend.get(open.hitl_id)).toMatchObject({ status: "pending", version: open.version });
    expect((await backend.history(open.hitl_id)).items).toHaveLength(1);
    expect(orders()).toEqual([]);
    expect(await backend.respond(open.hitl_id, { confirmed: false })).toMatchObject({ status: "accepted" });
  });

  it.each([
    ["COMMIT", { status: "conflict", record: { user_response: { confirmed: true } } }],
    ["ROLLBACK", { status: "accepted", record: { user_response: { confirmed: false } } }],
  ] as const)(
    "P4 an answer in a transaction and one outside at once: it is decided by the %s",
    async (end, outcome) => {
      const { backend, connection } = await world();
      const { record } = await backend.create(question);
      const tx = backend.withTransaction(connection);
      connection.exec("BEGIN");
      expect(await tx.respond(record.hitl_id, { confirmed: true })).toMatchObject({ status: "accepted" });
      let settled = false;
      const outside = backend.respond(record.hitl_id, { confirmed: false }).finally(() => (settled = true));
      expect(await backend.get(record.hitl_id)).toMatchObject({ status: "pending" });
      expect(settled).toBe(false);
      connection.exec(end);
      expect(await outside).toMatchObject(outcome);
    },
  );

  it("after announce() whoever waits here hears of it at once; without it the look at the file finds it", async () => {
    const { path, connection } = await world();
    const slow = openStore({ path, watchIntervalMs: 1_000_000 });
    const other = openStore({ path, watchIntervalMs: 5 });
    const id = freshId();
    await slow.commit([insertOf(id)]);
    const heard: number[] = [];
    const polled: number[] = [];
    await slow.watch([id], ({ version }) => heard.push(version));
    await other.watch([id], ({ version }) => polled.push(version));
    const tx = slow.withTransaction(connection);
    connection.exec("BEGIN");
    await tx.commit([{ op: "update", id, patch: { status: "done" } }]);
    connection.exec("COMMIT");
    await until("the look at the file", () => polled.includes(2));
    expect(heard).toEqual([]);
    tx.announce();
    await until("the announcement", () => heard.length > 0);
    expect(heard).toEqual([2]);
  });

  it("S1 a refused commit leaves nothing of itself, and the transaction goes on", async () => {
    const { backend, connection, orders } = await world();
    const { store } = backend.withTransaction(connection);
    const [kept, lost] = [freshId(), freshId()];
    connection.exec("BEGIN");
    connection.exec(ORDER);
    await store.commit([insertOf(kept)]);
    const refused = await store.commit([
      insertOf(lost),
      { op: "update", id: kept, guard: { version: 9 }, patch: { status: "x" } },
    ]);
    expect(refused.status).toBe("refused");
    // A value that cannot be bound fails in the middle of its commit.
    const broken = insertOf(freshId(), {}, { status: {} as never });
    await expect(store.commit([insertOf(lost), broken])).rejects.toMatchObject({ code: "ERR_HITL_STORE" });
    connection.exec("COMMIT");
    expect((await backend.store.get([kept, lost])).map((record) => record?.version)).toEqual([1, undefined]);
    expect(orders()).toEqual(["o1"]);
  });

  it("reads within the transaction see what it wrote, and a closed view nothing", async () => {
    const { path, connection } = await world();
    const store = openStore({ path });
    const tx = store.withTransaction(connection);
    const id = freshId();
    connection.exec("BEGIN");
    await tx.commit([
      { ...insertOf(id, {}, { keys: { session: "s" }, due_at: 1 }), event: { type: "created" } },
    ]);
    const query = { kind: "hitl", tenant_id: "default", statuses: ["pending"] } as const;
    expect((await tx.page(query)).items).toHaveLength(1);
    expect((await tx.page({ ...query, statuses: ["pending", "done"] })).items).toHaveLength(1);
    expect((await store.page(query)).items).toHaveLength(0);
    expect(await tx.append(id, { type: "note" })).toBe(true);
    expect((await tx.history(id)).items.map(({ type }) => type)).toEqual(["created", "note"]);
    const due = { kind: "hitl", limit: 5, lease: { owner: "w", durationMs: 10 } };
    expect(await tx.acquireDue(due)).toHaveLength(1);
    const [record] = await tx.get([id]);
    expect(await tx.remove([record as never])).toBe(1);
    expect(await tx.purge({ kind: "hitl", statuses: ["pending"], updatedBefore: 1, limit: 1 })).toEqual({
      purged: 0,
      more: false,
    });
    await tx.close();
    await expect(tx.get([id])).rejects.toMatchObject({ code: "ERR_HITL_CLOSED" });
    await expect(tx.watch([id], () => undefined)).rejects.toMatchObject({ code: "ERR_HITL_CLOSED" });
    connection.exec("ROLLBACK");
    expect(await store.get([id])).toEqual([null]);
  });

  it("a tenant's view of it is within it too", async () => {
    const { backend, connection } = await world();
    connection.exec("BEGIN");
    const { record } = await backend.withTransaction(connection).forTenant("t2").create(question);
    connection.exec("ROLLBACK");
    expect(await backend.forTenant("t2").get(record.hitl_id)).toBeNull();
  });

  it("S6 is the same on a connection that reads integers as BigInt, and keeps its settings", async () => {
    const { path, backend } = await world();
    const connection = connect(path, { timeout: 1234 });
    connection.defaultSafeIntegers(true);
    const tx = backend.withTransaction(connection);
    for (const key of ["a", "b"]) {
      connection.exec("BEGIN");
      const { record } = await tx.create({ ...question, key });
      expect(await tx.get(record.hitl_id)).toEqual(record);
      connection.exec("COMMIT");
      expect(await backend.get(record.hitl_id)).toEqual(record);
    }
    expect(connection.pragma("busy_timeout", { simple: true })).toBe(1234n);
  });

  it("takes the lock with its first operation, so that nothing that it has read changes", async () => {
    const { path, backend, connection } = await world();
    const other = connect(path, { timeout: 0 });
    connection.exec("BEGIN");
    await backend.withTransaction(connection).get("none");
    expect(() => other.exec("BEGIN IMMEDIATE")).toThrow(/locked/);
    connection.exec("ROLLBACK");
    other.exec("BEGIN IMMEDIATE; ROLLBACK");
  });
});

describe("P3 what cannot carry a record is refused before anything is written", () => {
  const invalid = (reason: string): unknown =>
    expect.objectContaining({ code: "ERR_HITL_INVALID_INPUT", details: expect.objectContaining({ reason }) });
  const store = (reason: string): unknown =>
    expect.objectContaining({ code: "ERR_HITL_STORE", details: expect.objectContaining({ reason }) });
  const recordsAt = (path: string): unknown =>
    connect(path).prepare("SELECT count(*) FROM holdpoint_records").pluck().get();

  it("a connection that is in no transaction, or in none any more, or closed", async () => {
    const { path, backend, connection } = await world();
    const tx = backend.withTransaction(connection);
    await expect(tx.create(question)).rejects.toEqual(invalid("no_transaction"));
    connection.exec("BEGIN");
    await tx.create(question);
    connection.exec("ROLLBACK");
    await expect(tx.create(question)).rejects.toEqual(invalid("no_transaction"));
    connection.close();
    await expect(tx.create(question)).rejects.toEqual(invalid("closed"));
    expect(recordsAt(path)).toBe(0);
  });

  it("one on another file: another path, a hard link, a database in memory, an attached file", async () => {
    const { path, backend } = await world();
    const { path: other } = await world();
    const hard = join(dirname(path), "hard.db");
    linkSync(path, hard);
    for (const file of [other, hard, ":memory:", ""]) {
      const connection = connect(file);
      if (file === "") connection.exec(`ATTACH '${path}' AS records`);
      connection.exec("BEGIN");
      await expect(backend.withTransaction(connection).create(question)).rejects.toEqual(
        invalid("other_file"),
      );
      connection.exec("COMMIT");
    }
    expect([recordsAt(path), recordsAt(other)]).toEqual([0, 0]);
  });

  it("but one that has found the same file by a symbolic link or a relative path is good", async () => {
    const { path, backend } = await world();
    const soft = join(dirname(path), "soft.db");
    symlinkSync(path, soft);
    for (const [n, file] of [
      soft,
      join(dirname(path), ".", "..", dirname(path).split("/").at(-1) ?? "", "store.db"),
    ].entries()) {
      const connection = connect(file);
      connection.exec("BEGIN");
      await backend.withTransaction(connection).create({ ...question, key: `${n}` });
      connection.exec("COMMIT");
    }
    expect((await backend.list({ session_id: "s" })).items).toHaveLength(2);
  });

  it("what is no connection, one of another library, and a driver that lends none", async () => {
    const { path, backend, connection } = await world();
    for (const handle of [undefined, null, {}, "db", path])
      expect(() => backend.withTransaction(handle as never)).toThrow(
        expect.objectContaining({ code: "ERR_HITL_INVALID_INPUT" }),
      );
    // As one of a second copy of the library: it does all that the first one does.
    const copy: SqliteHandle = {
      exec: (sql) => connection.exec(sql),
      prepare: (sql) => connection.prepare(sql),
      close: () => connection.close(),
    };
    connection.exec("BEGIN");
    await expect(backend.withTransaction(copy).create(question)).rejects.toEqual(invalid("other_library"));
    const { lend: _, ...own } = (await loadBetterSqlite3()) as SqliteDriver;
    const bare = openStore({ path, driver: { ...own, name: "mine" } });
    expect(bare.capabilities.transactions).toBe(false);
    await expect(bare.withTransaction(connection).get([freshId()])).rejects.toEqual(invalid("other_library"));
    connection.exec("COMMIT");
    expect(recordsAt(path)).toBe(0);
  });

  it("a store in memory, which no other connection can see", async () => {
    const memory = new SqliteHITLBackend({ path: ":memory:", retention });
    ends.push(() => memory.close());
    expect(memory.store.capabilities.transactions).toBe(false);
    const connection = connect(":memory:");
    expect(() => memory.withTransaction(connection)).toThrow(/in memory/);
    await expect(
      memory.transaction(
        () => connection,
        () => 1,
      ),
    ).rejects.toThrow(/in memory/);
  });

  it("a file without the tables, at once although its own transaction holds the lock, and one of a newer release", async () => {
    const path = temporaryPath();
    const connection = connect(path);
    connection.exec("CREATE TABLE orders (id text)");
    const backend = new SqliteHITLBackend({ path, retention });
    ends.push(() => backend.close());
    const schema = expect.objectContaining({ code: "ERR_HITL_STORE_SCHEMA" });
    connection.exec("BEGIN IMMEDIATE");
    await expect(backend.withTransaction(connection).create(question)).rejects.toEqual(schema);
    connection.exec("ROLLBACK");
    await backend.get("none");
    connection.exec("BEGIN");
    await backend.withTransaction(connection).create(question);
    connection.exec("ROLLBACK");
    connection.exec("INSERT INTO holdpoint_migrations VALUES (999, 'newer', 1)");
    const later = connect(path);
    later.exec("BEGIN");
    await expect(backend.withTransaction(later).create(question)).rejects.toEqual(schema);
    later.exec("COMMIT");
    expect(recordsAt(path)).toBe(0);
  });

  it("a connection that cannot write", async () => {
    const { path, backend } = await world();
    const connection = connect(path, { readonly: true });
    connection.exec("BEGIN");
    await expect(backend.withTransaction(connection).create(question)).rejects.toEqual(store("readonly"));
    connection.exec("COMMIT");
    expect(recordsAt(path)).toBe(0);
  });

  it("a transaction that has read what others have changed since: it can never write", async () => {
    const { path, backend, connection, orders } = await world();
    connection.exec("BEGIN");
    connection.prepare("SELECT * FROM orders").all();
    connect(path).exec(ORDER);
    await expect(backend.withTransaction(connection).create(question)).rejects.toEqual(store("snapshot"));
    connection.exec("COMMIT");
    expect([recordsAt(path), orders()]).toEqual([0, ["o1"]]);
  });

  it("a lock that somebody else keeps for longer than busyTimeoutMs", async () => {
    const { path, backend, connection } = await world({ busyTimeoutMs: 30 });
    const other = connect(path);
    other.exec("BEGIN IMMEDIATE");
    connection.exec("BEGIN");
    await expect(backend.withTransaction(connection).create(question)).rejects.toEqual(store("busy"));
    await expect(
      backend.transaction(
        () => new Database(path),
        () => 1,
      ),
    ).rejects.toEqual(store("busy"));
    await expect(backend.create(question)).rejects.toEqual(store("busy"));
    connection.exec("COMMIT");
    other.exec("ROLLBACK");
    await backend.create(question);
    expect(recordsAt(path)).toBe(1);
  });
});

// Which of the two there is to show depends on the Node that runs the tests.
const node = loadNodeSqlite();
if (node === null) {
  it("a connection is never of node:sqlite on a Node that has none", async () => {
    const store = openStore({ path: temporaryPath(), driver: "node:sqlite" });
    const view = store.withTransaction(connect(":memory:"));
    await expect(view.get([freshId()])).rejects.toMatchObject({ code: "ERR_HITL_MISSING_PEER" });
  });
} else {
  it("P5 the same on node:sqlite, however the connection reads, and each library takes its own connections only", async () => {
    // Its types are in newer releases of Node than the oldest supported one.
    const { DatabaseSync } = process.getBuiltinModule("node:sqlite") as never as {
      readonly DatabaseSync: new (path: string, options: object) => SqliteHandle;
    };
    const path = temporaryPath();
    const backend = new SqliteHITLBackend({ path, retention, driver: "node:sqlite" });
    ends.push(() => backend.close());
    await backend.get("none");
    const connection = new DatabaseSync(path, { readBigInts: true, returnArrays: true });
    const tx = backend.withTransaction(connection);
    await expect(tx.create(question)).rejects.toMatchObject({ details: { reason: "no_transaction" } });
    for (const [key, end] of [
      ["kept", "COMMIT"],
      ["lost", "ROLLBACK"],
    ] as const) {
      connection.exec("BEGIN");
      const { record } = await tx.create({ ...question, key });
      expect(await tx.get(record.hitl_id)).toEqual(record);
      connection.exec(end);
    }
    expect((await backend.list({ session_id: "s" })).items.map(({ key }) => key)).toEqual(["kept"]);
    const better = connect(path);
    better.exec("BEGIN");
    const foreign = backend.withTransaction(better).create(question);
    await expect(foreign).rejects.toMatchObject({ details: { reason: "other_library" } });
    better.exec("ROLLBACK");
    connection.close();
    await expect(tx.create(question)).rejects.toMatchObject({ details: { reason: "closed" } });
  });
}

it("knows a store's capability", () => {
  expect(new SqliteRecordStore({ path: "never-opened.db" }).capabilities.transactions).toBe(true);
});
