/** `npm run faults`: rounds of load and faults on real stores, and what the ledgers say of them. */
import { randomInt } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bundleProgram } from "../support/program.ts";
import { runMutants } from "./mutant-run.ts";
import { runRound } from "./round.ts";
import type { FaultSetup } from "./setup.ts";
import { SETUPS, setupNamed } from "./setups/all.ts";
import { lineOf, Tally } from "./tally.ts";
import { WORKER } from "./worker-program.ts";

const HELP = `Real processes on real servers, faults, and a check of the store against what each call was told.

  npm run faults -- [--tier short] [--store redis] [--fault kill-server] [--seconds 60] [--seed 1]
  npm run faults -- --mutants

  --tier     short: one round for each store (default). nightly: rounds in turn for 30 minutes, or for --seconds
  --store    ${SETUPS.map(({ name }) => name).join(", ")}; may be repeated (default: all)
  --fault    only this one; may be repeated (default: all that the store has)
  --seconds  how long in all, checks included
  --seed     of the first round; the next rounds take the numbers that follow (default: a random one, printed)
  --mutants  takes one guard at a time out of a copy of the sources, and looks that something notices

Exits with 1 if a promise was broken; the ledgers of that round are kept then. docs/faults.md says how to read it.`;

const { values } = parseArgs({
  options: {
    tier: { type: "string", default: "short" },
    store: { type: "string", multiple: true },
    fault: { type: "string", multiple: true },
    seconds: { type: "string" },
    seed: { type: "string" },
    mutants: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  },
});

const TIERS: Readonly<Record<string, { readonly loadMs: number; readonly seconds: number | null }>> = {
  short: { loadMs: 5000, seconds: null },
  nightly: { loadMs: 12_000, seconds: 1800 },
};
const SHOWN = 20;

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`${name} takes a whole number from 1, not "${text}".`);
  return value;
}

interface Plan {
  readonly setups: readonly FaultSetup[];
  readonly faults: readonly string[] | undefined;
  readonly loadMs: number;
  readonly seconds: number | null;
  readonly seed: number;
}

async function runRounds({ setups, faults, loadMs, seconds, seed }: Plan): Promise<number> {
  const program = await bundleProgram(WORKER);
  const tally = new Tally();
  const deadline = seconds === null ? null : Date.now() + seconds * 1000;
  // With a time to keep, no round makes sure of every fault: the next ones will have it.
  const everyFault = deadline === null;
  let stopped = false;
  process.once("SIGINT", () => {
    stopped = true;
  });
  try {
    for (let n = 0; !stopped; n += 1) {
      if (deadline === null ? n >= setups.length : Date.now() >= deadline) break;
      const setup = setups[n % setups.length] as FaultSetup;
      const left = deadline === null ? loadMs : Math.min(loadMs, deadline - Date.now());
      const keep = mkdtempSync(join(tmpdir(), "holdpoint-ledgers-"));
      const round = await runRound({
        setup,
        program,
        seed: seed + n,
        loadMs: left,
        faults,
        everyFault,
        keep,
      });
      tally.add(setup.name, round);
      console.log(lineOf(setup.name, seed + n, round));
      const { violations } = round.verdict;
      if (violations.length === 0) rmSync(keep, { recursive: true, force: true });
      else {
        for (const { rule, about, text } of violations.slice(0, SHOWN))
          console.log(`VIOLATION ${rule} ${about}: ${text}`);
        console.log(`${violations.length} violations; the ledgers are in ${keep}`);
      }
    }
  } finally {
    program.remove();
  }
  console.log(`\n${tally.toString()}`);
  return tally.violations.length === 0 && tally.rounds > 0 ? 0 : 1;
}

function planOf(): Plan {
  const tier = TIERS[values.tier];
  if (!tier) throw new Error(`--tier is one of: ${Object.keys(TIERS).join(", ")}.`);
  return {
    setups: values.store?.map(setupNamed) ?? SETUPS,
    faults: values.fault,
    loadMs: tier.loadMs,
    seconds: values.seconds === undefined ? tier.seconds : wholeNumber("--seconds", values.seconds),
    seed: values.seed === undefined ? randomInt(1, 1_000_000) : wholeNumber("--seed", values.seed),
  };
}

try {
  if (values.help) console.log(HELP);
  else
    process.exitCode = values.mutants
      ? await runMutants(console.log, planOf().seed)
      : await runRounds(planOf());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
