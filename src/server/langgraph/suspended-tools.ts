/** Tools that wait for a human: LangGraph reports what stops them as an error of theirs. */

/** The message of a suspended call of ours, or LangGraph's own interrupts as JSON. */
function isPause(message: unknown): boolean {
  if (typeof message !== "string") return false;
  if (message.startsWith("HITL suspend:")) return true;
  if (!message.startsWith("[")) return false;
  try {
    const found: unknown = JSON.parse(message);
    return (
      Array.isArray(found) &&
      found.length > 0 &&
      found.every((entry) => typeof (entry as { id?: unknown } | null)?.id === "string" && "value" in entry)
    );
  } catch {
    return false;
  }
}

/** True for an event of the mode `tools`, or of the channel, that says of a tool that waits that it has failed. */
export function isPausedTool(data: unknown): boolean {
  const { event, message, error } = (data ?? {}) as { event?: unknown; message?: unknown; error?: unknown };
  if (event === "tool-error") return isPause(message);
  return event === "on_tool_error" && isPause((error as { message?: unknown } | null)?.message ?? error);
}

interface Projections {
  readonly toolCalls?: AsyncIterable<{ readonly output?: Promise<unknown> }>;
  readonly subagents?: AsyncIterable<Projections & { readonly output?: Promise<unknown> }>;
}

/**
 * A graph of langchain's `createAgent` has a promise for each tool call and subagent, that is rejected when one fails.
 * Nobody waits for it here, and a rejection that nobody hears ends a process of Node.
 */
export function hearRejections(run: unknown): void {
  const { toolCalls, subagents } = run as Projections;
  if (toolCalls) void each(toolCalls, ({ output }) => void output?.catch(() => {}));
  if (!subagents) return;
  void each(subagents, (subagent) => {
    subagent.output?.catch(() => {});
    hearRejections(subagent);
  });
}

async function each<T>(items: AsyncIterable<T>, hear: (item: T) => void): Promise<void> {
  try {
    for await (const item of items) hear(item);
  } catch {
    // The run has failed: whoever runs it hears of it.
  }
}
