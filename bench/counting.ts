/** Counters that sit between holdpoint and what it stands on, and change nothing. */
import { type AddressInfo, connect, createServer } from "node:net";
import type { RecordStore } from "holdpoint";
import type { SqliteConnection, SqliteDriver, SqliteStatement } from "holdpoint/backends/sqlite";

export interface StoreCounts {
  /** Operations that write, in order: `commit` with the kinds of its parts, `append` … */
  readonly writes: string[];
  readonly reads: string[];
}

/** The store, with every call noted. A commit of nothing but reads is a read. */
export function countingStore(store: RecordStore): { store: RecordStore; counts: StoreCounts } {
  const counts: StoreCounts = { writes: [], reads: [] };
  const counted: RecordStore = {
    capabilities: store.capabilities,
    commit: (ops) => {
      const parts = ops.map((operation) => {
        const id = operation.op === "insert" ? operation.record.id : operation.id;
        return `${operation.op} ${id.split("_")[0]}`;
      });
      const list = ops.some(({ op }) => op !== "read") ? counts.writes : counts.reads;
      list.push(parts.join(" + "));
      return store.commit(ops);
    },
    get: (ids) => {
      counts.reads.push(`get ${ids.length}`);
      return store.get(ids);
    },
    page: (query) => {
      counts.reads.push(`page by ${query.key?.name ?? "tenant"}`);
      return store.page(query);
    },
    acquireDue: (query) => {
      counts.writes.push("acquireDue");
      return store.acquireDue(query);
    },
    remove: (records) => {
      counts.writes.push(`remove ${records.length}`);
      return store.remove(records);
    },
    append: (id, event) => {
      counts.writes.push("append");
      return store.append(id, event);
    },
    history: (id, query) => {
      counts.reads.push("history");
      return store.history(id, query);
    },
    watch: (ids, listener) => store.watch(ids, listener),
    purge: (query) => {
      counts.writes.push("purge");
      return store.purge(query);
    },
    now: () => store.now(),
    close: () => store.close(),
  };
  return { store: counted, counts };
}

export interface TransactionCounts {
  begun: number;
  committed: number;
  rolledBack: number;
  /** Statements that ran outside any transaction, each of which would be a commit of its own if it wrote. */
  alone: number;
}

/** The driver, with its transactions counted. */
export function countingDriver(driver: SqliteDriver): { driver: SqliteDriver; counts: TransactionCounts } {
  const counts: TransactionCounts = { begun: 0, committed: 0, rolledBack: 0, alone: 0 };
  let inside = false;
  const note = (sql: string): void => {
    const word = sql.trimStart().slice(0, 8).toUpperCase();
    if (word.startsWith("BEGIN")) {
      counts.begun += sql.toUpperCase().includes("IMMEDIATE") ? 1 : 0;
      inside = true;
    } else if (word.startsWith("COMMIT")) {
      counts.committed += 1;
      inside = false;
    } else if (word.startsWith("ROLLBACK")) {
      counts.rolledBack += 1;
      inside = false;
    } else if (!inside && /^(--.*\n)*\s*(INSERT|UPDATE|DELETE)/i.test(sql)) counts.alone += 1;
  };
  const prepared = (connection: SqliteConnection, sql: string): SqliteStatement => {
    const statement = connection.prepare(sql);
    return {
      run: (...parameters) => {
        note(sql);
        return statement.run(...parameters);
      },
      get: (...parameters) => statement.get(...parameters),
      all: (...parameters) => statement.all(...parameters),
    };
  };
  const counted: SqliteDriver = {
    name: driver.name,
    classify: (error) => driver.classify(error),
    open: (path) => {
      const connection = driver.open(path);
      return {
        exec: (sql) => {
          note(sql);
          connection.exec(sql);
        },
        prepare: (sql) => prepared(connection, sql),
        close: () => connection.close(),
      };
    },
  };
  return { driver: counted, counts };
}

export interface Proxy {
  readonly port: number;
  /** How often the client spoke after the server had: round trips, as long as one call runs at a time. */
  turns(): number;
  reset(): void;
  close(): Promise<void>;
}

/** A TCP proxy before a server. Counts on the wire: what a client library pipelines is one trip. */
export async function countingProxy(target: number): Promise<Proxy> {
  let turns = 0;
  let speaker: "client" | "server" = "server";
  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    for (const socket of [client, upstream]) socket.setNoDelay(true).on("error", () => socket.destroy());
    client.on("data", (chunk) => {
      if (speaker === "server") turns += 1;
      speaker = "client";
      upstream.write(chunk);
    });
    upstream.on("data", (chunk) => {
      speaker = "server";
      client.write(chunk);
    });
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    turns: () => turns,
    reset: () => {
      turns = 0;
      speaker = "server";
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
