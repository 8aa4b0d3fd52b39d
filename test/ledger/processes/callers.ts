/** Many callers of one call, in several processes; some of these are killed while their handler is at work. */
import { join } from "node:path";
import type { StoreHITLBackend } from "holdpoint";
import { EffectLedger } from "holdpoint/ledger";
import { until } from "../../support/poll.ts";
import type { Outcome, WorkerPool, WorkerProcess } from "../../support/worker-process.ts";
import type { CallersJob, Job, Reply } from "./jobs.ts";
import { type Line, OracleLog, tokenOf, wrongWith } from "./oracle-log.ts";
import type { RunningTarget } from "./targets.ts";
import { callOf } from "./the-call.ts";
import { workflowName } from "./targets.ts";

export const PROCESSES = 4;
const NAMES = Array.from({ length: PROCESSES }, (_, n) => `p${n}`);
/** Nobody is killed: a lease that outlives the slowest machine. */
const SAFE_LEASE_MS = 60_000;
/** Long enough for a process with so many callers to renew it among their calls, short enough to be waited for. */
const leaseMsFor = (callers: number): number => 600 + 4 * callers;

export interface Round {
  readonly wrong: readonly string[];
  readonly kills: number;
  /** Calls in doubt that were listed, and decided. */
  readonly doubts: number;
}

interface Member {
  readonly name: string;
  readonly worker: WorkerProcess<Job, Reply>;
  readonly ended: Promise<Outcome<Reply>>;
  isOver: boolean;
}

export class Callers {
  readonly #pool: WorkerPool<Job, Reply>;
  readonly #place: RunningTarget;
  readonly #backend: StoreHITLBackend;
  readonly #callers: number;

  constructor(
    pool: WorkerPool<Job, Reply>,
    place: RunningTarget,
    backend: StoreHITLBackend,
    callers: number,
  ) {
    this.#pool = pool;
    this.#place = place;
    this.#backend = backend;
    this.#callers = callers;
  }

