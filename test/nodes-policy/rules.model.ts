/**
 * Policies as plain data, made at random, and an own small reading of them: by it the oracle says what had to be allowed,
 * asked or denied. It shares nothing with the package but the words.
 */
import fc from "fast-check";
import { definePolicy, type Policy, type PolicyRule } from "holdpoint/policy";

export type Decision = "approve_once" | "approve_always" | "edit" | "reject" | "respond" | "skip";
export type Args = Readonly<Record<string, unknown>>;
type Scope = "session" | "user" | "tenant";

export interface GrantPlan {
  readonly scopes: readonly Scope[];
  readonly args: "same" | "any" | readonly string[];
  readonly uses: number | undefined;
  readonly expiresInMs: number | undefined;
}

export interface RulePlan {
  readonly id: string;
  readonly verdict: "allow" | "ask" | "deny";
  readonly for: readonly string[] | undefined;
  /** Each path of the arguments has to fit one of its globs. */
  readonly args: Readonly<Record<string, readonly string[]>> | undefined;
  /** A `when` that throws. */
  readonly fails: boolean;
  readonly version: string;
  readonly message: string;
  readonly decisions: readonly Decision[];
  readonly answerers: readonly string[] | undefined;
  readonly expiresInMs: number | undefined;
  /** What the author answers when the time is up. */
  readonly onExpire: "approve_once" | "approve_always" | undefined;
  readonly risk: "low" | "high" | undefined;
  readonly grant: GrantPlan | undefined;
}

export interface PolicyPlan {
  readonly rules: readonly RulePlan[];
  readonly otherwise: "allow" | "ask" | "deny";
  /** How many questions of a session may be open. */
  readonly cap: number | undefined;
}

export const DEFAULT_RULE: RulePlan = {
  id: "default",
  verdict: "ask",
  for: undefined,
  args: undefined,
  fails: false,
  version: "",
  message: "",
  decisions: ["approve_once", "reject"],
  answerers: undefined,
  expiresInMs: undefined,
  onExpire: undefined,
  risk: undefined,
  grant: undefined,
};

// ── random policies ────────────────────────────────────────────────────────────────────────────────────────

export const TOOLS = ["pay", "read", "del"] as const;
const GLOBS = ["pay", "read", "del", "*", "p*", "?e*", "[pd]*"] as const;
const REST: readonly Decision[] = ["approve_always", "edit", "respond", "skip"];

const grantOf = fc.record<GrantPlan>({
  scopes: fc.constantFrom<readonly Scope[]>(
    ["session"],
    ["user", "session"],
    ["tenant"],
    ["session", "tenant"],
  ),
  args: fc.constantFrom<GrantPlan["args"]>("same", "same", "any", "any", ["to"]),
  uses: fc.constantFrom(undefined, undefined, 1, 1, 2),
  expiresInMs: fc.constantFrom(undefined, undefined, 2000),
});

