import {
  definePolicy,
  type PolicyAsk,
  type PolicyDecision,
  type PolicyRule,
} from "../../src/policy/index.ts";

export async function decide(
  rules: readonly PolicyRule[],
  name: string,
  args: Readonly<Record<string, unknown>> = {},
): Promise<PolicyDecision> {
  return definePolicy({ rules }).decide({ name, args });
}

export function asAsk(decision: PolicyDecision): PolicyAsk {
  if (decision.verdict === "ask") return decision;
  throw new Error(`${decision.verdict} by ${decision.rule_id}, not ask`);
}
