/** What a question came to, as a route's `update` sees it. */
import type { Actor, HITLRecord, OnExpire } from "../../core/record.ts";
import type { Route, Throws } from "./state-types.ts";

/** Who answered, when, and what. All of it is JSON and may go into the state. */
export interface Answered<Name extends string, Response> {
  readonly outcome: Name;
  readonly hitl_id: string;
  readonly response: Response;
  /** What the human wrote beside the answer (`comment`, in a permission `message`). */
  readonly comment: string | null;
  readonly responded_by: Actor | null;
  /** Epoch milliseconds. */
  readonly responded_at: number | null;
}

/** Nobody answered: nothing was approved (P8). */
export interface Unanswered<Name extends "expired" | "cancelled"> {
  readonly outcome: Name;
  readonly hitl_id: string;
  readonly response: null;
  /** `expired`, or why it was cancelled. */
  readonly reason: string;
}

export type AnyOutcome = Answered<string, unknown> | Unanswered<"expired" | "cancelled">;

/** A deadline lets a question expire, unless something else happens then. What was not written may be undefined. */
type CanExpire<At, In, Then> = [undefined, undefined] extends [At, In]
  ? false
  : [Then] extends [{ readonly respond: unknown } | { readonly escalate: unknown }]
    ? false
    : true;

/** `expired` has to be decided where there is a deadline; `cancelled` throws unless it is decided. */
export type UnansweredRoutes<S, U, At, In, Then> = {
  readonly cancelled?: Route<S, U, Unanswered<"cancelled">> | Throws;
} & (CanExpire<At, In, Then> extends true
  ? { readonly expired: Route<S, U, Unanswered<"expired">> | Throws }
  : { readonly expired?: never });

export function answeredOf(name: string, record: HITLRecord, response: unknown): Answered<string, unknown> {
  const { comment, message } = (response ?? {}) as { comment?: unknown; message?: unknown };
  const said = comment ?? message;
  return {
    outcome: name,
    hitl_id: record.hitl_id,
    response,
    comment: typeof said === "string" ? said : null,
    responded_by: record.responded_by && { ...record.responded_by },
    responded_at: record.responded_at,
  };
}

/** The outcomes besides answers that a node has to decide. */
export function unansweredIn(question: {
  readonly expires_at?: unknown;
  readonly expiresInMs?: unknown;
  readonly on_expire?: unknown;
}): readonly "expired"[] {
  const { expires_at, expiresInMs, on_expire } = question;
  if (expires_at === undefined && expiresInMs === undefined) return [];
  // A function says only later what it is.
  const expires =
    on_expire === undefined || on_expire === ("expire" satisfies OnExpire) || typeof on_expire === "function";
  return expires ? ["expired"] : [];
}
