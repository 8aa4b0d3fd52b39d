/** A call in a process that dies at one operation of it, another process that goes on, and what came of both. */
import { join } from "node:path";
import type { RecordEvent, StoreHITLBackend } from "holdpoint";
import { EffectLedger } from "holdpoint/ledger";
import type { Side } from "../../crash/tripwire.ts";
import { until } from "../../support/poll.ts";
import type { Outcome, WorkerPool } from "../../support/worker-process.ts";
import type { Job, Reply, RunJob } from "./jobs.ts";
import { OracleLog, tokenOf, wrongWith } from "./oracle-log.ts";
import { type Scenario, type ScenarioName, SCENARIOS } from "./scenarios.ts";
import { type RunningTarget, workflowName } from "./targets.ts";
import { callOf } from "./the-call.ts";

export interface KillPoint {
  readonly at: number;
  readonly side: Side;
  readonly name: string;
}

export interface Trial {
  /** `missed`: the call had come to its end before the process died. */
  readonly outcome: "clean" | "in doubt" | "missed";
  readonly wrong: readonly string[];
}

/** Nobody dies, and nobody waits for a lease: what is counted is the call alone. */
const SAFE_LEASE_MS = 60_000;
const LEASE_MS = 400;
/** Only what has stalled takes so long. */
const DEADLINE_MS = 60_000;

export function killPointsOf(names: readonly string[]): KillPoint[] {
  return names.flatMap((name, at) => (["before", "after"] as const).map((side) => ({ at, side, name })));
}

export class KillPoints {
  readonly #pool: WorkerPool<Job, Reply>;
  readonly #place: RunningTarget;
  readonly #backend: StoreHITLBackend;

  constructor(pool: WorkerPool<Job, Reply>, place: RunningTarget, backend: StoreHITLBackend) {
    this.#pool = pool;
    this.#place = place;
    this.#backend = backend;
  }

  /** The operations of a call in which nobody dies. */
  async dryRun(scenario: ScenarioName): Promise<readonly string[]> {
    const { job, log } = await this.#begin(scenario, SAFE_LEASE_MS);
    const outcome = await this.#pool.run({ ...job, name: "first" }, DEADLINE_MS);
    const wrong = await this.#examine(job, log, outcome);
    if (wrong.length > 0 || outcome.kind !== "reply")
      throw new Error(`The dry run of ${scenario}: ${wrong.join("; ")}`);
    return outcome.reply.names ?? [];
  }

  /** SIGKILL exactly there; then another process makes the same call. */
  async killAt(scenario: ScenarioName, { at, side }: KillPoint): Promise<Trial> {
    const { job, log } = await this.#begin(scenario, LEASE_MS);
    const trip = { at, side, signal: "SIGKILL" } as const;
    const first = await this.#pool.run({ ...job, name: "first", trip }, DEADLINE_MS);
    if (first.kind === "failed") return { outcome: "missed", wrong: [`the first process: ${first.message}`] };
    const begun = log.of("start").length;
    const before = await this.#history(job);
    const second = await this.#pool.run({ ...job, name: "second" }, DEADLINE_MS);
    const wrong = await this.#examine(job, log, second);
    // A handler had begun, and its outcome was never written: that is a doubt, whoever looks.
    const wasAtWork = begun > 0 && !before.some(({ status }) => status === "succeeded");
    const doubted = (await this.#history(job)).some(({ status }) => status === "in_doubt");
    if (first.kind === "died" && wasAtWork && !doubted)
      wrong.push("P6 a handler was cut off, and no doubt was noted");
    if (first.kind === "reply") return { outcome: "missed", wrong };
    return { outcome: doubted ? "in doubt" : "clean", wrong };
  }

  async #begin(scenario: ScenarioName, leaseMs: number): Promise<{ job: RunJob; log: OracleLog }> {
    const workflow_id = workflowName(scenario);
    const log = new OracleLog(join(this.#place.folder, `${workflow_id}.log`));
    const { target } = this.#place;
    if (SCENARIOS[scenario].orphaned) await this.#orphan(workflow_id, log);
    return { job: { kind: "run", name: "", scenario, target, log: log.path, workflow_id, leaseMs }, log };
  }

  /** Somebody has begun the call, and is not heard of any more. */
  async #orphan(workflow_id: string, log: OracleLog): Promise<void> {
    const { effect } = await this.#ledger().begin(callOf(workflow_id), { leaseMs: 10 });
    log.add({ what: "start", by: "the orphan's parent", fence: effect.fence });
    const { store } = this.#backend;
    await until("the end of its lease", async () => (await store.now()) > (effect.lease?.expires_at ?? 0));
  }

  #ledger(): EffectLedger {
    return new EffectLedger({ backend: this.#backend });
  }

  async #history(job: RunJob): Promise<readonly RecordEvent[]> {
    return (await this.#ledger().history(callOf(job.workflow_id), { limit: 1000 })).items;
  }

  /** What is wrong at the end, by the log of what happened, and by what the ledger says of it. */
  async #examine(job: RunJob, log: OracleLog, last: Outcome<Reply>): Promise<string[]> {
    const { needsApproval }: Scenario = SCENARIOS[job.scenario];
    const wrong = wrongWith(log.lines, { needsApproval });
    const effect = log.of("effect")[0];
    const expected = effect ? tokenOf(effect) : "nothing";
    if (last.kind === "failed") wrong.push(last.message);
    if (last.kind === "died") wrong.push(`the last process died (${last.signal}): ${last.stderr}`);
    if (last.kind === "reply" && last.reply.given[expected] !== 1)
      wrong.push(`P6 it was given ${JSON.stringify(last.reply.given)}, not "${expected}"`);
    const ledger = this.#ledger();
    const { workflow_id } = job;
    const { items } = await ledger.list({ workflow_id });
    if (items.length !== 1 || items[0]?.status !== "succeeded" || items[0].result !== expected)
      wrong.push(`P4 the workflow's effects are ${JSON.stringify(items)}`);
    else if ((await ledger.run(callOf(workflow_id), () => "again")) !== expected)
      wrong.push("P6 a replay gives something else");
    const events = await this.#history(job);
    for (const [what, count] of [
      ["created", events.filter(({ type }) => type === "created").length],
      ["ended", events.filter(({ status }) => status === "succeeded").length],
    ] as const)
      if (count !== 1)
        wrong.push(`P5 it was ${what} ${count} times: ${events.map(({ type }) => type).join()}`);
    const open = await this.#backend.getPendingBySession(workflow_id);
    if (open.items.length > 0) wrong.push(`P4 ${open.items.length} questions are left`);
    return wrong;
  }
}
