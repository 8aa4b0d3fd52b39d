/** The stores on which the matrix runs. A driver is loaded when its store is asked for: another LangGraph needs none. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HITLBackend, StoreHITLBackend } from "holdpoint";
import { MemoryRecordData, MemoryRecordStore } from "holdpoint/testing";

export const STORES = ["memory", "sqlite", "redis"] as const;
export type StoreName = (typeof STORES)[number];

/** The handle of those who run the graph, and that of those who answer, on one store. */
export type Handles = readonly [HITLBackend, HITLBackend];

export interface Stores {
  /** Two handles on a fresh store, empty. */
  handles(): Handles;
  stop(): Promise<void>;
}

/** @throws Error if HOLDPOINT_MATRIX_STORE names no store; without it: memory */
export function storeName(): StoreName {
  const given = process.env["HOLDPOINT_MATRIX_STORE"] ?? "memory";
  const found = STORES.find((name) => name === given);
  if (!found)
    throw new Error(`HOLDPOINT_MATRIX_STORE is "${given}", and has to be one of: ${STORES.join(", ")}`);
  return found;
}

export async function openStores(name: StoreName): Promise<Stores> {
  const opened: HITLBackend[] = [];
  const both = (make: () => HITLBackend): Handles => {
    const handles = [make(), make()] as const;
    opened.push(...handles);
    return handles;
  };
  const close = async (): Promise<void> => void (await Promise.all(opened.map((backend) => backend.close())));
  switch (name) {
    case "memory": {
      const handles = (): Handles => {
        const data = new MemoryRecordData();
        return both(() => new StoreHITLBackend(new MemoryRecordStore({}, data)));
      };
      return { handles, stop: close };
    }
    case "sqlite": {
      const { SqliteHITLBackend } = await import("holdpoint/backends/sqlite");
      const folder = mkdtempSync(join(tmpdir(), "holdpoint-matrix-"));
      const handles = (): Handles => {
        const path = join(folder, `${opened.length}.db`);
        return both(() => new SqliteHITLBackend({ path }));
      };
      const stop = async (): Promise<void> => {
        await close();
        rmSync(folder, { recursive: true, force: true });
      };
      return { handles, stop };
    }
    case "redis": {
      const { RedisHITLBackend } = await import("holdpoint/backends/redis");
      const { startRedisServer } = await import("../support/redis-server.ts");
      const server = await startRedisServer();
      const handles = (): Handles => {
        const prefix = server.prefix();
        return both(() => new RedisHITLBackend({ url: server.url, prefix }));
      };
      const stop = async (): Promise<void> => {
        await close();
        await server.stop();
      };
      return { handles, stop };
    }
  }
}
