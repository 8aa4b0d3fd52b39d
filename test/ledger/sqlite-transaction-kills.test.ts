/** Processes that die in a transaction of SQLite with a call in it, at any statement or at any time: there is never a doubt. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { EffectLedger } from "holdpoint/ledger";
import { afterAll, expect, it } from "vitest";
import { bundleProgram } from "../support/program.ts";
import { WorkerPool } from "../support/worker-process.ts";
import { killPointsOf } from "./processes/kill-points.ts";
import type { SqliteBooked, SqliteBookingJob } from "./processes/sqlite-booking.child.ts";
import { workflowName } from "./processes/targets.ts";
import { callOf } from "./processes/the-call.ts";

const DEADLINE_MS = 60_000;
/** Every third kill point, and all of them with 1. */
const STRIDE = Number(process.env["HOLDPOINT_CRASH_STRIDE"] ?? 3);
const folder = mkdtempSync(join(tmpdir(), "holdpoint-ledger-tx-"));
const path = join(folder, "app.db");
const backend = new SqliteHITLBackend({ path, retention: { sweepEveryMs: 0 } });
await backend.get("none");
const ledger = new EffectLedger({ backend });
const reader = new Database(path);
// No constraint keeps a second row out.
reader.exec("CREATE TABLE bookings (workflow_id text)");
const pool = new WorkerPool<SqliteBookingJob, SqliteBooked>(
  await bundleProgram("test/ledger/processes/sqlite-booking.child.ts"),
);
afterAll(async () => {
  await pool.close();
  await backend.close();
  reader.close();
  rmSync(folder, { recursive: true, force: true });
});

function rowsOf(workflow_id: string): number {
  return reader.prepare("SELECT 1 FROM bookings WHERE workflow_id = ?").all(workflow_id).length;
}

async function eventsOf(workflow_id: string): Promise<readonly string[]> {
  return (await ledger.history(callOf(workflow_id))).items.map(({ type }) => type);
}

it.each(["backend", "caller"] as const)(
  "P6 killed at each statement of the transaction of the %s: one row and one outcome, together, and no doubt",
  async (whose) => {
    const dry = await pool.run({ path, whose, workflow_ids: [workflowName("dry")] }, DEADLINE_MS);
    const names = dry.kind === "reply" ? dry.reply.names : [];
    const begin = whose === "backend" ? "BEGIN IMMEDIATE" : "BEGIN";
    expect(names.filter((name) => [begin, "COMMIT", "INSERT INTO bookings"].includes(name))).toEqual([
      begin,
      "INSERT INTO bookings",
      "COMMIT",
    ]);
    const commit = names.indexOf("COMMIT");
    const points = killPointsOf(names).filter(
      ({ at, name }, n) => n % STRIDE === 0 || at === commit || name === "INSERT INTO bookings",
    );
    const seen = { nothing: 0, all: 0 };
    // One after the other: with somebody else's lock in the way there are more statements.
    for (const { at, side, name } of points) {
      const where = `${side} ${name}`;
      const workflow_id = workflowName("tx");
      const job = { path, whose, workflow_ids: [workflow_id] };
      const first = await pool.run({ ...job, trip: { at, side, signal: "SIGKILL" } }, DEADLINE_MS);
      expect(first, where).toMatchObject({ kind: "died", signal: "SIGKILL" });
      const isCommitted = at > commit || (at === commit && side === "after");
      expect([rowsOf(workflow_id), await eventsOf(workflow_id)], where).toEqual(
        isCommitted ? [1, ["created", "succeeded"]] : [0, []],
      );
      const second = await pool.run(job, DEADLINE_MS);
      expect(second, where).toMatchObject({ kind: "reply", reply: { results: ["booked"] } });
      expect([rowsOf(workflow_id), await eventsOf(workflow_id)], where).toEqual([
        1,
        ["created", "succeeded"],
      ]);
      seen[isCommitted ? "all" : "nothing"] += 1;
    }
    expect(seen.all).toBeGreaterThanOrEqual(1);
    expect(seen.nothing).toBeGreaterThanOrEqual(3);
    expect(reader.pragma("integrity_check", { simple: true })).toBe("ok");
  },
  120_000,
);

it("P9 processes that make the same calls at once on one file, and are killed: each call has one row and one outcome", async () => {
  for (let round = 0; round < 3; round += 1) {
    const workflow_ids = Array.from({ length: 12 }, (_, n) => workflowName(`both-${round}-${n}`));
    const jobs = (["backend", "caller", "backend"] as const).map((whose) => ({ path, whose, workflow_ids }));
    const workers = jobs.map(() => pool.take());
    await Promise.all(workers.map(({ listening }) => listening));
    const outcomes = workers.map((worker, n) => worker.run(jobs[n] as SqliteBookingJob));
    // Two of three die when the first rows are there: in the middle of some transaction, or just between two.
    await expect.poll(() => workflow_ids.some((id) => rowsOf(id) > 0), { timeout: DEADLINE_MS }).toBe(true);
    for (const worker of workers.slice(round % 2, 2)) worker.signal("SIGKILL");
    await Promise.all(outcomes);
    for (const worker of workers) pool.give(worker);
    const last = await pool.run({ path, whose: "caller", workflow_ids }, DEADLINE_MS);
    expect(last).toMatchObject({ kind: "reply", reply: { results: workflow_ids.map(() => "booked") } });
    for (const workflow_id of workflow_ids)
      expect([rowsOf(workflow_id), await eventsOf(workflow_id)]).toEqual([1, ["created", "succeeded"]]);
  }
  const { items } = await ledger.list({ limit: 1000 });
  expect(new Set(items.map(({ status }) => status))).toEqual(new Set(["succeeded"]));
  expect(reader.pragma("integrity_check", { simple: true })).toBe("ok");
}, 120_000);
