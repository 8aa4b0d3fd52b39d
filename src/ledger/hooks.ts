/** What an application is told, and what it decides. A hook that fails breaks no call, unless it is to protect one. */
import { invalid } from "./idem-key.ts";
import type { Effect, EffectStatus, Redact, ToolCall } from "./types.ts";

interface Named {
  readonly effect_id: string;
  readonly idem_key: string;
  readonly workflow_id: string;
  readonly tool: string;
}

/** What happened, for logs and metrics. */
export type EffectEvent = Named &
  (
    | { readonly type: "effect.created"; readonly level: "info"; readonly status: EffectStatus }
    | { readonly type: "effect.replayed"; readonly level: "debug"; readonly status: EffectStatus }
    /** `warning`: it was refused, because the effect is in another status by now. */
    | {
        readonly type: "effect.transition";
        readonly level: "info" | "warning";
        readonly from: EffectStatus;
        readonly to: EffectStatus;
        readonly attempt: number;
      }
    | {
        readonly type: "effect.handler_error";
        readonly level: "error";
        readonly error: unknown;
        readonly attempt: number;
      }
    | {
        readonly type: "effect.wait_timeout";
        readonly level: "warning";
        readonly timeout_ms: number;
        readonly status: EffectStatus;
      }
    | {
        readonly type: "effect.hook_error";
        readonly level: "error";
        readonly hook: string;
        readonly error: unknown;
      }
  );

export interface EffectHooks {
  /**
   * Whether a human has to approve the call. Asked before a call is recorded for the first time, never on a replay. One that
   * throws ends the `run`: nothing is written (P8).
   */
  readonly requiresApproval?: ((call: ToolCall) => boolean | Promise<boolean>) | undefined;
  /** A new question waits for a human. Once for each, in the process that asked. */
  readonly onApprovalRequired?: ((effect: Effect) => void | Promise<void>) | undefined;
  /** Takes secrets out of arguments, resource ids and errors before they are written. The key is that of the whole call. */
  readonly redact?: Redact | undefined;
  readonly onEvent?: ((event: EffectEvent) => void) | undefined;
}

const HOOKS: readonly (keyof EffectHooks)[] = ["requiresApproval", "onApprovalRequired", "redact", "onEvent"];

/**
 * The call's own hooks win over the ledger's, each by itself. They may be methods of an object.
 *
 * @throws EffectLedgerValidationError for what is no hook: a policy whose name is misspelt would never be asked (P8)
 */
export function mergedHooks(ledger: EffectHooks, call: EffectHooks): EffectHooks {
  const merged: { -readonly [name in keyof EffectHooks]: EffectHooks[name] } = {};
  const bind = <Name extends keyof EffectHooks>(name: Name): void => {
    const source = call[name] === undefined ? ledger : call;
    const hook = source[name];
    if (hook === undefined) return;
    if (typeof hook !== "function") throw invalid(`hooks.${name}`, "has to be a function.");
    merged[name] = hook.bind(source) as EffectHooks[Name];
  };
  for (const name of HOOKS) bind(name);
  // An object of a class has fields of its own.
  for (const given of [ledger, call])
    if (Object.getPrototypeOf(given) === Object.prototype) assertKnown("hooks", given, HOOKS);
  return merged;
}

/** @throws EffectLedgerValidationError for an option that there is not */
export function assertKnown(where: string, given: object, names: readonly string[]): void {
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw invalid(unknown, `is not known to ${where}; there are ${names.join(", ")}.`);
}

type Distribute<T> = T extends unknown ? Omit<T, keyof Named> : never;

/** Tells the hooks, and goes on whatever they do. */
export class Observer {
  readonly #hooks: EffectHooks;
  readonly #named: Named;

  constructor(hooks: EffectHooks, { effect_id, idem_key, workflow_id, tool }: Named) {
    this.#hooks = hooks;
    this.#named = { effect_id, idem_key, workflow_id, tool };
  }

  tell(event: Distribute<EffectEvent>): void {
    const { onEvent } = this.#hooks;
    if (!onEvent) return;
    try {
      onEvent({ ...this.#named, ...event });
    } catch {
      // There is nobody left to tell.
    }
  }

  async approvalRequired(effect: Effect): Promise<void> {
    try {
      await this.#hooks.onApprovalRequired?.(effect);
    } catch (error) {
      this.tell({ type: "effect.hook_error", level: "error", hook: "onApprovalRequired", error });
    }
  }
}
