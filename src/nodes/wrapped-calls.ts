/**
 * Tool calls of which a host shows us one at a time: in a wrapped tool, or in agent middleware. Calls of one task
 * that run together share a step, so that they suspend together and each question is visible at once (P10).
 */
import type { ToolCall } from "@langchain/core/messages/tool";
import type { LangGraphRunnableConfig } from "@langchain/langgraph";
import type { HITLBackend } from "../backends/hitl-backend.ts";
import { CallRun } from "../suspend/call-run.ts";
import { callScope } from "../suspend/call-scope.ts";
import type { CallAttempts, CallResult, CallTask } from "../suspend/call-task.ts";
import { isBubbleUp, isFatal } from "../suspend/errors.ts";
import type { HostInterrupt } from "../suspend/interrupt-payload.ts";
import { type HostConfig, type Place, placeIfAny, placeOfThread } from "../suspend/place.ts";
import { wasRejected } from "./rejected.ts";
import { takeResumeValue } from "../suspend/resume-value.ts";
import { isHITLSuspend } from "../suspend/suspend-signal.ts";
import { type InDoubtPolicy, ToolStep, type ToolStepOptions } from "../suspend/tool-step.ts";
import { pauseFor } from "./pause-for.ts";
import {
  asToolOutput,
  decodeFailure,
  decodeOutput,
  encodeFailure,
  encodeOutput,
  type HostSerde,
  saidFor,
  type ToolOutput,
} from "./tool-outcome.ts";
import { CallNames, identityOf, wakeHintOf } from "./wake.ts";

export interface WrappedCallsOptions {
  readonly backend?: HITLBackend | undefined;
  readonly inDoubt?: InDoubtPolicy | ((tool_name: string) => InDoubtPolicy) | undefined;
  readonly leaseMs?: number | undefined;
  /**
   * What an error of the body is. `outcome`: the call's outcome, thrown again on each execution. `attempt`: no
   * outcome; whoever runs the call once more, in this execution or the next one, goes on with the same call.
   */
  readonly failures: "outcome" | "attempt";
}

export type WrappedResult =
  | { readonly status: "finished"; readonly output: ToolOutput }
  /** Evaluate it when all calls of the task have ended: it lists what all of them wait for. */
  | {
      readonly status: "suspended";
      readonly interrupts: () => HostInterrupt[];
      /** False once the call has finished: another execution went on with it. */
      readonly waits: () => Promise<boolean>;
    }
  /** Nothing of ours runs here: no backend, thread or checkpointer, or an outer wrapper keeps the call. */
  | { readonly status: "not_ours"; readonly kept: boolean };

/** An error of the tool is its outcome: what becomes of it is the host's business, each time alike. */
class Failure {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

type Kept = ToolOutput | Failure;

/** Calls of one task that are at work now, by the task's scratchpad: it is made anew for each execution. */
interface Joint {
  /** The host's own retries of an execution keep the scratchpad, and start the calls once more. */
  readonly attempt: number;
  readonly step: Promise<ToolStep>;
  readonly names: CallNames;
  /** Names of calls whose last attempt failed: the next attempt is the same call. By the id that the model gave. */
  readonly failed: Map<string, string[]>;
  rejected?: Promise<boolean>;
  working: number;
  readonly waiting: (() => void)[];
}

export class WrappedCalls {
  readonly #backend: HITLBackend | undefined;
  readonly #failures: "outcome" | "attempt";
  readonly #stepOptions: ToolStepOptions;
  readonly #joints = new WeakMap<object, Joint>();

  constructor({ backend, inDoubt, leaseMs, failures }: WrappedCallsOptions) {
    this.#backend = backend;
    this.#failures = failures;
    const policy = typeof inDoubt === "string" ? (): InDoubtPolicy => inDoubt : inDoubt;
    this.#stepOptions = { leaseMs, inDoubt: policy, seesWholeStep: false };
  }

