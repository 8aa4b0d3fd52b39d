import { ScopeStorage } from "../../suspend/scope-storage.ts";
import type { EffectContext } from "../../ledger/types.ts";

const SHARED = Symbol.for("holdpoint.current_effect.v1");
const shared = globalThis as { [SHARED]?: ScopeStorage<EffectContext> };

/** One for all copies of the package. */
export const effectScope: ScopeStorage<EffectContext> = (shared[SHARED] ??= new ScopeStorage());

/**
 * In a tool that is behind the ledger: the effect that its call is, with the key and the fence for the service that it
 * calls (`currentEffect()?.effect.idem_key`), and a signal that is aborted when the lease is lost. Undefined elsewhere.
 *
 * @example
 * ```ts
 * import { currentEffect } from "holdpoint";
 *
 * type Pay = (amount: number, idempotency_key?: string) => Promise<string>;
 *
 * export async function charge(amount: number, pay: Pay): Promise<string> {
 *   return pay(amount, currentEffect()?.effect.idem_key);
 * }
 * ```
 */
export function currentEffect(): EffectContext | undefined {
  return effectScope.getStore();
}
