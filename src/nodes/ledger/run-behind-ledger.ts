/**
 * One tool call behind the effect ledger: the ledger is around the tool itself, so that what it kept is what the tool gave
 * or threw, and the node makes of it what it makes of any tool (P6).
 */
import type { ToolCall } from "@langchain/core/messages/tool";
import type { LangGraphRunnableConfig } from "@langchain/langgraph";
import type { HITLBackend } from "../../backends/hitl-backend.ts";
import type { StoreHITLBackend } from "../../backends/store-backend.ts";
import { HoldpointError, isHoldpointError } from "../../core/errors.ts";
import type { JsonValue } from "../../core/json.ts";
import {
  isEffectDeniedError,
  isEffectFailedError,
  isEffectLedgerValidationError,
} from "../../ledger/errors.ts";
import { GIVEN_UP } from "../../ledger/effect-store.ts";
import { withHost } from "../../ledger/host.ts";
import type { EffectLedger } from "../../ledger/ledger.ts";
import { type ConcurrencyOptions, LEASE_MS } from "../../ledger/options.ts";
import { NOT_KEPT } from "../../ledger/results.ts";
import type { Effect, EffectContext } from "../../ledger/types.ts";
import type { CallEffects } from "../../suspend/call-effects.ts";
import { callScope } from "../../suspend/call-scope.ts";
import { type HoldpointRunConfig, resolveBackend } from "../../suspend/configure.ts";
import { isBubbleUp, isFatal } from "../../suspend/errors.ts";
import { type HostConfig, namespaceOf, runNamesOf } from "../../suspend/place.ts";
import { isHITLSuspend } from "../../suspend/suspend-signal.ts";
import { asToolOutput, encodeOutput, type HostSerde, type ToolOutput } from "../tool-outcome.ts";
import { effectScope } from "./current-effect.ts";
import { effectCallOf, messageIdOf } from "./effect-call.ts";
import type { CheckedRule } from "./ledger-rule.ts";
import { refusedArgs } from "./refused-args.ts";
import { deniedText, markedMessage, markOf, outputOf, replayedError } from "./replayed.ts";
import { stepEffects } from "./step-effects.ts";
import { ThreadQuestions } from "./thread-questions.ts";

/** How a host runs the tool. */
export interface LedgeredTool {
  /** With the arguments that the tool gets. */
  readonly call: ToolCall;
  readonly config: LangGraphRunnableConfig;
  /** Of the task, where the config does not show it. */
  readonly state?: unknown;
  /** Of the tool's arguments. */
  readonly schema?: unknown;
  /** @param signal - aborted when the run is, or when the lease of the effect is lost */
  readonly invoke: (signal: AbortSignal) => Promise<unknown>;
}

export interface Behind {
  readonly rule: CheckedRule;
  readonly ledgerOver: (backend: StoreHITLBackend) => EffectLedger;
  readonly backend: HITLBackend | undefined;
}

/** The engine stopped the body: that says nothing of its effect, which goes back and is claimed again. */
class Stopped extends Error {
  readonly is_bubble_up = true;

  constructor(cause: unknown) {
    super("The engine stopped the call.", { cause });
  }
}

/**
 * @returns what the tool gave, now or before; a message for a call that was denied or given up
 * @throws what the tool threw, now or before
 * @throws the signal that suspends the call
 * @throws EffectTimeoutError, EffectStoreError, EffectLedgerError `ERR_HITL_LEASE_LOST`
 * @throws HoldpointError `ERR_HITL_NO_THREAD`, `ERR_HITL_NO_BACKEND`: a tool that is behind the ledger does not run without
 * it (P8); `ERR_HITL_INVALID_INPUT` for a ledger over another backend
 */
export async function runBehindLedger(behind: Behind, tool: LedgeredTool): Promise<ToolOutput> {
  const { call, config, invoke } = tool;
  const found = callScope.getStore();
  const effects =
    found?.checkpoint_ns === (namespaceOf(config as HostConfig) ?? "") ? found.effects : undefined;
  // Wrapped twice: the outer one has it.
  if (effects?.behind && effects.behind !== "over" && effects.behind.tool_name === call.name)
    return asToolOutput(await invoke(config.signal ?? new AbortController().signal), call);
  return new LedgeredCall(behind, tool, effects).run();
}

