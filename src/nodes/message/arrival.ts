/** Whether a process that died had put its messages into the thread: the thread's own checkpoints say it. */
import { type MessageGraph, messagesIn } from "./message-graph.ts";
import type { StoredMessage } from "./mailbox.ts";

/** More steps than a run takes before it dies. */
const MAX_STEPS = 1000;

interface Saved {
  readonly checkpoint: { readonly id: string; readonly channel_values?: Readonly<Record<string, unknown>> };
  readonly metadata?: { readonly source?: string };
}

interface Saver {
  list(config: { configurable: Record<string, unknown> }, options: { limit: number }): AsyncIterable<Saved>;
}

export interface Arrival {
  readonly arrived: boolean;
  /** The thread's newest checkpoint is of the run that the messages began: no other input came after them. */
  readonly newest: boolean;
  /** Those that were saved since. */
  readonly checkpoints: ReadonlySet<string>;
}

/** Looks from the thread's newest checkpoint back to the one on which the input was to be put. */
export async function arrivalOf(
  graph: MessageGraph,
  thread_id: string,
  messages: readonly StoredMessage[],
): Promise<Arrival> {
  const from = messages[0]?.value.from_checkpoint_id ?? null;
  const ids = new Set(messages.map(({ value }) => value.message_id));
  const keys = new Set(messages.map(({ value }) => value.messages_key));
  const config = { configurable: { thread_id, checkpoint_ns: "" } };
  let arrived = false;
  let inputs = 0;
  const checkpoints = new Set<string>();
  for await (const { checkpoint, metadata } of (graph.checkpointer as Saver).list(config, {
    limit: MAX_STEPS,
  })) {
    if (checkpoint.id === from) break;
    checkpoints.add(checkpoint.id);
    if (metadata?.source !== "loop") inputs += 1;
    const values = checkpoint.channel_values ?? {};
    // The input's own checkpoint has it where the graph starts; the next ones have it in the state.
    arrived ||= [values["__start__"], values].some((state) =>
      [...keys].some((key) => idsIn(state, key).some((id) => ids.has(id))),
    );
  }
  return { arrived, newest: arrived && inputs === 1, checkpoints };
}

function idsIn(state: unknown, key: string): string[] {
  const messages = messagesIn(state, key);
  return messages.flatMap(({ id }) => (id === undefined ? [] : [id]));
}
