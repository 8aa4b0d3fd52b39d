/** A view within a transaction does what a store does, and a backend on it what a backend does: the suites, each case in one transaction that is rolled back. */
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, describe, expect, it } from "vitest";
import type { CommitResult, DueQuery, StoredRecord, StoreOp } from "../../../src/backends/record-store.ts";
import { SqliteRecordStore, SqliteTransactionStore } from "../../../src/backends/sqlite/index.ts";
import { StoreHITLBackend } from "../../../src/backends/store-backend.ts";
import {
  type ConformanceContext,
  hitlBackendConformance,
  recordStoreConformance,
} from "../../../src/testing/index.ts";

const opened: { readonly store: SqliteRecordStore; readonly connection: Database.Database }[] = [];
const paths: string[] = [];
afterAll(async () => {
  for (const { store, connection } of opened) {
    connection.close();
    await store.close();
  }
  for (const path of paths) {
    const left = new Database(path);
    // Whatever the cases did was in their transactions.
    expect(left.prepare("SELECT count(*) FROM holdpoint_records").pluck().get()).toBe(0);
    left.close();
    rmSync(join(path, ".."), { recursive: true, force: true });
  }
});

/** Those who watch hear of each write at once, as if it were committed by itself. */
function announcing(view: SqliteTransactionStore): SqliteTransactionStore {
  const commit = async (ops: readonly StoreOp[]): Promise<CommitResult> => {
    const result = await SqliteTransactionStore.prototype.commit.call(view, ops);
    view.announce();
    return result;
  };
  const acquireDue = async (query: DueQuery): Promise<readonly StoredRecord[]> => {
    const acquired = await SqliteTransactionStore.prototype.acquireDue.call(view, query);
    view.announce();
    return acquired;
  };
  return Object.assign(view, { commit, acquireDue });
}

async function createView({ id, clock }: ConformanceContext): Promise<SqliteTransactionStore> {
  const path = join(tmpdir(), `holdpoint-tx-${id}`, "h.db");
  const store = new SqliteRecordStore({ path, clock, watchIntervalMs: 5 });
  await store.get([]);
  const connection = new Database(path);
  connection.exec("BEGIN");
  opened.push({ store, connection });
  paths.push(path);
  return announcing(store.withTransaction(connection));
}

const name = "a transaction of sqlite";
const capabilities = { durable: false, shared: false, fakeClock: true };
recordStoreConformance({ name, capabilities, createStore: createView }, { describe, it });
hitlBackendConformance(
  {
    name,
    capabilities,
    createBackend: async (context) =>
      new StoreHITLBackend(await createView(context), {
        clock: context.clock,
        retention: { sweepEveryMs: 0 },
      }),
  },
  { describe, it },
);
