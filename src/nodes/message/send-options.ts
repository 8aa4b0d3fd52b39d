import type { HITLBackend } from "../../backends/hitl-backend.ts";
import type { Actor } from "../../core/record.ts";
import type { UserMessage } from "./user-message.ts";

/**
 * What becomes of a message that comes while the thread waits for a human.
 *
 * - `wait`: it is kept, and goes in when the thread comes to rest.
 * - `cancel`: what is open is cancelled, and the run goes on with the message.
 * - `answer`: it answers the one open `ask_user`; without one it waits.
 */
export type WhenPending = "wait" | "cancel" | "answer";

export interface ThreadMessageOptions {
  readonly thread_id: string;
  readonly backend?: HITLBackend;
  /** Default: the session of the thread's newest question. */
  readonly session_id?: string;
  /** Further config of the runs: callbacks, context, recursionLimit, configurable … */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Milliseconds for which a process that gives no sign of life keeps others away. Default 60 000. */
  readonly leaseMs?: number;
}

export interface SendMessageOptions extends ThreadMessageOptions {
  readonly message: UserMessage;
  /** Default `wait`. */
  readonly whenPending?: WhenPending;
  /** The message's id, so that a retry is not a second message. Default: the message's own `id`, else a random one. */
  readonly message_id?: string;
  /** The key of the graph's state that holds its messages. Default `messages`. */
  readonly messagesKey?: string;
  /** A thread that does not exist: begin it, or refuse (`ERR_HITL_NOT_FOUND`). Default `reject`. */
  readonly ifNotExists?: "create" | "reject";
  /** Who sends it; noted with what it cancels or answers. */
  readonly actor?: Actor;
}
