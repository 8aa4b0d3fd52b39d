/**
 * The tool as middleware between us and it gets to see it: where the tool stops for a human, or the engine cannot
 * go on, nothing is thrown at them. A retry would run the body again, and hand the model a failure that is none.
 */
import { isBubbleUp, isFatal } from "../../suspend/errors.ts";
import { callScope } from "../../suspend/call-scope.ts";
import { isHITLSuspend } from "../../suspend/suspend-signal.ts";
import { stoppedCommand } from "./signal-command.ts";

interface Invokable {
  invoke(input: unknown, config?: unknown): Promise<unknown>;
}

/** What stopped the tool, once it has; middleware may have run it several times until then. */
export interface Stop {
  error: unknown;
  stopped: boolean;
}

export function isInvokable(tool: unknown): tool is Invokable {
  return typeof (tool as Partial<Invokable> | undefined)?.invoke === "function";
}

/** Errors that are control flow, or say that the engine cannot go on: nobody on the way may keep them. */
export function isSignal(error: unknown): boolean {
  return isHITLSuspend(error) || isBubbleUp(error) || isFatal(error);
}

/** Runs the tool, with the input and the config that it is about to get (P7). */
export type Around = (
  input: unknown,
  config: unknown,
  invoke: (input: unknown, config: unknown) => Promise<unknown>,
) => Promise<unknown>;

/**
 * @param configOf - what the tool gets for the config that the host gives it
 * @param around - what is between the guard and the tool; undefined for nothing
 */
export function guardedTool<T extends Invokable>(
  tool: T,
  stop: Stop,
  configOf: (config: unknown) => unknown,
  around: Around | undefined,
): T {
  let runs = 0;
  const invoke = async (input: unknown, config?: unknown): Promise<unknown> => {
    if (stop.stopped || callScope.getStore()?.asleep === true) return stoppedCommand();
    runs += 1;
    // A retry within one execution: answers and steps of the first attempt are those of the second one.
    if (runs > 1) callScope.getStore()?.restart?.();
    try {
      if (!around) return await tool.invoke(input, configOf(config));
      return await around(input, configOf(config), (given, under) => tool.invoke(given, under));
    } catch (error) {
      if (!isSignal(error)) throw error;
      stop.error = error;
      stop.stopped = true;
      return stoppedCommand();
    }
  };
  return new Proxy(tool, {
    get(target, name) {
      if (name === "invoke") return invoke;
      const own: unknown = Reflect.get(target, name, target);
      return typeof own === "function" ? own.bind(target) : own;
    },
  });
}
