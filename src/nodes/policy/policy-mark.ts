/** What a tool message says of the policy: to whoever shows it, and, where a call did not run as it was made, to the model. */
import type { ToolMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import { changedMessage, withOwnMessages } from "../own-messages.ts";
import { toolMessage, type ToolOutput } from "../tool-outcome.ts";
import type { Settled } from "./call-policy.ts";

/** `response_metadata.holdpoint.policy` of a tool message. Providers are not sent it. */
export interface PolicyMark {
  /** `answer` and `grant`: a human, or a standing approval, has let it run. Anything else: it did not run. */
  readonly because:
    | "answer"
    | "grant"
    | "denied"
    | "rejected"
    | "responded"
    | "skipped"
    | "expired"
    | "cancelled";
  readonly rule_id?: string;
  readonly grant_id?: string;
  /** A human has changed the arguments. */
  readonly edited?: true;
}

/** The result of a call that did not run. */
export function answeredMessage(
  call: ToolCall,
  { message, error, because, decision }: Settled & { readonly outcome: "answer" },
): ToolMessage {
  const said = toolMessage(call, message, error ? "error" : "success");
  const policy: PolicyMark = { because, ...(decision ? { rule_id: decision.rule_id } : {}) };
  said.response_metadata = { holdpoint: { policy } };
  return said;
}

/** What the tool gave, with what the model does not know: that a human has changed its call. */
export function noted(
  output: ToolOutput,
  call: ToolCall,
  { because, decision, grant, note }: Settled & { readonly outcome: "run" },
): ToolOutput {
  if (because === "policy" && note === undefined) return output;
  const policy: PolicyMark = {
    because: because === "policy" ? "answer" : because,
    rule_id: decision.rule_id,
    ...(grant ? { grant_id: grant.grant_id } : {}),
    ...(note === undefined ? {} : { edited: true as const }),
  };
  return withOwnMessages(output, [call.id], (message) =>
    changedMessage(message, {
      mark: { policy },
      ...(note === undefined ? {} : { content: withNote(message.content, note) }),
    }),
  );
}

function withNote(content: ToolMessage["content"], note: string): ToolMessage["content"] {
  return typeof content === "string" ? `${content}\n\n${note}` : [...content, { type: "text", text: note }];
}
