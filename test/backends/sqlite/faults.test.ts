import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { SqliteDatabase, type SqliteDriver } from "../../../src/backends/sqlite/driver.ts";
import { loadBetterSqlite3 } from "../../../src/backends/sqlite/drivers/better-sqlite3.ts";
import { loadDriver } from "../../../src/backends/sqlite/drivers/load.ts";
import { loadNodeSqlite } from "../../../src/backends/sqlite/drivers/node-sqlite.ts";
import { isHoldpointError } from "../../../src/core/errors.ts";
import { freshId, insertOf, openStore, temporaryPath } from "./helpers/support.ts";

const store = (reason: string): unknown =>
  expect.objectContaining({ code: "ERR_HITL_STORE", details: expect.objectContaining({ reason }) });

/** A store in whose file another connection has the write lock. */
async function locked(busyTimeoutMs?: number) {
  const path = temporaryPath();
  const opened = openStore({ path, ...(busyTimeoutMs !== undefined && { busyTimeoutMs }) });
  await opened.get([freshId()]);
  const other = new Database(path);
  other.exec("BEGIN IMMEDIATE");
  const release = (): void => {
    other.exec("ROLLBACK");
    other.close();
  };
  return { opened, release };
}

describe("the file", () => {
  it("makes the folder of the file on first use, and nothing before", async () => {
    const path = join(dirname(temporaryPath()), "a", "b", "store.db");
    const opened = openStore({ path });
    expect(existsSync(dirname(path))).toBe(false);
    await opened.get([freshId()]);
    expect(existsSync(path)).toBe(true);
  });

  it("says on first use that a path is a folder, and goes on once it can", async () => {
    const path = temporaryPath();
    mkdirSync(path);
    const opened = openStore({ path });
    await expect(opened.get([freshId()])).rejects.toEqual(store("cannot_open"));
    rmdirSync(path);
    expect(await opened.get([freshId()])).toEqual([null]);
  });

  it("says on first use that the parent is a file", async () => {
    const path = temporaryPath();
    writeFileSync(path, "");
    const failure = await openStore({ path: join(path, "store.db") })
      .get([freshId()])
      .catch((error: unknown) => error);
    expect(isHoldpointError(failure, "ERR_HITL_STORE") && failure.cause).toBeInstanceOf(Error);
  });

  it("says that a file is no database", async () => {
    const path = temporaryPath();
    writeFileSync(path, "no database, but long enough to have a header ".repeat(10));
    await expect(openStore({ path }).commit([insertOf(freshId())])).rejects.toEqual(store("corrupt"));
  });

  it("says that a database cannot be written", async () => {
    const better = (await loadBetterSqlite3()) as SqliteDriver;
    let lock = (): void => undefined;
    const driver: SqliteDriver = {
      ...better,
      open: (file) => {
        const connection = better.open(file);
        lock = () => connection.exec("PRAGMA query_only = 1");
        return connection;
      },
    };
    const opened = openStore({ path: temporaryPath(), driver });
    await opened.get([freshId()]);
    lock();
    await expect(opened.commit([insertOf(freshId())])).rejects.toEqual(store("readonly"));
  });

  it("does nothing of a commit for which the disk has no room, and works again afterwards", async () => {
    const better = (await loadBetterSqlite3()) as SqliteDriver;
    let limit = (_pages: number): void => undefined;
    const driver: SqliteDriver = {
      ...better,
      open: (file) => {
        const connection = better.open(file);
        limit = (pages) => connection.exec(`PRAGMA max_page_count = ${pages}`);
        return connection;
      },
    };
    const opened = openStore({ path: temporaryPath(), driver });
    const [first, second] = [freshId(), freshId()];
    await opened.commit([insertOf(first)]);
    limit(1);
    const large = insertOf(second, { text: "x".repeat(200_000) });
    await expect(
      opened.commit([{ op: "update", id: first, patch: { status: "done" } }, large]),
    ).rejects.toEqual(store("full"));
    limit(1_000_000);
    expect((await opened.get([first, second])).map((record) => record?.version ?? null)).toEqual([1, null]);
    expect((await opened.commit([large])).status).toBe("committed");
  });
});

describe("locks", () => {
  it("says after the busy timeout that nothing was done, and works again afterwards", async () => {
    const { opened, release } = await locked(50);
    const id = freshId();
    const failure = opened.commit([insertOf(id)]);
    await expect(failure).rejects.toEqual(store("busy"));
    await expect(failure).rejects.toThrow("nothing was done");
    expect(await opened.get([id])).toEqual([null]);
    release();
    expect((await opened.commit([insertOf(id)])).status).toBe("committed");
  });

  it("waits for a lock without holding up the process", async () => {
    const { opened, release } = await locked();
    const commit = opened.commit([insertOf(freshId())]);
    // Only this process can release the lock, so the commit succeeds only if the wait lets it.
    await new Promise((resolve) => setImmediate(resolve));
    release();
    expect((await commit).status).toBe("committed");
  });
});

