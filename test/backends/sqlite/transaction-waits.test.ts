/** Who waits for a transaction of this process, for how long, and without blocking it. */
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import type { SqliteDriver, SqliteStatement } from "../../../src/backends/sqlite/driver.ts";
import { loadBetterSqlite3 } from "../../../src/backends/sqlite/drivers/better-sqlite3.ts";
import type { SqliteTransactionStore } from "../../../src/backends/sqlite/index.ts";
import type { HoldpointError } from "../../../src/core/errors.ts";
import { gate } from "../../support/poll.ts";
import { question, turnOfTheLoop, world } from "./helpers/orders.ts";
import { freshId, insertOf, openStore, temporaryPath } from "./helpers/support.ts";

describe("P9 who waits for a transaction", () => {
  it("who waits for it does not block the process: its work gets as many turns of the event loop as it needs", async () => {
    const { path, backend, open, orders, add } = await world({ busyTimeoutMs: 60_000 });
    const [began, all] = [gate(), Array.from({ length: 20 }, (_, n) => n)];
    const begun = performance.now();
    const first = backend.transaction(open, async (_tx, connection) => {
      began.open();
      for (let turn = 0; turn < 500; turn += 1) await turnOfTheLoop();
      add(connection, "first");
    });
    await began.passed;
    const mine = open();
    const tx = backend.withTransaction(mine);
    mine.exec("BEGIN");
    const rest = [
      ...all.map((n) => backend.create({ ...question, key: `${n}` })),
      ...all.map((n) => backend.transaction(open, (_tx, connection) => add(connection, `${n}`))),
      // Another store on the file knows nothing of it, and waits for the lock itself.
      openStore({ path, busyTimeoutMs: 60_000 }).commit([insertOf(freshId())]),
      tx.create({ ...question, key: "mine" }).then(() => mine.exec("COMMIT")),
    ];
    await first;
    await Promise.all(rest);
    // One statement that blocks takes the five seconds of its connection, since the holder cannot end.
    expect(performance.now() - begun).toBeLessThan(4500);
    expect(orders()).toHaveLength(21);
    expect((await backend.list({ session_id: "s" })).items).toHaveLength(21);
  });

  it("a write comes in its turn, however many transactions follow each other", async () => {
    const { backend, open, add } = await world();
    let done = 0;
    let written = false;
    const stream = async (): Promise<void> => {
      while (!written && done < 1000) {
        await backend.transaction(open, async (_tx, connection) => {
          add(connection, `${done}`);
          await turnOfTheLoop();
        });
        done += 1;
      }
    };
    const streams = [stream(), stream(), stream()];
    await turnOfTheLoop();
    const before = done;
    await backend.create(question);
    written = true;
    expect(done - before).toBeLessThanOrEqual(6);
    await Promise.all(streams);
  });

  it("waits for its turn as long as busyTimeoutMs, and so does a write", async () => {
    const { backend, open, orders, add } = await world({ busyTimeoutMs: 40 });
    const [inside, began] = [gate(), gate()];
    const first = backend.transaction(open, async (_tx, connection) => {
      began.open();
      await inside.passed;
      add(connection, "o1");
    });
    await began.passed;
    const busy = { code: "ERR_HITL_STORE", details: { reason: "busy" } };
    await expect(backend.transaction(open, () => 1)).rejects.toMatchObject(busy);
    await expect(backend.create(question)).rejects.toMatchObject(busy);
    inside.open();
    await first;
    expect(orders()).toEqual(["o1"]);
    expect((await backend.create(question)).status).toBe("created");
  });

  it("a store that is closed refuses those who wait for their turn, and those who are within", async () => {
    const { path, open } = await world();
    const store = openStore({ path });
    const [inside, began] = [gate(), gate()];
    const closed = { code: "ERR_HITL_CLOSED" };
    const within = store.transaction(open, async (view) => {
      began.open();
      await inside.passed;
      await view.commit([insertOf(freshId())]);
    });
    await began.passed;
    const waiting = [store.transaction(open, () => 1), store.commit([insertOf(freshId())])];
    const outcomes = Promise.allSettled(waiting);
    await store.close();
    // At once: whoever has the turn may take long.
    for (const outcome of await outcomes)
      expect(outcome).toMatchObject({ status: "rejected", reason: closed });
    inside.open();
    await expect(within).rejects.toMatchObject(closed);
  });

  it.each(["transaction", "withTransaction"] as const)(
    "the store does not touch the lock while it knows that a %s has it",
    async (how) => {
      const path = temporaryPath();
      const better = (await loadBetterSqlite3()) as SqliteDriver;
      const begun: string[] = [];
      const driver: SqliteDriver = {
        ...better,
        open: (file) => {
          const connection = better.open(file);
          const prepare = (sql: string): SqliteStatement => {
            const statement = connection.prepare(sql);
            if (sql !== "BEGIN IMMEDIATE") return statement;
            return { ...statement, run: () => (begun.push(sql), statement.run()) };
          };
          return { ...connection, exec: connection.exec, close: connection.close, prepare };
        },
      };
      const store = openStore({ path, driver });
      await store.get([freshId()]);
      const [inside, began] = [gate(), gate()];
      const connection = new Database(path);
      const work = async (view: SqliteTransactionStore): Promise<void> => {
        await view.commit([insertOf(freshId())]);
        began.open();
        await inside.passed;
      };
      const lent = async (): Promise<void> => {
        connection.exec("BEGIN");
        await work(store.withTransaction(connection));
        connection.exec("COMMIT");
        connection.close();
      };
      const holding = how === "transaction" ? store.transaction(() => connection, work) : lent();
      await began.passed;
      begun.length = 0;
      const writes = Array.from({ length: 5 }, async () => {
        await turnOfTheLoop();
        return store.commit([insertOf(freshId())]);
      });
      // Each of them would have blocked the process for 10 ms, and would do so again and again.
      for (let turn = 0; turn < 50; turn += 1) await turnOfTheLoop();
      expect(begun).toEqual([]);
      inside.open();
      await holding;
      for (const { status } of await Promise.all(writes)) expect(status).toBe("committed");
      expect(begun.length).toBeGreaterThan(0);
    },
  );

  it("work that waits for a write outside of it waits for itself: as long as busyTimeoutMs, then all is as it was", async () => {
    const { backend, open, orders, add } = await world({ busyTimeoutMs: 40 });
    const itself = backend.transaction(open, async (_tx, connection) => {
      add(connection, "o1");
      await backend.create(question);
    });
    await expect(itself).rejects.toMatchObject({ code: "ERR_HITL_STORE", details: { reason: "busy" } });
    expect(orders()).toEqual([]);
    expect((await backend.create(question)).status).toBe("created");
  });

  it.each([
    ["COMMIT", "snapshot"],
    ["ROLLBACK", undefined],
  ] as const)(
    "of two that have read and want to write, the second waits; after the %s of the first it hears at once",
    async (end, reason) => {
      const { backend, open } = await world({ busyTimeoutMs: 60_000 });
      const [first, second] = [open(), open()];
      for (const connection of [first, second]) {
        connection.exec("BEGIN");
        connection.prepare("SELECT * FROM orders").all();
      }
      await backend.withTransaction(first).create({ ...question, key: "first" });
      const begun = performance.now();
      const other = backend.withTransaction(second).create({ ...question, key: "second" });
      const outcome = other.then(
        () => undefined,
        ({ details }: HoldpointError) => details["reason"],
      );
      for (let turn = 0; turn < 20; turn += 1) await turnOfTheLoop();
      first.exec(end);
      expect(await outcome).toBe(reason);
      expect(performance.now() - begun).toBeLessThan(20_000);
      second.exec("COMMIT");
      const { items } = await backend.list({ session_id: "s" });
      expect(items.map(({ key }) => key)).toEqual([end === "COMMIT" ? "first" : "second"]);
    },
  );
});
