/** A call and its outcome in a transaction of SQLite: with the caller's rows, or not at all. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import fc from "fast-check";
import { SqliteHITLBackend, type SqliteTransactionBackend } from "holdpoint/backends/sqlite";
import { EffectLedger, type EffectHandler, isEffectTimeoutError, type ToolCall } from "holdpoint/ledger";
import { afterAll, describe, expect, it } from "vitest";
import { gate, until } from "../support/poll.ts";
import { errorOf, times } from "./kit.ts";

const folder = mkdtempSync(join(tmpdir(), "holdpoint-ledger-tx-"));
const path = join(folder, "app.db");
const backend = new SqliteHITLBackend({ path, retention: { sweepEveryMs: 0 }, watchIntervalMs: 5 });
await backend.get("none");
const open = (): Database.Database => new Database(path);
const reader = open();
reader.exec("CREATE TABLE charges (order_id text)");
afterAll(async () => {
  await backend.close();
  reader.close();
  rmSync(folder, { recursive: true, force: true });
});

const ledger = new EffectLedger({ backend });
const callOf = (order: string): ToolCall => ({ workflow_id: order, tool: "charge", args: { order } });
/** The log of what happened: without a unique constraint. */
const chargesOf = (order: string): number =>
  reader.prepare("SELECT 1 FROM charges WHERE order_id = ?").all(order).length;
const isKnown = async (order: string): Promise<boolean> =>
  (await ledger.findByIdemKey(ledger.computeIdemKey(callOf(order)))) !== null;

type Work = (connection: Database.Database, tx: SqliteTransactionBackend) => Promise<unknown>;
type End = "COMMIT" | "ROLLBACK";

/** The backend begins and ends it, on a connection that nobody else has. */
async function ofTheBackend(work: Work, end: End = "COMMIT"): Promise<unknown> {
  const undone = new Error("rolled back");
  let result: unknown;
  const done = backend.transaction(open, async (tx, connection) => {
    result = await work(connection, tx);
    if (end === "ROLLBACK") throw undone;
  });
  await done.catch((error: unknown) => {
    if (error !== undone) throw error;
  });
  return result;
}

/** As an application does it: commits, or rolls back whatever was thrown. */
async function ofTheCaller(work: Work, end: End = "COMMIT"): Promise<unknown> {
  const connection = open();
  const tx = backend.withTransaction(connection);
  try {
    connection.exec("BEGIN");
    const result = await work(connection, tx);
    connection.exec(end);
    tx.announce();
    return result;
  } catch (error) {
    connection.exec("ROLLBACK");
    throw error;
  } finally {
    connection.close();
  }
}

const insert = (connection: Database.Database, order: string): string => {
  connection.prepare("INSERT INTO charges VALUES (?)").run(order);
  return `charged ${order}`;
};

const inserting =
  (connection: Database.Database, order: string): EffectHandler<string> =>
  async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return insert(connection, order);
  };

const charge =
  (order: string): Work =>
  (connection, tx) =>
    ledger.run(callOf(order), inserting(connection, order), { tx });