const ruleOf = fc.record<RulePlan>({
  id: fc.constant(""),
  verdict: fc.constantFrom("ask", "ask", "ask", "ask", "allow", "deny"),
  for: fc.option(fc.uniqueArray(fc.constantFrom<string>(...GLOBS), { minLength: 1, maxLength: 2 }), {
    nil: undefined,
  }),
  args: fc.oneof(
    { weight: 3, arbitrary: fc.constant(undefined) },
    {
      weight: 2,
      arbitrary: fc.constantFrom<NonNullable<RulePlan["args"]>>(
        { order: ["1"] },
        { order: ["3*", "2"] },
        { to: ["ann"] },
        { to: ["*n*"], order: ["[12]"] },
      ),
    },
  ),
  fails: fc.oneof({ weight: 30, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  version: fc.constant("1"),
  message: fc.constant("May it?"),
  decisions: fc
    .tuple(fc.subarray([...REST], { minLength: 1 }), fc.constantFrom("both", "both", "approve", "reject"))
    .map(([rest, own]): readonly Decision[] => [
      ...(own === "reject" ? [] : (["approve_once"] as const)),
      ...(own === "approve" ? [] : (["reject"] as const)),
      ...rest,
    ]),
  answerers: fc.constantFrom(undefined, undefined, undefined, ["ann"], ["cfo"], ["ann", "cfo"]),
  expiresInMs: fc.constantFrom(undefined, undefined, 1000, 5000),
  onExpire: fc.constantFrom(undefined, undefined, "approve_once", "approve_always"),
  risk: fc.constantFrom(undefined, undefined, undefined, "low", "high"),
  grant: fc.option(grantOf, { nil: undefined, freq: 4 }),
});

/** What a rule cannot say is left out of it. */
function usable(rule: RulePlan, index: number): RulePlan {
  const id = `r${index}`;
  if (rule.verdict !== "ask")
    return {
      ...DEFAULT_RULE,
      id,
      verdict: rule.verdict,
      for: rule.for,
      args: rule.args,
      fails: rule.fails,
      version: "1",
    };
  const decisions =
    rule.risk === "high" ? rule.decisions.filter((one) => one !== "approve_always") : rule.decisions;
  const left = decisions.length > 0 ? decisions : (["approve_once"] as const);
  const isTimed =
    rule.expiresInMs !== undefined && rule.onExpire !== undefined && left.includes(rule.onExpire);
  return {
    ...rule,
    id,
    decisions: left,
    onExpire: isTimed ? rule.onExpire : undefined,
    grant: left.includes("approve_always") ? rule.grant : undefined,
  };
}

export const policies: fc.Arbitrary<PolicyPlan> = fc.record<PolicyPlan>({
  rules: fc.array(ruleOf, { minLength: 1, maxLength: 5 }).map((rules) => rules.map(usable)),
  otherwise: fc.constantFrom("ask", "ask", "allow", "deny"),
  cap: fc.oneof(
    { weight: 12, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom(1, 2) },
  ),
});

/** One rule that is approved for always, and others before it: how often a grant allows what, and until when. */
export const granting: fc.Arbitrary<PolicyPlan> = fc
  .record({
    grant: grantOf,
    before: fc.array(ruleOf, { maxLength: 1 }),
    answerers: fc.constantFrom(undefined, undefined, ["ann"]),
  })
  .map(({ grant, before, answerers }): PolicyPlan => {
    const own: RulePlan = { ...DEFAULT_RULE, verdict: "ask", for: ["pay"], version: "1", answerers, grant };
    const rules = [
      ...before,
      { ...own, decisions: ["approve_always", "approve_once", "edit", "reject"] as const },
    ];
    return { rules: rules.map(usable), otherwise: "allow", cap: undefined };
  });

/** What a deploy changes. */
export interface Change {
  readonly rule: number;
  readonly what: "version" | "deny" | "allow" | "message" | "answerers" | "last" | "gone";
}

export const changes: fc.Arbitrary<Change> = fc.record({
  rule: fc.nat(4),
  what: fc.constantFrom<Change["what"]>(
    "version",
    "version",
    "deny",
    "allow",
    "message",
    "answerers",
    "last",
    "gone",
  ),
});

export function changed(plan: PolicyPlan, { rule, what }: Change): PolicyPlan {
  const at = rule % Math.max(plan.rules.length, 1);
  const own = plan.rules[at];
  if (!own) return plan;
  const others = plan.rules.filter((_, index) => index !== at);
  const put = (made: RulePlan): PolicyPlan => ({
    ...plan,
    rules: plan.rules.map((one, index) => (index === at ? made : one)),
  });
  switch (what) {
    case "gone":
      return { ...plan, rules: others };
    case "last":
      return { ...plan, rules: [...others, own] };
    case "message":
      return put({ ...own, message: `${own.message}?` });
    case "answerers":
      return own.verdict === "ask" ? put({ ...own, answerers: ["cfo"] }) : plan;
    case "deny":
    case "allow":
      return put({
        ...DEFAULT_RULE,
        id: own.id,
        verdict: what,
        for: own.for,
        args: own.args,
        fails: own.fails,
        version: own.version,
      });
    case "version":
      return put({ ...own, version: `${own.version}+` });
  }
}

// ── as the package takes them ──────────────────────────────────────────────────────────────────────────────

const throws = (): boolean => {
  throw new Error("the rule is broken");
};

function ruleFor(plan: RulePlan): PolicyRule {
  const { id, verdict, version, answerers, expiresInMs, onExpire, risk, grant } = plan;
  const meant = {
    id,
    verdict,
    version,
    ...(plan.for === undefined ? {} : { for: plan.for }),
    ...(plan.args === undefined ? {} : { args: plan.args }),
    ...(plan.fails ? { when: throws } : {}),
    message: plan.message,
  };
  if (verdict !== "ask") return meant;
  return {
    ...meant,
    allowed_decisions: plan.decisions,
    answerers,
    expiresInMs,
    on_expire: onExpire === undefined ? undefined : { respond: { decision: onExpire } },
    risk_level: risk,
    grant,
  };
}

export function policyOf({ rules, otherwise, cap }: PolicyPlan): Policy {
  const caps = cap === undefined ? {} : { caps: { session: cap } };
  return definePolicy({ rules: rules.map(ruleFor), default: otherwise, ...caps });
}

// ── an own reading ─────────────────────────────────────────────────────────────────────────────────────────

function fits(glob: string, text: string): boolean {
  const parts = glob.match(/\[[^\]]*\]|[^]/g) ?? [];
  const source = parts.map((part) => {
    if (part === "*") return "[^]*";
    if (part === "?") return "[^]";
    return part.length > 1 ? part : `\\x${part.charCodeAt(0).toString(16)}`;
  });
  return new RegExp(`^${source.join("")}$`).test(text);
}

function means({ for: names, args }: RulePlan, tool: string, given: Args): boolean {
  if (names && !names.some((glob) => fits(glob, tool))) return false;
  return Object.entries(args ?? {}).every(([path, globs]) => {
    const value = given[path];
    return value !== undefined && globs.some((glob) => fits(glob, String(value)));
  });
}

export interface Reading {
  readonly verdict: "allow" | "ask" | "deny";
  readonly rule: RulePlan;
}

export function read({ rules, otherwise }: PolicyPlan, tool: string, args: Args): Reading {
  const rule = rules.find((one) => means(one, tool, args));
  if (!rule) return { verdict: otherwise, rule: DEFAULT_RULE };
  return { verdict: rule.fails ? "deny" : rule.verdict, rule };
}

/** Two rules are one for an approval if all that decides is the same; what is only shown may differ. */
export function identityOf(rule: RulePlan): string {
  const decides = { ...rule, message: "", expiresInMs: 0 };
  return JSON.stringify(decides);
}

/** A grant holds for something, or it is not offered. */
export function offeredBy({ decisions, grant }: RulePlan, args: Args): readonly Decision[] {
  const isBindable =
    !Array.isArray(grant?.args) || grant.args.every((path: string) => args[path] !== undefined);
  const offered = isBindable ? decisions : decisions.filter((decision) => decision !== "approve_always");
  return offered.length > 0 ? offered : ["reject"];
}

export const same = (a: unknown, b: unknown): boolean => sorted(a) === sorted(b);

function sorted(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, one]) => `${name}:${sorted(one)}`).join()}}`;
}
