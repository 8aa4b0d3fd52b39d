import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import type { StoreHITLBackend } from "holdpoint";
import { audited, type AuditOptions, readAudit, verifyAudit } from "holdpoint/audit";
import { PostgresHITLBackend } from "holdpoint/backends/postgres";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { EffectLedger, isEffectLedgerValidationError, type TransactionBackend } from "holdpoint/ledger";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startPostgresServer } from "../support/postgres-server.ts";

const AUDIT: AuditOptions = { redact: { paths: ["value.data.pin"] } };
const DATA = { message: "Go?", pin: "1234" };
const QUESTION = { session_id: "s1", hitl_type: "confirm", data: DATA };

/** A datastore in which somebody has tables and transactions of his own. */
interface Site {
  /** Another handle on the store. */
  open(): StoreHITLBackend;
  /** Runs the work in a transaction of the backend's user: it may write rows of its own with `insert`. */
  transaction<T>(
    backend: StoreHITLBackend,
    work: (tx: TransactionBackend, insert: (row: string) => Promise<void>) => Promise<T>,
  ): Promise<T>;
  rows(): Promise<number>;
  close(): Promise<void>;
}

async function onSqlite(): Promise<Site> {
  const folder = mkdtempSync(join(tmpdir(), "holdpoint-audit-tx-"));
  const path = join(folder, "app.db");
  const reader = new Database(path);
  reader.exec("CREATE TABLE bookings (id text)");
  return {
    open: () => new SqliteHITLBackend({ path, retention: { sweepEveryMs: 0 } }),
    transaction: (backend, work) =>
      (backend as SqliteHITLBackend).transaction(
        () => new Database(path),
        (tx, connection) =>
          work(tx, async (row) => void connection.prepare("INSERT INTO bookings VALUES (?)").run(row)),
      ),
    rows: async () => reader.prepare("SELECT 1 FROM bookings").all().length,
    close: async () => {
      reader.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function onPostgres(): Promise<Site> {
  const server = await startPostgresServer();
  const schema = server.schema();
  const pool = new Pool({ connectionString: server.url });
  await pool.query(`CREATE TABLE ${schema}_bookings (id text)`);
  return {
    open: () => new PostgresHITLBackend({ pool, schema, retention: { sweepEveryMs: 0 } }),
    transaction: async (backend, work) => {
      const client = await pool.connect();
      const tx = (backend as PostgresHITLBackend).withTransaction(client);
      try {
        await client.query("BEGIN");
        const result = await work(
          tx,
          async (row) => void (await client.query(`INSERT INTO ${schema}_bookings VALUES ($1)`, [row])),
        );
        await client.query("COMMIT");
        tx.announce();
        return result;
      } catch (error) {
        await client.query("ROLLBACK");
        throw error;
      } finally {
        client.release();
      }
    },
    rows: async () => (await pool.query(`SELECT 1 FROM ${schema}_bookings`)).rows.length,
    close: async () => {
      await pool.query(`DROP TABLE ${schema}_bookings`);
      await pool.end();
      await server.stop();
    },
  };
}

describe.each([
  ["SQLite", onSqlite],
  ["PostgreSQL", onPostgres],
])("the audit trail within a transaction of %s", (_name, start) => {
  let site: Site;
  let bare: StoreHITLBackend;
  let backend: StoreHITLBackend;
  let count = 0;

  beforeAll(async () => {
    site = await start();
    bare = site.open();
    backend = audited(bare, AUDIT);
    await backend.get("none");
  }, 60_000);
  afterAll(async () => {
    await backend.close();
    await site.close();
  });

  const nextCall = (): { workflow_id: string; tool: string; args: { order: string } } => {
    count += 1;
    return { workflow_id: `w${count}`, tool: "book", args: { order: `o${count}` } };
  };
  const problemsOf = async (id: string): Promise<readonly unknown[]> => {
    const trail = await readAudit(backend, id);
    if (!trail) throw new Error(`There is no record ${id}.`);
    return (await verifyAudit(trail)).problems;
  };

  it("links what is written there, before and after it too", async () => {
    const { record } = await backend.create(QUESTION);
    await site.transaction(bare, async (tx) => {
      const seen = audited(tx, AUDIT);
      await seen.respond(record.hitl_id, { confirmed: true }, { actor: { id: "ann" } });
      expect((await seen.create({ ...QUESTION, hitl_id: "second" })).status).toBe("created");
    });
    await backend.cancel("second");
    expect(await problemsOf(record.hitl_id)).toEqual([]);
    expect(await problemsOf("second")).toEqual([]);
    const trails = [await readAudit(backend, record.hitl_id), await readAudit(backend, "second")];
    expect(trails.map((trail) => trail?.events.map(({ type }) => type))).toEqual([
      ["created", "answered"],
      ["created", "cancelled"],
    ]);
  });

  it("takes the links back with a rollback", async () => {
    const { record } = await backend.create(QUESTION);
    const work = site.transaction(bare, async (tx) => {
      await audited(tx, AUDIT).respond(record.hitl_id, { confirmed: true });
      throw new Error("no");
    });
    await expect(work).rejects.toThrow("no");
    await backend.respond(record.hitl_id, { confirmed: false });
    expect(await problemsOf(record.hitl_id)).toEqual([]);
  });

  it("has a call of the ledger, its outcome in one commit with the rows", async () => {
    const ledger = new EffectLedger({ backend });
    const call = nextCall();
    const before = await site.rows();
    const book = (): Promise<string> =>
      site.transaction(bare, (tx, insert) =>
        ledger.run(call, () => insert("o1").then(() => "booked"), { tx: audited(tx, AUDIT) }),
      );
    expect([await book(), await book()]).toEqual(["booked", "booked"]);
    expect(await site.rows()).toBe(before + 1);
    const [effect] = (await ledger.list({ workflow_id: call.workflow_id })).items;
    expect(effect?.status).toBe("succeeded");
    expect(await problemsOf(effect?.id ?? "")).toEqual([]);
  });

  it("is not passed by: a ledger with a trail refuses a view without one, and the other way round", async () => {
    const [forgetful, plain] = [nextCall(), nextCall()];
    const isRefused = (error: unknown): boolean =>
      isEffectLedgerValidationError(error) && error.field === "tx" && /audit trail/.test(error.message);
    const forgotten = site.transaction(bare, (tx) =>
      new EffectLedger({ backend }).run(forgetful, () => 1, { tx }),
    );
    await expect(forgotten).rejects.toSatisfy(isRefused);
    const tooMuch = site.transaction(bare, (tx) =>
      new EffectLedger({ backend: bare }).run(plain, () => 1, { tx: audited(tx, AUDIT) }),
    );
    await expect(tooMuch).rejects.toSatisfy(isRefused);
    for (const { workflow_id } of [forgetful, plain])
      expect((await new EffectLedger({ backend }).list({ workflow_id })).items).toEqual([]);
  });

  it("tells those who wait, when the owner says that he has committed", async () => {
    const { record } = await backend.create(QUESTION);
    const waiting = backend.waitFor(record.hitl_id, { timeoutMs: 20_000 });
    const tx = await site.transaction(bare, async (view) => {
      const seen = audited(view, AUDIT);
      await seen.respond(record.hitl_id, { confirmed: true });
      expect(() => audited(seen)).toThrow(/audited already/);
      return seen;
    });
    tx.announce();
    expect((await waiting).status).toBe("completed");
  });
});
