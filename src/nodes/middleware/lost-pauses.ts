/**
 * Pauses that a middleware replaced by a result of its own. The model must not read such a result: it would take
 * it for what the tool said, while a human is still being asked (P8).
 */
import { HoldpointError } from "../../core/errors.ts";
import { namespaceOf } from "../../suspend/place.ts";

/** What was handed to the host instead of a result, and has not come to it yet. */
interface Carried {
  readonly tool_name: string;
  /** False once the call has finished: somebody else went on with it. */
  readonly waits: () => Promise<boolean>;
}

/** What the runtime of a middleware tells of the run that it is in. */
export interface RunRuntime {
  readonly configurable?: Readonly<Record<string, unknown>> | undefined;
  /** Of the run, as its caller has given it. */
  readonly context?: unknown;
  /** LangGraph makes one for each run, unless the caller has brought his own. */
  readonly writer?: unknown;
}

/** Runs that died between their tools and the host's node leave theirs behind. */
const MAX_RUNS = 1000;

export class LostPauses {
  /** By the graph's run, and the id of the tool call. */
  readonly #carried = new Map<string, Map<string, Carried>>();
  readonly #runs = new WeakMap<object, number>();
  #count = 0;

  carry(runtime: RunRuntime, tool_call_id: string, carried: Carried): void {
    const run = this.#runOf(runtime);
    const calls = this.#carried.get(run) ?? new Map<string, Carried>();
    this.#carried.set(run, calls.set(tool_call_id, carried));
    const [oldest] = this.#carried.keys();
    if (this.#carried.size > MAX_RUNS && oldest !== undefined) this.#carried.delete(oldest);
  }

  /** The host has it, or runs the call again. */
  arrived(runtime: RunRuntime, tool_call_id: string): void {
    const run = this.#runOf(runtime);
    const calls = this.#carried.get(run);
    calls?.delete(tool_call_id);
    if (calls?.size === 0) this.#carried.delete(run);
  }

  /**
   * @param answered - ids of the calls that have a result, as the model would read it
   * @throws HoldpointError `ERR_HITL_PAUSE_SWALLOWED`
   */
  async assertNone(runtime: RunRuntime, answered: () => ReadonlySet<string>): Promise<void> {
    const calls = this.#carried.get(this.#runOf(runtime));
    if (!calls) return;
    const results = answered();
    for (const [tool_call_id, { tool_name, waits }] of calls) {
      if (!results.has(tool_call_id) || !(await waits())) continue;
      throw new HoldpointError(
        "ERR_HITL_PAUSE_SWALLOWED",
        `The tool ${tool_name} waits for a human, but a middleware replaced its pause by a result of its own. Put hitlMiddleware before that middleware in the list, or let it return what its handler returned.`,
        { details: { tool_name, tool_call_id } },
      );
    }
  }

  /**
   * Thread, graph, and which of the runs that are on the thread at one time: another one may have a result of a call that
   * waits here, since it came by another branch. The last part of the namespace is the task, which differs between
   * tools and model.
   */
  #runOf({ configurable, writer }: RunRuntime): string {
    const namespace = namespaceOf({ configurable }) ?? "";
    const graph = namespace.split("|").slice(0, -1).join("|");
    return JSON.stringify([configurable?.["thread_id"] ?? null, graph, this.#numberOf(writer)]);
  }

  #numberOf(writer: unknown): number {
    if (typeof writer !== "function") return 0;
    const known = this.#runs.get(writer);
    if (known !== undefined) return known;
    this.#count += 1;
    this.#runs.set(writer, this.#count);
    return this.#count;
  }
}
