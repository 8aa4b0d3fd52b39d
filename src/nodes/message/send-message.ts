/** A user writes while the agent waits for a human, or at any other time. */
import type { HITLBackend } from "../../backends/hitl-backend.ts";
import { HoldpointError } from "../../core/errors.ts";
import { checkActor, checkId } from "../../backends/hitl-codec.ts";
import { defaultRandomId } from "../../core/ids.ts";
import { cloneJson, type JsonValue } from "../../core/json.ts";
import type { HITLRecord } from "../../core/record.ts";
import type { ResponseIssue } from "../../core/response-schema.ts";
import { resolveBackend } from "../../suspend/configure.ts";
import { headOf } from "../graph.ts";
import { respondAndResume, type ResumeResult } from "../resume.ts";
import { sessionOf } from "../take-up.ts";
import { Thread } from "../thread.ts";
import { answerKey, answerWith, hasAnswered } from "./answering.ts";
import type { DeliverOptions } from "./deliver.ts";
import { goOn, withMessages } from "./go-on.ts";
import { Mailbox, type StoredMessage } from "./mailbox.ts";
import { assertTakesMessages, type MessageGraph } from "./message-graph.ts";
import type { SendMessageOptions, WhenPending } from "./send-options.ts";
import { parseMessage, textOf } from "./user-message.ts";

/** `message_id` names the message in the graph's state, and in a retry. `pending`: what is open now. */
interface Sent {
  readonly message_id: string;
  readonly pending: readonly HITLRecord[];
}

export type SendMessageResult<Output = unknown> =
  /** The message is in the conversation. `result` is what `invoke` returned; null if another call ran the graph. */
  | (Sent & { readonly status: "delivered"; readonly result: Output | null })
  /** The thread waits for humans. The message is kept, and goes in when the thread comes to rest. */
  | (Sent & { readonly status: "waiting" })
  /**
   * Somebody is at work in the thread. The message is kept, as above. `until`: epoch ms by the store's clock, after
   * which it is worth to call `resumeThread`; null if that is not known.
   */
  | (Sent & { readonly status: "busy"; readonly until: number | null })
  /** The message has answered `record`; `resume` is what became of the thread then, null in a retry. */
  | (Sent & {
      readonly status: "answered";
      readonly record: HITLRecord;
      readonly resume: ResumeResult<Output> | null;
    })
  /** As an answer to `record` the message is not valid (P3). The question is open, and the message waits. */
  | (Sent & {
      readonly status: "invalid";
      readonly record: HITLRecord;
      readonly issues: readonly ResponseIssue[];
    })
  /** Its sender may not answer `record` (PROTOCOL.md §5.5). The question is open, and the message waits. */
  | (Sent & { readonly status: "forbidden"; readonly record: HITLRecord })
  /** The message was withdrawn before. */
  | (Sent & { readonly status: "withdrawn" });

const WHEN_PENDING: readonly WhenPending[] = ["wait", "cancel", "answer"];
const LEASE_MS = 60_000;

/**
 * Sends a user's message to a thread, whatever the thread is doing: the model never sees a tool call without its
 * result, and the message goes in once, also when this process dies or the call is repeated with the same id
 * (PROTOCOL.md, messages).
 *
 * Nothing is pending: the graph runs with the message. A human is asked: see {@link WhenPending}.
 *
 * @throws HoldpointError before anything is kept: `ERR_HITL_INVALID_INPUT` (not a user's message, a state without
 * messages, an id that another message had), `ERR_HITL_TOO_LARGE`, `ERR_HITL_TOO_DEEP`, `ERR_HITL_NOT_JSON`,
 * `ERR_HITL_NO_CHECKPOINTER`, `ERR_HITL_CACHE_POLICY`, `ERR_HITL_NO_THREAD`, `ERR_HITL_NOT_FOUND` (no such thread).
 * What the graph's own run throws is thrown on; the message is kept, or in the conversation.
 *
 * @example
 * ```ts
 * import { type HITLBackend, sendMessage, type MessageGraph } from "holdpoint";
 *
 * export async function chat(graph: MessageGraph, backend: HITLBackend, message: string): Promise<string> {
 *   const { status, pending } = await sendMessage(graph, { backend, thread_id: "order-42", message });
 *   return status === "waiting" ? `please answer first: ${pending.length}` : status;
 * }
 * ```
 */
