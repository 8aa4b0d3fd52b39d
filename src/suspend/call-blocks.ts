/**
 * A call as user interfaces see it: one block from its beginning to its end, `tool_use` for a tool call, `node` for an
 * interrupt node. docs/blocks.md says how its rounds are counted.
 */
import { nodeBlock, toolProgress, toolUseDraft } from "../blocks/build.ts";
import type { StoredRecord } from "../backends/record-store.ts";
import type { NodeStatus, ToolUseStatus } from "../blocks/names.ts";
import { type JsonObject, type JsonValue, toJsonObject } from "../core/json.ts";
import type { CallStatus } from "../core/states.ts";
import type { CallIdentity } from "./call-record.ts";
import type { CallResult, CallTask } from "./call-task.ts";
import { contextOf, type EmitBlock, nodeRunIdOf } from "./emit.ts";
import { isBubbleUp } from "./errors.ts";
import { isHITLSuspend } from "./suspend-signal.ts";
import type { ToolStep } from "./tool-step.ts";

/** Of one claim. What its holder emits is after all that a stream's reader can count as resumes (B15). */
const ROUNDS_PER_FENCE = 1024;

/** Calls whose body failed before anything was recorded of them: whoever runs them once more begins a new round. */
const failures = new WeakMap<ToolStep, Map<string, number>>();

/** Its holder may have said already how it ended: that it failed, or was aborted. What is told now comes after that. */
function isInDoubt({ status }: StoredRecord): boolean {
  return status === ("in_doubt" satisfies CallStatus);
}

type BlockTask = Pick<CallTask<unknown>, "call" | "signal">;

export abstract class CallBlocks {
  protected readonly step: ToolStep;
  protected readonly call: CallIdentity;
  protected readonly emit: EmitBlock;
  readonly #signal: AbortSignal | undefined;
  #fence: number;
  #again: number;

  protected constructor(step: ToolStep, { call, signal }: BlockTask, emit: EmitBlock) {
    this.step = step;
    this.call = call;
    this.emit = emit;
    this.#signal = signal;
    const record = step.records.get(call.id);
    this.#fence = record?.fence ?? 0;
    this.#again = record
      ? Number(isInDoubt(record))
      : step.place.attempt + (failures.get(step)?.get(call.id) ?? 0);
  }

  /** Undefined if nobody listens. */
  static of(step: ToolStep, task: BlockTask): CallBlocks | undefined {
    const { emit, checkpoint_ns } = step.place;
    if (!emit) return undefined;
    if (task.call.tool_call_id !== null) return new ToolBlocks(step, task, emit);
    const id = nodeRunIdOf(checkpoint_ns);
    return id === null ? undefined : new NodeBlocks(step, task, emit, id);
  }

  /** The body begins, or goes on. */
  running(): void {
    const round = this.#round();
    if (round < ROUNDS_PER_FENCE) this.show("pending", round);
    this.show("running", round);
  }

