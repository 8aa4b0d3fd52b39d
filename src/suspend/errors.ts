/** Which errors end a run, and which are a tool's own business. */
import { HoldpointError, type HoldpointErrorCode, isHoldpointError } from "../core/errors.ts";
import type { JsonValue } from "../core/json.ts";
import type { CallIdentity } from "./call-record.ts";

export function leaseLost(call: CallIdentity): HoldpointError {
  return new HoldpointError(
    "ERR_HITL_LEASE_LOST",
    `Another process has taken over the call of ${call.tool_name}; what this one did since is not recorded.`,
    { details: { call_id: call.id, tool_name: call.tool_name } },
  );
}

/** P2: the author has to name a question whose text changes from run to run. */
export function unstableQuestion(call: CallIdentity, changes: number): HoldpointError {
  return new HoldpointError(
    "ERR_HITL_UNSTABLE_QUESTION",
    `The question of ${call.tool_name} changed ${changes} times between runs, so its answers were never used. Give it a key: askUser({ key: "…", … }).`,
    { details: { tool_name: call.tool_name } },
  );
}

/** P7: what a policy asks about names itself; it is the call that does not stay what it was. */
export function unstableCall(call: CallIdentity, changes: number): HoldpointError {
  return new HoldpointError(
    "ERR_HITL_UNSTABLE_QUESTION",
    `What a human was asked about the call of ${call.tool_name} was something else ${changes} times by the time it was answered, so no approval was used. Whatever changes its arguments on the way to the tool has to make the same of the same call each time.`,
    { details: { tool_name: call.tool_name } },
  );
}

const OF_TOOLS: ReadonlySet<HoldpointErrorCode> = new Set([
  "ERR_HITL_EXPIRED",
  "ERR_HITL_CANCELLED",
  "ERR_HITL_PERMISSION_DENIED",
]);

/** Errors of ours that say that the engine cannot go on; that a question came to nothing is the tool's business. */
export function isFatal(error: unknown): boolean {
  return isHoldpointError(error) && !OF_TOOLS.has(error.code);
}

/** LangGraph's control flow: interrupts, commands to a parent. */
export function isBubbleUp(error: unknown): boolean {
  return (
    typeof error === "object" && error !== null && (error as { is_bubble_up?: unknown }).is_bubble_up === true
  );
}

/** The interrupts that a graph inside the body threw, as JSON; null if the error is something else. */
export function interruptsOf(error: unknown): JsonValue[] | null {
  if (typeof error !== "object" || error === null) return null;
  const { name, interrupts } = error as { name?: unknown; interrupts?: unknown };
  if ((name !== "GraphInterrupt" && name !== "NodeInterrupt") || !Array.isArray(interrupts)) return null;
  return JSON.parse(JSON.stringify(interrupts)) as JsonValue[];
}

/** Ids of our records among such interrupts. */
export function nestedIds(interrupts: readonly unknown[]): string[] {
  return interrupts.flatMap((entry) => {
    const value = (entry as { value?: { asks?: unknown; hitl_id?: unknown } } | null)?.value;
    if (typeof value !== "object" || value === null) return [];
    const ids = Array.isArray(value.asks)
      ? value.asks.map((ask: { hitl_id?: unknown }) => ask?.hitl_id)
      : [value.hitl_id];
    return ids.filter((id): id is string => typeof id === "string");
  });
}
