/** What the transitions of a grant write. Pure: the caller commits it. */
import type { NewEvent, StoredRecord, StoreOp, UpdateOp } from "../backends/record-store.ts";
import type { JsonObject } from "../core/json.ts";
import type { Actor } from "../core/record.ts";
import {
  GRANT_CHOICE_KIND,
  GRANT_KIND,
  GRANT_USE_KIND,
  grantJson,
  grantKeys,
  type GrantValue,
  grantValueOf,
  LIVE_STATUSES,
} from "./grant-record.ts";
import type { GrantUser } from "./types.ts";

/** Two values of one shape: the use of a grant by a call, and the choice of a grant for a call. */
const SCHEMA_VERSION = 1;

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
export function useOps(grant: StoredRecord, use_id: string, by: GrantUser): StoreOp[] {
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
      value: { schema_version: SCHEMA_VERSION, grant_id: grant.id, call_id },
    },
    if_exists: "abort",
  };
  return [insert, value.uses === null ? countlessOp(grant, event) : countedOp(grant, value, event)];
}

/** Without a number there is nothing to count: calls that run side by side need not wait for each other. */
function countlessOp({ id }: StoredRecord, event: NewEvent): UpdateOp {
  return { op: "update", id, guard: { status: ["active"], not_due: true }, event };
}

function countedOp({ id, version }: StoredRecord, value: GrantValue, event: NewEvent): UpdateOp {
  const used = value.used + 1;
  return {
    op: "update",
    id,
    guard: { status: ["active"], version, not_due: true },
    patch: {
      value: grantJson({ ...value, used }),
      ...(used === value.uses ? { status: "used_up" } : {}),
    },
    event,
  };
}

/** Whatever else happens to the grant: guarded by the status alone, so that no use can hold it up. */
export function revokeOp(id: string, actor: Actor | undefined, reason: string): UpdateOp {
  return {
    op: "update",
    id,
    guard: { status: LIVE_STATUSES, not_due: true },
    patch: { status: "revoked", due_at: null },
    event: { type: "revoked", actor, reason },
  };
}

export function expireOp(id: string): UpdateOp {
  return {
    op: "update",
    id,
    guard: { status: LIVE_STATUSES, due: true },
    patch: { status: "expired", due_at: null },
    event: { type: "expired" },
  };
}

/** From which grant the call is allowed: the first choice counts, until its grant can never allow the call again. */
export function choiceOp(
  id: string,
  tenant_id: string,
  before: StoredRecord | null,
  { call_id, grant_id }: { readonly call_id: string; readonly grant_id: string },
): StoreOp {
  const value = { schema_version: SCHEMA_VERSION, call_id, grant_id };
  if (before) return { op: "update", id, guard: { version: before.version }, patch: { value } };
  const record = { id, kind: GRANT_CHOICE_KIND, tenant_id, status: "active", value };
  return { op: "insert", record, if_exists: "abort" };
}