  /** What an execution of the call came to. */
  async ended<Output>(settled: Promise<CallResult<Output>>): Promise<CallResult<Output>> {
    try {
      const result = await settled;
      if (result.status === "suspended") this.show(this.#isHeld() ? "running" : "waiting", this.#round());
      else this.finished(result.output, this.#round());
      return result;
    } catch (error) {
      if (!isHITLSuspend(error) && !isBubbleUp(error)) this.#failed(error);
      throw error;
    }
  }

  /** What the body says of its progress; nothing unless it is at work. */
  progress(_progress: JsonValue): void {}

  protected abstract show(status: ToolUseStatus, round: number, error?: string): void;
  protected abstract finished(output: unknown, round: number): void;

  #failed(error: unknown): void {
    this.show(this.#signal?.aborted ? "aborted" : "failed", this.#round(), messageOf(error));
    const { id } = this.call;
    if (this.step.records.has(id)) return;
    const counts = failures.get(this.step) ?? new Map<string, number>();
    failures.set(this.step, counts.set(id, (counts.get(id) ?? 0) + 1));
  }

  /** Another process is at work on it: it waits for nobody. */
  #isHeld(): boolean {
    const record = this.step.records.get(this.call.id);
    return record?.status === ("running" satisfies CallStatus);
  }

  /** Each claim of the call begins a new round of its block, in whichever process. */
  #round(): number {
    const record = this.step.records.get(this.call.id);
    const fence = record?.fence ?? 0;
    if (fence !== this.#fence) {
      this.#fence = fence;
      this.#again = 0;
    }
    if (record && isInDoubt(record)) this.#again = 1;
    return fence * ROUNDS_PER_FENCE + Math.min(this.#again, ROUNDS_PER_FENCE - 1);
  }
}

class ToolBlocks extends CallBlocks {
  #arguments: JsonObject | undefined;
  /** The round in which the body was last shown at work, and how often it has reported in it. */
  #work = { round: -1, n: 0, isUnderWay: false };

  constructor(step: ToolStep, task: BlockTask, emit: EmitBlock) {
    super(step, task, emit);
  }

  protected override show(status: ToolUseStatus, round: number, error?: string): void {
    const { id, tool_name: name, tool_call_id: call_id } = this.call;
    this.#work.isUnderWay = false;
    this.emit(() => {
      // A model wrote them: they are checked once, for all events of the call.
      this.#arguments ??= toJsonObject(this.call.params ?? {}, "arguments");
      const context = { ...contextOf(this.step.place), timestamp: this.step.now() };
      const tool = { id, name, call_id, arguments: this.#arguments, status, round, error };
      const event = toolUseDraft(tool, context);
      if (status === "running") this.#begun(round);
      return event;
    });
  }

  /** A body that begins again in its round counts on: its readers have met the numbers before. */
  #begun(round: number): void {
    this.#work = { round, n: this.#work.round === round ? this.#work.n : 0, isUnderWay: true };
  }

  override progress(progress: JsonValue): void {
    const work = this.#work;
    if (!work.isUnderWay) return;
    work.n += 1;
    const { id } = this.call;
    const { round, n } = work;
    this.emit(() => {
      const context = { ...contextOf(this.step.place), timestamp: this.step.now() };
      return toolProgress({ id, round, n, progress }, context);
    });
  }

  protected override finished(output: unknown, round: number): void {
    const { status, text } = (output ?? {}) as { status?: unknown; text?: unknown };
    if (status === "error") this.show("failed", round, typeof text === "string" ? text : undefined);
    else this.show("success", round);
  }
}

/** A node has no stage of its own for what it has not begun, nor for a run that was aborted. */
const NODE_STATUS: Readonly<Record<ToolUseStatus, NodeStatus | null>> = {
  pending: null,
  running: "running",
  waiting: "suspended",
  aborted: "failed",
  failed: "failed",
  success: "completed",
};

class NodeBlocks extends CallBlocks {
  readonly #id: string;

  constructor(step: ToolStep, task: BlockTask, emit: EmitBlock, id: string) {
    super(step, task, emit);
    this.#id = id;
  }

  protected override show(status: ToolUseStatus, round: number, error?: string): void {
    const node_status = NODE_STATUS[status];
    if (node_status === null) return;
    const { place } = this.step;
    // No time: the `tasks` mode does not say it either, and both make one block.
    this.emit(() =>
      nodeBlock(
        { id: this.#id, node_id: place.node_id ?? "node", status: node_status, round, error },
        contextOf(place),
      ),
    );
  }

  protected override finished(_output: unknown, round: number): void {
    this.show("success", round);
  }
}

/** As the `tasks` mode's reader reads it. */
function messageOf(error: unknown): string {
  const message = typeof error === "object" && error !== null && "message" in error ? error.message : error;
  return typeof message === "string" ? message : "failed";
}
