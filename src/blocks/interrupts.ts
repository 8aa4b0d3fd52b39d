/** The questions that an interrupt of LangGraph shows, as events (PROTOCOL.md §10). */
import { type BlockContext, eventIdOf, HITL_SEQ, hitlBlockIdOf } from "./build.ts";
import type { BlockEvent } from "./events.ts";
import { BLOCK_PROTOCOL_VERSION } from "./names.ts";
import { parseBlockEvent } from "./parse.ts";

type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

interface Ask extends Fields {
  readonly hitl_id: string;
  readonly hitl_type: string;
}

/** What is recorded and can be answered; interrupts of other kinds are not ours to show. */
function isAsk(value: unknown): value is Ask {
  return (
    isFields(value) &&
    typeof value["hitl_id"] === "string" &&
    typeof value["hitl_type"] === "string" &&
    value["recorded"] !== false
  );
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function eventOf(ask: Ask, isWhole: boolean, context: BlockContext): BlockEvent {
  const { hitl_id, hitl_type, tool_name = null, tool_call_id = null } = ask;
  const message = ask["message"] ?? null;
  const block_id = hitlBlockIdOf({
    hitl_id,
    interrupt_id: textOrNull(ask["interrupt_id"]),
    block_id: textOrNull(ask["block_id"]),
  });
  const said = isFields(ask["data"]) ? ask["data"] : message === null ? {} : { message };
  return parseBlockEvent({
    block_id,
    parent_id: context.parent_id ?? null,
    kind: "hitl",
    persistence: "persistent",
    op: "apply",
    data: {
      ...said,
      hitl_id,
      hitl_type,
      status: "pending",
      response_schema: ask["response_schema"] ?? null,
      tool_name,
      tool_call_id,
      expires_at: ask["expires_at"] ?? null,
      user_response: null,
      responded_by: null,
      responded_at: null,
      reason: null,
      version: 0,
    },
    branch: context.branch ?? null,
    protocol_version: BLOCK_PROTOCOL_VERSION,
    event_id: eventIdOf(block_id, isWhole ? "payload" : "ask"),
    seq: isWhole ? HITL_SEQ.payload : HITL_SEQ.ask,
    timestamp: context.timestamp ?? 0,
    invocation_id: context.invocation_id ?? "",
    session_id: context.session_id ?? "",
  });
}

/**
 * The questions in the value of one interrupt: the one that it is about, and those that it only names (P10). What the
 * record says later, or has said before, wins over both. Empty for an interrupt that is not holdpoint's.
 *
 * @throws HoldpointError as {@link parseBlockEvent}
 *
 * @example
 * ```ts
 * import { interruptBlocks } from "holdpoint/blocks";
 *
 * const value = { hitl_id: "hitl_1", hitl_type: "confirm", message: "Go on?", data: { message: "Go on?" } };
 * console.log(interruptBlocks(value).map((event) => event.block_id)); // [ 'blk_hitl_1' ]
 * ```
 */
export function interruptBlocks(value: unknown, context: BlockContext = {}): BlockEvent[] {
  if (!isFields(value)) return [];
  const own = isAsk(value) ? [eventOf(value, true, context)] : [];
  const others = Array.isArray(value["asks"]) ? value["asks"].filter(isAsk) : [];
  const shown = own[0]?.block_id;
  return [
    ...own,
    ...others.map((ask) => eventOf(ask, false, context)).filter((event) => event.block_id !== shown),
  ];
}
