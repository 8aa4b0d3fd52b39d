/** A process dies at any statement of its own transaction with a call in it: there is never anything to be in doubt about. */
import { PostgresHITLBackend } from "holdpoint/backends/postgres";
import { EffectLedger } from "holdpoint/ledger";
import { afterAll, expect, it } from "vitest";
import { eachOf } from "../crash/kill-sweep.ts";
import { bundleProgram } from "../support/program.ts";
import { startPostgresServer } from "../support/postgres-server.ts";
import { WorkerPool } from "../support/worker-process.ts";
import type { Booked, BookingJob } from "./processes/booking.child.ts";
import { killPointsOf } from "./processes/kill-points.ts";
import { workflowName } from "./processes/targets.ts";
import { callOf } from "./processes/the-call.ts";

const DEADLINE_MS = 30_000;
const server = await startPostgresServer();
const target = { connectionString: server.url, schema: server.schema() };
const backend = new PostgresHITLBackend({ ...target, retention: { sweepEveryMs: 0 } });
const ledger = new EffectLedger({ backend });
const pool = new WorkerPool<BookingJob, Booked>(
  await bundleProgram("test/ledger/processes/booking.child.ts"),
);
await server.sql("CREATE TABLE bookings (workflow_id text)");
afterAll(async () => {
  await pool.close();
  await backend.close();
  await server.sql("DROP TABLE bookings");
  await server.stop();
});

/** No constraint keeps a second row out. */
async function rowsOf(workflow_id: string): Promise<number> {
  return (await server.sql("SELECT 1 FROM bookings WHERE workflow_id = $1", [workflow_id])).length;
}

async function eventsOf(workflow_id: string): Promise<readonly string[]> {
  return (await ledger.history(callOf(workflow_id))).items.map(({ type }) => type);
}

it("P6 killed at each statement: one row and one outcome, together, and no doubt", async () => {
  const dry = workflowName("dry");
  const outcome = await pool.run({ ...target, workflow_id: dry }, DEADLINE_MS);
  const names = outcome.kind === "reply" ? outcome.reply.names : [];
  expect(
    names.filter((name) => name === "BEGIN" || name === "COMMIT" || name === "INSERT INTO bookings"),
  ).toEqual(["BEGIN", "INSERT INTO bookings", "COMMIT"]);
  expect(names).toHaveLength(5);
  const ends: Record<string, number> = { none: 0, whole: 0 };
  await eachOf(killPointsOf(names), 3, async ({ at, side, name }) => {
    const where = `${side} ${name}`;
    const workflow_id = workflowName("tx");
    const trip = { at, side, signal: "SIGKILL" } as const;
    const first = await pool.run({ ...target, workflow_id, trip }, DEADLINE_MS);
    expect(first, where).toMatchObject({ kind: "died", signal: "SIGKILL" });
    const second = await pool.run({ ...target, workflow_id }, DEADLINE_MS);
    expect(second, where).toMatchObject({ kind: "reply", reply: { result: "booked" } });
    expect(await rowsOf(workflow_id), where).toBe(1);
    expect(await eventsOf(workflow_id), where).toEqual(["created", "succeeded"]);
    const replayed = second.kind === "reply" && second.reply.names.length < names.length;
    ends[replayed ? "whole" : "none"] = (ends[replayed ? "whole" : "none"] ?? 0) + 1;
  });
  // Whatever came before the commit was nothing; what came after it was all.
  expect(ends["whole"]).toBeGreaterThanOrEqual(1);
  expect(ends["none"]).toBeGreaterThanOrEqual(2 * names.length - 2);
}, 120_000);
