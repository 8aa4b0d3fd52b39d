/**
 * The HITL record: what is stored, sent and shown has this one shape (PROTOCOL.md §2).
 */
import { z } from "zod";
import { HoldpointError } from "./errors.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { HITL_STATUSES } from "./states.ts";

export const RECORD_SCHEMA_VERSION = 1;
export const DEFAULT_TENANT = "default";

const json: z.ZodType<JsonValue> = z.json();
const jsonObject: z.ZodType<JsonObject> = z.record(z.string(), json);
const epochMs = z.number().int().nonnegative();

export const HITL_TYPES = [
  "ask_user",
  "confirm",
  "permission",
  "form",
  "external_auth",
  "workflow_human",
] as const;
/** The named types have a data shape, a default response schema and a renderer; any other string is allowed. */
export type HITLType = (typeof HITL_TYPES)[number] | (string & {});

export const ResumeModeSchema = z.enum(["response", "continuation"]);
export type ResumeMode = z.infer<typeof ResumeModeSchema>;

export const ActorSchema = z.object({
  id: z.string().min(1).max(255),
  role: z.enum(["user", "assistant", "system"]).optional(),
  name: z.string().max(255).optional(),
  meta: jsonObject.optional(),
});
/** Who did something. */
export type Actor = z.infer<typeof ActorSchema>;

export const OnExpireSchema = z.union([
  z.literal("expire"),
  z.object({ respond: json }),
  z.object({ escalate: z.string().min(1).max(255) }),
]);
/** What happens at `expires_at`. P8: only an author's own `{ respond }` ever answers by time passing. */
export type OnExpire = z.infer<typeof OnExpireSchema>;

export const SubjectSchema = z.object({
  tool: z.string(),
  args: jsonObject,
  approved_hash: z.string(),
  rule_id: z.string().optional(),
  rule_version: z.string().optional(),
  preview: json.optional(),
});
/** What an approval is bound to (P7). */
export type Subject = z.infer<typeof SubjectSchema>;

export const ResumeInfoSchema = z.object({
  /** `none` while pending; `waiting` answered, its graph not yet gone on; `done` taken up. */
  state: z.enum(["none", "waiting", "done"]),
  attempts: z.number().int().nonnegative(),
  lease: z.object({ owner: z.string(), expires_at: epochMs }).nullable(),
  fence: z.number().int().nonnegative(),
  last_error: z.string().nullable(),
});
export type ResumeInfo = z.infer<typeof ResumeInfoSchema>;

const nullableId = z.string().max(1024).nullable();

export const HITLRecordSchema = z.object({
  schema_version: z.literal(RECORD_SCHEMA_VERSION),
  version: z.number().int().positive(),
  tenant_id: z.string(),
  hitl_id: z.string(),
  hitl_type: z.string(),
  session_id: z.string(),
  invocation_id: z.string(),
  thread_id: nullableId,
  checkpoint_ns: nullableId,
  interrupt_id: nullableId,
  graph_name: nullableId,
  data: jsonObject,
  metadata: jsonObject,
  block_id: nullableId,
  status: z.enum(HITL_STATUSES),
  resume_mode: ResumeModeSchema,
  tool_state: jsonObject.nullable(),
  checkpoint_id: nullableId,
  callback_id: nullableId,
  tool_name: nullableId,
  tool_call_id: nullableId,
  node_id: nullableId,
  params: jsonObject.nullable(),
  key: nullableId,
  occurrence: z.number().int().nonnegative(),
  response_schema: z.union([jsonObject, z.boolean()]).nullable(),
  subject: SubjectSchema.nullable(),
  assignee: nullableId,
  expires_at: epochMs.nullable(),
  on_expire: OnExpireSchema,
  user_response: json.nullable(),
  responded_at: epochMs.nullable(),
  responded_by: ActorSchema.nullable(),
  idempotency_key: nullableId,
  reason: z.string().nullable(),
  resume: ResumeInfoSchema,
  created_at: epochMs,
  updated_at: epochMs,
});
/**
 * A HITL record as every API returns it. Times are epoch milliseconds. It is the caller's own: what is changed in it
 * changes nothing that is stored.
 */
export type HITLRecord = z.infer<typeof HITLRecordSchema>;

/** Turns a stored value of version n into one of version n + 1. */
export type Upcaster = (value: JsonObject) => JsonObject;

/** Index n holds the step from schema version n + 1 to n + 2; empty while version 1 is the newest. */
export const HITL_UPCASTERS: readonly Upcaster[] = [];

/**
 * Brings a stored value to the newest schema version.
 *
 * @throws HoldpointError `ERR_HITL_SCHEMA_VERSION` for a version that this release does not know: a newer
 * release wrote it, and reading it with older rules could lose what that one added.
 */
export function upcast(value: JsonObject, upcasters: readonly Upcaster[], what: string): JsonObject {
  const newest = upcasters.length + 1;
  const found = value["schema_version"];
  if (typeof found !== "number" || !Number.isInteger(found) || found < 1 || found > newest) {
    throw new HoldpointError(
      "ERR_HITL_SCHEMA_VERSION",
      `${what} has schema_version ${JSON.stringify(found)}; this release reads 1 to ${newest}. Upgrade holdpoint on this machine.`,
      { details: { found: found ?? null, newest } },
    );
  }
  let current = value;
  for (let version = found; version < newest; version += 1) {
    const step = upcasters[version - 1];
    if (step) current = { ...step(current), schema_version: version + 1 };
  }
  return current;
}
