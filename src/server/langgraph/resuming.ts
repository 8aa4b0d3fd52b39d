/** What is checked before a run that resumes: LangGraph itself runs on, silently, where nothing is open. */
import { HttpError } from "./http.ts";
import type { ServedGraph, ServedState } from "./options.ts";
import type { CommandRequest, RunRequest } from "./run-request.ts";
import { interruptsOfState } from "./thread-view.ts";

/**
 * The thread's state, where it was read.
 *
 * @throws HttpError 409 if a resume value finds nothing open; 422 for an empty command
 */
export async function assertOpen(
  graph: ServedGraph,
  thread_id: string,
  { command }: Pick<RunRequest, "command">,
): Promise<ServedState | null> {
  if (!command) return null;
  assertNotEmpty(command);
  const state = await graph.getState({ configurable: { thread_id } });
  if (command.resume !== undefined && interruptsOfState(state).length === 0) throw nothingOpen(thread_id);
  return state;
}

export function nothingOpen(thread_id: string): HttpError {
  return new HttpError(
    409,
    `Thread ${thread_id} waits for no answer: it was answered before, or has gone on. Read its state.`,
  );
}

function assertNotEmpty({ resume, update, goto }: CommandRequest): void {
  if (resume === null) throw new HttpError(422, "command.resume: null is no answer. Send a value.");
  if (resume === undefined && (update ?? undefined) === undefined && (goto ?? undefined) === undefined)
    throw new HttpError(422, "command: give resume, update or goto.");
}

/** LangGraph 1.4 takes `false`, `0` and `""` for no answer at all, unless they are sent to one interrupt. */
export function addressed(command: CommandRequest, state: ServedState, thread_id: string): CommandRequest {
  const { resume } = command;
  if (resume !== false && resume !== 0 && resume !== "") return command;
  const open = interruptsOfState(state) as readonly { readonly id?: unknown }[];
  const id = open[0]?.id;
  if (open.length === 1 && typeof id === "string") return { ...command, resume: { [id]: resume } };
  throw new HttpError(
    422,
    `Thread ${thread_id} has ${open.length} open interrupts: send this answer by interrupt id, { [id]: ${JSON.stringify(resume)} }.`,
  );
}
