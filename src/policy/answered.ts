/** What the answer to a policy's question gives for later calls. Read from the record alone: it is what the human saw. */
import { z } from "zod";
import { mayAnswer } from "../core/answerers.ts";
import type { JsonValue } from "../core/json.ts";
import type { HITLRecord } from "../core/record.ts";
import { newGrantValue, type GrantValue } from "./grant-record.ts";
import { GRANT_SCOPES } from "./types.ts";

const json: z.ZodType<JsonValue> = z.json();

const SuggestionSchema = z.object({
  scope: z.enum(GRANT_SCOPES),
  scope_id: z.string().min(1).nullable(),
  args: z.record(z.string(), json),
  uses: z.number().int().positive().nullable(),
  expires_in_ms: z.number().int().positive().nullable(),
});

const DataSchema = z.looseObject({
  allowed_decisions: z.array(z.string()),
  suggestions: z.array(SuggestionSchema).min(1),
});

/**
 * The grant that an answer gives; null if it gives none: it is no `approve_always`, or was not to be given by this actor,
 * by the passing of time, or at this risk (P8).
 */
export function grantOfAnswer(record: HITLRecord): GrantValue | null {
  const { hitl_type, status, subject, user_response, responded_at, responded_by, hitl_id } = record;
  if (hitl_type !== "permission" || status !== "completed" || record.reason === "expired") return null;
  const { decision, scope } = (user_response ?? {}) as {
    readonly decision?: unknown;
    readonly scope?: unknown;
  };
  if (decision !== "approve_always" || record.data["risk_level"] === "high") return null;
  const data = DataSchema.safeParse(record.data);
  if (!data.success || !data.data.allowed_decisions.includes("approve_always")) return null;
  if (!mayAnswer(record, responded_by) || responded_at === null) return null;
  if (subject?.rule_id === undefined || subject.rule_version === undefined) return null;
  const { suggestions } = data.data;
  const chosen = scope === undefined ? suggestions[0] : suggestions.find((offer) => offer.scope === scope);
  if (!chosen) return null;
  return newGrantValue({
    scope: chosen.scope,
    scope_id: chosen.scope_id,
    tool: subject.tool,
    args: chosen.args,
    rule_id: subject.rule_id,
    rule_version: subject.rule_version,
    uses: chosen.uses,
    expires_at: chosen.expires_in_ms === null ? null : responded_at + chosen.expires_in_ms,
    granted_by: responded_by,
    hitl_id,
  });
}
