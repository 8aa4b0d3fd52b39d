/** One suspend → answer → resume round per thread, against LangGraph's own `interrupt` and `Command({ resume })`. */
import { startRedisServer } from "../test/support/redis-server.ts";
import { compareSides, LONG_WARM_UP, type Plan } from "./measure.ts";
import type { Options } from "./options.ts";
import { atLeast, type Bound, type Report } from "./report.ts";
import type { RoundStore } from "./round-contenders.ts";
import { withSides } from "./round-side.ts";

function planFor(options: Options, concurrency: number): Plan {
  const count = Math.max(100, 4 * concurrency);
  return { concurrency, count, pairs: Math.max(4, Math.round(options.rounds / count)) };
}

interface Comparing {
  readonly name: string;
  readonly on: RoundStore;
  /** The concurrencies, and what holds for each. */
  readonly bounds: Readonly<Record<number, Bound | undefined>>;
}

/** Comparisons that share their two processes, which learn the code on the last of them, the quickest. */
async function comparisons(report: Report, options: Options, all: readonly Comparing[]): Promise<void> {
  await withSides(async (bare, own) => {
    const last = all.at(-1);
    if (last && !options.quick) {
      // Many rounds at once: the quickest way.
      const plan = { concurrency: 16, count: 100, pairs: 1, warmUp: LONG_WARM_UP };
      await compareSides(bare.on(last.on), own.on(last.on), plan);
    }
    for (const { name, on, bounds } of all) {
      for (const concurrency of options.concurrency ?? Object.keys(bounds).map(Number)) {
        const result = await compareSides(bare.on(on), own.on(on), planFor(options, concurrency));
        report.compared(`${name}, ${concurrency} at once`, result, bounds[concurrency]);
      }
    }
  });
}

const everywhere = (bound: Bound | undefined): Comparing["bounds"] => ({ 1: bound, 4: bound, 16: bound });

export async function rounds(report: Report, options: Options): Promise<void> {
  report.section("rounds", "suspend → answer → resume, as a ratio to LangGraph's own interrupt and Command");
  await comparisons(report, options, [
    { name: "MemorySaver + memory", on: { store: "memory" }, bounds: everywhere(atLeast(0.9)) },
  ]);
  await comparisons(report, options, [
    {
      name: "SqliteSaver + SQLite, FULL",
      on: { store: "sqlite", synchronous: "FULL" },
      bounds: everywhere(atLeast(0.7)),
    },
    {
      name: "SqliteSaver + SQLite, NORMAL",
      on: { store: "sqlite", synchronous: "NORMAL" },
      bounds: everywhere(undefined),
    },
  ]);
  const server = await startRedisServer();
  const on = { store: "redis", url: server.url, prefix: server.prefix() } as const;
  try {
    const bounds = { 1: atLeast(0.6), 16: atLeast(0.7), 64: atLeast(0.8) };
    await comparisons(report, options, [{ name: "MemorySaver + Redis", on, bounds }]);
  } finally {
    await server.stop();
  }
}
