/** What an interrupt shows. What comes back through it is at most a message to the record: that is the truth (P1). */
import { interruptIdOf } from "../core/ids.ts";
import type { HITLRecord } from "../core/record.ts";
import type { JsonObject } from "../core/json.ts";
import { schemaOf, supersetOf, type SupersetPayload } from "../interop/payload.ts";
import type { InteropProblem } from "../interop/problem.ts";

/** One open question of the step, in short. */
export interface PayloadAsk {
  readonly hitl_id: string;
  readonly hitl_type: string;
  readonly interrupt_id: string;
  readonly tool_call_id: string | null;
  readonly tool_name: string | null;
  readonly message: string | null;
}

/**
 * Our own fields, and those by which other people's user interfaces render it (docs/interop.md). What the question has none
 * of is absent, not null: clients of AG-UI drop a run for a null in one of these fields.
 */
export interface InterruptPayload extends Omit<PayloadAsk, "tool_call_id" | "message">, SupersetPayload {
  readonly tool_call_id?: string;
  readonly message?: string;
  readonly schema_version: 1;
  readonly data: HITLRecord["data"];
  /** `true` and `false` as the objects that say the same. */
  readonly response_schema?: JsonObject;
  /** Epoch milliseconds. */
  readonly expires_at?: number;
  /** The block that shows it, if its author named one. */
  readonly block_id?: string;
  /**
   * Every open question of the step, this one included, if there are several: LangGraph 1.4 keeps one interrupt of a
   * task, so each lists all (P10).
   */
  readonly asks?: readonly PayloadAsk[];
}

export interface HostInterrupt<Value = unknown> {
  readonly id: string;
  readonly value: Value;
}

function askOf(record: HITLRecord): PayloadAsk {
  const { hitl_id, hitl_type, tool_call_id, tool_name, data } = record;
  const message = typeof data["message"] === "string" ? data["message"] : null;
  return {
    hitl_id,
    hitl_type,
    interrupt_id: record.interrupt_id ?? interruptIdOf(hitl_id),
    tool_call_id,
    tool_name,
    message,
  };
}

/**
 * One interrupt for each open question, with the record's own interrupt id. It goes through the checkpointer, value by
 * value: what the record or the interrupt around it says is not said again.
 *
 * @param problems - of a resume value that came for these questions
 */
export function interruptsFor(
  records: readonly HITLRecord[],
  problems: readonly InteropProblem[] = [],
): HostInterrupt<InterruptPayload>[] {
  const asks = records.map(askOf);
  const supersets = supersetOf(records, problems);
  return records.map((record, index) => {
    const { tool_call_id, message, ...ask } = asks[index] as PayloadAsk;
    const { data, expires_at, block_id } = record;
    const response_schema = schemaOf(record);
    const value: InterruptPayload = {
      schema_version: 1,
      ...ask,
      ...(tool_call_id === null ? {} : { tool_call_id }),
      ...(message === null ? {} : { message }),
      data,
      ...(response_schema === null ? {} : { response_schema }),
      ...(expires_at === null ? {} : { expires_at }),
      ...(block_id === null ? {} : { block_id }),
      ...(supersets[index] as SupersetPayload),
    };
    return { id: ask.interrupt_id, value: asks.length > 1 ? { ...value, asks } : value };
  });
}
