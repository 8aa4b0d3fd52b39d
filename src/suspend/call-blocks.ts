/** A tool call as user interfaces see it: one `tool_use` block from its beginning to its end. */
import { toolUseDraft } from "../blocks/build.ts";
import type { ToolUseStatus } from "../blocks/events.ts";
import { type JsonObject, toJsonObject } from "../core/json.ts";
import type { CallIdentity } from "./call-record.ts";
import type { CallResult } from "./call-task.ts";
import { contextOf, type EmitBlock } from "./emit.ts";
import { isBubbleUp } from "./errors.ts";
import { isHITLSuspend } from "./suspend-signal.ts";
import type { ToolStep } from "./tool-step.ts";

export class CallBlocks {
  readonly #emit: EmitBlock;
  readonly #step: ToolStep;
  readonly #call: CallIdentity;
  #arguments: JsonObject | undefined;

  private constructor(emit: EmitBlock, step: ToolStep, call: CallIdentity) {
    this.#emit = emit;
    this.#step = step;
    this.#call = call;
  }

  /** Undefined if nobody listens, or if it is no tool call but a node. */
  static of(step: ToolStep, call: CallIdentity): CallBlocks | undefined {
    const { emit } = step.place;
    return emit && call.tool_call_id !== null ? new CallBlocks(emit, step, call) : undefined;
  }

  /** The body begins, or goes on. */
  running(): void {
    if (this.#round === 0) this.#show("pending");
    this.#show("running");
  }

  /** What an execution of the call came to. */
  async ended<Output>(settled: Promise<CallResult<Output>>): Promise<CallResult<Output>> {
    try {
      const result = await settled;
      if (result.status === "suspended") this.#show("waiting");
      else this.#finished(result.output);
      return result;
    } catch (error) {
      const stopped = isHITLSuspend(error) || isBubbleUp(error);
      if (!stopped) this.#show("failed", error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  #finished(output: unknown): void {
    const { status, text } = (output ?? {}) as { status?: unknown; text?: unknown };
    if (status === "error") this.#show("failed", typeof text === "string" ? text : undefined);
    else this.#show("success");
  }

  /** Each claim of the call begins a new round of its block, in whichever process. */
  get #round(): number {
    return this.#step.records.get(this.#call.id)?.fence ?? 0;
  }

  #show(status: ToolUseStatus, error?: string): void {
    const { id, tool_name: name, tool_call_id: call_id } = this.#call;
    const round = this.#round;
    this.#emit(() => {
      // A model wrote them: they are checked once, for all events of the call.
      this.#arguments ??= toJsonObject(this.#call.params ?? {}, "arguments");
      const context = { ...contextOf(this.#step.place), timestamp: this.#step.now() };
      return toolUseDraft({ id, name, call_id, arguments: this.#arguments, status, round, error }, context);
    });
  }
}
