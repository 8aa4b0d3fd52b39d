import { setImmediate as nextTurn } from "node:timers/promises";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import type { SqliteDriver } from "../../../src/backends/sqlite/driver.ts";
import { loadBetterSqlite3 } from "../../../src/backends/sqlite/drivers/better-sqlite3.ts";
import { freshId, insertOf, openStore, temporaryPath } from "./helpers/support.ts";

interface Watched {
  readonly driver: SqliteDriver;
  /** What was run on connections that it opened, statements by their text. */
  readonly ran: string[];
  /** Makes the next run of a statement with this text fail. */
  fail(sql: RegExp, error: Error): void;
}

/** The real driver, and what goes through it. */
async function watchedDriver(): Promise<Watched> {
  const better = (await loadBetterSqlite3()) as SqliteDriver;
  const ran: string[] = [];
  let failure: { sql: RegExp; error: Error } | undefined;
  const noted = (sql: string): void => {
    ran.push(sql);
    const found = failure;
    if (!found?.sql.test(sql)) return;
    failure = undefined;
    throw found.error;
  };
  const driver: SqliteDriver = {
    ...better,
    open: (file) => {
      const connection = better.open(file);
      return {
        exec: (sql) => connection.exec(sql),
        close: () => connection.close(),
        prepare: (sql) => {
          const statement = connection.prepare(sql);
          return {
            run: (...values) => {
              noted(sql);
              return statement.run(...values);
            },
            get: (...values) => statement.get(...values),
            all: (...values) => statement.all(...values),
          };
        },
      };
    },
  };
  return {
    driver,
    ran,
    fail: (sql, error) => {
      failure = { sql, error };
    },
  };
}

const commitsIn = (ran: readonly string[]): number => ran.filter((sql) => sql === "COMMIT").length;

describe("commits of one turn of the event loop", () => {
  it("wait for the disk together, and a lone one waits for no other", async () => {
    const { driver, ran } = await watchedDriver();
    const store = openStore({ path: temporaryPath(), driver });
    await store.commit([insertOf(freshId())]);
    await nextTurn();
    ran.length = 0;
    const ids = Array.from({ length: 16 }, freshId);
    await Promise.all(ids.map((id) => store.commit([insertOf(id)])));
    // The first could not know that others come.
    expect(commitsIn(ran)).toBe(2);
    ran.length = 0;
    await Promise.all(ids.map((id) => store.commit([{ op: "update", id, patch: { status: "done" } }])));
    expect(commitsIn(ran)).toBe(1);
    await store.commit([insertOf(freshId())]);
    await nextTurn();
    ran.length = 0;
    await store.commit([insertOf(freshId())]);
    await nextTurn();
    await store.commit([insertOf(freshId())]);
    expect(commitsIn(ran)).toBe(2);
    expect((await store.get(ids)).map((record) => record?.status)).toEqual(ids.map(() => "done"));
  });

  it("are refused one by one: what one takes back, the others keep (P5)", async () => {
    const store = openStore({ path: temporaryPath() });
    const [taken, ...others] = Array.from({ length: 5 }, freshId) as [string, ...string[]];
    await store.commit([insertOf(taken)]);
    const sent = await Promise.all(
      others.map((id, n) =>
        store.commit([
          insertOf(id),
          ...(n % 2 === 0 ? [] : [{ ...insertOf(taken), if_exists: "abort" as const }]),
        ]),
      ),
    );
    expect(sent.map(({ status }) => status)).toEqual(["committed", "refused", "committed", "refused"]);
    const kept = (await store.get(others)).map((record) => record !== null);
    expect(kept).toEqual([true, false, true, false]);
  });

  it("share the fate of a file system that fails: each may have been done (P4)", async () => {
    const { driver, fail } = await watchedDriver();
    const store = openStore({ path: temporaryPath(), driver });
    const ids = Array.from({ length: 4 }, freshId);
    await Promise.all(ids.map((id) => store.commit([insertOf(id)])));
    fail(/^COMMIT$/, new Database.SqliteError("disk I/O error", "SQLITE_IOERR_FSYNC"));
    const settled = await Promise.allSettled(
      ids.map((id) => store.commit([{ op: "update", id, patch: { status: "done" } }])),
    );
    expect(settled.map((result) => result.status === "rejected" && result.reason.code)).toEqual(
      ids.map(() => "ERR_HITL_INDETERMINATE"),
    );
    await store.commit([insertOf(freshId())]);
  });

  it("do not suffer from one that SQLite cannot do", async () => {
    const { driver, fail } = await watchedDriver();
    const store = openStore({ path: temporaryPath(), driver });
    const ids = Array.from({ length: 4 }, freshId);
    await Promise.all(ids.map((id) => store.commit([insertOf(id)])));
    fail(/^UPDATE/i, new Error("something about one row"));
    const settled = await Promise.allSettled(
      ids.map((id) => store.commit([{ op: "update", id, patch: { status: "done" } }])),
    );
    expect(settled.map(({ status }) => status)).toEqual(ids.map(() => "fulfilled"));
  });

  it("that were sent before the store closes are done", async () => {
    const path = temporaryPath();
    const store = openStore({ path });
    const ids = Array.from({ length: 5 }, freshId);
    await store.get([freshId()]);
    const sent = ids.map((id) => store.commit([insertOf(id)]));
    await store.close();
    await Promise.all(sent);
    expect((await openStore({ path }).get(ids)).every((record) => record !== null)).toBe(true);
    await expect(store.commit([insertOf(freshId())])).rejects.toMatchObject({ code: "ERR_HITL_CLOSED" });
  });
});
