/** What an application gives to the hooks, and what they say of each question. */
import type { Actor } from "../core/record.ts";
import type { JsonValue } from "../core/json.ts";
import type { ResponseIssue } from "../core/response-schema.ts";
import type { HITLStatus } from "../core/states.ts";

/**
 * The fields of a record that say how a question ended. A whole `HITLRecord` is one; so is what a server sends of it.
 */
export interface Ending {
  readonly status: HITLStatus;
  readonly user_response?: unknown;
  readonly responded_by?: Actor | null;
  /** Epoch milliseconds. */
  readonly responded_at?: number | null;
  readonly reason?: string | null;
}

/** What became of an answer: the statuses of `HITLBackend.respond` (PROTOCOL.md §5.1). */
export interface RespondOutcome {
  readonly status:
    | "accepted"
    | "duplicate"
    | "conflict"
    | "invalid"
    | "forbidden"
    | "expired"
    | "cancelled"
    | "not_found"
    | "indeterminate";
  readonly record?: Ending | null | undefined;
  /** With `invalid`: what is wrong, and where. */
  readonly issues?: readonly ResponseIssue[] | undefined;
}

/** What became of a cancellation: the statuses of `HITLBackend.cancel` (PROTOCOL.md §5.4). */
export interface CancelOutcome {
  readonly status: "cancelled" | "conflict" | "not_found";
  readonly record?: Ending | null | undefined;
}

/**
 * Brings an answer to the backend: a `fetch` to the application's server, or `backend.respond` itself. A promise that
 * is rejected is an error that people can retry.
 */
export type Respond = (hitl_id: string, response: JsonValue) => Promise<RespondOutcome>;

/** Brings a cancellation to the backend. */
export type Cancel = (hitl_id: string, reason?: string) => Promise<CancelOutcome>;

/**
 * Where the answer to one question is.
 *
 * - `idle`: nobody has answered here;
 * - `sending`: the server has not said yet;
 * - `invalid`: refused, still open (P3);
 * - `answered`: it has an answer, from here or elsewhere;
 * - `conflict`: somebody else's answer was first, `ending` shows it (P4);
 * - `expired`, `cancelled`: it has ended without one (P8);
 * - `error`: not known or not allowed; `retry` sends the same again, which is accepted once.
 */
export type AnswerState =
  | { readonly state: "idle" }
  | { readonly state: "sending"; readonly action: "respond" | "cancel" }
  | { readonly state: "invalid"; readonly issues: readonly ResponseIssue[] }
  | { readonly state: "answered"; readonly ending: Ending }
  | { readonly state: "conflict"; readonly ending: Ending }
  | { readonly state: "expired"; readonly ending: Ending }
  | { readonly state: "cancelled"; readonly ending: Ending }
  | {
      readonly state: "error";
      /** `failed`: the function threw, or gave something that is no outcome. */
      readonly cause: "forbidden" | "not_found" | "indeterminate" | "failed";
      /** What was thrown, with `failed`. Components do not show it. */
      readonly error: unknown;
      readonly retry: () => void;
    };

/**
 * What the components read of a block; a block of a store of `holdpoint/blocks` is one. The data of a `hitl` block is
 * the question's own `data`, and beside it `hitl_id`, `hitl_type`, `status`, `response_schema` and how it ended.
 */
export interface ViewBlock {
  readonly block_id: string;
  readonly kind: string;
  readonly parent_id?: string | null | undefined;
  readonly data: Readonly<Record<string, unknown>> | null;
}
