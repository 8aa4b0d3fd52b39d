// Notes every module that a process loads or tries to load. Used with `node --import`, see loads.mjs.
import { appendFileSync } from "node:fs";
import Module, { register } from "node:module";
import { isMainThread } from "node:worker_threads";

const note = (specifier, target) =>
  appendFileSync(process.env.HOLDPOINT_LOADS, `${JSON.stringify([specifier, target])}\n`);

// This file is both: the main thread registers it, the loader's thread runs its hook.
if (isMainThread) {
  register(import.meta.url);
  // `require` does not pass through the hooks of `import`.
  const internals = /** @type {any} */ (Module);
  const original = internals._resolveFilename;
  internals._resolveFilename = function (specifier, ...rest) {
    note(specifier, null);
    return original.call(this, specifier, ...rest);
  };
}

export async function resolve(specifier, context, next) {
  // Noted before it is resolved: an attempt that fails, and is caught, is an attempt.
  note(specifier, null);
  const result = await next(specifier, context);
  note(specifier, result.url);
  return result;
}
