/** LangGraph 1: interrupts, and the ways to resume several by id. */
import type { JsonObject, JsonValue } from "../core/json.ts";
import { type InteropAsk, interruptId } from "./ask.ts";
import { schemaOf } from "./payload.ts";
import { type ReadAnswers, readAnswers } from "./read-answers.ts";

/** An interrupt as LangGraph's results, states and SDK show it. */
export interface LangGraph1Interrupt<Value = JsonValue> {
  readonly id: string;
  readonly value: Value;
  /** Never a boolean, as JSON Schema allows: LangGraph's SDK does not. */
  readonly response_schema?: JsonObject;
}

/**
 * The interrupts of open questions as a thread of LangGraph would list them.
 *
 * @param valueOf - what an interrupt shows; by default its `data`
 */
export function toLangGraph1<Value = JsonValue>(
  asks: readonly InteropAsk[],
  valueOf: (ask: InteropAsk) => Value = ({ data }) => data as Value,
): LangGraph1Interrupt<Value>[] {
  return asks.map((ask) => {
    const response_schema = schemaOf(ask);
    return {
      id: interruptId(ask),
      value: valueOf(ask),
      ...(response_schema === null ? {} : { response_schema }),
    };
  });
}

/** `{ [id]: answer }`, `{ interrupt_id, response }` and `{ responses: [ … ] }`; an answer is in any format. */
export function fromLangGraph1(value: unknown, asks: readonly InteropAsk[]): ReadAnswers {
  return readAnswers(value, asks, { formats: ["langgraph_1"], plain: false });
}
