/** Transactions that the backend begins and ends, each on a connection of its own. */
import Database from "better-sqlite3";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SqliteHITLBackend } from "../../../src/backends/sqlite/index.ts";
import { gate } from "../../support/poll.ts";
import { question, turnOfTheLoop, world } from "./helpers/orders.ts";
import { freshId, insertOf, openStore, until } from "./helpers/support.ts";
import { startWorker } from "./helpers/workers.ts";

describe("P5 transaction", () => {
  it("commits both, the question and the row, and gives what its work gives", async () => {
    const { backend, open, opened, orders, add } = await world();
    const given = await backend.transaction(open, async (tx, connection) => {
      const { record } = await tx.create(question);
      add(connection, "o1");
      await turnOfTheLoop();
      expect(await backend.get(record.hitl_id)).toBeNull();
      return record.hitl_id;
    });
    expect(await backend.get(given)).toMatchObject({ status: "pending" });
    expect(orders()).toEqual(["o1"]);
    expect(opened.at(-1)?.open).toBe(false);
  });

  it("takes both back if its work throws, and throws the same", async () => {
    const { backend, open, opened, orders, add } = await world();
    const declined = new Error("declined");
    let hitl_id = "";
    for (const fail of [
      () => Promise.reject(declined),
      () => {
        throw declined;
      },
    ]) {
      const failing = backend.transaction(open, async (tx, connection) => {
        hitl_id = (await tx.create(question)).record.hitl_id;
        add(connection, "o1");
        return fail();
      });
      await expect(failing).rejects.toBe(declined);
      expect(await backend.get(hitl_id)).toBeNull();
      expect(orders()).toEqual([]);
      expect(opened.at(-1)?.open).toBe(false);
    }
    await expect(
      backend.transaction(
        () => {
          throw declined;
        },
        () => 1,
      ),
    ).rejects.toBe(declined);
    expect(await backend.transaction(open, () => "the next one")).toBe("the next one");
  });

  it("nothing else of the process slips into it while its work waits, and everything else goes on", async () => {
    const { backend, open, orders, add } = await world();
    const [inside, began] = [gate(), gate()];
    const failing = backend.transaction(open, async (tx, connection) => {
      await tx.create({ ...question, key: "inside" });
      add(connection, "o1");
      began.open();
      await inside.passed;
      throw new Error("rolled back");
    });
    await began.passed;
    const outside = [1, 2, 3].map((n) => backend.create({ ...question, key: `outside ${n}` }));
    const other = backend.transaction(open, (_tx, connection) => add(connection, "o2"));
    // Reads wait for nobody.
    expect((await backend.list({ session_id: "s" })).items).toEqual([]);
    inside.open();
    await expect(failing).rejects.toThrow("rolled back");
    for (const { status } of await Promise.all(outside)) expect(status).toBe("created");
    await other;
    expect((await backend.list({ session_id: "s" })).items.map(({ key }) => key).toSorted()).toEqual([
      "outside 1",
      "outside 2",
      "outside 3",
    ]);
    expect(orders()).toEqual(["o2"]);
  });

  it("work that ends it itself is told so, whatever came after", async () => {
    const { backend, open, orders, add } = await world();
    for (const end of ["COMMIT", "ROLLBACK"]) {
      const ended = backend.transaction(open, async (tx, connection) => {
        await tx.create({ ...question, key: end });
        add(connection, end);
        connection.exec(end);
        await expect(tx.create(question)).rejects.toMatchObject({ code: "ERR_HITL_INVALID_INPUT" });
      });
      await expect(ended).rejects.toMatchObject({ code: "ERR_HITL_INDETERMINATE" });
    }
    expect(orders()).toEqual(["COMMIT"]);
    expect((await backend.list({ session_id: "s" })).items.map(({ key }) => key)).toEqual(["COMMIT"]);
  });

  it("a commit that SQLite refuses is rolled back, and says why", async () => {
    const { backend, open, orders } = await world();
    const refused = backend.transaction(open, async (tx, connection) => {
      connection.exec("CREATE TABLE parents (id text PRIMARY KEY); INSERT INTO orders VALUES ('o1')");
      connection.exec("CREATE TABLE lines (id text REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)");
      await tx.create(question);
      connection.exec("INSERT INTO lines VALUES ('none')");
    });
    await expect(refused).rejects.toMatchObject({ code: "ERR_HITL_STORE" });
    expect(orders()).toEqual([]);
    expect((await backend.list({ session_id: "s" })).items).toEqual([]);
  });

  it("commits as durably as the backend does, whatever the connection was opened with", async () => {
    for (const [options, expected] of [
      [{}, 2],
      [{ synchronous: "NORMAL" }, 1],
    ] as const) {
      const { backend, open } = await world(options);
      const used = await backend.transaction(open, (_tx, connection) =>
        connection.pragma("synchronous", { simple: true }),
      );
      expect(used).toBe(expected);
      const extra = (): Database.Database => {
        const connection = open();
        connection.pragma("synchronous = EXTRA");
        return connection;
      };
      expect(
        await backend.transaction(extra, (_tx, connection) =>
          connection.pragma("synchronous", { simple: true }),
        ),
      ).toBe(3);
    }
  });

  it("P3 refuses a connection that it cannot have to itself, and one on another file", async () => {
    const { backend, open, orders } = await world();
    const reasonOf = (made: Database.Database): Promise<unknown> =>
      backend
        .transaction(
          () => made,
          () => "ran",
        )
        .catch(({ details }: { details: { reason: string } }) => details.reason);
    const busy = open();
    busy.exec("BEGIN; INSERT INTO orders VALUES ('its own')");
    expect(await reasonOf(busy)).toBe("in_transaction");
    const closed = open();
    closed.close();
    expect(await reasonOf(closed)).toBe("closed");
    expect(await reasonOf(new Database(":memory:"))).toBe("other_file");
    await expect(
      backend.transaction(
        () => ({}) as never,
        () => "ran",
      ),
    ).rejects.toMatchObject({
      code: "ERR_HITL_INVALID_INPUT",
    });
    const shared = open();
    const both = [1, 2].map((n) =>
      backend.transaction(
        () => shared,
        () => n,
      ),
    );
    expect(await Promise.allSettled(both)).toMatchObject([
      { status: "fulfilled", value: 1 },
      { status: "rejected", reason: { details: { reason: "closed" } } },
    ]);
    expect(orders()).toEqual([]);
  });

  it("tells those who wait of what it has committed, and of nothing else", async () => {
    const { path, open } = await world();
    const store = openStore({ path, watchIntervalMs: 1_000_000 });
    const [kept, lost] = [freshId(), freshId()];
    const heard: string[] = [];
    await store.watch([kept, lost], ({ id }) => heard.push(id));
    await store
      .transaction(open, async (view) => {
        await view.commit([insertOf(lost)]);
        throw new Error("rolled back");
      })
      .catch(() => undefined);
    await store.transaction(open, (view) => view.commit([insertOf(kept)]));
    await until("the hint", () => heard.length > 0);
    expect(heard).toEqual([kept]);
  });
});

