/**
 * Random graphs of tools, fan-outs, subgraphs, plain nodes and loops, answered in random order with wake-ups, refused
 * answers and two resumers between: each effect once, each answer at its question, a valid list of messages, and an
 * end (P1, P2, P3, P6, P9, P10).
 *
 * HOLDPOINT_GRAPHS is how many (default 1000), HOLDPOINT_SEED where to begin. A failure prints its seed and path.
 */
import fc from "fast-check";
import { describe, it } from "vitest";
import { graphPrograms, moves, readable } from "./random-graphs-program.ts";
import { playGraph } from "./random-graphs-world.ts";

const GRAPHS = Number(process.env["HOLDPOINT_GRAPHS"] ?? 1000);
const SEED = Number(process.env["HOLDPOINT_SEED"] ?? 20);
/** Milliseconds that a graph may take on a slow machine. */
const EACH_MS = 600;

describe.each(["HITLToolNode", "holdpointTools"] as const)("random graphs with %s", (kind) => {
  const numRuns = Math.ceil(GRAPHS / 2);
  it(
    `${numRuns} graphs: each effect once, each answer at its question (P1, P2, P3, P6, P9, P10)`,
    async () => {
      const shown = graphPrograms.map((program) => ({ program, toString: () => readable(program) }));
      await fc.assert(
        fc.asyncProperty(shown, moves, ({ program }, how) => playGraph(kind, program, how)),
        { numRuns, seed: SEED },
      );
    },
    60_000 + numRuns * EACH_MS,
  );
});
