/** Grants between real processes (P8): a revocation stops the very next call of another one, and one use is for one call. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HITLBackend, respondAndResume } from "holdpoint";
import { RedisHITLBackend } from "holdpoint/backends/redis";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { type Grant, PolicyGrants } from "holdpoint/policy";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { only, Outside, start } from "../nodes-ledger/kit.ts";
import { bundleProgram } from "../support/program.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { type Outcome, WorkerPool, type WorkerProcess } from "../support/worker-process.ts";
import { type CallJob, type CallReply, configOf, payGraph, USER } from "./caller.ts";

const ROUNDS = 15;

let server: RedisServer;
let pool: WorkerPool<CallJob, CallReply>;
let workers: readonly [WorkerProcess<CallJob, CallReply>, WorkerProcess<CallJob, CallReply>];
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "holdpoint-policy-"));
  server = await startRedisServer();
  pool = new WorkerPool(await bundleProgram("test/nodes-policy/caller.child.ts"));
  workers = [pool.take(), pool.take()];
});

afterAll(async () => {
  await pool.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const replied = (outcome: Outcome<CallReply>): CallReply => {
  if (outcome.kind === "reply") return outcome.reply;
  throw new Error(JSON.stringify(outcome));
};

describe.each(["sqlite", "redis"] as const)("%s", (store) => {
  let redis: CallJob["redis"];
  let backend: HITLBackend;
  let grants: PolicyGrants;

  beforeAll(() => {
    redis = store === "redis" ? { url: server.url, prefix: server.prefix() } : undefined;
    backend = redis
      ? new RedisHITLBackend(redis)
      : new SqliteHITLBackend({ path: join(folder, "records.db") });
    grants = new PolicyGrants({ backend });
  });

  afterAll(() => backend.close());

  const job = (thread: string, together = false): CallJob => ({ folder, redis, thread, together });

  /** A human approves for always, here. */
  async function granted(thread: string, uses?: number): Promise<Grant> {
    const outside = new Outside();
    const graph = payGraph(backend, outside, uses);
    await graph.invoke(start(), configOf(thread));
    const { hitl_id } = await only(backend, thread);
    const response = { decision: "approve_always" };
    await respondAndResume(graph, { backend, hitl_id, response, config: { configurable: USER } });
    expect(outside.log).toEqual(["pay 7"]);
    const { items } = await grants.list({ user_id: "ann", status: "active" });
    const grant = items.find((one) => one.hitl_id === hitl_id);
    if (!grant) throw new Error("no grant was given");
    return grant;
  }

  it("P8 a grant that is revoked here allows nothing there, from the very next call on", {
    timeout: 120_000,
  }, async () => {
    const grant = await granted("any-first");
    const [worker] = workers;
    for (let round = 0; round < 3; round += 1)
      expect(replied(await worker.run(job(`any-before-${round}`)))).toEqual({ ran: 1, asked: 0 });
    expect((await grants.revoke(grant.grant_id)).status).toBe("revoked");
    for (let round = 0; round < 3; round += 1)
      expect(replied(await worker.run(job(`any-after-${round}`)))).toEqual({ ran: 0, asked: 1 });
    const used = (await grants.history(grant.grant_id)).items.filter(({ type }) => type === "used");
    expect(used).toHaveLength(3);
  });

  it("P8 one use that two processes want at the same moment: one call runs, the other one is asked about", {
    timeout: 120_000,
  }, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const grant = await granted(`one-first-${round}`, 1);
      const runs = workers.map((worker, index) => worker.runToBarrier(job(`one-${round}-${index}`, true)));
      await Promise.all(runs.map(({ ready }) => ready));
      for (const worker of workers) worker.go();
      const replies = (await Promise.all(runs.map(({ outcome }) => outcome))).map(replied);
      expect(replies.toSorted((a, b) => a.ran - b.ran)).toEqual([
        { ran: 0, asked: 1 },
        { ran: 1, asked: 0 },
      ]);
      expect(await grants.get(grant.grant_id)).toMatchObject({ status: "used_up", used: 1 });
    }
  });
});
