/** AG-UI 1: interrupts at the end of a run, and the resume entries of the next one. */
import type { JsonValue } from "../core/json.ts";
import type { HITLRecord } from "../core/record.ts";
import { descriptionOf, type InteropAsk, interruptId } from "./ask.ts";
import { isoTime, reasonOf } from "./payload.ts";
import { type ReadAnswers, readAnswers } from "./read-answers.ts";

export interface AgUi1Interrupt {
  readonly id: string;
  readonly reason: string;
  readonly message: string;
  readonly toolCallId?: string;
  readonly responseSchema?: Exclude<HITLRecord["response_schema"], null>;
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
  readonly interrupts: readonly AgUi1Interrupt[];
}

/** An entry of `RunAgentInput.resume`. */
export interface AgUi1Resume {
  readonly interruptId: string;
  readonly status: "resolved" | "cancelled";
  readonly payload?: JsonValue;
}

export function toAgUi1(asks: readonly InteropAsk[]): AgUi1Outcome {
  return {
    type: "interrupt",
    interrupts: asks.map((ask) => {
      const { hitl_id, hitl_type, data, tool_call_id, response_schema, expires_at } = ask;
      const expiresAt = expires_at === null ? null : isoTime(expires_at);
      return {
        id: interruptId(ask),
        reason: reasonOf(ask),
        message: descriptionOf(ask),
        ...(tool_call_id === null ? {} : { toolCallId: tool_call_id }),
        ...(response_schema === null ? {} : { responseSchema: response_schema }),
        ...(expiresAt === null ? {} : { expiresAt }),
        metadata: { hitl_id, hitl_type, data },
      };
    }),
  };
}

/** `resume` of an input, or what @ag-ui/langgraph makes of it: its resume map, and its cancellation. */
export function fromAgUi1(value: unknown, asks: readonly InteropAsk[]): ReadAnswers {
  return readAnswers(value, asks, { formats: ["ag_ui_1"], plain: false });
}
