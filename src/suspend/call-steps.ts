/** The steps of one call: each runs once, its result is kept on the call record. */
import { HoldpointError } from "../core/errors.ts";
import { type JsonValue, toJson } from "../core/json.ts";
import type { CallIdentity, StepResult } from "./call-record.ts";
import type { StepContext } from "./call-scope.ts";

/**
 * Claims the call before the first step of an execution runs. Calls `enter` once nothing but the claim stands in the
 * step's way: a question that is written from then on leaves the claim to it.
 */
export type BeginStep = (enter: () => void) => Promise<{ fence: number }>;

/**
 * Runs a step as an effect of its own (P6): gives what was kept of it, now or before.
 *
 * @param work - the step, and what is kept of its result
 */
export type StepEffects = (
  name: string,
  occurrence: number,
  work: (context: StepContext) => Promise<StepResult>,
) => Promise<StepResult>;

type Results = { readonly [name: string]: StepResult };

export class CallSteps {
  readonly #call: CallIdentity;
  readonly #begin: BeginStep;
  readonly #counts = new Map<string, number>();
  /** Results of this execution that are not in the record yet, or not yet seen by a concurrent step. */
  #results: Results | null = null;
  #saving: Promise<void> | null = null;
  readonly #active = new Set<Promise<unknown>>();

  constructor(call: CallIdentity, begin: BeginStep) {
    this.#call = call;
    this.#begin = begin;
  }

  /** How many steps are at work now. */
  get active(): number {
    return this.#active.size;
  }

  /** Resolves when no step is at work, those included that a rejected `Promise.all` has left behind. */
  async idle(): Promise<void> {
    while (this.#active.size > 0) await Promise.all(this.#active);
  }

  /** A body that starts (again) counts its steps anew. */
  restart(): void {
    this.#counts.clear();
  }

  async run<T>(
    name: string,
    run: (context: StepContext) => Promise<T> | T,
    recorded: Results,
    save: (results: Results) => Promise<void>,
    effects?: StepEffects,
  ): Promise<T> {
    const count = this.#counts.get(name) ?? 0;
    this.#counts.set(name, count + 1);
    const key = `${name}#${count}`;
    this.#results ??= recorded;
    const known = Object.hasOwn(this.#results, key) ? this.#results[key] : undefined;
    if (known) return give(name, known) as T;
    let leave: () => void = () => {};
    const tracked = new Promise<void>((resolve) => (leave = resolve));
    try {
      const { fence } = await this.#begin(() => this.#active.add(tracked));
      if (effects)
        return give(name, await effects(name, count, async (own) => keep(name, await run(own)))) as T;
      const context = { fence, idempotency_key: `${this.#call.id}:${key}` };
      return give(name, await this.#work(name, key, () => run(context), save)) as T;
    } finally {
      this.#active.delete(tracked);
      leave();
    }
  }

  async #work(
    name: string,
    key: string,
    run: () => unknown,
    save: (results: Results) => Promise<void>,
  ): Promise<StepResult> {
    const kept = keep(name, await run());
    this.#results = { ...this.#results, [key]: kept };
    // One write after the other, each with all results that there are by then.
    const write = (this.#saving ?? Promise.resolve()).then(() => save(this.#results as Results));
    this.#saving = write.catch(() => {});
    await write;
    return kept;
  }
}

/** @throws HoldpointError `ERR_HITL_STEP`, each time: the step has run, and does not run again. */
function give(name: string, kept: StepResult): JsonValue | undefined {
  if (kept.error === undefined) return kept.value;
  throw new HoldpointError(
    "ERR_HITL_STEP",
    `step "${name}" has run, but its result cannot be kept: ${kept.error}`,
    {
      details: { name },
    },
  );
}

function keep(name: string, result: unknown): StepResult {
  if (result === undefined) return {};
  try {
    const value: JsonValue = toJson(result, `the result of step "${name}"`);
    return { value };
  } catch (error) {
    return { error: (error as Error).message };
  }
}