describe.each([
  ["the backend's own", ofTheBackend],
  ["the caller's own", ofTheCaller],
] as const)("a run in %s transaction", (which, transaction) => {
  const named = (order: string): string => `${which} ${order}`;

  it("P6 its rows and the outcome are there together, for every later caller", async () => {
    const order = named("o1");
    expect(await transaction(charge(order))).toBe(`charged ${order}`);
    expect(await ledger.run(callOf(order), () => "again")).toBe(`charged ${order}`);
    expect(await transaction(charge(order))).toBe(`charged ${order}`);
    expect(chargesOf(order)).toBe(1);
  });

  it("P6 of a synchronous handler too", async () => {
    const order = named("o1s");
    const run: Work = (connection, tx) => ledger.run(callOf(order), () => insert(connection, order), { tx });
    expect(await transaction(run)).toBe(`charged ${order}`);
    expect(await transaction(run)).toBe(`charged ${order}`);
    expect(chargesOf(order)).toBe(1);
  });

  it("P6 or not at all: after a rollback the call is fresh", async () => {
    const order = named("o2");
    await transaction(charge(order), "ROLLBACK");
    expect([await isKnown(order), chargesOf(order)]).toEqual([false, 0]);
    expect(await transaction(charge(order))).toBe(`charged ${order}`);
    expect(chargesOf(order)).toBe(1);
  });

  it("P6 a handler's own error comes through, and nothing of it is kept once it is rolled back", async () => {
    const declined = new Error("declined");
    const failing: readonly (readonly [string, (connection: Database.Database) => unknown, RegExp])[] = [
      ["o3", () => Promise.reject(declined), /^declined$/],
      ["o4", (connection) => connection.exec("INSERT INTO nowhere VALUES (1)"), /no such table/],
      ["o5", async () => new Date(0), /the result of charge/],
    ];
    for (const [name, act, message] of failing) {
      const order = named(name);
      const error = await errorOf(() =>
        transaction((connection, tx) =>
          ledger.run(
            callOf(order),
            async (context) => {
              await inserting(connection, order)(context);
              return act(connection);
            },
            { tx, retry: { attempts: 3, initialDelayMs: 0 } },
          ),
        ),
      );
      expect(error.message).toMatch(message);
      expect([await isKnown(order), chargesOf(order)]).toEqual([false, 0]);
    }
  });

  it("P6 a handler that loses its transaction is told so, and its outcome is not recorded as one", async () => {
    const order = named("o5r");
    const losing: Work = (connection, tx) =>
      ledger.run(
        callOf(order),
        () => {
          insert(connection, order);
          // As SQLite does by itself when the disk is full.
          connection.exec("ROLLBACK");
          return "charged";
        },
        { tx },
      );
    await expect(transaction(losing)).rejects.toThrow();
    expect([await isKnown(order), chargesOf(order)]).toEqual([false, 0]);
  });

  it("P6 who commits what has failed nevertheless has a call in doubt, not a second run", async () => {
    const order = named("o6");
    await transaction(async (connection, tx) => {
      await errorOf(() =>
        ledger.run(
          callOf(order),
          async (context) => {
            await inserting(connection, order)(context);
            throw new Error("after the row");
          },
          { tx, leaseMs: 1000 },
        ),
      );
    });
    expect(chargesOf(order)).toBe(1);
    await until("the end of its lease", async () => {
      const { items } = await ledger.list({ workflow_id: order, status: ["processing", "in_doubt"] });
      return items[0]?.status === "in_doubt";
    });
    const error = await errorOf(() => transaction(charge(order)));
    expect(error).toMatchObject({ code: "ERR_HITL_INVALID_INPUT", field: "tx" });
    expect(chargesOf(order)).toBe(1);
  });

  it.each(["COMMIT", "ROLLBACK"] as const)(
    "P9 of two transactions at once one has the effect; the other waits for its %s without blocking the process",
    async (end) => {
      const order = named(`both-${end}`);
      const [inside, began] = [gate(), gate()];
      const first = transaction(
        (connection, tx) =>
          ledger.run(
            callOf(order),
            async (context) => {
              began.open();
              await inside.passed;
              return inserting(connection, order)(context);
            },
            { tx },
          ),
        end,
      );
      await began.passed;
      const rest = [transaction(charge(order)), ledger.run(callOf(order), () => "outside")];
      // A timer fires: nobody waits in the driver for a lock whose holder needs the event loop.
      setTimeout(() => inside.open(), 20);
      const [, ...given] = await Promise.all([first, ...rest]);
      const count = chargesOf(order);
      expect(new Set(given).size).toBe(1);
      expect(given[0]).toBe(count === 1 ? `charged ${order}` : "outside");
      if (end === "COMMIT") expect(count).toBe(1);
    },
  );

  it("P9 a call of many callers at once has one effect, and all get its result", async () => {
    const order = named("many");
    const all = await times(30, () => transaction(charge(order)));
    expect(new Set(all)).toEqual(new Set([`charged ${order}`]));
    expect(chargesOf(order)).toBe(1);
    const [effect] = (await ledger.list({ workflow_id: order })).items;
    expect(effect).toMatchObject({ status: "succeeded", attempt: 1, dedup_count: 29 });
  });

  it("P8 never asks or waits within it: a human decides before, and then it runs with what he approved", async () => {
    const order = named("o7");
    const needs = { requires_approval: true } as const;
    const asking: Work = (connection, tx) =>
      ledger.run(callOf(order), inserting(connection, order), { ...needs, tx });
    expect(await errorOf(() => transaction(asking))).toMatchObject({ field: "tx" });
    expect(await isKnown(order)).toBe(false);
    const { effect } = await ledger.begin(callOf(order), needs);
    const waits = await errorOf(() => transaction(asking));
    expect(waits).toMatchObject({ timeout_ms: 0, hitl_id: effect.approval?.hitl_id });
    await ledger.approve(effect);
    expect(await transaction(asking)).toBe(`charged ${order}`);
    expect(chargesOf(order)).toBe(1);
  });

  it("P9 leaves a call alone that another worker is at", async () => {
    const order = named("o8");
    const { effect } = await ledger.begin(callOf(order));
    const error = await errorOf(() => transaction(charge(order)));
    expect(isEffectTimeoutError(error) && error.timeout_ms).toBe(0);
    expect(await ledger.commit(effect, { status: "succeeded", result: "by hand" })).toBe(true);
    expect(await transaction(charge(order))).toBe("by hand");
    expect(chargesOf(order)).toBe(0);
  });

  it("P9 whoever waits for the effect hears of its commit", async () => {
    const order = named("o10");
    await transaction(charge(order), "ROLLBACK");
    const { effect } = await ledger.begin(callOf(order), { requires_approval: true });
    const waiting = ledger.run(callOf(order), () => "outside", {
      requires_approval: true,
      concurrency: { maxIntervalMs: 60_000, waitTimeoutMs: 20_000 },
    });
    await transaction(async (_connection, tx) => {
      await tx.respond(effect.approval?.hitl_id ?? "", { decision: "approve_once" });
    });
    expect(await waiting).toBe("outside");
  });
});

