/** What the transitions of a grant write. Pure: the caller commits it. */
import { GRANT_CHOICE_KIND, GRANT_KIND, GRANT_USE_KIND } from "../backends/kinds.ts";
import type { NewEvent, StoredRecord, StoreOp, UpdateOp } from "../backends/record-store.ts";
import { removableIn, type Retention } from "../backends/retention/options.ts";
import type { JsonObject } from "../core/json.ts";
import type { Actor } from "../core/record.ts";
import { GRANT_TRANSITIONS, statusesBefore } from "../core/states.ts";
import { grantJson, grantKeys, type GrantValue, grantValueOf } from "./grant-record.ts";
import type { GrantUser } from "./types.ts";

/** Two values of one shape: the use of a grant by a call, and the choice of a grant for a call. */
const SCHEMA_VERSION = 1;

/** How long what ends, or was used, is kept. */
export interface Keeping {
  readonly retention: Retention;
  /** Epoch ms by the process. */
  readonly now: number;
}

/** Of a use and a choice: they are kept as long as the records of calls are, and until the record of their call is gone. */
function removableAt({ retention: { calls }, now }: Keeping): number | null {
  return calls === "forever" ? null : now + calls;
}

export function grantOp(id: string, tenant_id: string, value: GrantValue): StoreOp {
  return {
    op: "insert",
    record: {
      id,
      kind: GRANT_KIND,
      tenant_id,
      status: "active",
      keys: grantKeys(value),
      due_at: value.expires_at,
      value: grantJson(value),
    },
    event: { type: "granted", actor: value.granted_by ?? undefined },
  };
}

/** A use and its count, together or not at all: the call has not used the grant yet, and the grant allows one more. */
export function useOps(grant: StoredRecord, use_id: string, by: GrantUser, keeping: Keeping): StoreOp[] {
  const value = grantValueOf(grant);
  const { call_id, session_id, user_id } = by;
  const data: JsonObject = { call_id, tool: value.tool, session_id };
  if (user_id !== undefined) data["user_id"] = user_id;
  const event: NewEvent = { type: "used", data };
  const insert: StoreOp = {
    op: "insert",
    record: {
      id: use_id,
      kind: GRANT_USE_KIND,
      tenant_id: grant.tenant_id,
      status: "used",
      keys: { alias: grant.id },
      due_at: removableAt(keeping),
      value: { schema_version: SCHEMA_VERSION, grant_id: grant.id, call_id },
    },
    if_exists: "abort",
  };
  return [insert, value.uses === null ? countlessOp(grant, event) : countedOp(grant, value, event, keeping)];
}

/** Without a number there is nothing to count: calls that run side by side need not wait for each other. */
function countlessOp({ id }: StoredRecord, event: NewEvent): UpdateOp {
  return { op: "update", id, guard: { status: ["active"], not_due: true }, event };
}

function countedOp(
  { id, version }: StoredRecord,
  value: GrantValue,
  event: NewEvent,
  { retention }: Keeping,
): UpdateOp {
  const used = value.used + 1;
  // One with a deadline comes to its end by it.
  const due = value.expires_at === null ? { due_at: removableIn(retention.grants) } : {};
  return {
    op: "update",
    id,
    guard: { status: ["active"], version, not_due: true },
    patch: {
      value: grantJson({ ...value, used }),
      ...(used === value.uses ? { status: "used_up", ...due } : {}),
    },
    event,
  };
}

/** Whatever else happens to the grant: guarded by the status alone, so that no use can hold it up. */
export function revokeOp(
  stored: StoredRecord,
  actor: Actor | undefined,
  reason: string,
  { grants }: Retention,
): UpdateOp {
  const hasDeadline = grantValueOf(stored).expires_at !== null;
  return {
    op: "update",
    id: stored.id,
    guard: {
      status: statusesBefore(GRANT_TRANSITIONS, "revoked"),
      ...(hasDeadline ? { not_due: true as const } : {}),
    },
    patch: { status: "revoked", due_at: removableIn(grants) },
    event: { type: "revoked", actor, reason },
  };
}

/** From which grant the call is allowed: the first choice counts, until its grant can never allow the call again. */
export function choiceOp(
  id: string,
  tenant_id: string,
  before: StoredRecord | null,
  { call_id, grant_id }: { readonly call_id: string; readonly grant_id: string },
  keeping: Keeping,
): StoreOp {
  const value = { schema_version: SCHEMA_VERSION, call_id, grant_id };
  const due_at = removableAt(keeping);
  if (before) return { op: "update", id, guard: { version: before.version }, patch: { value, due_at } };
  const record = { id, kind: GRANT_CHOICE_KIND, tenant_id, status: "active", due_at, value };
  return { op: "insert", record, if_exists: "abort" };
}
