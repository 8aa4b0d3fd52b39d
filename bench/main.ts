/** `npm run bench`: what holdpoint costs, as ratios and counts. docs/bench.md says what is measured and what is not. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { blocks } from "./blocks.ts";
import { doubleAnswers } from "./double.ts";
import { importCost } from "./import-cost.ts";
import { auditTrail } from "./audit.ts";
import { effectLedger } from "./ledger.ts";
import { HELP, type Options, parseOptions, type Section } from "./options.ts";
import { policies } from "./policy.ts";
import { Report } from "./report.ts";
import { rounds } from "./rounds.ts";
import { scale } from "./scale.ts";
import { storeOperations } from "./store.ts";
import { trips } from "./trips.ts";
import { waiters } from "./waiters.ts";

const RUNNERS: Readonly<Record<Section, (report: Report, options: Options) => Promise<void>>> = {
  rounds,
  trips,
  store: storeOperations,
  ledger: effectLedger,
  audit: auditTrail,
  policy: policies,
  scale,
  waiters,
  double: doubleAnswers,
  import: importCost,
  blocks,
};

async function main(options: Options): Promise<void> {
  const report = new Report();
  const started = performance.now();
  for (const name of options.only) await RUNNERS[name](report, options);
  console.log(`\n${report.table()}\n`);
  const { missed } = report;
  const bounds = report.findings.filter(({ bound }) => bound !== null).length;
  console.log(
    `${bounds - missed.length} of ${bounds} bounds met, in ${((performance.now() - started) / 1000).toFixed(0)} s.`,
  );
  if (options.json !== undefined) {
    const file = resolve(options.json);
    mkdirSync(dirname(file), { recursive: true });
    const versions = { node: process.versions.node, platform: process.platform, arch: process.arch };
    writeFileSync(file, `${JSON.stringify({ versions, options, findings: report.findings }, null, 2)}\n`);
  }
  if (options.strict && missed.length > 0) process.exitCode = 1;
}

let options: Options | null = null;
try {
  options = parseOptions(process.argv.slice(2));
  if (!options) console.log(HELP);
} catch (error) {
  console.error(`${(error as Error).message}\n\n${HELP}`);
  process.exitCode = 2;
}
if (options) await main(options);
