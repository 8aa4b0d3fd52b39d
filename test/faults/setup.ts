/** What a store has to bring to be put under load and faults: a file in `setups` for each. */
import type { RecordStore } from "../../src/backends/record-store.ts";
import type { Promises } from "./checker.ts";
import type { Random } from "./random.ts";

/** How a worker opens the store; goes to it as JSON. */
export type Target = Readonly<
  Record<string, string | number | boolean | readonly string[] | readonly number[]>
>;

export interface Fault {
  readonly name: string;
  /** Resolves when it is over, and the store can be reached again. */
  inject(random: Random): Promise<void>;
}

/** A server, or a folder, with nothing in it that another round has left. */
export interface RunningSetup {
  /** For the workers: by way of what injects the faults. */
  readonly target: Target;
  /** For the checker: straight. */
  readonly direct: Target;
  readonly faults: readonly Fault[];
  /** Resolves when calls to the store succeed again after the last fault. */
  healed(): Promise<void>;
  stop(): Promise<void>;
}

export interface FaultSetup {
  readonly name: string;
  /** What is promised about this store, as it is set up here. */
  readonly promises: Promises;
  start(): Promise<RunningSetup>;
  /** @param callMs how long a call may take. Default: the limit of the load, which a fault outlasts. */
  open(target: Target, callMs?: number): RecordStore;
}

export function textOf(target: Target, name: string): string {
  const value = target[name];
  if (typeof value !== "string") throw new TypeError(`The target has no ${name}.`);
  return value;
}

export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
