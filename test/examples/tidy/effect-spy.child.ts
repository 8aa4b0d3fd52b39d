/**
 * Loaded into the process before the example: notes every system call that changed a file, after it succeeded. So
 * a test need not believe what the example says about itself. It says on the standard output when a move is half
 * done. It kills the process, as `kill -9` does, at the very point at which it has written a given text.
 */
import { appendFileSync } from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";

const files = createRequire(import.meta.url)("node:fs/promises") as typeof import("node:fs/promises");
const log = process.env["TIDY_SPY"];
const { link, rename, unlink } = files;

function note(op: string, from: unknown, to?: unknown): void {
  if (log) appendFileSync(log, `${JSON.stringify({ op, from, to })}\n`);
}

files.link = async (from, to) => {
  await link(from, to);
  note("link", from, to);
  console.log(`half moved: ${encodeURIComponent(String(from))}`);
};
files.rename = async (from, to) => {
  await rename(from, to);
  note("rename", from, to);
};
files.unlink = async (path) => {
  await unlink(path);
  note("unlink", path);
};
syncBuiltinESMExports();

const killAt = process.env["TIDY_KILL_AT"];
if (killAt) {
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream) as (chunk: string | Uint8Array, ...rest: never[]) => boolean;
    stream.write = (chunk: string | Uint8Array, ...rest: never[]) => {
      const isWritten = write(chunk, ...rest);
      // A pipe is written to synchronously here: the test has read what was said before.
      if (String(chunk).includes(killAt)) process.kill(process.pid, "SIGKILL");
      return isWritten;
    };
  }
}
