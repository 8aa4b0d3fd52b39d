/** A process that makes one call in a transaction of its own, and may be its end at any of its statements. */
import { PostgresHITLBackend } from "holdpoint/backends/postgres";
import { EffectLedger } from "holdpoint/ledger";
import { Pool } from "pg";
import { type Trip, Tripwire, wired } from "../../crash/tripwire.ts";
import { doJobs } from "../../support/worker-jobs.ts";
import { callOf } from "./the-call.ts";

export interface BookingJob {
  readonly connectionString: string;
  readonly schema: string;
  readonly workflow_id: string;
  readonly trip?: Trip;
}

export interface Booked {
  readonly result: string;
  /** Statements of the transaction, in order. */
  readonly names: readonly string[];
}

async function book({ connectionString, schema, workflow_id, trip }: BookingJob): Promise<Booked> {
  const wire = new Tripwire(trip);
  const pool = new Pool({ connectionString, max: 2 });
  const backend = new PostgresHITLBackend({ pool, schema, retention: { sweepEveryMs: 0 } });
  await backend.get("none");
  const lent = await pool.connect();
  const client = wired(lent, wire, (method, [query]) => {
    if (method !== "query") return null;
    const text = typeof query === "string" ? query : (query as { text: string }).text;
    return text.trimStart().split(/\s+/, 3).join(" ");
  });
  const tx = backend.withTransaction(client);
  try {
    await client.query("BEGIN");
    const result = await new EffectLedger({ backend }).run(
      callOf(workflow_id),
      async () => {
        await client.query("INSERT INTO bookings VALUES ($1)", [workflow_id]);
        return "booked";
      },
      { tx },
    );
    await client.query("COMMIT");
    return { result, names: wire.names };
  } finally {
    lent.release();
    await backend.close();
    await pool.end();
  }
}

doJobs(book);
