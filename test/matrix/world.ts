/**
 * What the cells of the matrix run: calls that ask in every way there is, with an effect for each thing that must
 * happen once. Effects are named after the answer that led to them, so an answer at the wrong question shows.
 */
import { HumanMessage } from "@langchain/core/messages";
import type { StructuredToolInterface } from "@langchain/core/tools";
import { askUser, type HITLBackend, HITLSuspend, resumption, step } from "holdpoint";
import { Counter, type Gate, gate, toolOf } from "../nodes/kit.ts";

export type Call =
  | {
      readonly do:
        | "plain"
        /** One question. */
        | "asks"
        /** Two questions, one after the other, with an effect between. */
        | "twice"
        /** Two rounds of a continuation. */
        | "continues"
        /** The answer is the output. */
        | "responds"
        | "throws"
        /** Throws twice before its effect. */
        | "flaky"
        /** Asks, and throws twice before its effect. */
        | "late"
        /** Asks, and holds until the test lets it go on. */
        | "held";
      readonly id: string;
    }
  /** Runs a graph of the same host. */
  | { readonly do: "nested"; readonly id: string; readonly program: Program };

/** Calls that leave together, then those of the next turn, … */
export type Program = readonly (readonly Call[])[];

/** `step` in a tool, LangGraph's `task` elsewhere. */
export type Once = (name: string, run: () => string) => Promise<string>;

export type RunNested = (program: Program, config: unknown) => Promise<Record<string, string>>;

export class World {
  /** Of those who run the graph. */
  readonly backend: HITLBackend;
  readonly effects = new Counter();
  readonly attempts = new Counter();
  /** Held calls wait here, with the answer they have. */
  readonly held: { readonly reached: Gate; readonly letGo: Gate } = { reached: gate(), letGo: gate() };
  readonly #calls = new Map<string, Call>();
  /** What the human says next, if it is not what he says always. */
  readonly mind = new Map<string, string>();

  constructor(backend: HITLBackend) {
    this.backend = backend;
  }

  says(message: string): string {
    return this.mind.get(message) ?? `re ${message}`;
  }

  know(program: Program): void {
    for (const call of program.flat()) {
      this.#calls.set(call.id, call);
      if (call.do === "nested") this.know(call.program);
    }
  }

  call(id: string): Call {
    const call = this.#calls.get(id);
    if (!call) throw new Error(`no call ${id}`);
    return call;
  }

  /** An effect: what the outside sees. */
  does(what: string): string {
    this.effects.hit(what);
    return what;
  }
}

/** Asks in await style, and does what the call has to do. */
export async function perform(
  world: World,
  call: Call,
  tools: { readonly once: Once; readonly nested: (program: Program) => Promise<Record<string, string>> },
  signal?: AbortSignal,
): Promise<string> {
  const { id } = call;
  const ask = async (message: string): Promise<string> => (await askUser({ message })).answer;
  switch (call.do) {
    case "plain":
      world.does(`did ${id}`);
      return `did ${id}`;
    case "asks": {
      const answer = await ask(`${id}?`);
      world.does(`${id}: ${answer}`);
      return `${id}: ${answer}`;
    }
    case "twice": {
      const first = await ask(`${id}1?`);
      const between = await tools.once(`between ${id}`, () => world.does(`between ${id}: ${first}`));
      const second = await ask(`${id}2?`);
      world.does(`${id}: ${second}`);
      return `${between}, ${second}`;
    }
    case "continues":
      return continued(world, id);
    case "responds":
      world.does(`began ${id}`);
      throw new HITLSuspend({ hitl_type: "ask_user", data: { message: `${id}?` } });
    case "throws":
      world.does(`threw ${id}`);
      throw new Error(`boom ${id}`);
    case "flaky":
      if (world.attempts.hit(id) < 3) throw new Error(`not yet ${id}`);
      world.does(`did ${id}`);
      return `did ${id}`;
    case "late": {
      const answer = await ask(`${id}?`);
      if (world.attempts.hit(id) < 3) throw new Error(`not yet ${id}`);
      world.does(`${id}: ${answer}`);
      return `${id}: ${answer}`;
    }
    case "held": {
      const answer = await ask(`${id}?`);
      world.held.reached.open();
      await world.held.letGo.opened;
      signal?.throwIfAborted();
      world.does(`${id}: ${answer}`);
      return `${id}: ${answer}`;
    }
    case "nested":
      return textOf(await tools.nested(call.program));
    default:
      return call satisfies never;
  }
}

