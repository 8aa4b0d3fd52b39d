/** Runs the program beside it, compiled before if another process has kept that. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Script } from "node:vm";
import { CODE, COMPILED, KEEP } from "./program-files.ts";

const folder = dirname(process.argv[1] as string);
const [filename, compiled] = [join(folder, CODE), join(folder, COMPILED)];
const cachedData = existsSync(compiled) ? readFileSync(compiled) : undefined;
const source = `(function (require, module, exports, __filename) {${readFileSync(filename, "latin1")}\n})`;
const script = new Script(source, { filename, ...(cachedData ? { cachedData } : {}) });

if (!cachedData) {
  const keep = (): void => {
    // Several may do so at once, and a process that starts meanwhile must not read half of it.
    const own = `${compiled}.${process.pid}`;
    writeFileSync(own, script.createCachedData());
    renameSync(own, compiled);
  };
  Object.assign(globalThis, { [KEEP]: keep });
}

const module = { exports: {} };
const run = script.runInThisContext() as (...given: readonly unknown[]) => void;
run(createRequire(filename), module, module.exports, filename);
