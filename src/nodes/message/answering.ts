/** A message that answers an open question instead of going into the conversation. */
import { hitlValue } from "../../backends/hitl-codec.ts";
import type { StoreHITLBackend } from "../../backends/store-backend.ts";
import type { JsonValue } from "../../core/json.ts";
import type { HITLRecord } from "../../core/record.ts";
import type { Mailbox, StoredMessage } from "./mailbox.ts";

/** The one open question that a text can answer, with the answer. Whether it is valid, the question's schema says (P3). */
export function answerWith(
  text: string,
  pending: readonly HITLRecord[],
): { readonly question: HITLRecord; readonly answer: JsonValue } | null {
  const [question, ...others] = pending.filter(({ hitl_type }) => hitl_type === "ask_user");
  if (!question || others.length > 0) return null;
  const data = question.data as AskData;
  if (!Array.isArray(data.questions)) return { question, answer: { answer: answerOf(text, data) } };
  const [only, ...more] = data.questions;
  if (!only || more.length > 0) return null;
  return { question, answer: { answers: { [only.id]: answerOf(text, only) } } };
}

interface Asked {
  readonly options?: readonly (string | { readonly value: string; readonly label?: string })[];
  readonly multiple?: boolean;
}

interface AskData extends Asked {
  readonly questions?: readonly (Asked & { readonly id: string })[];
}

function answerOf(text: string, { options = [], multiple }: Asked): JsonValue {
  const wanted = plain(text);
  const found = options
    .map((option) => (typeof option === "string" ? { value: option } : option))
    .find(({ value, label }: { value: string; label?: string }) =>
      [value, label].some((name) => name !== undefined && plain(name) === wanted),
    );
  const answer = found?.value ?? text;
  return multiple === true ? [answer] : answer;
}

function plain(text: string): string {
  return text.trim().normalize("NFC").toLowerCase();
}

/** Names the message in the answer, so that a retry finds out that it has answered. */
export function answerKey(message: StoredMessage): string {
  return `message:${message.record.id}`;
}

/**
 * What became of a message that answers: null as long as its sender may be at it. Where he died before it had answered
 * it waits, and is not lost.
 */
export async function settleAnswering(
  mailbox: Mailbox,
  backend: StoreHITLBackend,
  message: StoredMessage,
): Promise<StoredMessage | null> {
  if (await hasAnswered(backend, message)) return mailbox.move(message, "answered", {}, "release");
  const { lease } = message.record;
  if (lease && lease.expires_at > (await backend.store.now())) return null;
  return mailbox.move(message, "waiting", { hitl_id: null }, "release");
}

export async function hasAnswered(backend: StoreHITLBackend, message: StoredMessage): Promise<boolean> {
  const { hitl_id } = message.value;
  const question = hitl_id === null ? null : await backend.find(hitl_id, message.value.thread_id);
  if (question?.status !== "completed") return false;
  return hitlValue(question)["idempotency_key"] === answerKey(message);
}
