/** One round: a fresh store, a load, faults in turn, and what the checker says of it. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Program } from "../support/program.ts";
import { check, type Verdict } from "./checker.ts";
import { Crew } from "./crew.ts";
import type { Violation } from "./findings.ts";
import { operationsOf } from "./ledger.ts";
import { below, randomOf, seedOf } from "./random.ts";
import { type Fault, type FaultSetup, wait } from "./setup.ts";
import { takeSnapshot } from "./snapshot.ts";

const PROCESSES = 4;
/** Eight writers and four readers in all. */
const WRITERS = 2;
const READERS = 1;
const LONGEST_PAUSE_MS = 250;
/** Each server and each worker listens for the end of this process, to end with it. */
const LISTENERS = 64;
/** The checker reads much, on a machine that has just been busy: its calls have no hurry. */
const CHECKER_CALL_MS = 60_000;

export interface RoundOptions {
  readonly setup: FaultSetup;
  readonly program: Program;
  readonly seed: number;
  readonly loadMs: number;
  /** Only these faults; default: every one that the set-up has. An empty list: a load without faults. */
  readonly faults?: readonly string[] | undefined;
  /** All but these. */
  readonly without?: readonly string[];
  /** Goes on until each fault was injected, however long that takes. */
  readonly everyFault?: boolean;
  readonly processes?: number;
  /** Keeps the ledgers here. */
  readonly keep?: string | undefined;
}

export interface Round {
  readonly verdict: Verdict;
  /** How often each fault was injected. */
  readonly faults: Readonly<Record<string, number>>;
}

export function faultNames(setup: { readonly faults: readonly Fault[] }): readonly string[] {
  return setup.faults.map(({ name }) => name);
}

export async function runRound(options: RoundOptions): Promise<Round> {
  const { setup, program, seed, loadMs } = options;
  const folder = options.keep ?? mkdtempSync(join(tmpdir(), "holdpoint-ledgers-"));
  process.setMaxListeners(Math.max(process.getMaxListeners(), LISTENERS));
  const running = await setup.start();
  const orders = {
    setup: setup.name,
    target: running.target,
    seed: seedOf(seed, "load"),
    writers: WRITERS,
    readers: READERS,
  };
  const crew = new Crew(program, folder, orders);
  try {
    await crew.start(options.processes ?? PROCESSES);
    const all = [...crew.faults, ...running.faults];
    const chosen = options.faults?.map((name) => {
      const found = all.find((fault) => fault.name === name);
      if (!found)
        throw new Error(
          `${setup.name} has no fault "${name}"; it has: ${faultNames({ faults: all }).join(", ")}`,
        );
      return found;
    });
    const counts = await injectFor(
      { loadMs, everyFault: options.everyFault ?? false },
      (chosen ?? all).filter(({ name }) => !options.without?.includes(name)),
      seedOf(seed, "faults"),
    );
    await running.healed();
    const operations = operationsOf(await crew.finish());
    const store = setup.open(running.direct, CHECKER_CALL_MS);
    try {
      const verdict = check(operations, await takeSnapshot(store, operations), setup.promises);
      const stuck = crew.troubles.map(
        (text): Violation => ({ rule: "not_recovered", about: setup.name, text }),
      );
      return { verdict: { ...verdict, violations: [...verdict.violations, ...stuck] }, faults: counts };
    } finally {
      await store.close();
    }
  } finally {
    await crew.close();
    await running.stop();
    if (options.keep === undefined && existsSync(folder)) rmSync(folder, { recursive: true, force: true });
  }
}

/** The faults one after the other, in an order that changes with each turn, until the time is over. */
async function injectFor(
  until: { readonly loadMs: number; readonly everyFault: boolean },
  faults: readonly Fault[],
  seed: number,
): Promise<Record<string, number>> {
  const random = randomOf(seed);
  const counts: Record<string, number> = Object.fromEntries(faults.map(({ name }) => [name, 0]));
  const deadline = performance.now() + until.loadMs;
  const left = (): number => Math.max(0, deadline - performance.now());
  const missing = (): boolean => until.everyFault && Object.values(counts).includes(0);
  let turn: Fault[] = [];
  while (left() > 0 || missing()) {
    const pauseMs = below(random, LONGEST_PAUSE_MS);
    await wait(missing() ? pauseMs : Math.min(left(), pauseMs));
    if (faults.length === 0) continue;
    if (turn.length === 0) turn = [...faults];
    const [fault] = turn.splice(below(random, turn.length), 1) as [Fault];
    await fault.inject(random);
    counts[fault.name] = (counts[fault.name] ?? 0) + 1;
  }
  return counts;
}
