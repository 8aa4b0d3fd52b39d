/** What goes into the ledger and comes out of it (PROTOCOL.md §19). */
import type { Lease } from "../backends/record-store.ts";
import type { JsonValue } from "../core/json.ts";
import type { Actor } from "../core/record.ts";
import type { EffectStatus } from "../core/states.ts";

export type { EffectStatus };

/** What a call acts on. With it, the arguments do not enter the key: two calls on one resource are one effect. */
export interface ResourceDescriptor {
  readonly namespace: string;
  readonly type: string;
  readonly id: Readonly<Record<string, unknown>>;
}

export interface ToolCall {
  /** What the call belongs to: a thread, an order. 1 to 255 characters. */
  readonly workflow_id: string;
  readonly tool: string;
  /** JSON, at most 1 MiB in its canonical form. */
  readonly args: Readonly<Record<string, unknown>>;
  /** Names the call where it came from, for people; does not enter the key. Default: a random one. */
  readonly call_id?: string | undefined;
  readonly resource?: ResourceDescriptor | undefined;
  /** Names of the arguments that enter the key; the others do not. Default: all of them. */
  readonly idempotency_keys?: readonly string[] | undefined;
  /**
   * Where its questions are listed. Default: the workflow. It says where the effect is kept: the same call in another
   * session is another effect.
   */
  readonly session_id?: string | undefined;
}

export interface EffectError {
  readonly message: string;
  readonly code?: string | null;
  /** Of the error's class; absent for a plain `Error`. */
  readonly name?: string;
}

/** Who allowed what (P7). */
export interface EffectApproval {
  /** The question. */
  readonly hitl_id: string;
  /** SHA-256 of tool, arguments and the policy's version: what was shown. */
  readonly approved_hash: string;
  readonly policy_version: string | null;
  /** Null while nobody has decided. */
  readonly decision: "approved" | "denied" | "canceled" | null;
  readonly decided_by: Actor | null;
  /** Epoch ms. */
  readonly decided_at: number | null;
  readonly reason: string | null;
}

/** One tool call, once. Times are epoch milliseconds; what is changed in it changes nothing that is stored. */
export interface Effect {
  readonly schema_version: number;
  readonly id: string;
  readonly tenant_id: string;
  readonly idem_key: string;
  readonly workflow_id: string;
  readonly session_id: string;
  readonly call_id: string;
  readonly tool: string;
  readonly status: EffectStatus;
  /** RFC 8785; redacted, if the ledger redacts. */
  readonly args_canonical: string;
  /** Of the resource, or the tool's name without one. */
  readonly resource_id_canonical: string;
  /** How often the call was made again. */
  readonly dedup_count: number;
  /** How often its handler was begun. */
  readonly attempt: number;
  /** The fencing token of the newest claim: grows with each, never falls. */
  readonly fence: number;
  readonly lease: Lease | null;
  /** SHA-256 of tool, arguments as they are, and the policy's version: what an approval has to be for (P7). */
  readonly call_hash: string;
  readonly policy_version: string | null;
  readonly requires_approval: boolean;
  readonly approval: EffectApproval | null;
  /** The question what to do, while the effect is in doubt; null if none was asked (yet). */
  readonly doubt_hitl_id: string | null;
  readonly result: JsonValue;
  readonly error: EffectError | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly completed_at: number | null;
  readonly version: number;
}

export interface BeginResult {
  readonly effect: Effect;
  /** The effect is terminal: nothing is to be run. Look at its status: a failed or denied one is cached, too. */
  readonly cached: boolean;
  readonly idempotency_status: "fresh" | "replayed";
  /** The result of a succeeded effect, which may be null; absent for every other status. */
  readonly cached_result?: JsonValue;
}

export type CommitOutcome =
  | { readonly status: "succeeded"; readonly result?: unknown }
  | { readonly status: "failed"; readonly error: EffectError };

/** What a handler gets. */
export interface EffectContext {
  readonly effect: Effect;
  /** Aborted when the lease is lost, or the caller's own signal is: stop, nothing that comes now is recorded. */
  readonly signal: AbortSignal;
  /** To be passed to a service that refuses lower ones. */
  readonly fence: number;
  /** From 1. */
  readonly attempt: number;
}

export type EffectHandler<Result> = (context: EffectContext) => Promise<Result> | Result;

/** What `verify` found. */
export type Verification =
  | { readonly status: "succeeded"; readonly result?: unknown }
  | { readonly status: "failed"; readonly error: EffectError }
  /** It did not happen: it is run. */
  | { readonly status: "not_run" }
  /** It cannot be told: a human is asked. */
  | { readonly status: "unknown" };

/** What becomes of a call whose worker died, or stood still, in its middle. See docs/ledger.md, "In doubt". */
export type InDoubtChoice =
  | "ask"
  | "retry"
  | "fail"
  | { readonly verify: (effect: Effect) => Promise<Verification> | Verification };

/** What a human decides about a call in doubt. */
export type DoubtDecision =
  | { readonly decision: "happened"; readonly result?: unknown }
  | { readonly decision: "run_again" }
  | { readonly decision: "give_up" };

/** Names an effect: itself, its call, or its key. Itself and its call say where it is; a key is looked for. */
export type EffectRef =
  | string
  | (Pick<Effect, "id" | "idem_key"> & Partial<Pick<Effect, "approval">>)
  | ToolCall;

export interface ListEffectsQuery {
  /** Default: all statuses. */
  readonly status?: EffectStatus | readonly EffectStatus[] | undefined;
  /** Effects of this workflow, unless its calls name another session. */
  readonly workflow_id?: string | undefined;
  readonly session_id?: string | undefined;
  /** 1 to 1000, default 50. */
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
  readonly order?: "oldest" | "newest" | undefined;
}

/** Arguments, resource and errors before anything of them is written. */
export interface RedactContext {
  readonly what: "args" | "resource_id" | "error";
  readonly workflow_id: string;
  readonly tool: string;
}
export type Redact = (value: JsonValue, context: RedactContext) => JsonValue;
export type { JsonValue };
