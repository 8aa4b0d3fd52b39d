/** How whoever resumes a thread tells its nodes what was answered. Only a hint: the store decides (P1). */
import type { ToolCall } from "@langchain/core/messages/tool";
import type { LangGraphRunnableConfig } from "@langchain/langgraph";
import type { JsonObject } from "../core/json.ts";
import type { HITLRecord } from "../core/record.ts";
import type { CallIdentity } from "../suspend/call-record.ts";
import type { HandedClaim } from "../suspend/handed-claim.ts";
import { callRecordId, type Place } from "../suspend/place.ts";
import { WAKE_KEY } from "../suspend/resume-value.ts";
import type { WakeHint } from "../suspend/tool-step.ts";

export { WAKE_KEY };

/** What a resumer puts under {@link WAKE_KEY}. */
export interface Wake {
  readonly asks: readonly AnsweredAsk[];
  readonly claim: HandedClaim | undefined;
}

export type AnsweredAsk = Pick<HITLRecord, "hitl_id" | "checkpoint_ns" | "tool_call_id"> & {
  readonly interrupt_id: string;
};

export function wakeHintOf(config: LangGraphRunnableConfig, place: Place): WakeHint | undefined {
  const wake = (config.configurable as Record<string, unknown> | undefined)?.[WAKE_KEY] as Wake | undefined;
  const own = wake?.asks.find((ask) => ask.checkpoint_ns === place.checkpoint_ns);
  if (!own) return undefined;
  const call_id = callRecordId(place, own.tool_call_id);
  const claim = wake?.claim?.record.id === call_id ? wake.claim : undefined;
  return { call_id, hitl_id: own.hitl_id, claim };
}

/** @param tool_call_id - the call's own, or the one that {@link CallNames} gave it */
export function identityOf(place: Place, call: ToolCall, tool_call_id: string): CallIdentity {
  return {
    id: callRecordId(place, tool_call_id),
    tool_call_id,
    tool_name: call.name,
    // Read only if somebody is asked.
    get params() {
      return argsOf(call);
    },
  };
}

/** The arguments for the record. They came from a model as JSON; anything else is not kept. */
function argsOf(call: ToolCall): JsonObject | null {
  try {
    return JSON.parse(JSON.stringify(call.args ?? {})) as JsonObject;
  } catch {
    return null;
  }
}

/**
 * Tells the calls of one message apart, also those to which a model gave no id, or one id twice: by their order,
 * which the message keeps on every execution.
 */
export class CallNames {
  readonly #counts = new Map<string, number>();

  next(id: string | undefined): string {
    const name = id ?? "";
    const count = this.#counts.get(name) ?? 0;
    this.#counts.set(name, count + 1);
    return count === 0 && name !== "" ? name : `${name}#${count}`;
  }
}