  /** All of them at once; the handler ends when every one has called. */
  async together(): Promise<Round> {
    const round = this.#round("together", { leaseMs: SAFE_LEASE_MS, together: this.#callers });
    const members = await this.#start(round.job, NAMES);
    const wrong = await this.#finish(round, members);
    const given = await this.#given(members);
    const count = Object.values(given).reduce((sum, times) => sum + times, 0);
    if (count !== this.#callers) wrong.push(`P6 ${count} of ${this.#callers} callers got a result`);
    return { wrong, kills: 0, doubts: 0 };
  }

  /**
   * The running worker is killed, `kills` times in a row; a human who has made sure that it is dead decides.
   *
   * @param holds - where the first one stands still for it; null: none does
   */
  async killed(kills: number, holds: CallersJob["holds"], random: () => number): Promise<Round> {
    const pace = [Math.floor(random() * 40), Math.floor(random() * 40)] as const;
    const round = this.#round("killed", { leaseMs: leaseMsFor(this.#callers), together: 0, holds, pace });
    const { log } = round;
    const members = await this.#start(round.job, NAMES);
    const target = { killed: 0, doubts: 0 };
    const kill = async (name: string): Promise<void> => {
      const member = members.find((one) => one.name === name);
      if (!member || member.isOver) return;
      member.worker.signal("SIGKILL");
      if ((await member.ended).kind === "died") target.killed += 1;
      // Somebody has to be left who goes on.
      if (members.every(({ isOver }) => isOver))
        members.push(...(await this.#start(round.job, [`p${members.length}`])));
    };
    let seen = 0;
    const anyLeft = (): boolean => members.some(({ isOver }) => !isOver);
    while (anyLeft()) {
      const starts = log.of("start");
      const newest = starts.at(-1);
      if (newest && starts.length > seen && target.killed < kills) {
        seen = starts.length;
        if (holds === null || seen > 1) await pause(random() * 40);
        else if (holds === "effect")
          await until("the effect", async () => log.of("effect").length > 0 || (await isDoubted(round)));
        await kill(newest.by);
      }
      target.doubts += await this.#decided(round, kill);
      await pause(5);
    }
    const wrong = await this.#finish(round, members);
    if (holds !== null && target.doubts === 0) wrong.push("P6 a worker was killed, and nothing was in doubt");
    return { wrong, kills: target.killed, doubts: target.doubts };
  }

  /** As an operator does it: looks at the list, makes sure that nobody is at it any more, asks the service, decides. */
  async #decided({ ledger, log, job }: Open, kill: (name: string) => Promise<void>): Promise<number> {
    const { items } = await ledger.list({ workflow_id: job.workflow_id, status: "in_doubt" });
    const [effect] = items;
    if (!effect) return 0;
    const holder = log.of("start").at(-1) as Line;
    await kill(holder.by);
    const done = log.of("effect")[0];
    const decision = done ? "happened" : "run_again";
    log.add({ what: decision, by: "operator", fence: holder.fence });
    const word = done
      ? ({ decision: "happened", result: tokenOf(done) } as const)
      : ({ decision: "run_again" } as const);
    return (await ledger.resolve(effect, word, { actor: { id: "operator", role: "user" } })) ? 1 : 0;
  }

  #round(what: string, given: Partial<CallersJob> & { leaseMs: number; together: number }): Open {
    const workflow_id = workflowName(what);
    const log = new OracleLog(join(this.#place.folder, `${workflow_id}.log`));
    const callers = Math.ceil(this.#callers / PROCESSES);
    const job: CallersJob = {
      kind: "callers",
      target: this.#place.target,
      log: log.path,
      workflow_id,
      name: "",
      callers,
      holds: null,
      pace: [0, 0],
      ...given,
    };
    const ledger = new EffectLedger({ backend: this.#backend, defaults: { leaseMs: given.leaseMs } });
    return { job, log, ledger };
  }

  async #start(job: CallersJob, names: readonly string[]): Promise<Member[]> {
    const begun = names.map((name) => {
      const worker = this.#pool.take();
      const { ready, outcome } = worker.runToBarrier({ ...job, name });
      const member: Member = { name, worker, ended: outcome, isOver: false };
      void outcome.then(() => {
        member.isOver = true;
        this.#pool.give(worker);
      });
      return { member, ready };
    });
    await Promise.all(begun.map(({ ready }) => ready));
    for (const { member } of begun) member.worker.go();
    return begun.map(({ member }) => member);
  }

  async #given(members: readonly Member[]): Promise<Record<string, number>> {
    const given: Record<string, number> = {};
    for (const { ended } of members) {
      const outcome = await ended;
      if (outcome.kind !== "reply") continue;
      for (const [value, times] of Object.entries(outcome.reply.given))
        given[value] = (given[value] ?? 0) + times;
    }
    return given;
  }

  /** What is wrong when all processes have ended, or are dead. */
  async #finish({ log, ledger, job }: Open, members: readonly Member[]): Promise<string[]> {
    for (const { ended } of members) await ended;
    const wrong = wrongWith(log.lines);
    const effect = log.of("effect")[0];
    const expected = effect ? tokenOf(effect) : "nothing";
    for (const { name, ended } of members) {
      const outcome = await ended;
      if (outcome.kind === "failed") wrong.push(`${name} failed: ${outcome.message}`);
      if (outcome.kind === "died" && outcome.signal !== "SIGKILL")
        wrong.push(`${name} died: ${outcome.stderr}`);
      if (outcome.kind !== "reply") continue;
      const { given, thrown } = outcome.reply;
      if (thrown.length > 0) wrong.push(`${name}: callers were thrown ${thrown.join()}`);
      if (given[expected] !== job.callers)
        wrong.push(`P6 ${name}: callers were given ${JSON.stringify(given)}, not "${expected}"`);
    }
    // Somebody who comes when all is over hears the same, and finds nothing open.
    const late = await ledger.run(callOf(job.workflow_id), () => "late");
    if (late !== expected) wrong.push(`P6 a late caller got "${late}", not "${expected}"`);
    const { items } = await ledger.list({ workflow_id: job.workflow_id });
    if (items.length !== 1 || items[0]?.status !== "succeeded")
      wrong.push(`P4 the workflow's effects are ${items.map(({ status }) => status).join()}`);
    const open = await this.#backend.getPendingBySession(job.workflow_id);
    if (open.items.length > 0) wrong.push(`P4 ${open.items.length} questions are left`);
    return wrong;
  }
}

interface Open {
  readonly job: CallersJob;
  readonly log: OracleLog;
  readonly ledger: EffectLedger;
}

/** A process that stood still for longer than its lease: nobody had to kill it. */
async function isDoubted({ ledger, job }: Open): Promise<boolean> {
  const { items } = await ledger.list({ workflow_id: job.workflow_id, status: "in_doubt" });
  return items.length > 0;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
