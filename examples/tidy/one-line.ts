/** A question as one line of a list. */
import type { HITLRecord } from "holdpoint";
import { visible } from "holdpoint/blocks";
import { visibleShort } from "./format.ts";

export function messageOf(record: HITLRecord): string {
  const { message } = record.data;
  return typeof message === "string" ? message : record.hitl_type;
}

export function oneLine(record: HITLRecord): string {
  const asks = record.tool_name ?? record.node_id ?? record.hitl_type;
  return `${visible(asks)}: ${visibleShort(messageOf(record), 140)}`;
}
