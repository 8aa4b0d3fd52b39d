import type { Actor, HITLBackend, HITLRecord, JsonValue } from "holdpoint";
import { toStoredRecord } from "../../src/backends/hitl-codec.ts";
import { answerOp } from "../../src/backends/hitl-transitions.ts";
import { retentionOf } from "../../src/backends/retention/options.ts";
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

/** An answer as somebody stores it who asks nobody whether he may. */
export async function answeredPast(
  backend: HITLBackend,
  record: HITLRecord,
  response: JsonValue,
  actor: Actor,
): Promise<HITLRecord> {
  const by = { actor, idempotency_key: "past" };
  const op = answerOp(toStoredRecord(record), response, by, await backend.store.now(), retentionOf());
  const { status } = await backend.store.commit([op]);
  const stored = await backend.get(record.hitl_id);
  if (status !== "committed" || !stored) throw new Error("It was not stored.");
  return stored;
}
