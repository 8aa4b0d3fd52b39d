/** The kinds of records that have histories, with all of their statuses: an index lists records by kind and status. */
import { HITL_KIND } from "../backends/hitl-codec.ts";
import {
  CALL_KIND,
  EFFECT_KIND,
  ENDED_MESSAGE_STATUSES,
  GRANT_KIND,
  MESSAGE_KIND,
} from "../backends/kinds.ts";
import { HoldpointError } from "../core/errors.ts";
import { CALL_STATUSES, EFFECT_STATUSES, GRANT_STATUSES, HITL_STATUSES } from "../core/states.ts";

/** A kind of records of your own. */
export interface AuditKind {
  readonly kind: string;
  /** All statuses that a record of the kind can have. */
  readonly statuses: readonly string[];
}

const KINDS: readonly AuditKind[] = [
  { kind: HITL_KIND, statuses: HITL_STATUSES },
  { kind: CALL_KIND, statuses: CALL_STATUSES },
  { kind: MESSAGE_KIND, statuses: ["waiting", "delivering", "answering", ...ENDED_MESSAGE_STATUSES] },
  { kind: EFFECT_KIND, statuses: EFFECT_STATUSES },
  { kind: GRANT_KIND, statuses: GRANT_STATUSES },
];

function invalid(message: string): never {
  throw new HoldpointError("ERR_HITL_INVALID_INPUT", message);
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT` for a kind that is not known and names no statuses */
export function kindsOf(given: unknown): readonly AuditKind[] {
  if (given === undefined) return KINDS;
  if (!Array.isArray(given) || given.length === 0)
    return invalid("kinds has to be a list of kinds, or absent for all of them.");
  const kinds = given.map(kindOf);
  if (new Set(kinds.map(({ kind }) => kind)).size < kinds.length) invalid("kinds names one kind twice.");
  return kinds;
}

function kindOf(given: unknown): AuditKind {
  if (typeof given === "object" && given !== null) {
    const { kind, statuses } = given as Partial<AuditKind>;
    if (isText(kind) && Array.isArray(statuses) && statuses.length > 0 && statuses.every(isText))
      return { kind, statuses };
  }
  const known = KINDS.find(({ kind }) => kind === given);
  if (known) return known;
  const names = KINDS.map(({ kind }) => kind).join(", ");
  return invalid(`${JSON.stringify(given)}: kinds are ${names}, or { kind, statuses } for one of your own.`);
}
