/** `npm run soak`: rounds that are killed at random, for as long as is wanted, and what that proves. */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { startRedisServer } from "../support/redis-server.ts";
import { Crashes, eachOf, killPointsOf, KillTable, type StoreName } from "./kill-sweep.ts";
import { SCENARIOS, type ScenarioName } from "./scenarios.ts";

const HELP = `Kills a process in the middle of a round, lets another one go on, and looks whether a promise was broken.

  npm run soak -- [--minutes 2] [--width 4] [--scenario "createAgent v2"]

  --minutes  how long (default 2; or HOLDPOINT_SOAK_MS, in milliseconds)
  --width    how many rounds side by side (default 4)
  --scenario one of: ${SCENARIOS.join(", ")} (default: all, in turn); may be repeated

SQLite and a redis-server of its own in turn; one kill in three comes from outside, at a random time. Exits with 1
if anything was lost, asked twice, done twice or left standing.`;

const PROGRESS_MS = 10_000;

const { values } = parseArgs({
  options: {
    minutes: { type: "string" },
    width: { type: "string" },
    scenario: { type: "string", multiple: true },
    help: { type: "boolean", short: "h" },
  },
});

interface Subject {
  readonly scenario: ScenarioName;
  readonly store: StoreName;
  readonly names: readonly string[];
  /** Beyond the end of a round too: some are over before they are killed. */
  readonly longestMs: number;
}

async function soak(minutes: number, width: number, scenarios: readonly ScenarioName[]): Promise<number> {
  const server = await startRedisServer();
  const redis = { url: server.url, prefix: server.prefix() };
  const crashes = { sqlite: await Crashes.open(), redis: await Crashes.open(redis) };
  const table = new KillTable();
  let deadline = Date.now() + minutes * 60_000;
  let stopped = false;
  process.once("SIGINT", () => {
    stopped = true;
  });
  const progress = setInterval(() => console.log(lineOf(table, deadline)), PROGRESS_MS);
  try {
    const subjects: Subject[] = [];
    for (const scenario of scenarios) {
      for (const store of ["sqlite", "redis"] as const) {
        const names = await crashes[store].dryRun(scenario);
        const began = Date.now();
        await crashes[store].dryRun(scenario);
        subjects.push({ scenario, store, names, longestMs: 1.2 * (Date.now() - began) });
      }
    }
    // What was counted first takes no time from the kills.
    deadline = Date.now() + minutes * 60_000;
    const turns = function* (): Generator<Subject> {
      while (!stopped && Date.now() < deadline) yield* subjects;
    };
    await eachOf(turns(), width, async (subject) => {
      if (stopped || Date.now() >= deadline) return;
      const { scenario, store, names, longestMs } = subject;
      if (randomInt(3) === 0) {
        const result = await crashes[store].killAfter(scenario, Math.random() * longestMs);
        return table.add(subject, "(by-time)", "", result);
      }
      const points = killPointsOf(names, 1);
      const point = points[randomInt(points.length)] as (typeof points)[number];
      table.add(subject, point.name, point.side, await crashes[store].killAt(scenario, point));
    });
  } finally {
    clearInterval(progress);
    await Promise.all([crashes.sqlite.close(), crashes.redis.close()]);
    await server.stop();
  }
  console.log(`${table.toString()}\n${lineOf(table, Date.now())}`);
  for (const failure of table.failures) console.log(`VIOLATION ${failure}`);
  const killed = table.trials - table.count("missed");
  if (killed > 0 && table.failures.length === 0) {
    console.log(
      `0 failures in ${killed} kills: with 95 % confidence fewer than ${((100 * 3) / killed).toFixed(2)} % fail (3/n).`,
    );
  }
  return table.failures.length === 0 && killed > 0 ? 0 : 1;
}

function lineOf(table: KillTable, deadline: number): string {
  const left = Math.max(0, Math.round((deadline - Date.now()) / 1000));
  const counts = (["clean", "in doubt", "missed", "violation"] as const).map(
    (name) => `${table.count(name)} ${name}`,
  );
  return `${table.trials} rounds: ${counts.join(", ")}; ${left} s left`;
}

function numberOf(text: string, name: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0)
    throw new Error(`${name} takes a positive number, not "${text}".`);
  return value;
}

function scenariosOf(given: readonly string[] = SCENARIOS): readonly ScenarioName[] {
  return given.map((name) => {
    const found = SCENARIOS.find((scenario) => scenario === name);
    if (!found) throw new Error(`There is no scenario "${name}"; there are: ${SCENARIOS.join(", ")}.`);
    return found;
  });
}

if (values.help) console.log(HELP);
else {
  const ms = process.env["HOLDPOINT_SOAK_MS"];
  const minutes =
    values.minutes ?? (ms === undefined ? "2" : String(numberOf(ms, "HOLDPOINT_SOAK_MS") / 60_000));
  process.exitCode = await soak(
    numberOf(minutes, "--minutes"),
    numberOf(values.width ?? "4", "--width"),
    scenariosOf(values.scenario),
  );
}
