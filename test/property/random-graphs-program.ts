/** Random programs for graphs that ask: what is drawn, how it reads when it fails, and what has to come of it. */
import fc from "fast-check";

export type Act =
  /** A question; its answer goes into the output. */
  | { readonly act: "ask" }
  /** Two questions at once. */
  | { readonly act: "pair" }
  | { readonly act: "step" }
  /** A graph of the same kind, with these calls in one step. */
  | { readonly act: "graph"; readonly calls: readonly CallProgram[] };

export type CallProgram =
  | { readonly call: "await"; readonly acts: readonly Act[]; readonly end: "return" | "throw" }
  | { readonly call: "continue"; readonly rounds: number }
  | { readonly call: "respond" };

export type Segment =
  /** One task with all calls, one `Send` for each, or a graph as a node. */
  | { readonly segment: "tools" | "fan" | "sub"; readonly calls: readonly CallProgram[] }
  /** A plain node that asks that often; the last answer says whether the next segment is left out. */
  | { readonly segment: "node"; readonly asks: number }
  | { readonly segment: "loop"; readonly times: number; readonly body: Segment };

export type GraphProgram = readonly Segment[];

export interface Move {
  readonly which: number;
  readonly how:
    | "resume"
    | "respond"
    | "refused"
    | "wake"
    | "null"
    | "thread"
    | "again"
    | "race"
    | "race same";
}

const leafActs: fc.Arbitrary<Act> = fc.record({ act: fc.constantFrom("ask", "ask", "pair", "step") });
const awaiting = (acts: fc.Arbitrary<Act>): fc.Arbitrary<CallProgram> =>
  fc.record({
    call: fc.constant("await"),
    acts: fc.array(acts, { maxLength: 3 }),
    end: fc.constantFrom("return", "return", "return", "throw"),
  });
const others: fc.Arbitrary<CallProgram> = fc.oneof(
  fc.record({ call: fc.constant("continue" as const), rounds: fc.integer({ min: 1, max: 2 }) }),
  fc.record({ call: fc.constant("respond" as const) }),
);
const innerCalls = fc.array(fc.oneof({ weight: 3, arbitrary: awaiting(leafActs) }, others), {
  minLength: 1,
  maxLength: 2,
});
const acts: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: leafActs },
  { weight: 1, arbitrary: fc.record({ act: fc.constant("graph" as const), calls: innerCalls }) },
);
const calls = fc.array(fc.oneof({ weight: 3, arbitrary: awaiting(acts) }, { weight: 1, arbitrary: others }), {
  minLength: 1,
  maxLength: 3,
});
const flat: fc.Arbitrary<Segment> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ segment: fc.constantFrom("tools", "fan", "sub"), calls }) },
  {
    weight: 1,
    arbitrary: fc.record({ segment: fc.constant("node" as const), asks: fc.integer({ min: 1, max: 2 }) }),
  },
);
const segments: fc.Arbitrary<Segment> = fc.oneof(
  { weight: 5, arbitrary: flat },
  {
    weight: 1,
    arbitrary: fc.record({ segment: fc.constant("loop" as const), times: fc.constant(2), body: flat }),
  },
);

export const graphPrograms: fc.Arbitrary<GraphProgram> = fc.array(segments, { minLength: 1, maxLength: 3 });

export const moves: fc.Arbitrary<readonly Move[]> = fc.array(
  fc.record({
    which: fc.nat(20),
    how: fc.constantFrom(
      "resume",
      "resume",
      "respond",
      "refused",
      "wake",
      "null",
      "thread",
      "again",
      "race",
      "race same",
    ),
  }),
  { minLength: 12, maxLength: 24 },
);

/** Segments in their order, loops unrolled. */
export function unrolled(program: GraphProgram): Exclude<Segment, { segment: "loop" }>[] {
  return program.flatMap((segment) =>
    segment.segment === "loop"
      ? Array.from({ length: segment.times }, () => unrolled([segment.body])).flat()
      : [segment],
  );
}