function continued(world: World, id: string): string {
  const resumed = resumption();
  const heard = (resumed?.tool_state?.["heard"] ?? []) as string[];
  if (resumed) heard.push((resumed.response as { answer: string }).answer);
  world.does(`part ${heard.length} of ${id}: ${heard.join(", ")}`);
  if (heard.length === 2) return heard.join(", ");
  throw new HITLSuspend({
    hitl_type: "ask_user",
    resume_mode: "continuation",
    data: { message: `${id}${heard.length + 1}?` },
    tool_state: { heard },
  });
}

export function textOf(outputs: Record<string, string>): string {
  return JSON.stringify(Object.entries(outputs).toSorted());
}

/** What comes of a program whose human always means the same: outputs by call, and each effect. */
export function expected(
  world: World,
  program: Program,
): { outputs: Record<string, string>; effects: string[] } {
  const outputs: Record<string, string> = {};
  const effects: string[] = [];
  for (const call of program.flat()) {
    const { id } = call;
    const [one, first, second] = [`${id}?`, `${id}1?`, `${id}2?`].map((message) => world.says(message));
    switch (call.do) {
      case "plain":
      case "flaky":
        effects.push(`did ${id}`);
        outputs[id] = `did ${id}`;
        break;
      case "asks":
      case "late":
      case "held":
        effects.push(`${id}: ${one}`);
        outputs[id] = `${id}: ${one}`;
        break;
      case "twice":
        effects.push(`between ${id}: ${first}`, `${id}: ${second}`);
        outputs[id] = `between ${id}: ${first}, ${second}`;
        break;
      case "continues":
        effects.push(
          `part 0 of ${id}: `,
          `part 1 of ${id}: ${first}`,
          `part 2 of ${id}: ${first}, ${second}`,
        );
        outputs[id] = `${first}, ${second}`;
        break;
      case "responds":
        effects.push(`began ${id}`);
        outputs[id] = JSON.stringify({ answer: one });
        break;
      case "throws":
        effects.push(`threw ${id}`);
        outputs[id] = `boom ${id}`;
        break;
      case "nested": {
        const inner = expected(world, call.program);
        effects.push(...inner.effects);
        outputs[id] = textOf(inner.outputs);
        break;
      }
      default:
        call satisfies never;
    }
  }
  return { outputs, effects };
}

const ONE_QUESTION: readonly Call["do"][] = ["asks", "late", "held", "responds"];

/** Questions that are open as soon as a step of these calls has paused. */
export function opensAtFirst(calls: readonly Call[]): string[] {
  return calls.flatMap((call) => {
    if (ONE_QUESTION.includes(call.do)) return [`${call.id}?`];
    if (call.do === "twice" || call.do === "continues") return [`${call.id}1?`];
    return call.do === "nested" ? opensAtFirst(call.program[0] ?? []) : [];
  });
}

const KINDS = [
  "plain",
  "asks",
  "twice",
  "continues",
  "responds",
  "throws",
  "flaky",
  "late",
  "held",
  "nested",
] as const;

/** One tool for each kind of call. */
export function toolsOf(world: World, nested: RunNested): StructuredToolInterface[] {
  return KINDS.map((kind) =>
    toolOf(kind, ({ id }, runtime) =>
      perform(world, world.call(String(id)), {
        once: (name, run) => step(name, run),
        nested: (program) => nested(program, runtime),
      }),
    ),
  );
}

export const start = { messages: [new HumanMessage("go")] };
