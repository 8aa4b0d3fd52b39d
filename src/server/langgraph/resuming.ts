/** What is checked before a run begins: LangGraph itself runs on, silently, where nothing is open. */
import { HttpError } from "./http-error.ts";
import type { ServedGraph, ServedState } from "./options.ts";
import type { CommandRequest, RunRequest } from "./run-request.ts";
import { checkpointOf, interruptsOfState } from "./thread-view.ts";

/** A run that was looked at with the thread's state as it is. */
export interface Checked {
  readonly request: RunRequest;
  /** Null if nothing about the run depends on it. */
  readonly state: ServedState | null;
}

/**
 * Reads the thread's state if the run depends on it, and refuses what would have no effect, or another one than meant.
 *
 * @throws HttpError 409 if a resume value finds nothing open, or another checkpoint than the one it is for; 422 for an
 * empty command
 */
export async function checkRun(graph: ServedGraph, thread_id: string, given: RunRequest): Promise<Checked> {
  const { command } = given;
  if (command) assertNotEmpty(command);
  if (!command && given.checkpoint_id === null) return { request: given, state: null };
  const state = await graph.getState({ configurable: { thread_id } });
  const request = atHead(given, state);
  if (command?.resume === undefined) return { request, state };
  // A checkpoint that was answered replays its answer, and takes the thread back to there.
  if (request.checkpoint_id !== null || interruptsOfState(state).length === 0) throw nothingOpen(thread_id);
  return { request: { ...request, command: addressed(command, state, thread_id) }, state };
}

/**
 * `useStream` names the checkpoint that it shows on each run. The thread's newest one is where a run begins anyway; named,
 * it would be forked.
 */
function atHead(request: RunRequest, state: ServedState): RunRequest {
  const head = checkpointOf(state.config)?.checkpoint_id;
  return request.checkpoint_id === head ? { ...request, checkpoint_id: null } : request;
}

function nothingOpen(thread_id: string): HttpError {
  return new HttpError(
    409,
    `Thread ${thread_id} waits for no such answer: it was answered before, or has gone on. Read its state.`,
  );
}

function assertNotEmpty({ resume, update, goto }: CommandRequest): void {
  if (resume === null) throw new HttpError(422, "command.resume: null is no answer. Send a value.");
  if (resume === undefined && (update ?? undefined) === undefined && (goto ?? undefined) === undefined)
    throw new HttpError(422, "command: give resume, update or goto.");
}

/** LangGraph 1.4 takes `false`, `0` and `""` for no answer at all, unless they are sent to one interrupt. */
function addressed(command: CommandRequest, state: ServedState, thread_id: string): CommandRequest {
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
