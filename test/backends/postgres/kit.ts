/** What the PostgreSQL tests share beside what the Redis ones have. */
import { readFileSync, writeFileSync } from "node:fs";
import { expect } from "vitest";
import type { CommitResult, RecordStore, StoreOp } from "../../../src/backends/record-store.ts";
import { eventually } from "../../support/redis-server.ts";
import type { PostgresServer } from "../../support/postgres-server.ts";
import { type LossyProxy, lossyProxy } from "../../support/lossy-proxy.ts";

export interface PostgresProxy extends Pick<LossyProxy, "loseReplyTo" | "lost" | "close"> {
  readonly url: string;
}

/** A way to the server that loses replies. */
export async function proxyOf(server: PostgresServer): Promise<PostgresProxy> {
  const proxy = await lossyProxy(server.port);
  const url = new URL(server.url);
  url.port = new URL(proxy.url).port;
  return {
    url: url.href,
    loseReplyTo: proxy.loseReplyTo,
    get lost() {
      return proxy.lost;
    },
    close: proxy.close,
  };
}

/**
 * The same store, with a read added to each commit of one operation: so it does all of them as it does several, by
 * `commit_ops` and not by a statement of its own.
 */
export function asSeveral<T extends RecordStore>(store: T): T {
  return new Proxy(store, {
    get(target, name) {
      if (name === "commit") {
        return async (ops: readonly StoreOp[]): Promise<CommitResult> => {
          const [only] = ops;
          if (ops.length !== 1 || !only) return target.commit(ops);
          const id = only.op === "insert" ? only.record.id : only.id;
          const { status, results } = await target.commit([...ops, { op: "read", id }]);
          return { status, results: results.slice(0, 1) };
        };
      }
      const member: unknown = Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

/** Each commit of one operation as the store does it, and as it does several. */
export const WAYS: readonly { readonly way: string; readonly as: <T extends RecordStore>(store: T) => T }[] =
  [
    { way: "by statements of their own", as: (store) => store },
    { way: "by commit_ops", as: asSeveral },
  ];

/**
 * The backend whose statement waits for a lock in the schema, as soon as there is one.
 *
 * @param before - one that waited before, and may not be gone yet
 */
export async function blockedPid(server: PostgresServer, schema: string, before = 0): Promise<number> {
  let pids: number[] = [];
  await eventually("one waits for the row", async () => {
    const rows = await server.sql(
      "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1 AND pid <> $2",
      [`%${schema}%`, before],
    );
    pids = rows.map(({ pid }) => Number(pid));
    return pids.length === 1;
  });
  return pids[0] as number;
}

/** Compares with a file of the repository; HOLDPOINT_UPDATE_SNAPSHOTS=1 writes it. */
export function expectFile(url: URL, text: string): void {
  if (process.env["HOLDPOINT_UPDATE_SNAPSHOTS"] === "1") writeFileSync(url, text);
  expect(text).toBe(readFileSync(url, "utf8"));
}