export async function sendMessage<Output = unknown>(
  graph: MessageGraph<Output>,
  options: SendMessageOptions,
): Promise<SendMessageResult<Output>> {
  const { thread_id, messagesKey: messages_key = "messages", whenPending = "wait" } = options;
  if (typeof thread_id !== "string" || thread_id === "")
    throw new HoldpointError("ERR_HITL_NO_THREAD", "A message is sent to a thread: thread_id.");
  checkId(thread_id, "thread_id");
  if (!WHEN_PENDING.includes(whenPending))
    throw new HoldpointError("ERR_HITL_INVALID_INPUT", `whenPending is one of ${WHEN_PENDING.join(", ")}.`);
  const actor = checkActor(options.actor);
  const { id, message } = parseMessage(options.message);
  const message_id = checkId(options.message_id ?? id ?? defaultRandomId(), "message_id");
  assertTakesMessages(graph, messages_key);
  const backend = resolveBackend(undefined, options.backend);
  await assertThread(graph, options);
  const session_id = options.session_id ?? (await sessionOf(backend, thread_id));
  const { config, leaseMs = LEASE_MS } = options;
  const own: DeliverOptions = { backend, thread_id, session_id, config, leaseMs, actor };
  const mailbox = new Mailbox(backend, thread_id, leaseMs);
  const kept = await mailbox.keep({ message_id, messages_key, when_pending: whenPending, message });
  const sending = new Sending(graph, own, mailbox);
  return (whenPending === "answer" ? await sending.answer(kept) : null) ?? sending.goOn(kept);
}

/** @throws HoldpointError `ERR_HITL_NOT_FOUND` */
async function assertThread(graph: MessageGraph, options: SendMessageOptions): Promise<void> {
  const { thread_id, ifNotExists = "reject" } = options;
  if (ifNotExists === "create" || (await headOf(graph, thread_id)) !== null) return;
  throw new HoldpointError(
    "ERR_HITL_NOT_FOUND",
    `There is no thread ${thread_id} in the graph's checkpointer. Pass ifNotExists: "create" to begin it with the message.`,
    { details: { thread_id } },
  );
}

class Sending<Output> {
  readonly #graph: MessageGraph<Output>;
  readonly #options: DeliverOptions;
  readonly #mailbox: Mailbox;

  constructor(graph: MessageGraph<Output>, options: DeliverOptions, mailbox: Mailbox) {
    this.#graph = graph;
    this.#options = options;
    this.#mailbox = mailbox;
  }

