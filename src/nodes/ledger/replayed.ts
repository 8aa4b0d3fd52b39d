/** An outcome that was recorded before, given to a call as its own: the same message or command, marked for whoever shows it. */
import type { ToolMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import type { JsonValue } from "../../core/json.ts";
import type { Effect, EffectError } from "../../ledger/types.ts";
import { changedMessage, withOwnMessages } from "../own-messages.ts";
import { asToolOutput, decodeOutput, type HostSerde, toolMessage, type ToolOutput } from "../tool-outcome.ts";

/** `response_metadata.holdpoint` of a tool message that this run of the tool has not made. Providers are not sent it. */
export interface LedgerMark {
  readonly effect_id: string;
  readonly idem_key: string;
  /** `succeeded` and `failed`: what came of the call before. `denied` and `canceled`: it has not run. */
  readonly status: string;
  /** The tool has run, or a human has said that it has, and not for this message. */
  readonly replayed: boolean;
}

export function markOf({ id, idem_key, status }: Effect): LedgerMark {
  return { effect_id: id, idem_key, status, replayed: status === "succeeded" || status === "failed" };
}

/**
 * What was kept of a call; what a human or `verify` gave as its result is text, or JSON, for the model.
 *
 * @param replayed - the effect, if its result is not from this run
 */
export async function outputOf(
  result: JsonValue,
  call: ToolCall,
  serde: HostSerde,
  replayed: Effect | undefined,
): Promise<ToolOutput> {
  const output = isOutcome(result) ? await decodeOutput(result, serde) : asToolOutput(result, call);
  if (!replayed) return output;
  const mark = markOf(replayed);
  return withOwnMessages(output, [replayed.call_id, call.id], (message) => addressed(message, call, mark));
}

function isOutcome(result: JsonValue): boolean {
  const { kind } = (result ?? {}) as { kind?: unknown };
  return kind === "tool_message" || kind === "typed" || kind === "command";
}

/** For another call than the one that made it the message is another one: with its id it would take the other's place. */
function addressed(message: ToolMessage, call: ToolCall, mark: LedgerMark): ToolMessage {
  const tool_call_id = call.id ?? "";
  const id = message.tool_call_id === tool_call_id ? message.id : undefined;
  return changedMessage(message, { tool_call_id, id, mark });
}

/** What the model reads of a call that did not run, or that was given up. */
export function markedMessage(call: ToolCall, text: string, mark: LedgerMark): ToolMessage {
  const message = toolMessage(call, text, "error");
  message.response_metadata = { holdpoint: mark };
  return message;
}

export function deniedText(status: "denied" | "canceled", reason: string | null): string {
  const what =
    status === "denied"
      ? "The call was denied by a human"
      : "The call was called off before anybody allowed it";
  return `${what}${reason === null ? "" : ` (${reason})`}. It did not run; do not act as if it had.`;
}

const MARK: unique symbol = Symbol.for("holdpoint.ledger_mark");

/** The tool's error as it was recorded: whoever makes a result of it makes the same one again. */
export function replayedError({ message, name, code }: EffectError, mark: LedgerMark | undefined): Error {
  const error = Object.assign(new Error(message), code == null ? {} : { code });
  if (name !== undefined)
    Object.defineProperty(error, "name", { value: name, configurable: true, writable: true });
  if (mark) Object.defineProperty(error, MARK, { value: mark });
  return error;
}

/** The mark for the message that a host makes of {@link replayedError}. */
export function markOfError(error: unknown): LedgerMark | undefined {
  return typeof error === "object" && error !== null ? (error as { [MARK]?: LedgerMark })[MARK] : undefined;
}
