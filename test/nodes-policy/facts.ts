/** What a play has seen, and whether each run of a tool was allowed: judged from the plain plans alone. */
import { expect } from "vitest";
import {
  type Args,
  type Decision,
  DEFAULT_RULE,
  identityOf,
  type PolicyPlan,
  read,
  type RulePlan,
  same,
} from "./rules.model.ts";

/** Of a call for all time: where it is executed, and the id that the model gave. */
export interface CallKey {
  readonly thread: string;
  readonly ns: string;
  readonly call: string;
}

/** A tool ran. */
export interface Ran extends CallKey {
  readonly seq: number;
  readonly at: number;
  readonly deploy: number;
  readonly tool: string;
  readonly args: Args;
  /** What would have come to the tool if no human had changed it. */
  readonly given: Args;
}

/** A question was asked. */
export interface Asked extends CallKey {
  readonly hitl_id: string;
  readonly seq: number;
  readonly tool: string;
  readonly args: Args;
  readonly rule: RulePlan;
  readonly offered: readonly Decision[];
  /** Epoch ms, or null. */
  readonly until: number | null;
}

/** Somebody tried to answer. */
export interface Answered {
  readonly question: Asked;
  readonly seq: number;
  readonly at: number;
  readonly decision: Decision;
  readonly edited: Args | undefined;
  readonly scope: string | undefined;
  accepted: boolean;
}

export type Why = "rule" | "approval" | "edit" | "deadline" | "grant";

const sameCall = (a: CallKey, b: CallKey): boolean =>
  a.thread === b.thread && a.ns === b.ns && a.call === b.call;
export const nameOf = ({ thread, ns, call }: CallKey): string => `${thread} ${ns} ${call}`;
const isApproval = (decision: Decision): boolean =>
  decision === "approve_once" || decision === "approve_always";

export class Facts {
  readonly deploys: PolicyPlan[] = [];
  readonly ran: Ran[] = [];
  readonly asked = new Map<string, Asked>();
  readonly answers: Answered[] = [];
  /** When the grant of a question was revoked. */
  readonly revoked = new Map<string, number>();
  /** When a question was cancelled. */
  readonly cancelled = new Map<string, number>();
  #seq = 0;

  next(): number {
    return (this.#seq += 1);
  }

  get plan(): PolicyPlan {
    return this.deploys.at(-1) as PolicyPlan;
  }

  /** Somebody has approved calls of this tool for always, by this rule. */
  hasStanding(tool: string, rule: RulePlan): boolean {
    return this.answers.some(
      ({ question, decision, accepted }) =>
        accepted &&
        decision === "approve_always" &&
        question.tool === tool &&
        identityOf(question.rule) === identityOf(rule),
    );
  }

  /** P7 P8: why each run was allowed at its moment; fails if one was not. */
  judge(): Map<Ran, Why> {
    const reasons = new Map<Ran, Why>();
    const byGrant: Ran[] = [];
    for (const ran of this.ran) {
      this.#assertOpen(ran);
      const why = this.#why(ran);
      if (why) reasons.set(ran, why);
      else byGrant.push(ran);
    }
    for (const ran of byGrant) {
      expect(this.#grantsFor(ran), `nothing allowed ${JSON.stringify(ran)}`).not.toEqual([]);
      reasons.set(ran, "grant");
    }
    this.#assertUses(byGrant);
    return reasons;
  }

  /** Nobody has said no to this call before, and no question of it has come to nothing. */
  #assertOpen(ran: Ran): void {
    for (const { question, decision, accepted, seq } of this.answers) {
      if (!accepted || seq > ran.seq || !sameCall(question, ran)) continue;
      expect(["reject", "respond", "skip"], `${JSON.stringify(ran)} ran all the same`).not.toContain(
        decision,
      );
    }
    for (const [hitl_id, seq] of this.cancelled) {
      const question = this.asked.get(hitl_id) as Asked;
      expect(sameCall(question, ran) && seq < ran.seq, `${JSON.stringify(ran)} was cancelled`).toBe(false);
    }
  }

  #why(ran: Ran): Why | null {
    const { verdict, rule } = read(this.deploys[ran.deploy] as PolicyPlan, ran.tool, ran.args);
    expect(verdict, `${JSON.stringify(ran)} is denied`).not.toBe("deny");
    const before = this.answers.filter(
      ({ question, accepted, seq }) =>
        accepted && seq < ran.seq && sameCall(question, ran) && question.tool === ran.tool,
    );
    const edit = before.find(({ decision, edited }) => decision === "edit" && same(edited, ran.args));
    if (!same(ran.args, ran.given)) expect(edit, `nobody wrote ${JSON.stringify(ran)}`).toBeDefined();
    if (verdict === "allow") return edit ? "edit" : "rule";
    const isNow = (question: Asked): boolean => identityOf(question.rule) === identityOf(rule);
    if (before.some((one) => one.decision === "edit" && same(one.edited, ran.args) && isNow(one.question)))
      return "edit";
    const shown = ({ args, ...question }: Asked): boolean =>
      same(args, ran.args) && isNow({ args, ...question });
    if (before.some(({ decision, question }) => isApproval(decision) && shown(question))) return "approval";
    const byAuthor = [...this.asked.values()].some(
      (question) =>
        sameCall(question, ran) &&
        shown(question) &&
        question.rule.onExpire !== undefined &&
        question.offered.includes(question.rule.onExpire) &&
        (question.until ?? Infinity) <= ran.at,
    );
    return byAuthor ? "deadline" : null;
  }

