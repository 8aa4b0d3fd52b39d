/** Kill points: a round that ends by SIGKILL at one operation, another process that goes on, and the count of both. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleProgram } from "../support/program.ts";
import { WorkerPool } from "../support/worker-process.ts";
import { type Job, type Reply, WORKER } from "./jobs.ts";
import { CALLS, type ScenarioName } from "./scenarios.ts";
import type { Site } from "./site.ts";
import type { Side, Trip } from "./tripwire.ts";

export type StoreName = "sqlite" | "redis";

export interface TrialResult {
  /** `missed`: the round was over before the process died. */
  readonly outcome: "clean" | "in doubt" | "missed" | "violation";
  readonly where: string;
  readonly violations: readonly string[];
}

/** Only what has stalled takes so long: a round takes a second, and a loaded machine twenty times that. */
const DEADLINE_MS = 60_000;
const LEASE_MS = 500;

export class Crashes {
  readonly #pool: WorkerPool<Job, Reply>;
  readonly #folder = mkdtempSync(join(tmpdir(), "holdpoint-crash-"));
  readonly #redis: { readonly url: string; readonly prefix: string } | undefined;
  #sites = 0;

  private constructor(
    pool: WorkerPool<Job, Reply>,
    redis: { readonly url: string; readonly prefix: string } | undefined,
  ) {
    this.#pool = pool;
    this.#redis = redis;
  }

  /** With `redis` the records are there; the checkpoints are in SQLite files all the same. */
  static async open(redis?: { readonly url: string; readonly prefix: string }): Promise<Crashes> {
    const program = await bundleProgram(WORKER);
    return new Crashes(new WorkerPool(program), redis);
  }

  async close(): Promise<void> {
    await this.#pool.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The operations of one round in which nobody dies. */
  async dryRun(scenario: ScenarioName): Promise<readonly string[]> {
    // Its lease outlives a slow machine: nobody waits, so that what is counted is the round alone.
    const site = { ...this.#site(scenario), leaseMs: DEADLINE_MS };
    const outcome = await this.#pool.run(
      { kind: "round", site, deadlineMs: DEADLINE_MS, examine: true },
      2 * DEADLINE_MS,
    );
    if (outcome.kind !== "reply") throw new Error(`The dry run of ${scenario}: ${JSON.stringify(outcome)}`);
    const { names, violations = [], drive } = outcome.reply;
    if (violations.length > 0 || drive?.status !== "finished" || (outcome.reply.doubts ?? 0) > 0) {
      throw new Error(`The dry run of ${scenario}: ${JSON.stringify({ drive, violations })}`);
    }
    return names;
  }

  /** SIGKILL exactly there. */
  async killAt(scenario: ScenarioName, { at, side, name }: KillPoint): Promise<TrialResult> {
    const trip: Trip = { at, side, signal: "SIGKILL" };
    return this.#trial(scenario, `#${at} ${side} ${name}`, at % 2 === 0, (site) =>
      this.#pool.run(roundOf(site, { trip }), 2 * DEADLINE_MS),
    );
  }

  /** SIGKILL from outside, `afterMs` after the round began. */
  async killAfter(scenario: ScenarioName, afterMs: number): Promise<TrialResult> {
    return this.#trial(scenario, `after ${afterMs.toFixed(1)} ms`, Math.random() < 0.5, async (site) => {
      const worker = this.#pool.take();
      await worker.listening;
      const round = worker.run(roundOf(site, {}));
      const timer = setTimeout(() => worker.signal("SIGKILL"), afterMs);
      const outcome = await round;
      clearTimeout(timer);
      this.#pool.give(worker);
      return outcome;
    });
  }

  async #trial(
    scenario: ScenarioName,
    where: string,
    wakeFirst: boolean,
    firstRound: (site: Site) => ReturnType<WorkerPool<Job, Reply>["run"]>,
  ): Promise<TrialResult> {
    const site = this.#site(scenario);
    const first = await firstRound(site);
    if (first.kind === "failed")
      return { outcome: "violation", where, violations: [`the first round failed: ${first.message}`] };
    const second = await this.#pool.run(roundOf(site, { wakeFirst, examine: true }), 2 * DEADLINE_MS);
    const violations = violationsOf(second);
    if (violations.length > 0) return { outcome: "violation", where, violations };
    rmSync(site.folder, { recursive: true, force: true });
    if (first.kind === "reply") return { outcome: "missed", where, violations };
    const doubts = second.kind === "reply" ? (second.reply.doubts ?? 0) : 0;
    return { outcome: doubts > 0 ? "in doubt" : "clean", where, violations };
  }

  #site(scenario: ScenarioName): Site {
    this.#sites += 1;
    const thread = `t${this.#sites}-${randomBytes(4).toString("hex")}`;
    const folder = join(this.#folder, thread);
    const site = { scenario, folder, thread, calls: CALLS[scenario], leaseMs: LEASE_MS };
    return this.#redis ? { ...site, redis: this.#redis } : site;
  }
}

