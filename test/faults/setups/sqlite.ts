/** One file for all processes, with `synchronous` FULL. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { SqliteRecordStore } from "../../../src/backends/sqlite/sqlite-store.ts";
import { below } from "../random.ts";
import { type Fault, type FaultSetup, textOf, wait } from "../setup.ts";
import { CALL_TIMEOUT_MS } from "../tcp-proxy.ts";

/** Somebody else's transaction holds the file: sometimes longer than a call may wait. */
function holdLock(path: string): Fault {
  return {
    name: "hold-lock",
    inject: async (random) => {
      const database = new Database(path, { timeout: 5000 });
      try {
        database.exec("BEGIN IMMEDIATE");
        await wait(50 + below(random, 2 * CALL_TIMEOUT_MS));
        database.exec("ROLLBACK");
      } finally {
        database.close();
      }
    },
  };
}

/** A reader that keeps its snapshot open: checkpoints of the WAL cannot go past it. */
function holdSnapshot(path: string): Fault {
  return {
    name: "hold-snapshot",
    inject: async (random) => {
      const database = new Database(path, { readonly: true });
      try {
        database.exec("BEGIN");
        database.prepare("SELECT count(*) FROM sqlite_master").get();
        await wait(100 + below(random, 400));
        database.exec("COMMIT");
      } finally {
        database.close();
      }
    },
  };
}

export const sqliteSetup: FaultSetup = {
  name: "sqlite",
  promises: { durable: true, linearizable: true },
  start: async () => {
    const folder = mkdtempSync(join(tmpdir(), "holdpoint-faults-"));
    const path = join(folder, "records.db");
    const target = { path };
    return {
      target,
      direct: target,
      faults: [holdLock(path), holdSnapshot(path)],
      healed: async () => undefined,
      stop: async () => rmSync(folder, { recursive: true, force: true }),
    };
  },
  open: (target, callMs = CALL_TIMEOUT_MS) =>
    new SqliteRecordStore({
      path: textOf(target, "path"),
      synchronous: "FULL",
      busyTimeoutMs: callMs,
      watchIntervalMs: 20,
    }),
};