  /** Standing approvals that held for this call at its moment. */
  #grantsFor(ran: Ran): Answered[] {
    const { rule } = read(this.deploys[ran.deploy] as PolicyPlan, ran.tool, ran.args);
    return this.answers.filter((answer) => {
      const { question, decision, accepted, seq, at, scope: chosen } = answer;
      if (!accepted || decision !== "approve_always" || seq > ran.seq) return false;
      if (
        question.tool !== ran.tool ||
        identityOf(question.rule) !== identityOf(rule) ||
        rule.risk === "high"
      )
        return false;
      const { grant = DEFAULT_GRANT } = question.rule;
      const scope = chosen ?? grant.scopes[0];
      if (scope === "session" && question.thread !== ran.thread) return false;
      if (grant.expiresInMs !== undefined && ran.at >= at + grant.expiresInMs) return false;
      if ((this.revoked.get(question.hitl_id) ?? Infinity) < ran.seq) return false;
      if (grant.args === "any") return true;
      if (grant.args === "same") return same(question.args, ran.args);
      return grant.args.every((path) => same(question.args[path], ran.args[path]));
    });
  }

  /** No grant allowed more calls than it says: there is one use for each call that ran by one. */
  #assertUses(byGrant: readonly Ran[]): void {
    const calls = new Map<string, Ran>();
    for (const ran of byGrant) if (!calls.has(nameOf(ran))) calls.set(nameOf(ran), ran);
    const users = new Map<Answered, string[]>();
    const place = (name: string, tried: Set<Answered>): boolean =>
      this.#grantsFor(calls.get(name) as Ran).some((grant) => {
        if (tried.has(grant)) return false;
        tried.add(grant);
        const own = users.get(grant) ?? [];
        users.set(grant, own);
        if (own.length < ((grant.question.rule.grant ?? DEFAULT_GRANT).uses ?? Infinity)) {
          own.push(name);
          return true;
        }
        const moved = own.findIndex((other) => place(other, tried));
        if (moved >= 0) own[moved] = name;
        return moved >= 0;
      });
    for (const name of calls.keys())
      expect(place(name, new Set()), `no grant has a use left for ${name}`).toBe(true);
  }
}

const DEFAULT_GRANT: NonNullable<RulePlan["grant"]> = {
  scopes: ["session"],
  args: "same",
  uses: undefined,
  expiresInMs: undefined,
};

/** What the package shows of a question has to be what the plan says. */
export function ruleOf(plan: PolicyPlan, tool: string, args: Args): RulePlan {
  const { verdict, rule } = read(plan, tool, args);
  expect(verdict, `asked about ${tool} ${JSON.stringify(args)}`).toBe("ask");
  return rule === DEFAULT_RULE ? DEFAULT_RULE : rule;
}
