/** What {@link bundleProgram} and the process that runs its program agree on. */

/** Beside the loader: the program, and what V8 has compiled of it. */
export const CODE = "code.js";
export const COMPILED = "code.compiled";

/** In a process that began without compiled code: keeps it for the next ones. */
export const KEEP = Symbol.for("holdpoint.test.keep-compiled");
