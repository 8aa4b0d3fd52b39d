import type { ToolCall } from "holdpoint/ledger";

/** The one call of a workflow. */
export function callOf(workflow_id: string): ToolCall {
  return { workflow_id, tool: "charge", args: { amount: 1000 } };
}
