/** `npm run soak`: rounds that are killed at random, for as long as is wanted, and what that proves. */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { startRedisServer } from "../support/redis-server.ts";
import { Crashes, eachOf, killPointsOf, KillTable, type StoreName } from "./kill-sweep.ts";

const HELP = `Kills a process in the middle of a round, lets another one go on, and looks whether a promise was broken.

  npm run soak -- [--minutes 2] [--width 4]

  --minutes  how long (default 2; or HOLDPOINT_SOAK_MS, in milliseconds)
  --width    how many rounds side by side (default 4)

SQLite and a redis-server of its own in turn; one kill in three comes from outside, at a random time. Exits with 1
if anything was lost, asked twice, done twice or left standing.`;

const PROGRESS_MS = 10_000;

const { values } = parseArgs({
  options: { minutes: { type: "string" }, width: { type: "string" }, help: { type: "boolean", short: "h" } },
});

async function soak(minutes: number, width: number): Promise<number> {
  const server = await startRedisServer();
  const redis = { url: server.url, prefix: server.prefix() };
  const crashes = { sqlite: await Crashes.open(), redis: await Crashes.open(redis) };
  const table = new KillTable();
  const deadline = Date.now() + minutes * 60_000;
  let stopped = false;
  process.once("SIGINT", () => {
    stopped = true;
  });
  const progress = setInterval(() => console.log(lineOf(table, deadline)), PROGRESS_MS);
  try {
    const names = { sqlite: await crashes.sqlite.dryRun(), redis: await crashes.redis.dryRun() };
    const began = Date.now();
    await crashes.sqlite.dryRun();
    // Beyond the end too: some rounds are over before they are killed.
    const longestMs = 1.2 * (Date.now() - began);
    const turns = function* (): Generator<StoreName> {
      while (!stopped && Date.now() < deadline) yield table.trials % 2 === 0 ? "sqlite" : "redis";
    };
    await eachOf(turns(), width, async (store) => {
      if (randomInt(3) === 0) {
        const result = await crashes[store].killAfter(Math.random() * longestMs);
        return table.add(store, "(by-time)", "", result);
      }
      const points = killPointsOf(names[store], 1);
      const point = points[randomInt(points.length)] as (typeof points)[number];
      const { at, side, name } = point;
      table.add(store, name, side, await crashes[store].killAt(at, side, name));
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

if (values.help) console.log(HELP);
else {
  const ms = process.env["HOLDPOINT_SOAK_MS"];
  const minutes =
    values.minutes ?? (ms === undefined ? "2" : String(numberOf(ms, "HOLDPOINT_SOAK_MS") / 60_000));
  process.exitCode = await soak(numberOf(minutes, "--minutes"), numberOf(values.width ?? "4", "--width"));
}
