/** How the program ends. */

export const EXIT = {
  done: 0,
  failed: 1,
  open: 2,
  unanswered: 3,
  usage: 4,
  busy: 5,
  interrupted: 130,
} as const;

/** The command line, or a file that it names, makes no sense. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
}

/** A script met a question that it has no answer to. */
export class UnansweredError extends Error {
  override readonly name: string = "UnansweredError";
}
