/** AG-UI 1: interrupts at the end of a run, and the resume entries of the next one. */
import { HoldpointError } from "../core/errors.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";
import type { HITLRecord } from "../core/record.ts";
import { descriptionOf, type InteropAsk, interruptId } from "./ask.ts";
import { isoTime, reasonOf, schemaOf } from "./payload.ts";
import { type ReadAnswers, readAnswers } from "./read-answers.ts";

export interface AgUi1Interrupt {
  readonly id: string;
  readonly reason: string;
  readonly message: string;
  readonly toolCallId?: string;
  /** Never a boolean, as JSON Schema allows: AG-UI does not. */
  readonly responseSchema?: JsonObject;
  /** ISO 8601. */
  readonly expiresAt?: string;
  readonly metadata: {
    readonly hitl_id: string;
    readonly hitl_type: string;
    readonly data: HITLRecord["data"];
  };
}

/** The `outcome` of `RUN_FINISHED`. */
export interface AgUi1Outcome {
  readonly type: "interrupt";
  readonly interrupts: AgUi1Interrupt[];
}

/** An entry of `RunAgentInput.resume`. */
export interface AgUi1Resume {
  readonly interruptId: string;
  readonly status: "resolved" | "cancelled";
  readonly payload?: JsonValue;
}

/**
 * @param asks - at least one
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT` without any: AG-UI has no such outcome
 */
export function toAgUi1(asks: readonly InteropAsk[]): AgUi1Outcome {
  if (asks.length === 0)
    throw new HoldpointError(
      "ERR_HITL_INVALID_INPUT",
      'No question, no interrupt: end a run that waits for nobody with { type: "success" }.',
    );
  return {
    type: "interrupt",
    interrupts: asks.map((ask) => {
      const { hitl_id, hitl_type, data, tool_call_id, expires_at } = ask;
      const responseSchema = schemaOf(ask);
      return {
        id: interruptId(ask),
        reason: reasonOf(ask),
        message: descriptionOf(ask),
        ...(tool_call_id === null ? {} : { toolCallId: tool_call_id }),
        ...(responseSchema === null ? {} : { responseSchema }),
        ...(expires_at === null ? {} : { expiresAt: isoTime(expires_at) }),
        metadata: { hitl_id, hitl_type, data },
      };
    }),
  };
}

/** `resume` of an input, or what @ag-ui/langgraph makes of it: its resume map, and its cancellation. */
export function fromAgUi1(value: unknown, asks: readonly InteropAsk[]): ReadAnswers {
  return readAnswers(value, asks, { formats: ["ag_ui_1"], plain: false });
}