function roundOf(
  site: Site,
  more: { readonly trip?: Trip; readonly wakeFirst?: boolean; readonly examine?: boolean },
): Job {
  return { kind: "round", site, deadlineMs: DEADLINE_MS, ...more };
}

function violationsOf(outcome: Awaited<ReturnType<WorkerPool<Job, Reply>["run"]>>): readonly string[] {
  if (outcome.kind === "failed") return [outcome.message];
  if (outcome.kind === "died") return [`the second process died (${outcome.signal}): ${outcome.stderr}`];
  const { drive, violations = [] } = outcome.reply;
  return drive?.status === "finished" ? violations : [`stalled: ${drive?.detail}`];
}

export interface KillPoint {
  readonly at: number;
  readonly side: Side;
  readonly name: string;
}

/** Every `stride`-th one, from `offset` on (an even stride leaves out one side), and a death behind an effect. */
export function killPointsOf(names: readonly string[], stride: number, offset = 0): KillPoint[] {
  const all = names.flatMap((name, at) => (["before", "after"] as const).map((side) => ({ at, side, name })));
  const effect = all.findIndex(({ side, name }) => side === "after" && name.startsWith("effect "));
  return all.filter((_, index) => index % stride === offset % stride || index === effect);
}

/** Does the work for each item, `width` at a time. */
export async function eachOf<T>(
  items: Iterable<T>,
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const lane = async (): Promise<void> => {
    for (let next = iterator.next(); !next.done; next = iterator.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: width }, lane));
}

/** Outcomes by store, kind of operation and side. */
export class KillTable {
  readonly #rows = new Map<string, Record<TrialResult["outcome"], number>>();
  readonly failures: string[] = [];
  trials = 0;

  add(
    { scenario, store }: { readonly scenario: ScenarioName; readonly store: StoreName },
    operation: string,
    side: string,
    result: TrialResult,
  ): void {
    const kind = operation.split(" ")[0] as string;
    const key = `${scenario.padEnd(27)} ${store.padEnd(7)} ${kind.padEnd(16)} ${side.padEnd(7)}`;
    const row = this.#rows.get(key) ?? { clean: 0, "in doubt": 0, missed: 0, violation: 0 };
    row[result.outcome] += 1;
    this.#rows.set(key, row);
    this.trials += 1;
    if (result.outcome === "violation")
      this.failures.push(`${scenario}, ${store} ${result.where}: ${result.violations.join("; ")}`);
  }

  count(outcome: TrialResult["outcome"]): number {
    return [...this.#rows.values()].reduce((sum, row) => sum + row[outcome], 0);
  }

  toString(): string {
    const head = `${"scenario".padEnd(27)} ${"store".padEnd(7)} ${"operation".padEnd(16)} ${"side".padEnd(7)} clean in-doubt missed violation`;
    const lines = [...this.#rows]
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([key, row]) => {
        const { clean, missed, violation } = row;
        return `${key} ${String(clean).padStart(5)} ${String(row["in doubt"]).padStart(8)} ${String(missed).padStart(6)} ${String(violation).padStart(9)}`;
      });
    return [head, ...lines].join("\n");
  }
}