class LedgeredCall {
  readonly #behind: Behind;
  readonly #tool: LedgeredTool;
  readonly #effects: CallEffects | undefined;
  readonly #backend: StoreHITLBackend;
  readonly #serde: HostSerde | undefined;
  #replayed: Effect | undefined;
  #runs = 0;

  constructor(behind: Behind, tool: LedgeredTool, effects: CallEffects | undefined) {
    this.#behind = behind;
    this.#tool = tool;
    this.#effects = effects;
    const { configurable } = tool.config as HostConfig;
    this.#backend =
      effects?.place.backend ??
      resolveBackend(configurable?.["holdpoint"] as HoldpointRunConfig | undefined, behind.backend);
    this.#serde = (effects?.place.checkpointer as { serde?: HostSerde } | undefined)?.serde;
  }

  async run(): Promise<ToolOutput> {
    const { call, config } = this.#tool;
    const { rule, ledgerOver } = this.#behind;
    const ledger = ledgerOver(this.#backend);
    this.#effects?.hear();
    try {
      const effectCall = effectCallOf(rule, call, this.#place());
      const host = {
        entered: (backend: StoreHITLBackend): void => this.#assertSame(backend),
        replayed: (effect: Effect): void => void (this.#replayed = effect),
        // What is between the steps may run again, as after any answer.
        isDivided: (): boolean => this.#effects?.hasSteps === true,
        questions: this.#effects && new ThreadQuestions(this.#effects),
      };
      const options = {
        ...rule.options,
        concurrency: this.#concurrency(),
        signal: config.signal,
      };
      const steps = stepEffects(
        ledger,
        effectCall,
        { ...rule.options, concurrency: options.concurrency },
        this.#effects,
        config.signal,
      );
      const result = await ledger.run(
        effectCall,
        (context) => this.#handle(context, steps),
        withHost(options, host),
      );
      return await outputOf(result, call, this.#neededSerde(), this.#replayed);
    } catch (error) {
      return this.#outputOfError(error);
    }
  }

  /** @throws HoldpointError `ERR_HITL_NO_THREAD` */
  #place(): Parameters<typeof effectCallOf>[2] {
    const { call, config, state } = this.#tool;
    const message_id = messageIdOf(call, config, state);
    if (this.#effects) {
      const { place, call: identity } = this.#effects;
      const { thread_id, session_id } = place;
      return { thread_id, session_id, tool_call_id: identity.tool_call_id, message_id };
    }
    const thread_id = (config as HostConfig | undefined)?.configurable?.["thread_id"];
    if (typeof thread_id !== "string" || thread_id === "") {
      throw new HoldpointError(
        "ERR_HITL_NO_THREAD",
        `${call.name} is behind the ledger, which needs configurable.thread_id to know what the call belongs to.`,
        { details: { tool_name: call.name } },
      );
    }
    const { session_id } = runNamesOf(config as HostConfig, thread_id);
    return { thread_id, session_id, tool_call_id: call.id || null, message_id };
  }

  #assertSame({ store, tenant_id }: StoreHITLBackend): void {
    if (store === this.#backend.store && tenant_id === this.#backend.tenant_id) return;
    throw new HoldpointError(
      "ERR_HITL_INVALID_INPUT",
      "The ledger of the rule is over another backend, or of another tenant, than the node: the thread could not wait for its questions. Make it with the node's backend.",
      { details: { option: "ledger", tenant_id } },
    );
  }

  #neededSerde(): HostSerde {
    return this.#serde ?? NO_SERDE;
  }

  /** In a graph nobody would call again when a worker has died: it is waited for until its lease has surely ended. */
  #concurrency(): ConcurrencyOptions | undefined {
    const { options, ledger } = this.#behind.rule;
    const { concurrency, leaseMs = LEASE_MS } = options;
    if (!this.#effects || ledger || concurrency?.waitTimeoutMs !== undefined) return concurrency;
    return { ...concurrency, waitTimeoutMs: 1.5 * leaseMs };
  }

  async #handle(context: EffectContext, steps: ReturnType<typeof stepEffects>): Promise<JsonValue> {
    const effects = this.#effects;
    this.#runs += 1;
    // Another attempt in one execution: it counts its questions and steps from the start.
    if (this.#runs > 1) callScope.getStore()?.restart?.();
    const { call, invoke } = this.#tool;
    const outer = effects?.behind ?? "over";
    if (effects && steps) effects.behind = { tool_name: call.name, steps: steps(context.effect.idem_key) };
    let output: ToolOutput;
    try {
      try {
        output = asToolOutput(await effectScope.run(context, () => invoke(context.signal)), call);
      } catch (error) {
        // What stops the engine counts, not what a body made of it. One whose run was stopped is not waited for (P6).
        if (!isFatal(error) && !this.#tool.config.signal?.aborted) await effects?.bodyEnded();
        throw error;
      }
      await effects?.bodyEnded();
    } catch (error) {
      const isStopped = isFatal(error) && !isHITLSuspend(error) && !isBubbleUp(error);
      throw isStopped || (await this.#isMendable(error)) ? new Stopped(error) : error;
    } finally {
      if (effects) effects.behind = outer;
    }
    return this.#encoded(output);
  }

  /** Under its key there may be a call with other arguments, which the tool takes: what did not begin does not bar it. */
  async #isMendable(error: unknown): Promise<boolean> {
    const { rule } = this.#behind;
    const { schema, call } = this.#tool;
    const mayDiffer = typeof rule.key === "function" || Array.isArray(rule.key);
    return mayDiffer && refusedArgs(error, schema, call.args);
  }

  /** What cannot be encoded is handed on as it is: the ledger refuses it, and records that the call has run. */
  async #encoded(output: ToolOutput): Promise<JsonValue> {
    try {
      return await encodeOutput(output, this.#neededSerde());
    } catch {
      return output as unknown as JsonValue;
    }
  }

  #outputOfError(error: unknown): ToolOutput {
    const { call } = this.#tool;
    const replayed = this.#replayed;
    if (error instanceof Stopped) throw error.cause;
    if (replayed && isEffectDeniedError(error))
      return markedMessage(call, deniedText(error.status, error.reason), markOf(replayed));
    if (replayed && isEffectFailedError(error)) {
      // Nobody made a mistake that the model could mend.
      if (error.effect_code === GIVEN_UP.code) return markedMessage(call, error.message, markOf(replayed));
      throw replayedError(error.effect_error, markOf(replayed));
    }
    // What the ledger cannot take of a call is the model's mistake, and no reason to end the run. Nothing was written.
    if (isEffectLedgerValidationError(error) && OF_THE_CALL.test(error.field)) {
      const message = error.field === "result" ? `${NOT_KEPT}${error.message}` : error.message;
      throw replayedError({ message, code: error.code }, undefined);
    }
    if (this.#runs === 0 && isHoldpointError(error) && TOO_MUCH.has(error.code))
      throw replayedError({ message: error.message, code: error.code }, undefined);
    throw error;
  }
}

/** Fields that are the model's, or the tool's; the others are of the rule. */
const OF_THE_CALL = /^(args|resource|idempotency_keys|result)\b/;

/** What cannot be shown cannot be approved. */
const TOO_MUCH: ReadonlySet<string> = new Set([
  "ERR_HITL_TOO_LARGE",
  "ERR_HITL_TOO_DEEP",
  "ERR_HITL_NOT_JSON",
]);

/** Outside a graph that saves checkpoints there is no form in which anything but JSON could be kept. */
const NO_SERDE: HostSerde = {
  dumpsTyped() {
    throw new TypeError("there is no checkpointer to serialize it");
  },
  loadsTyped() {
    throw new TypeError("there is no checkpointer to read it");
  },
};
