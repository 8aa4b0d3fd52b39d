/**
 * What a running tool body sees: which call it is, what was answered, which steps are done. Carried by an
 * AsyncLocalStorage of our own, since LangGraph's does not know the tool call (identity in AsyncLocalStorage
 * is absent there).
 */
import { ScopeStorage } from "./scope-storage.ts";
import type { JsonValue } from "../core/json.ts";
import type { HITLRecord } from "../core/record.ts";
import type { CallEffects } from "./call-effects.ts";
import type { CallPermissions } from "./call-permissions.ts";
import type { Question } from "./question.ts";

/** What a continued tool finds when it is called again. */
export interface Resumption {
  readonly hitl_id: string;
  readonly response: HITLRecord["user_response"];
  readonly tool_state: HITLRecord["tool_state"];
  readonly checkpoint_id: string | null;
}

/** Handed to the function of a `step`. */
export interface StepContext {
  /** Strictly increasing with each claim of the call. A service that knows the newest can refuse older ones. */
  readonly fence: number;
  /** The same for every run of this step of this call: pass it to services that take an idempotency key. */
  readonly idempotency_key: string;
}

export interface CallScope {
  readonly checkpoint_ns: string;
  readonly call_id: string;
  readonly resumption: Resumption | undefined;
  /** The terminal record of the question, or the signal that suspends the call. */
  ask(question: Question): Promise<HITLRecord>;
  step<T>(name: string, run: (context: StepContext) => Promise<T> | T): Promise<T>;
  /** What the body says of its progress, checked; absent in older copies of the package. */
  progress?(progress: JsonValue): void;
  /** A middleware between the host and the tool runs the body once more: it counts from the start again. */
  restart?(): void;
  /** For effects behind the call; absent in older copies of the package. */
  readonly effects?: CallEffects;
  /** For a policy around the body; absent in older copies of the package. */
  readonly permissions?: CallPermissions;
  /** True if the call waits for a human already, so that its body must not run once more. */
  readonly asleep?: boolean;
}

const SHARED = Symbol.for("holdpoint.call_scope.v1");
const shared = globalThis as { [SHARED]?: ScopeStorage<CallScope> };

/** One for all copies of the package: a tool may import another copy than the node that runs it. */
export const callScope: ScopeStorage<CallScope> = (shared[SHARED] ??= new ScopeStorage());

/**
 * In a tool that was called again in continuation mode: the answer and the tool's own state. Undefined on the
 * first call.
 *
 * @example
 * ```ts
 * import { HITLSuspend, resumption } from "holdpoint";
 *
 * export async function wizard(): Promise<string> {
 *   const resumed = resumption();
 *   if (!resumed) {
 *     throw new HITLSuspend({ resume_mode: "continuation", tool_state: { round: 1 }, data: { message: "Name?" } });
 *   }
 *   return JSON.stringify(resumed.response);
 * }
 * ```
 */
export function resumption(): Resumption | undefined {
  return callScope.getStore()?.resumption;
}
