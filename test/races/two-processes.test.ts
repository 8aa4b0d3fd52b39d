/**
 * Two processes behind a barrier that wake one thread together (P9): each effect once, the next model once, and
 * no thread is left that waits for a process which has gone home.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Job, type Reply, WORKER } from "../crash/jobs.ts";
import { effectsOf, type Site } from "../crash/site.ts";
import type { ToolName } from "../crash/tools.ts";
import { Tripwire } from "../crash/tripwire.ts";
import { openWorld } from "../crash/world.ts";
import { nextOf, openQuestion } from "../support/agent.ts";
import { bundleProgram } from "../support/program.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { type Outcome, WorkerPool, type WorkerProcess } from "../support/worker-process.ts";

const THREADS = 30;
const response = { confirmed: true, comment: "yes" };

let server: RedisServer;
let pool: WorkerPool<Job, Reply>;
let workers: readonly [WorkerProcess<Job, Reply>, WorkerProcess<Job, Reply>];
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "holdpoint-races-"));
  server = await startRedisServer();
  pool = new WorkerPool(await bundleProgram(WORKER));
  workers = [pool.take(), pool.take()];
});

afterAll(async () => {
  await pool.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Both stand at the barrier before either may pass. */
async function together(jobs: readonly [Job, Job]): Promise<readonly Outcome<Reply>[]> {
  const runs = [workers[0].runToBarrier(jobs[0]), workers[1].runToBarrier(jobs[1])];
  await Promise.all(runs.map(({ ready }) => ready));
  for (const worker of workers) worker.go();
  return Promise.all(runs.map(({ outcome }) => outcome));
}

/** What became of the answer and of the thread; an error's code or text. */
function said(outcome: Outcome<Reply>, of: "status" | "resume"): string {
  if (outcome.kind === "reply") return String(outcome.reply[of]);
  return outcome.kind === "failed" ? (outcome.code ?? outcome.message) : `died by ${outcome.signal}`;
}

async function nextOfSite(site: Site): Promise<readonly string[]> {
  const world = openWorld(site, new Tripwire());
  try {
    return await nextOf(world.plain.agent, site.thread);
  } finally {
    await world.close();
  }
}

async function respondOnly(site: Site, question: string): Promise<void> {
  const world = openWorld(site, new Tripwire());
  try {
    const { hitl_id } = await openQuestion(world.plain.backend, site.thread, question);
    await world.plain.backend.respond(hitl_id, response);
  } finally {
    await world.close();
  }
}

describe.each(["sqlite", "redis"] as const)("two processes, %s", (store) => {
  async function threads(name: string, calls: readonly ToolName[]): Promise<Site[]> {
    const redis = store === "redis" ? { redis: { url: server.url, prefix: server.prefix() } } : {};
    const sites = Array.from({ length: THREADS }, (_, index): Site => {
      // The lease outlives a slow machine: here nobody dies.
      return {
        folder: join(folder, `${store}-${name}`),
        thread: `t${index}`,
        calls,
        leaseMs: 20_000,
        ...redis,
      };
    });
    const started = await workers[0].run({ kind: "start", sites });
    expect(started.kind).toBe("reply");
    return sites;
  }

  async function expectFinished(sites: readonly Site[], effects: readonly string[]): Promise<void> {
    const found: unknown[] = [];
    for (const site of sites) {
      found.push({ thread: site.thread, next: await nextOfSite(site), effects: effectsOf(site).toSorted() });
    }
    const expected = [...effects, "model", "model"].toSorted();
    expect(found).toEqual(sites.map(({ thread }) => ({ thread, next: [], effects: expected })));
  }

  it("P4 P9 give the same answer at the same moment", { timeout: 120_000 }, async () => {
    const sites = await threads("answer", ["pay"]);
    const statuses: string[][] = [];
    for (const site of sites) {
      const job: Job = { kind: "answer", site, question: "pay?", response, together: true };
      const outcomes = await together([job, job]);
      statuses.push(outcomes.map((outcome) => said(outcome, "status")).toSorted());
    }
    expect(statuses).toEqual(sites.map(() => ["accepted", "duplicate"]));
    await expectFinished(sites, ["pay"]);
  });

  it("P9 wake an answered thread at the same moment", { timeout: 120_000 }, async () => {
    const sites = await threads("wake", ["pay"]);
    const woken: string[] = [];
    for (const site of sites) {
      await respondOnly(site, "pay?");
      const job: Job = { kind: "resume", site, together: true };
      woken.push(...(await together([job, job])).map((outcome) => said(outcome, "resume")));
    }
    expect(woken.filter((status) => !["resumed", "busy", "nothing_to_resume"].includes(status))).toEqual([]);
    expect(woken.filter((status) => status === "resumed")).toHaveLength(THREADS);
    await expectFinished(sites, ["pay"]);
  });

  it("P9 P10 answer two questions of one step at the same moment", { timeout: 120_000 }, async () => {
    const sites = await threads("two", ["pay", "refund"]);
    const statuses: string[] = [];
    for (const site of sites) {
      const answer = (question: string): Job => ({
        kind: "answer",
        site,
        question,
        response,
        together: true,
      });
      const outcomes = await together([answer("pay?"), answer("refund?")]);
      statuses.push(...outcomes.map((outcome) => said(outcome, "status")));
    }
    expect(statuses.filter((status) => status !== "accepted")).toEqual([]);
    await expectFinished(sites, ["pay", "refund"]);
  });
});
