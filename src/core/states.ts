/**
 * All state machines in one place. A transition that is not in a table does not exist: guards are made of them.
 */

export const HITL_STATUSES = ["pending", "completed", "cancelled", "expired"] as const;
export type HITLStatus = (typeof HITL_STATUSES)[number];

export const CALL_STATUSES = ["running", "suspended", "finished", "in_doubt"] as const;
export type CallStatus = (typeof CALL_STATUSES)[number];

export const EFFECT_STATUSES = [
  "processing",
  "succeeded",
  "failed",
  "requires_approval",
  "ready",
  "denied",
  "canceled",
  "in_doubt",
] as const;
export type EffectStatus = (typeof EFFECT_STATUSES)[number];

export const GRANT_STATUSES = ["active", "used_up", "revoked", "expired"] as const;
export type GrantStatus = (typeof GRANT_STATUSES)[number];

type Table<S extends string> = { readonly [from in S]: readonly S[] };

/** P4: terminal means terminal. */
export const HITL_TRANSITIONS: Table<HITLStatus> = {
  pending: ["completed", "cancelled", "expired"],
  completed: [],
  cancelled: [],
  expired: [],
};

/** P6, P9. `in_doubt → running` is the declared decision that the call may run again. */
export const CALL_TRANSITIONS: Table<CallStatus> = {
  running: ["suspended", "finished", "in_doubt"],
  suspended: ["running", "finished"],
  in_doubt: ["running", "finished"],
  finished: [],
};

/**
 * P6, P7, P8. `processing` is entered by an insert or from `ready` alone: there the approval is checked, once for all ways.
 * `processing → ready`: a handler that gave up without an outcome. `ready → requires_approval`: the approval was for other
 * arguments. `failed → ready`: somebody has said that it is to be tried again.
 */
export const EFFECT_TRANSITIONS: Table<EffectStatus> = {
  processing: ["succeeded", "failed", "requires_approval", "ready", "in_doubt"],
  requires_approval: ["ready", "denied", "canceled"],
  ready: ["processing", "requires_approval", "canceled"],
  in_doubt: ["ready", "succeeded", "failed"],
  failed: ["ready"],
  succeeded: [],
  denied: [],
  canceled: [],
};

/** P8: what speaks against a grant is final. `used_up` still allows the calls that have used it. */
export const GRANT_TRANSITIONS: Table<GrantStatus> = {
  active: ["used_up", "revoked", "expired"],
  used_up: ["revoked", "expired"],
  revoked: [],
  expired: [],
};

export function isTerminalHITLStatus(status: string): boolean {
  return status === "completed" || status === "cancelled" || status === "expired";
}

/** The statuses from which a record may come to `to`: the guard of every write that changes a status. */
export function statusesBefore<S extends string>(table: Table<S>, to: S): readonly S[] {
  return (Object.keys(table) as S[]).filter((from) => table[from].includes(to));
}
