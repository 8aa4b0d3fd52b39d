/** Two backends on one store whose time a test moves: a lease runs out when it is to, on however slow a machine. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HITLBackend, StoreHITLBackend } from "holdpoint";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { FakeClock, MemoryRecordData, MemoryRecordStore } from "holdpoint/testing";

export interface ClockedStore {
  readonly clock: FakeClock;
  /** On a fresh store. */
  pair(): readonly [HITLBackend, HITLBackend];
  stop(): Promise<void>;
}

export function clockedStore(name: "memory" | "sqlite"): ClockedStore {
  const clock = new FakeClock(Date.now());
  const opened: HITLBackend[] = [];
  const folder = mkdtempSync(join(tmpdir(), "holdpoint-clocked-"));
  let stores = 0;
  return {
    clock,
    pair() {
      stores += 1;
      const data = new MemoryRecordData();
      const path = join(folder, `${stores}.db`);
      const make = (): HITLBackend =>
        name === "memory"
          ? new StoreHITLBackend(new MemoryRecordStore({ clock }, data), { clock })
          : new SqliteHITLBackend({ path, clock });
      const pair = [make(), make()] as const;
      opened.push(...pair);
      return pair;
    },
    async stop() {
      await Promise.all(opened.map((backend) => backend.close()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