it("P6 P9 whoever makes the calls at once, and however their transactions end: rows and outcomes agree", async () => {
  let runs = 0;
  const caller = fc.record({
    order: fc.nat(2),
    where: fc.constantFrom("backend", "caller", "outside"),
    end: fc.constantFrom("COMMIT", "COMMIT", "ROLLBACK", "throw"),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(caller, { minLength: 1, maxLength: 10 }), async (callers) => {
      const named = (order: number): string => `any ${runs} ${order}`;
      runs += 1;
      const given = await Promise.all(
        callers.map(async ({ order: number, where, end }) => {
          const order = named(number);
          if (where === "outside")
            return { order, isKept: true, result: await ledger.run(callOf(order), () => "outside") };
          const work: Work = async (connection, tx) => {
            const result = await charge(order)(connection, tx);
            if (end === "throw") throw new Error("thrown");
            return result;
          };
          const transaction = where === "backend" ? ofTheBackend : ofTheCaller;
          try {
            const result = await transaction(work, end === "throw" ? "COMMIT" : end);
            return { order, isKept: end === "COMMIT", result };
          } catch (error) {
            // Of two reasons: its own, or somebody outside was at the call, who is not waited for.
            expect(
              isEffectTimeoutError(error) || (end === "throw" && (error as Error).message === "thrown"),
            ).toBe(true);
            return { order, isKept: false, result: null };
          }
        }),
      );
      for (const order of new Set(given.map((one) => one.order))) {
        const { items } = await ledger.list({ workflow_id: order });
        const kept = given.filter((one) => one.order === order && one.isKept).map(({ result }) => result);
        expect(items).toHaveLength(kept.length > 0 ? 1 : 0);
        for (const result of kept) expect(items[0]).toMatchObject({ status: "succeeded", result });
        // The row is there if, and only if, it was the outcome's.
        expect(chargesOf(order)).toBe(items[0]?.result === `charged ${order}` ? 1 : 0);
      }
    }),
    { numRuns: 30 },
  );
}, 60_000);

describe("tx", () => {
  it("P3 a view of what is no transaction on the ledger's file is refused before anything is written", async () => {
    const other = join(folder, "other.db");
    const ofOther = new Database(other);
    const connection = open();
    const ran = { handler: 0 };
    const run = (): Promise<unknown> =>
      ledger.run(callOf("o9"), () => (ran.handler += 1), { tx: backend.withTransaction(connection) });
    expect(await errorOf(run)).toMatchObject({
      name: "EffectStoreError",
      code: "ERR_HITL_INVALID_INPUT",
      details: { reason: "no_transaction" },
    });
    ofOther.exec("BEGIN");
    const tx = backend.withTransaction(ofOther);
    expect(await errorOf(() => ledger.run(callOf("o9"), () => (ran.handler += 1), { tx }))).toMatchObject({
      code: "ERR_HITL_INVALID_INPUT",
      details: { reason: "other_file" },
    });
    ofOther.close();
    connection.close();
    expect([await isKnown("o9"), ran.handler]).toEqual([false, 0]);
  });

  it("is among the options that a misspelt one is told of, where there is one", async () => {
    const misspelt = await errorOf(() => ledger.run(callOf("o11"), () => "ran", { txn: 1 } as never));
    expect(misspelt).toMatchObject({ code: "ERR_HITL_INVALID_INPUT", field: "txn" });
    expect(misspelt.message).toMatch(/\btx\b/);
    const begun = await errorOf(() => ledger.begin(callOf("o11"), { tx: 1 } as never));
    expect(begun).toMatchObject({ code: "ERR_HITL_INVALID_INPUT", field: "tx" });
    expect(await isKnown("o11")).toBe(false);
  });
});
