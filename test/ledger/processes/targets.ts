/** Stores that several processes share: how one is started, and how each process opens it. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoreHITLBackend } from "holdpoint";
import { PostgresHITLBackend } from "holdpoint/backends/postgres";
import { RedisHITLBackend } from "holdpoint/backends/redis";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { startPostgresServer } from "../../support/postgres-server.ts";
import { startRedisCluster } from "../../support/redis-cluster.ts";
import { startRedisServer } from "../../support/redis-server.ts";

export const SHARED_STORES = ["sqlite", "redis", "cluster", "postgres"] as const;
export type SharedStoreName = (typeof SHARED_STORES)[number];

/** Goes to the processes as JSON. */
export type Target =
  | { readonly store: "sqlite"; readonly path: string }
  | { readonly store: "redis"; readonly url: string; readonly prefix: string }
  | { readonly store: "cluster"; readonly ports: readonly number[]; readonly prefix: string }
  | { readonly store: "postgres"; readonly connectionString: string; readonly schema: string };

export interface RunningTarget {
  readonly target: Target;
  /** For logs and the like; gone with the target. */
  readonly folder: string;
  stop(): Promise<void>;
}

export function openTarget(target: Target): StoreHITLBackend {
  const retention = { sweepEveryMs: 0 };
  switch (target.store) {
    case "sqlite":
      return new SqliteHITLBackend({ path: target.path, watchIntervalMs: 20, retention });
    case "redis":
      return new RedisHITLBackend({ url: target.url, prefix: target.prefix, retention });
    case "cluster": {
      const cluster = target.ports.map((port) => ({ host: "127.0.0.1", port }));
      return new RedisHITLBackend({ cluster, prefix: target.prefix, retention });
    }
    case "postgres": {
      const { connectionString, schema } = target;
      return new PostgresHITLBackend({ connectionString, schema, maxConnections: 4, retention });
    }
  }
}

export async function startTarget(store: SharedStoreName): Promise<RunningTarget> {
  const folder = mkdtempSync(join(tmpdir(), `holdpoint-ledger-${store}-`));
  const { target, stop } = await started(store, folder);
  return {
    target,
    folder,
    stop: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function started(
  store: SharedStoreName,
  folder: string,
): Promise<{ readonly target: Target; stop(): Promise<void> }> {
  switch (store) {
    case "sqlite":
      return { target: { store, path: join(folder, "records.db") }, stop: async () => undefined };
    case "redis": {
      const server = await startRedisServer();
      return { target: { store, url: server.url, prefix: server.prefix() }, stop: () => server.stop() };
    }
    case "cluster": {
      const cluster = await startRedisCluster();
      const ports = cluster.nodes.map(({ port }) => port);
      return { target: { store, ports, prefix: cluster.prefix() }, stop: () => cluster.stop() };
    }
    case "postgres": {
      const server = await startPostgresServer();
      const target = { store, connectionString: server.url, schema: server.schema() } as const;
      return { target, stop: () => server.stop() };
    }
  }
}

/** A name that no other round has. */
export function workflowName(what: string): string {
  return `${what}-${randomBytes(6).toString("hex")}`;
}
