/** What a policy adds to a call in a `HITLToolNode`: one that is allowed, one that a human approves, one that a grant allows. */
import { MemorySaver } from "@langchain/langgraph";
import { type HITLBackend, InMemoryHITLBackend } from "holdpoint";
import { definePolicy, type Policy, PolicyGrants, type PolicyRule } from "holdpoint/policy";
import { type BenchGraph, Effects, ownGraph, ownRound, quietGraph } from "./graphs.ts";
import { compare, type Contender, LONG_WARM_UP, type Plan, type Segment } from "./measure.ts";
import type { Options } from "./options.ts";
import { postgresPlace, redisPlace, sqlitePlace } from "./places.ts";
import type { Report } from "./report.ts";

const RULES = 50;

/** Each looks at the tool's name and an argument; none means the call. */
const others = (count: number): PolicyRule[] =>
  Array.from({ length: count }, (_, index) => ({
    id: `other${index}`,
    for: ["re*", `tool_${index}`],
    args: { order: `x${index}-*` },
    verdict: "deny",
  }));

/** @param place - of the rule that means the call, from 1 */
function policyOf(verdict: "allow" | "ask", place: number): Policy {
  const own: PolicyRule = { id: "refund", for: "refund", verdict };
  const asked: PolicyRule = { ...own, allowed_decisions: ["approve_once", "approve_always", "reject"] };
  const before = others(place - 1);
  return definePolicy({ rules: [...before, verdict === "ask" ? asked : own, ...others(RULES).slice(place)] });
}

/** A store that a segment runs on. */
interface Opened {
  readonly backend: HITLBackend;
  readonly end?: () => Promise<void>;
}
type Open = () => Promise<Opened> | Opened;

type Run = (graph: BenchGraph, backend: HITLBackend, thread_id: string) => Promise<unknown>;

let segments = 0;

function contender(
  open: Open,
  make: (backend: HITLBackend, effects: Effects) => Promise<BenchGraph> | BenchGraph,
  run: Run,
): Contender {
  return async (count): Promise<Segment> => {
    segments += 1;
    const name = `s${segments}-`;
    const { backend, end } = await open();
    const effects = new Effects();
    const graph = await make(backend, effects);
    return {
      run: (index) => run(graph, backend, `${name}${index}`),
      end: async () => {
        effects.assertOnceEach(count);
        await end?.();
      },
    };
  };
}

const through: Run = (graph, _, thread_id) => {
  const input = { messages: [{ role: "user", content: thread_id }] };
  return graph.invoke(input, { configurable: { thread_id }, durability: "sync" });
};

const quiet = (open: Open): Contender =>
  contender(open, (backend, effects) => quietGraph(new MemorySaver(), backend, effects), through);

const under = (open: Open, policy: Policy): Contender =>
  contender(open, (backend, effects) => quietGraph(new MemorySaver(), backend, effects, policy), through);

const confirmed = (open: Open): Contender =>
  contender(open, (backend, effects) => ownGraph(new MemorySaver(), backend, effects), ownRound);

const approved = (open: Open): Contender => {
  const policy = policyOf("ask", 1);
  return contender(
    open,
    (backend, effects) => quietGraph(new MemorySaver(), backend, effects, policy),
    (graph, backend, thread_id) => ownRound(graph, backend, thread_id, { decision: "approve_once" }),
  );
};

/** One standing approval of the tenant, for each call by itself. */
const granted = (open: Open): Contender => {
  const policy = policyOf("ask", 1);
  const [rule] = policy.rules;
  return contender(
    open,
    async (backend, effects) => {
      const tenant = backend.forTenant(`segment-${segments}`);
      const grants = new PolicyGrants({ backend: tenant });
      const { id: rule_id, version: rule_version } = rule as (typeof policy.rules)[number];
      await grants.create({ scope: "tenant", tool: "refund", rule_id, rule_version });
      return quietGraph(new MemorySaver(), tenant, effects, policy);
    },
    through,
  );
};

function planFor(options: Options, concurrency: number): Plan {
  const count = Math.max(100, 4 * concurrency);
  return { concurrency, count, pairs: Math.max(4, Math.round(options.rounds / count)) };
}

interface Pair {
  readonly name: string;
  readonly base: (open: Open) => Contender;
  readonly own: (open: Open) => Contender;
  /** It writes nothing: the store does not matter. */
  readonly memoryAlone?: true;
}

const PAIRS: readonly Pair[] = [
  {
    name: "allowed by the first rule of 50",
    base: quiet,
    own: (open) => under(open, policyOf("allow", 1)),
    memoryAlone: true,
  },
  {
    name: "allowed by the last rule of 50",
    base: quiet,
    own: (open) => under(open, policyOf("allow", RULES)),
    memoryAlone: true,
  },
  { name: "asked and approved against confirm", base: confirmed, own: approved },
  { name: "allowed by a grant", base: quiet, own: granted },
];

async function on(report: Report, options: Options, store: string, open: Open): Promise<void> {
  for (const { name, base, own, memoryAlone } of PAIRS) {
    if (memoryAlone && store !== "memory") continue;
    const contenders = [base(open), own(open)] as const;
    if (!options.quick && store === "memory")
      await compare(...contenders, { concurrency: 16, count: 100, pairs: 1, warmUp: LONG_WARM_UP });
    for (const concurrency of options.concurrency ?? [1, 16])
      report.compared(
        `${name}, ${store}, ${concurrency} at once`,
        await compare(...contenders, planFor(options, concurrency)),
      );
  }
}

async function onServer(
  report: Report,
  options: Options,
  store: string,
  { backend, close }: { readonly backend: HITLBackend; readonly close: () => Promise<void> },
): Promise<void> {
  try {
    await on(report, options, store, () => ({ backend }));
  } finally {
    await close();
  }
}

export async function policies(report: Report, options: Options): Promise<void> {
  report.section("policy", "a call under a policy, as a ratio to the same call without one");
  await on(report, options, "memory", () => ({ backend: new InMemoryHITLBackend() }));
  for (const store of options.stores) {
    if (store === "sqlite") await on(report, options, "SQLite FULL", () => sqlitePlace("FULL"));
    else if (store === "redis") await onServer(report, options, "Redis", await redisPlace());
    else await onServer(report, options, "PostgreSQL", await postgresPlace());
  }
}
