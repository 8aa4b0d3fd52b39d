/** A grant as it is stored, and as people see it. */
import { GRANT_KIND } from "../backends/kinds.ts";
import type { RecordKeys, StoredRecord } from "../backends/record-store.ts";
import { hashJson, makeId, slotOf } from "../core/ids.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";
import { type Actor, upcast } from "../core/record.ts";
import type { GrantStatus } from "../core/states.ts";
import type { GrantScope } from "./types.ts";

const SCHEMA_VERSION = 1;

/** A standing approval. Times are epoch milliseconds. */
export interface Grant {
  readonly schema_version: number;
  readonly grant_id: string;
  readonly tenant_id: string;
  readonly status: GrantStatus;
  readonly scope: GrantScope;
  /** The session or the user; null for the whole tenant. */
  readonly scope_id: string | null;
  readonly tool: string;
  /** By path, `{ equals }`, a glob or several; all have to hold of a call. */
  readonly args: Readonly<Record<string, JsonValue>>;
  readonly rule_id: string;
  readonly rule_version: string;
  /** How many calls it allows; null for any number. */
  readonly uses: number | null;
  /** How many have used it; 0 while `uses` is null. */
  readonly used: number;
  readonly expires_at: number | null;
  readonly granted_by: Actor | null;
  /** The question that it is the answer to; null if nobody was asked. */
  readonly hitl_id: string | null;
  readonly created_at: number;
  readonly updated_at: number;
}

export type GrantValue = Pick<
  Grant,
  | "schema_version"
  | "scope"
  | "scope_id"
  | "tool"
  | "args"
  | "rule_id"
  | "rule_version"
  | "uses"
  | "used"
  | "expires_at"
  | "granted_by"
  | "hitl_id"
>;

export function newGrantValue(given: Omit<GrantValue, "schema_version" | "used">): GrantValue {
  return { schema_version: SCHEMA_VERSION, ...given, used: 0 };
}

export function grantJson(value: GrantValue): JsonObject {
  return value;
}

/** @throws HoldpointError `ERR_HITL_SCHEMA_VERSION` */
export function grantValueOf(stored: StoredRecord): GrantValue {
  return upcast(stored.value, [], `grant ${stored.id}`) as unknown as GrantValue;
}

/** @throws HoldpointError `ERR_HITL_SCHEMA_VERSION` */
export function toGrant(stored: StoredRecord): Grant {
  const { tenant_id, created_at, updated_at } = stored;
  const status = stored.status as GrantStatus;
  const value = structuredClone(grantValueOf(stored));
  return { ...value, grant_id: stored.id, tenant_id, status, created_at, updated_at };
}

/** All grants of a scope change together with their uses. */
export function scopeSlot(tenant_id: string, scope: GrantScope, scope_id: string | null): number {
  if (scope === "session") return slotOf(tenant_id, scope_id ?? "");
  return slotOf(tenant_id, scope === "user" ? `user:${scope_id}` : "tenant");
}

/** What a call looks for. A grant of a rule that was changed since is found by people alone. */
export type GrantBinding = Pick<Grant, "scope" | "scope_id" | "tool" | "rule_id" | "rule_version">;

export function bindingKey({ scope, scope_id, tool, rule_id, rule_version }: GrantBinding): string {
  return hashJson([GRANT_KIND, scope, scope_id, tool, rule_id, rule_version]);
}

/** By `alias` a call finds its grants alone; by the others people list them. */
export function grantKeys(binding: GrantBinding): RecordKeys {
  const { scope, scope_id } = binding;
  const alias = bindingKey(binding);
  if (scope === "tenant" || scope_id === null) return { alias };
  return scope === "session" ? { alias, session: scope_id } : { alias, assignee: scope_id };
}

export function useId(slot: number, grant_id: string, call_id: string): string {
  return makeId("use", slot, ["use", grant_id, call_id]);
}

export function choiceId(tenant_id: string, session_id: string, call_id: string): string {
  return makeId("choice", slotOf(tenant_id, session_id), ["choice", tenant_id, call_id]);
}

/** The grant that the answer to a question becomes: always the same one (P4). */
export function grantIdOf(tenant_id: string, slot: number, hitl_id: string): string {
  return makeId("grant", slot, [GRANT_KIND, tenant_id, hitl_id]);
}