  /**
   * @param config - of the task, with its scratchpad
   * @param execute - runs the body; called again when the call goes on after an answer
   * @param behindEffect - the body is behind an effect, which says what became of it
   * @throws what the body throws, and HoldpointError where the engine cannot go on
   */
  async run(
    call: ToolCall,
    config: LangGraphRunnableConfig,
    execute: () => Promise<unknown>,
    behindEffect: boolean,
  ): Promise<WrappedResult> {
    const found = placeIfAny(config as HostConfig, this.#backend);
    if (!found) return { status: "not_ours", kept: false };
    // Wrapped twice, or run by HITLToolNode: the outer one keeps the call.
    if (callScope.getStore()?.checkpoint_ns === found.checkpoint_ns)
      return { status: "not_ours", kept: true };
    const scratchpad = config.configurable?.["__pregel_scratchpad"] as object;
    const known = this.#joints.get(scratchpad);
    const attempt = config.executionInfo?.nodeAttempt ?? 1;
    const joint = known?.attempt === attempt ? known : this.#jointOf(config as HostConfig, found, attempt);
    this.#joints.set(scratchpad, joint);
    // Before anything is awaited: the host starts the calls in their order, on each execution alike.
    const retried = joint.failed.get(call.id ?? "")?.shift();
    const tool_call_id = retried ?? joint.names.next(call.id);
    joint.working += 1;
    let step: ToolStep;
    let id: string;
    let run: CallRun<Kept> | undefined;
    for (let first = true; ; first = false) {
      let result: CallResult<Kept>;
      let seen: number;
      try {
        step = await joint.step;
        const made = this.#taskOf(joint, step.place, call, tool_call_id, execute, config.signal);
        const task = behindEffect ? { ...made, behindEffect } : made;
        id = task.call.id;
        if (first && !step.place.fresh && retried === undefined) {
          await takeResumeValue(config as HostConfig, step.place);
          await step.load([id], wakeHintOf(config, step.place));
        }
        // Since the last attempt a sibling has asked: whoever is woken by its answer may have started this call.
        if (first && retried !== undefined) {
          await step.written();
          if (step.asked) await step.refresh([id]);
        }
        seen = step.changes;
        run = new CallRun(step, task);
        result = await run.settle();
      } catch (error) {
        if (run) this.#forget(joint, await joint.step, run, call, tool_call_id);
        throw error;
      } finally {
        leave(joint);
      }
      if (result.status === "finished") {
        if (result.output instanceof Failure) throw result.output.error;
        return { status: "finished", output: result.output };
      }
      // The host drops what siblings do after the first interrupt: let them finish, so that their outcomes are kept.
      if (joint.working > 0) await new Promise<void>((resolve) => joint.waiting.push(resolve));
      // While a slow sibling ran, this call's question may have been answered, and its run finished elsewhere.
      if (step.changes === seen || !(await step.refresh([id]))) break;
      joint.working += 1;
      step.runs.delete(run as CallRun<unknown>);
    }
    const [ended, call_id] = [step, id];
    return {
      status: "suspended",
      interrupts: () => pauseFor([...ended.runs], ended),
      waits: async () => (await ended.place.backend.store.get([call_id]))[0]?.status !== "finished",
    };
  }

  /** A body that failed waits for nothing, and may be run once more. */
  #forget(joint: Joint, step: ToolStep, run: CallRun<Kept>, call: ToolCall, tool_call_id: string): void {
    step.runs.delete(run as CallRun<unknown>);
    if (this.#failures !== "attempt") return;
    const given = call.id ?? "";
    joint.failed.set(given, [...(joint.failed.get(given) ?? []), tool_call_id]);
  }

  #jointOf(config: HostConfig, place: Place, attempt: number): Joint {
    const step = Promise.resolve(placeOfThread(config, place)).then(
      (own) => new ToolStep(own, this.#stepOptions),
    );
    return { attempt, step, names: new CallNames(), failed: new Map(), working: 0, waiting: [] };
  }

  #taskOf(
    joint: Joint,
    place: Place,
    call: ToolCall,
    tool_call_id: string,
    execute: () => Promise<unknown>,
    signal: AbortSignal | undefined,
  ): CallTask<Kept> {
    const serde = (place.checkpointer as unknown as { serde: HostSerde }).serde;
    return {
      call: identityOf(place, call, tool_call_id),
      signal,
      attempts: this.#failures === "attempt" ? attemptsOf(joint, place) : undefined,
      execute: async () => {
        try {
          const output = await execute();
          // What a middleware makes of an abort is no outcome either: the tool may be at work still.
          if (signal?.aborted) throw signal.reason as Error;
          return asToolOutput(output, call);
        } catch (error) {
          if (this.#failures === "attempt") throw error;
          if (isHITLSuspend(error) || isFatal(error) || isBubbleUp(error) || signal?.aborted) throw error;
          return new Failure(error);
        }
      },
      encode: (output) =>
        output instanceof Failure ? encodeFailure(output.error) : encodeOutput(output, serde),
      decode: async (outcome) => {
        const failure = decodeFailure(outcome);
        return failure ? new Failure(failure) : decodeOutput(outcome, serde);
      },
      ...saidFor(call),
    };
  }
}

function attemptsOf(joint: Joint, place: Place): CallAttempts {
  return {
    encode: encodeFailure,
    decode: (failure) => decodeFailure(failure) ?? new Error("the tool failed"),
    // The host's retry of the task is one of a rejected execution too.
    rejected: () => (joint.rejected ??= joint.attempt > 1 ? Promise.resolve(true) : wasRejected(place)),
  };
}

function leave(joint: Joint): void {
  joint.working -= 1;
  if (joint.working === 0) for (const wake of joint.waiting.splice(0)) wake();
}
