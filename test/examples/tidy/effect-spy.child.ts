/**
 * Loaded into the process before the example: notes every system call that changed a file, after it succeeded. So
 * a test need not believe what the example says about itself. It says on the standard output when a move is half
 * done, and pauses there, so that a test can kill the process at that very point.
 */
import { appendFileSync } from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { setTimeout as pause } from "node:timers/promises";

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
  await pause(20);
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
