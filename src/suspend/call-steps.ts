/** The steps of one call: each runs once, its result is kept on the call record. */
import { HoldpointError } from "../core/errors.ts";
import { type JsonValue, toJson } from "../core/json.ts";
import type { CallIdentity, StepResult } from "./call-record.ts";
import type { StepContext } from "./call-scope.ts";

type Results = { readonly [name: string]: StepResult };

export class CallSteps {
  readonly #call: CallIdentity;
  readonly #begin: () => Promise<{ fence: number }>;
  readonly #counts = new Map<string, number>();
  /** Results of this execution that are not in the record yet, or not yet seen by a concurrent step. */
  #results: Results | null = null;
  #saving: Promise<void> = Promise.resolve();

  /** @param begin - claims the call before the first step of an execution runs. */
  constructor(call: CallIdentity, begin: () => Promise<{ fence: number }>) {
    this.#call = call;
    this.#begin = begin;
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
  ): Promise<T> {
    const count = this.#counts.get(name) ?? 0;
    this.#counts.set(name, count + 1);
    const key = `${name}#${count}`;
    this.#results ??= recorded;
    const known = Object.hasOwn(this.#results, key) ? this.#results[key] : undefined;
    if (known) return known.value as T;
    const { fence } = await this.#begin();
    const kept = keep(name, await run({ fence, idempotency_key: `${this.#call.id}:${key}` }));
    this.#results = { ...this.#results, [key]: kept };
    // One write after the other, each with all results that there are by then.
    const write = this.#saving.then(() => save(this.#results as Results));
    this.#saving = write.catch(() => {});
    await write;
    return kept.value as T;
  }
}

function keep(name: string, result: unknown): StepResult {
  if (result === undefined) return {};
  try {
    const value: JsonValue = toJson(result, `the result of step "${name}"`);
    return { value };
  } catch (cause) {
    throw new HoldpointError(
      "ERR_HITL_STEP",
      `step "${name}" has run, but its result cannot be kept: ${(cause as Error).message}`,
      { cause, details: { name } },
    );
  }
}
