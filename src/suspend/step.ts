import { HoldpointError } from "../core/errors.ts";
import { callScope, type StepContext } from "./call-scope.ts";
import { quiet } from "./quiet.ts";

/**
 * Runs `run` once in this tool call and keeps its result: when the body runs again after an answer, the kept
 * result is returned. The result has to be JSON; several uses of one name are told apart by their order.
 *
 * A step whose process dies in its middle is not run again silently: the call is in doubt (P6, P9).
 *
 * @throws HoldpointError `ERR_HITL_STEP` if the result cannot be kept (it has run, and will not run again while
 * this execution lasts), `ERR_HITL_NO_CALL_IDENTITY` outside `HITLToolNode` and `holdpointTools`.
 *
 * @example
 * ```ts
 * import { confirm, step } from "holdpoint";
 *
 * export async function charge(amount: number, pay: (key: string) => Promise<string>): Promise<string> {
 *   const quote = await step("quote", () => amount * 1.2);
 *   const { confirmed } = await confirm({ message: `Charge ${quote}?` });
 *   return confirmed ? await step("pay", ({ idempotency_key }) => pay(idempotency_key)) : "not charged";
 * }
 * ```
 */
export function step<T>(name: string, run: (context: StepContext) => Promise<T> | T): Promise<T> {
  const scope = callScope.getStore();
  if (!scope) {
    const error = new HoldpointError(
      "ERR_HITL_NO_CALL_IDENTITY",
      `step("${name}") needs a call record: run the tool in HITLToolNode, or wrap it by holdpointTools. In a node, use LangGraph's task().`,
    );
    return Promise.reject(error);
  }
  return quiet(scope.step(name, run));
}
