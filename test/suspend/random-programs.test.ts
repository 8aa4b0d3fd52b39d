/**
 * Random tool bodies (questions and steps in sequence, in parallel, behind answers), several calls side by side,
 * answered in random order with random wake-ups between: every program comes to the output that it has when
 * the human answers at once, and every step runs exactly once (P1, P2, P6, P10).
 */
import { MemorySaver } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  askUser,
  HITLToolNode,
  holdpointTools,
  InMemoryHITLBackend,
  respondAndResume,
  resumeThread,
  step,
} from "../../src/index.ts";
import { Counter, input, outputs, pending, thread, toolOf, toolsGraph, turns, wake } from "../nodes/kit.ts";

type Program =
  | { readonly kind: "ask"; readonly name: string; readonly pause: number }
  | { readonly kind: "step"; readonly name: string; readonly pause: number }
  | { readonly kind: "sequence" | "parallel" | "settled" | "caught"; readonly parts: readonly Program[] }
  | { readonly kind: "if"; readonly name: string; readonly then: Program; readonly otherwise: Program };

const names = fc.constantFrom("a", "b", "c", "d");
const programs = (pause: fc.Arbitrary<number>) =>
  fc.letrec<{ program: Program }>((tie) => ({
    program: fc.oneof(
      { maxDepth: 3, depthSize: "small" },
      fc.record({ kind: fc.constant("ask" as const), name: names, pause }),
      fc.record({ kind: fc.constant("step" as const), name: names, pause }),
      fc.record({
        kind: fc.constantFrom(
          "sequence" as const,
          "parallel" as const,
          "settled" as const,
          "caught" as const,
        ),
        parts: fc.array(tie("program"), { minLength: 1, maxLength: 3 }),
      }),
      fc.record({
        kind: fc.constant("if" as const),
        name: names,
        then: tie("program"),
        otherwise: tie("program"),
      }),
    ),
  })).program;
/** Everything at once, and with branches that reach their questions late. */
const SPEEDS = [
  { speed: "at once", program: programs(fc.constant(0)), seeds: [11, 12] },
  { speed: "with late branches", program: programs(fc.constantFrom(0, 0, 1, 3)), seeds: [1, 2] },
] as const;

/** What the human says is a function of the question, so that the right output is known. */
const says = (message: string): string => (message.length % 2 === 0 ? "yes" : "no") + message;

interface World {
  ask(message: string): Promise<string>;
  step(name: string): Promise<string>;
}

/** `path` makes steps unique; questions repeat on purpose. */
async function run(program: Program, world: World, path: string): Promise<string> {
  switch (program.kind) {
    case "ask":
      await turns(program.pause);
      return world.ask(program.name.repeat(path.length % 3 || 1));
    case "step":
      await turns(program.pause);
      return world.step(`${path}${program.name}`);
    case "if":
      return (await world.ask(`${program.name}?`)).startsWith("yes")
        ? run(program.then, world, `${path}t`)
        : run(program.otherwise, world, `${path}e`);
    case "sequence": {
      const got: string[] = [];
      for (const [index, part] of program.parts.entries())
        got.push(await run(part, world, `${path}${index}`));
      return `(${got.join(" ")})`;
    }
    case "parallel":
      return `[${(await Promise.all(program.parts.map((part, index) => run(part, world, `${path}${index}`)))).join(" ")}]`;
    case "settled": {
      const all = await Promise.allSettled(
        program.parts.map((part, index) => run(part, world, `${path}${index}`)),
      );
      return `{${all.map((one) => (one.status === "fulfilled" ? one.value : "x")).join(" ")}}`;
    }
    case "caught":
      return (
        await Promise.all(
          program.parts.map((part, index) => run(part, world, `${path}${index}`).catch(() => "x")),
        )
      ).join("+");
    default:
      return program satisfies never;
  }
}

async function expected(program: Program): Promise<{ output: string; steps: Counter }> {
  const steps = new Counter();
  const world: World = {
    ask: async (message) => says(message),
    step: async (name) => {
      steps.hit(name);
      return `s${name}`;
    },
  };
  return { output: await run(program, world, "p"), steps };
}

const chaos = fc.array(
  fc.record({
    which: fc.nat(20),
    how: fc.constantFrom("resume", "resume", "resume", "respond", "wake", "null", "thread"),
  }),
  { minLength: 60, maxLength: 60 },
);

async function play(
  kind: "HITLToolNode" | "holdpointTools",
  programs: readonly Program[],
  moves: readonly { which: number; how: string }[],
): Promise<void> {
  const backend = new InMemoryHITLBackend();
  const steps = programs.map(() => new Counter());
  const after = new Counter();
  const tools = programs.map((program, index) =>
    toolOf(`tool${index}`, async () => {
      const world: World = {
        ask: async (message) => (await askUser({ message })).answer,
        step: (name) =>
          step(name, async () => {
            steps[index]?.hit(name);
            await turns(1);
            return `s${name}`;
          }),
      };
      return `=${await run(program, world, "p")}`;
    }),
  );
  const node =
    kind === "HITLToolNode"
      ? new HITLToolNode(tools, { backend })
      : new ToolNode(holdpointTools(tools, { backend }));
  const graph = toolsGraph(node, new MemorySaver(), () => after.hit("after"));
  await graph.invoke(input(...tools.map(({ name }) => ({ name, id: name }))), thread("t"));
  for (let turn = 0; turn < 200; turn += 1) {
    const open = await pending(backend, "t");
    const { how, which } = moves[turn % moves.length] as { which: number; how: string };
    const record = open[which % Math.max(open.length, 1)];
    if (!record) {
      if ((await graph.getState(thread("t"))).next.length === 0) break;
      await resumeThread(graph, { thread_id: "t", backend });
      if ((await pending(backend, "t")).length === 0) break;
      continue;
    }
    const response = { answer: says(String(record.data["message"])) };
    if (how === "resume") await respondAndResume(graph, { backend, hitl_id: record.hitl_id, response });
    else if (how === "respond") await backend.respond(record.hitl_id, response);
    else if (how === "wake") await graph.invoke(wake({ answer: "no" }), thread("t"));
    else if (how === "null") await graph.invoke(null, thread("t"));
    else await resumeThread(graph, { thread_id: "t", backend });
  }
  const right = await Promise.all(programs.map(expected));
  expect(outputs((await graph.getState(thread("t"))).values)).toEqual(
    Object.fromEntries(right.map(({ output }, index) => [`tool${index}`, `=${output}`])),
  );
  expect(steps.map((counter) => counter.all())).toEqual(right.map((one) => one.steps.all()));
  expect(after.of("after")).toBe(1);
  expect(await pending(backend, "t")).toEqual([]);
}

describe.each(["HITLToolNode", "holdpointTools"] as const)("random programs in %s", (kind) => {
  it.each(SPEEDS)(
    "one call, $speed: the right output, each step once",
    async ({ program, seeds }) => {
      await fc.assert(
        fc.asyncProperty(program, chaos, (one, moves) => play(kind, [one], moves)),
        { numRuns: 60, seed: seeds[0], endOnFailure: true },
      );
    },
    120_000,
  );

  it.each(SPEEDS)(
    "calls side by side, $speed: the right outputs, each step once, no stall (P9)",
    async ({ program, seeds }) => {
      await fc.assert(
        fc.asyncProperty(fc.array(program, { minLength: 2, maxLength: 3 }), chaos, (all, moves) =>
          play(kind, all, moves),
        ),
        { numRuns: 40, seed: seeds[1], endOnFailure: true },
      );
    },
    120_000,
  );
});
