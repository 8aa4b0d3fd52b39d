/** What an application is told, and what it decides. A hook that fails breaks no call, unless it is to protect one. */
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
    try {
      this.#hooks.onEvent?.({ ...this.#named, ...event });
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