describe("in doubt", () => {
  it("says that a change may have been done if the file system fails while it is made durable", async () => {
    const better = (await loadBetterSqlite3()) as SqliteDriver;
    const broken = Object.assign(new Error("disk I/O error"), { code: "SQLITE_IOERR_FSYNC" });
    const connection = better.open(":memory:");
    const database = new SqliteDatabase(better, {
      ...connection,
      prepare: (sql) =>
        sql !== "COMMIT"
          ? connection.prepare(sql)
          : {
              ...connection.prepare(sql),
              run: () => {
                throw broken;
              },
            },
    });
    expect(() => database.transaction("write", () => 1)).toThrow(
      expect.objectContaining({ code: "ERR_HITL_INDETERMINATE", cause: broken }),
    );
    expect(database.transaction("write", (rollback) => (rollback(), 2))).toBe(2);
    database.close();
  });
});

describe("close", () => {
  it("refuses everything afterwards, and may be called again", async () => {
    const opened = openStore({ path: temporaryPath() });
    const id = freshId();
    await opened.commit([insertOf(id)]);
    await opened.close();
    await opened.close();
    const closed = expect.objectContaining({ code: "ERR_HITL_CLOSED" });
    await expect(opened.commit([insertOf(id)])).rejects.toEqual(closed);
    await expect(opened.get([id])).rejects.toEqual(closed);
    await expect(opened.page({ kind: "hitl", tenant_id: "default", statuses: ["pending"] })).rejects.toEqual(
      closed,
    );
    await expect(
      opened.acquireDue({ kind: "hitl", limit: 1, lease: { owner: "o", durationMs: 1 } }),
    ).rejects.toEqual(closed);
    await expect(opened.append(id, { type: "x" })).rejects.toEqual(closed);
    await expect(opened.history(id)).rejects.toEqual(closed);
    await expect(opened.watch([id], () => undefined)).rejects.toEqual(closed);
    await expect(
      opened.purge({ kind: "hitl", statuses: ["pending"], updatedBefore: 1, limit: 1 }),
    ).rejects.toEqual(closed);
  });

  it("ends an operation that waits for a lock", async () => {
    const { opened, release } = await locked();
    const commit = opened.commit([insertOf(freshId())]);
    const outcome = expect(commit).rejects.toEqual(expect.objectContaining({ code: "ERR_HITL_CLOSED" }));
    await opened.close();
    await outcome;
    release();
  });

  it("is possible before anything was opened", async () => {
    await expect(openStore({ path: temporaryPath() }).close()).resolves.toBeUndefined();
  });
});

describe("drivers", () => {
  const none = { betterSqlite3: async () => null, nodeSqlite: () => null };

  it.each([
    ["better-sqlite3", /npm install better-sqlite3/],
    ["node:sqlite", /Use Node 22/],
    [undefined, /npm install better-sqlite3.*Node 22/],
  ] as const)("says what to install if %s is missing", async (choice, message) => {
    const failure = await loadDriver(choice, none).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "ERR_HITL_MISSING_PEER", message: expect.stringMatching(message) });
  });

  it("takes better-sqlite3 where it is installed, else node:sqlite", async () => {
    const driver: SqliteDriver = {
      name: "stand-in",
      open: () => expect.unreachable(),
      classify: () => "other",
    };
    expect((await loadDriver(undefined)).name).toBe("better-sqlite3");
    expect(await loadDriver(undefined, { ...none, nodeSqlite: () => driver })).toBe(driver);
    expect(await loadDriver(driver, none)).toBe(driver);
  });

  // Which of the two there is to show depends on the Node that runs the tests.
  if (loadNodeSqlite() === null) {
    it("refuses node:sqlite on a Node that has none, on first use", async () => {
      const opened = openStore({ path: ":memory:", driver: "node:sqlite" });
      await expect(opened.get([freshId()])).rejects.toEqual(
        expect.objectContaining({ code: "ERR_HITL_MISSING_PEER" }),
      );
    });
  } else {
    it("does the same with node:sqlite", async () => {
      const path = temporaryPath();
      const opened = openStore({ path, driver: "node:sqlite", busyTimeoutMs: 20 });
      const id = freshId();
      await opened.commit([insertOf(id, { a: [1, "é"] })]);
      expect((await openStore({ path, driver: "better-sqlite3" }).get([id]))[0]?.value).toEqual({
        a: [1, "é"],
      });
      const other = new Database(path);
      other.exec("BEGIN IMMEDIATE");
      await expect(opened.commit([insertOf(freshId())])).rejects.toEqual(store("busy"));
      other.close();
    });
  }
});