  /** Null if there is nothing that the message can answer: it goes on as one that waits. */
  async answer(kept: StoredMessage): Promise<SendMessageResult<Output> | null> {
    const { backend, thread_id } = this.#options;
    // A retry of one whose sender died, or is at it now.
    if (kept.status === "answering" && (await hasAnswered(backend, kept))) {
      await this.#mailbox.move(kept, "answered", {}, "release");
      return this.#answered(kept, null);
    }
    const text = textOf(kept.value.message);
    const found = kept.status === "waiting" && text !== null ? answerWith(text, await this.#pending()) : null;
    if (!found) return null;
    const { hitl_id } = found.question;
    const claimed = await this.#mailbox.move(kept, "answering", { hitl_id }, "held");
    if (!claimed) return null;
    try {
      const outcome = await respondAndResume(this.#graph, {
        ...this.#options,
        thread_id,
        hitl_id,
        response: found.answer,
        idempotency_key: answerKey(kept),
      });
      if (outcome.status === "indeterminate") throw indeterminate(kept);
      if (await hasAnswered(backend, claimed)) {
        await this.#settle(claimed, "answered");
        return await this.#answered(claimed, await withMessages(this.#graph, this.#options, outcome.resume));
      }
      await this.#settle(claimed, "waiting");
      if (outcome.status === "forbidden")
        return { status: "forbidden", ...(await this.#sent(kept)), record: outcome.record };
      if (outcome.status !== "invalid") return null;
      const { record, issues } = outcome;
      return { status: "invalid", ...(await this.#sent(kept)), record, issues };
    } catch (error) {
      // The answer may be there although the run failed. If this fails too, whoever looks next finds it out.
      await hasAnswered(backend, claimed)
        .then((answered) => (answered ? this.#settle(claimed, "answered") : undefined))
        .catch(() => {});
      throw error;
    }
  }

  #settle(claimed: StoredMessage, status: "answered" | "waiting"): Promise<unknown> {
    return this.#mailbox.move(claimed, status, status === "waiting" ? { hitl_id: null } : {}, "release");
  }

  async goOn(kept: StoredMessage): Promise<SendMessageResult<Output>> {
    const { value } = kept;
    const before = await this.#ended(kept);
    if (before) return before;
    const { state, until, run } = await goOn(this.#graph, this.#options);
    const now = (await this.#mailbox.find(value.message_id)) ?? kept;
    const ended = await this.#ended(now, run?.result ?? null);
    if (ended) return ended;
    const sent = await this.#sent(kept);
    if (state === "waiting") {
      if (sent.pending.length > 0) return { status: "waiting", ...sent };
      // Paused without a question: somebody else is running calls of the step, or an interrupt is not ours.
      const busy = await new Thread(this.#graph, this.#options).busy();
      const at = busy.status === "busy" ? busy.until : null;
      return at === null ? { status: "waiting", ...sent } : { status: "busy", until: at, ...sent };
    }
    return { status: "busy", until, ...sent };
  }

  /** Null while the message has not come to its end. */
  async #ended(
    message: StoredMessage,
    result: Output | null = null,
  ): Promise<SendMessageResult<Output> | null> {
    if (message.status === "delivered")
      return { status: "delivered", ...(await this.#sent(message)), result };
    if (message.status === "withdrawn") return { status: "withdrawn", ...(await this.#sent(message)) };
    return message.status === "answered" ? this.#answered(message, null) : null;
  }

  async #answered(
    { value }: StoredMessage,
    resume: ResumeResult<Output> | null,
  ): Promise<SendMessageResult<Output>> {
    const record = await this.#options.backend.get(value.hitl_id as string);
    const { message_id } = value;
    return {
      status: "answered",
      message_id,
      pending: await this.#pending(),
      record: record as HITLRecord,
      resume,
    };
  }

  async #sent({ value }: StoredMessage): Promise<Sent> {
    return { message_id: value.message_id, pending: await this.#pending() };
  }

  #pending(): Promise<readonly HITLRecord[]> {
    return new Thread(this.#graph, this.#options).pending();
  }
}

function indeterminate({ value }: StoredMessage): HoldpointError {
  return new HoldpointError(
    "ERR_HITL_INDETERMINATE",
    `The store did not confirm that message ${value.message_id} was taken for an answer. Send it again with the same id.`,
    { details: { message_id: value.message_id } },
  );
}

export interface WaitingMessage {
  readonly message_id: string;
  readonly content: JsonValue;
  readonly when_pending: WhenPending;
  /** Epoch ms by the store's clock. */
  readonly sent_at: number;
}

interface MailboxOptions {
  readonly backend?: HITLBackend;
  readonly thread_id: string;
}

function mailboxOf({ backend, thread_id }: MailboxOptions): Mailbox {
  return new Mailbox(resolveBackend(undefined, backend), checkId(thread_id, "thread_id"), LEASE_MS);
}

/**
 * The messages that wait for a thread, in the order in which they were sent: for a user interface that shows them.
 *
 * @example
 * ```ts
 * import { type HITLBackend, waitingMessages } from "holdpoint";
 *
 * export async function unread(backend: HITLBackend, thread_id: string): Promise<number> {
 *   return (await waitingMessages({ backend, thread_id })).length;
 * }
 * ```
 */
export async function waitingMessages(options: MailboxOptions): Promise<readonly WaitingMessage[]> {
  const open = await mailboxOf(options).open();
  return open
    .filter(({ status }) => status === "waiting")
    .map(({ record, value }) => ({
      message_id: value.message_id,
      content: cloneJson(value.message["content"] ?? null),
      when_pending: value.when_pending,
      sent_at: record.created_at,
    }));
}

/**
 * Takes a message back that still waits. `conflict`: it is on its way into the conversation, or there already.
 *
 * @example
 * ```ts
 * import { type HITLBackend, withdrawMessage } from "holdpoint";
 *
 * export async function undo(backend: HITLBackend, thread_id: string, message_id: string): Promise<boolean> {
 *   return (await withdrawMessage({ backend, thread_id, message_id })).status === "withdrawn";
 * }
 * ```
 */
export async function withdrawMessage(
  options: MailboxOptions & { readonly message_id: string },
): Promise<{ readonly status: "withdrawn" | "conflict" | "not_found" }> {
  const mailbox = mailboxOf(options);
  for (;;) {
    const found = await mailbox.find(checkId(options.message_id, "message_id"));
    if (!found) return { status: "not_found" };
    if (found.status === "withdrawn") return { status: "withdrawn" };
    if (found.status !== "waiting") return { status: "conflict" };
    if (await mailbox.move(found, "withdrawn")) return { status: "withdrawn" };
  }
}