it("S1 S2 loses no update of processes that write all the time", { timeout: 60_000 }, async () => {
  const { path, backend, open, orders, add } = await world({ busyTimeoutMs: 30_000 });
  const id = freshId();
  await backend.store.commit([insertOf(id, { count: 0 })]);
  const workers = [100, 100].map((times) => startWorker("increment", path, id, String(times)));
  await until("the workers", () => workers.every(({ lines }) => lines.includes("ready")));
  for (const worker of workers) worker.say("go");
  for (let n = 0; n < 50; n += 1) {
    await backend.transaction(open, async ({ store }, connection) => {
      const [record] = await store.get([id]);
      const count = Number(record?.value["count"]) + 1;
      add(connection, `${n}`);
      await turnOfTheLoop();
      const { status } = await store.commit([
        { op: "update", id, guard: { version: record?.version ?? 0 }, patch: { value: { count } } },
      ]);
      // It has had the lock since before it read.
      expect(status).toBe("committed");
    });
  }
  for (const worker of workers) expect(await worker.ended).toEqual({ code: 0, errors: "" });
  const [record] = await backend.store.get([id]);
  expect(record).toMatchObject({ version: 251, value: { count: 250 } });
  expect(orders()).toHaveLength(50);
});

it("P5 whatever happens at once: rows and records of a transaction are there together or not at all, and all else is", async () => {
  const act = fc.record({
    kind: fc.constantFrom("own", "lent", "plain"),
    pauses: fc.nat(3),
    begin: fc.constantFrom("BEGIN", "BEGIN IMMEDIATE"),
    isKept: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 12 }), async (acts) => {
      const { backend, open, opened, orders, add } = await world({
        synchronous: "NORMAL",
        busyTimeoutMs: 20_000,
      });
      const run = async (
        { kind, pauses, begin, isKept }: (typeof acts)[number],
        n: number,
      ): Promise<void> => {
        const key = `${n}`;
        const write = async (
          tx: Pick<SqliteHITLBackend, "create">,
          connection: Database.Database,
        ): Promise<void> => {
          await tx.create({ ...question, key });
          for (let turn = 0; turn < pauses; turn += 1) await turnOfTheLoop();
          add(connection, key);
        };
        if (kind === "plain") return void (await backend.create({ ...question, key }));
        if (kind === "own") {
          const work = backend.transaction(open, async (tx, connection) => {
            await write(tx, connection);
            if (!isKept) throw new Error("rolled back");
          });
          return work
            .catch((error: Error) => expect(error.message).toBe("rolled back"))
            .then(() => undefined);
        }
        const connection = open();
        const tx = backend.withTransaction(connection);
        // A begin that wants the lock at once blocks the process, so only where nobody can have it.
        connection.exec(n === 0 ? begin : "BEGIN");
        await write(tx, connection);
        connection.exec(isKept ? "COMMIT" : "ROLLBACK");
      };
      await Promise.all(acts.map(run));
      const keys = (await backend.list({ session_id: "s" })).items.map(({ key }) => key);
      const of = (kept: (one: (typeof acts)[number]) => boolean): string[] =>
        acts.flatMap((one, n) => (kept(one) ? [`${n}`] : [])).toSorted();
      expect(orders().toSorted()).toEqual(of(({ kind, isKept }) => kind !== "plain" && isKept));
      expect(keys.toSorted()).toEqual(of(({ kind, isKept }) => kind === "plain" || isKept));
      await backend.close();
      for (const connection of opened) connection.close();
    }),
    { numRuns: 40 },
  );
}, 60_000);
