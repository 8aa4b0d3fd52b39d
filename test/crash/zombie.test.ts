/**
 * A process that stands still in the middle of a tool for longer than its lease, and then goes on (P9): what it
 * did is not recorded any more, and a service that looks at the fencing token refuses it.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../support/poll.ts";
import { bundleProgram } from "../support/program.ts";
import { WorkerPool } from "../support/worker-process.ts";
import { type Job, type Reply, WORKER } from "./jobs.ts";
import { Tripwire, type Side } from "./tripwire.ts";
import { effectsOf, type Site } from "./site.ts";
import { openWorld } from "./world.ts";

const response = { confirmed: true, comment: "yes" };
const deadlineMs = 20_000;

let pool: WorkerPool<Job, Reply>;
let folder: string;
/** Where the effect is among the operations of an answer. */
let at: number;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "holdpoint-zombie-"));
  pool = new WorkerPool(await bundleProgram(WORKER));
  at = await indexOfEffect();
});

afterAll(async () => {
  await pool.close();
  rmSync(folder, { recursive: true, force: true });
});

function siteOf(thread: string): Site {
  return { folder: join(folder, thread), thread, calls: ["pay"], leaseMs: 400, fenced: true };
}

/** By a run in which nobody stops. */
async function indexOfEffect(): Promise<number> {
  const site = siteOf("dry");
  await pool.run({ kind: "start", sites: [site] }, deadlineMs);
  const outcome = await pool.run({ kind: "answer", site, question: "pay?", response }, deadlineMs);
  if (outcome.kind !== "reply") throw new Error(JSON.stringify(outcome));
  return outcome.reply.names.indexOf("effect pay");
}

/** The thread's finished calls, as they are recorded, with all that ever happened to them. */
async function recordedOf(site: Site): Promise<unknown> {
  const world = openWorld(site, new Tripwire());
  try {
    const { store, tenant_id } = world.plain.backend;
    const key = { name: "thread", value: site.thread } as const;
    const { items } = await store.page({ kind: "call", tenant_id, statuses: ["finished"], key });
    return await Promise.all(items.map(async (call) => ({ call, events: await store.history(call.id) })));
  } finally {
    await world.close();
  }
}

describe("a process that comes back after its lease", () => {
  it.each<[string, Side]>([
    ["before its effect: the service refuses the older token", "before"],
    ["after its effect: its outcome is refused", "after"],
  ])("P9 %s", { timeout: 60_000 }, async (_what, side) => {
    expect(at).toBeGreaterThan(-1);
    const site = siteOf(`zombie-${side}`);
    await pool.run({ kind: "start", sites: [site] }, deadlineMs);
    const zombie = pool.take();
    const trip = { at, side, signal: "SIGSTOP" } as const;
    const late = zombie.run({ kind: "answer", site, question: "pay?", response, trip });
    if (side === "after") await until("its effect", () => effectsOf(site).includes("pay"));
    else await until("it stands still", () => zombie.stopped());

    const round = await pool.run(
      { kind: "round", site, wakeFirst: true, deadlineMs, examine: true },
      2 * deadlineMs,
    );
    expect(round).toMatchObject({
      kind: "reply",
      reply: { violations: [], doubts: 1, drive: { status: "finished" } },
    });
    const decision = side === "after" ? "happened" : "run_again";
    expect(round).toMatchObject({ reply: { drive: { doubts: [{ call: "pay", decision }] } } });

    const recorded = await recordedOf(site);
    expect(recorded).toHaveLength(1);

    zombie.signal("SIGCONT");
    const end = await late;
    await zombie.stop();
    // The loser does not run the next node either.
    expect(effectsOf(site).toSorted()).toEqual(["model", "model", "pay"]);
    expect(end).toMatchObject({ kind: "failed", code: "ERR_HITL_LEASE_LOST" });
    expect(await recordedOf(site)).toEqual(recorded);
    const again = await pool.run({ kind: "round", site, deadlineMs, examine: true }, 2 * deadlineMs);
    expect(again).toMatchObject({
      kind: "reply",
      reply: { violations: [], drive: { status: "finished", wakes: 0 } },
    });
  });
});
