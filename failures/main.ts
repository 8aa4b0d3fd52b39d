/** `npm run failures`: what goes wrong the stock way, and what happens here. docs/failures.md explains each. */
import { differences, type Outcome, runFailure } from "./failure.ts";
import { HELP, type Options, parseOptions } from "./options.ts";
import { headText, markdownOf, markdownTable, textOf } from "./table.ts";
import {
  hasPeer,
  isAsExpected,
  PEER_HINT,
  TWO_WORKERS_HEAD,
  type TwoWorkers,
  twoWorkersRow,
} from "./two-workers-table.ts";
import { VERSIONS } from "./versions.ts";

async function runAll({ failures, format }: Options): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  if (format === "text" && failures.length > 0) console.log(headText());
  for (const failure of failures) {
    const outcome = await runFailure(failure);
    outcomes.push(outcome);
    if (format === "text") console.log(textOf(outcome));
  }
  return outcomes;
}

function workersText(rows: readonly TwoWorkers[]): string {
  const lines = [TWO_WORKERS_HEAD, ...rows.map((row) => twoWorkersRow(row))].map((cells) =>
    cells.map((cell, n) => (n === 0 ? cell.padEnd(40) : cell.padStart(9))).join(""),
  );
  return [...lines.toSpliced(1, 0, "-".repeat(67)), ...(hasPeer(rows) ? [] : ["", PEER_HINT])].join("\n");
}

function print(
  format: Options["format"],
  outcomes: readonly Outcome[],
  workers: readonly TwoWorkers[],
): void {
  if (format === "json") {
    const failures = outcomes.map(({ failure: { id, title, expected }, observed }) => ({
      id,
      title,
      observed,
      expected,
    }));
    console.log(JSON.stringify({ versions: VERSIONS, failures, two_workers: workers }, null, 2));
    return;
  }
  if (format === "markdown" && outcomes.length > 0) console.log(`${markdownOf(outcomes)}\n`);
  if (workers.length === 0) return;
  const rows = workers.map((row) => twoWorkersRow(row));
  console.log(format === "markdown" ? markdownTable(TWO_WORKERS_HEAD, rows) : workersText(workers));
}

/** Loaded here: it brings the benchmark along. */
async function measured({ format }: Options): Promise<TwoWorkers[]> {
  if (format === "text") console.log("One answer, two workers, one thread after the other …\n");
  const { twoWorkers } = await import("./two-workers.ts");
  return twoWorkers();
}

async function main(options: Options): Promise<void> {
  const started = performance.now();
  if (options.format === "text")
    console.log(`LangGraph ${VERSIONS.langgraph}, langchain ${VERSIONS.langchain}, Node ${VERSIONS.node}\n`);
  const outcomes = await runAll(options);
  const workers = options.twoWorkers ? await measured(options) : [];
  print(options.format, outcomes, workers);
  const wrong = [
    ...outcomes.flatMap((outcome) => differences(outcome)),
    ...workers
      .filter((row) => !isAsExpected(row))
      .map(({ name, twice, once }) => `two workers, ${name}: ${twice} twice, ${once} once`),
  ];
  for (const line of wrong) console.error(`\nNOT AS EXPECTED: ${line}`);
  if (wrong.length > 0) process.exitCode = 1;
  if (options.format !== "text" || outcomes.length === 0) return;
  const asExpected = outcomes.filter((outcome) => differences(outcome).length === 0).length;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`\n${asExpected} of ${outcomes.length} failures as expected on both sides, in ${seconds} s.`);
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
