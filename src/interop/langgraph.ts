/** LangGraph 1: interrupts, and the ways to resume several by id. */
import type { JsonValue } from "../core/json.ts";
import type { HITLRecord } from "../core/record.ts";
import { type InteropAsk, interruptId } from "./ask.ts";
import { type ReadAnswers, readAnswers } from "./read-answers.ts";

/** An interrupt as LangGraph's results, states and SDK show it. */
export interface LangGraph1Interrupt<Value = JsonValue> {
  readonly id: string;
  readonly value: Value;
  readonly response_schema?: Exclude<HITLRecord["response_schema"], null>;
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
  return asks.map((ask) => ({
    id: interruptId(ask),
    value: valueOf(ask),
    ...(ask.response_schema === null ? {} : { response_schema: ask.response_schema }),
  }));
}

/** `{ [id]: answer }`, `{ interrupt_id, response }` and `{ responses: [ … ] }`; an answer is in any format. */
export function fromLangGraph1(value: unknown, asks: readonly InteropAsk[]): ReadAnswers {
  return readAnswers(value, asks, { formats: ["langgraph_1"], plain: false });
}