/** As a failing program is shown: `tools(ask step; continue2) → node1 → 2×fan(ask!)`. */
export function readable(program: GraphProgram): string {
  const call = (one: CallProgram): string => {
    if (one.call === "continue") return `continue${one.rounds}`;
    if (one.call === "respond") return "respond";
    const parts = one.acts.map((act) => (act.act === "graph" ? `graph(${some(act.calls)})` : act.act));
    return `${parts.join(" ") || "plain"}${one.end === "throw" ? "!" : ""}`;
  };
  const some = (all: readonly CallProgram[]): string => all.map((one) => call(one)).join("; ");
  const shown = (segment: Segment): string => {
    if (segment.segment === "loop") return `${segment.times}×${shown(segment.body)}`;
    return segment.segment === "node" ? `node${segment.asks}` : `${segment.segment}(${some(segment.calls)})`;
  };
  return program.map((segment) => shown(segment)).join(" → ");
}

/** What the human says is a function of the question, so that what has to come of it is known. */
export const says = (message: string): string => `${message.length % 2 === 0 ? "yes" : "no"} ${message}`;

export const skips = (answer: string): boolean => answer.startsWith("yes");

/** The world that a call's body acts on; `path` is its own, so that questions and effects are. */
export interface Body {
  ask(message: string): Promise<string>;
  step(name: string): Promise<string>;
  graph(calls: readonly CallProgram[], path: string): Promise<string>;
  effect(name: string): void;
}

export async function runAwait(
  program: CallProgram & { call: "await" },
  path: string,
  body: Body,
): Promise<string> {
  const got: string[] = [];
  for (const [index, act] of program.acts.entries()) {
    const at = `${path}.${index}`;
    if (act.act === "ask") got.push(await body.ask(at));
    else if (act.act === "pair") got.push(...(await Promise.all([body.ask(`${at}a`), body.ask(`${at}bb`)])));
    else if (act.act === "step") got.push(await body.step(at));
    else got.push(await body.graph(act.calls, at));
  }
  body.effect(path);
  if (program.end === "throw") throw new Error(`threw ${path}`);
  return `${path}(${got.join(", ")})`;
}

/** The outputs of the tool calls by id, those of the plain nodes, and how often each effect happens. */
export interface Outcome {
  readonly outputs: Record<string, string>;
  readonly nodes: Record<string, string>;
  readonly effects: Record<string, number>;
}

export async function outcomeOf(program: GraphProgram): Promise<Outcome> {
  const outputs: Record<string, string> = {};
  const nodes: Record<string, string> = {};
  const effects: Record<string, number> = {};
  const effect = (name: string): void => void (effects[name] = (effects[name] ?? 0) + 1);
  const body: Body = {
    ask: async (message) => says(message),
    step: async (name) => (effect(`step ${name}`), `s${name}`),
    graph: async (calls, path) => {
      const inner: string[] = [];
      for (const [index, call] of calls.entries()) inner.push(await output(call, `${path}-${index}`));
      return inner.join("|");
    },
    effect,
  };
  const output = async (call: CallProgram, path: string): Promise<string> => {
    if (call.call === "respond") {
      effect(`began ${path}`);
      return JSON.stringify({ answer: says(path) });
    }
    if (call.call === "continue") {
      const answers = Array.from({ length: call.rounds }, (_, round) => says(`${path}r${round}`));
      for (let round = 0; round <= call.rounds; round += 1) effect(`round ${round} of ${path}`);
      return answers.join(",");
    }
    return runAwait(call, path, body).catch((error: Error) => error.message);
  };
  const all = unrolled(program);
  for (let at = 0; at < all.length; at += 1) {
    const segment = all[at] as (typeof all)[number];
    if (segment.segment === "node") {
      const answers = Array.from({ length: segment.asks }, (_, index) => says(`n${at}.${index}`));
      effect(`n${at}`);
      nodes[`n${at}`] = answers.join(",");
      if (skips(answers.at(-1) as string)) at += 1;
      continue;
    }
    for (const [index, call] of segment.calls.entries())
      outputs[`c${at}-${index}`] = await output(call, `c${at}-${index}`);
  }
  return { outputs, nodes, effects };
}
