/** Two backends that share one store, as two processes or two machines do. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HITLBackend, StoreHITLBackend } from "holdpoint";
import { PostgresHITLBackend } from "holdpoint/backends/postgres";
import { RedisHITLBackend } from "holdpoint/backends/redis";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { MemoryRecordData, MemoryRecordStore } from "holdpoint/testing";
import { startPostgresServer } from "./postgres-server.ts";
import { startRedisServer } from "./redis-server.ts";

export interface SharedStore {
  /** A fresh store, empty, and two backends on it. */
  pair(): readonly [HITLBackend, HITLBackend];
  stop(): Promise<void>;
}

export type SharedStoreName = "memory" | "sqlite" | "redis" | "postgres";

export async function sharedStore(name: SharedStoreName): Promise<SharedStore> {
  const opened: HITLBackend[] = [];
  const both = (make: () => HITLBackend): readonly [HITLBackend, HITLBackend] => {
    const pair = [make(), make()] as const;
    opened.push(...pair);
    return pair;
  };
  const closeAll = async (): Promise<void> =>
    void (await Promise.all(opened.map((backend) => backend.close())));
  switch (name) {
    case "memory": {
      const pair: SharedStore["pair"] = () => {
        const data = new MemoryRecordData();
        return both(() => new StoreHITLBackend(new MemoryRecordStore({}, data)));
      };
      return { pair, stop: closeAll };
    }
    case "sqlite": {
      const folder = mkdtempSync(join(tmpdir(), "holdpoint-shared-"));
      const pair: SharedStore["pair"] = () => {
        const path = join(folder, `${opened.length}.db`);
        return both(() => new SqliteHITLBackend({ path }));
      };
      const stop = async (): Promise<void> => {
        await closeAll();
        rmSync(folder, { recursive: true, force: true });
      };
      return { pair, stop };
    }
    case "postgres": {
      // Every pair has pools of its own until the end.
      const server = await startPostgresServer({ own: true, settings: { max_connections: 500 } });
      const pair: SharedStore["pair"] = () => {
        const schema = server.schema();
        return both(() => new PostgresHITLBackend({ connectionString: server.url, schema }));
      };
      const stop = async (): Promise<void> => {
        await closeAll();
        await server.stop();
      };
      return { pair, stop };
    }
    case "redis": {
      const server = await startRedisServer();
      const pair: SharedStore["pair"] = () => {
        const prefix = server.prefix();
        return both(() => new RedisHITLBackend({ url: server.url, prefix }));
      };
      const stop = async (): Promise<void> => {
        await closeAll();
        await server.stop();
      };
      return { pair, stop };
    }
  }
}
