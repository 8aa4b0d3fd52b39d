/**
 * Every change to the folder goes through this module, and each is safe to repeat: it looks at the source and the
 * target first, so a call that was killed at any point and runs again finds out what is left to do. That is
 * what lets the agent say `inDoubt: "retry"` (see agent.ts).
 */
import { link, lstat, mkdir, readdir, rename, rmdir, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  asProblem,
  identify,
  type Identity,
  isCode,
  locate,
  PathProblem,
  type Seen,
  stats,
} from "./paths.ts";

export const TRASH = ".holdpoint-trash";

export type Operation = "move" | "trash" | "delete";

export interface Effect {
  readonly op: Operation;
  readonly path: string;
  readonly to?: string;
  readonly bytes: number;
  /** `found_done`: an earlier run, killed before it could say so, had done it. */
  readonly outcome: "done" | "found_done" | "skipped";
  readonly why?: string;
}

/** Moves or renames a file that is still what was `seen`, to a name that is free. */
export async function moveFile(root: string, seen: Seen, to: string): Promise<Effect> {
  return effect({ op: "move", path: seen.path, to, bytes: seen.bytes }, () => move(root, seen, to));
}

/** @param run - each run has its own folder in the trash, so that equal names do not meet there. */
export async function trashFile(root: string, seen: Seen, run: string): Promise<Effect> {
  const to = `${TRASH}/${run}/${seen.path}`;
  return effect({ op: "trash", path: seen.path, to, bytes: seen.bytes }, () => move(root, seen, to));
}

/** Deletes a file for good, if it is still what was `seen`. */
export async function deleteFile(root: string, seen: Seen): Promise<Effect> {
  return effect({ op: "delete", path: seen.path, bytes: seen.bytes }, async () => {
    const path = await locate(root, seen.path);
    const found = await identify(path);
    if (!found) return "found_done";
    if (found.sha256 !== seen.sha256) throw new PathProblem("has changed since you were asked");
    await unlink(path);
    return "done";
  });
}

/** Removes the folders in the trash that hold nothing any more, and the trash itself. */
export async function removeEmptyTrash(root: string): Promise<void> {
  await removeEmptyFolders(join(root, TRASH));
}

type Doing = Omit<Effect, "outcome" | "why">;

async function effect(doing: Doing, run: () => Promise<"done" | "found_done">): Promise<Effect> {
  try {
    return { ...doing, outcome: await run() };
  } catch (error) {
    const problem = asProblem(error);
    if (problem instanceof PathProblem) return { ...doing, outcome: "skipped", why: problem.message };
    throw error;
  }
}

/**
 * `link` and `unlink` instead of `rename`, since that would replace a file that appears at the target meanwhile.
 * Killed between the two, it leaves one file under both names, and the next run takes the old name away.
 */
async function move(root: string, seen: Seen, to: string): Promise<"done" | "found_done"> {
  const source = await locate(root, seen.path);
  const target = await locate(root, to);
  const here = await identify(source);
  const there = await stats(target);
  if (!here) {
    const moved = there?.isFile() && (await identify(target))?.sha256 === seen.sha256;
    if (moved) return "found_done";
    throw new PathProblem("is not there any more");
  }
  if (here.sha256 !== seen.sha256) throw new PathProblem("has changed since you were asked");
  if (there && !isSame(here, there)) throw new PathProblem(`cannot become ${to}: that name is taken`);
  if (source === target) return "found_done";
  await mkdir(dirname(target), { recursive: true });
  // Where the disk ignores case, "A" and "a" are one name: taking the old one away would take the file.
  if (there && fold(source) === fold(target)) await rename(source, target);
  else {
    if (!there) await claim(source, target, here, to);
    await unlink(source);
  }
  return "done";
}

async function claim(source: string, target: string, here: Identity, to: string): Promise<void> {
  try {
    await link(source, target);
  } catch (error) {
    if (isCode(error, "EEXIST")) throw new PathProblem(`cannot become ${to}: that name is taken`);
    throw error;
  }
  // The source may have been replaced after we read it: what is linked then is not what was approved.
  if (isSame(here, await lstat(target))) return;
  await unlink(target);
  throw new PathProblem("has changed since you were asked");
}

function isSame(a: { dev: number; ino: number }, b: { dev: number | bigint; ino: number | bigint }): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

function fold(path: string): string {
  return path.normalize("NFC").toLowerCase();
}

async function removeEmptyFolders(folder: string): Promise<void> {
  if (!(await stats(folder))?.isDirectory()) return;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeEmptyFolders(join(folder, entry.name));
  }
  await rmdir(folder).catch(() => {
    // Not empty: something in it was kept.
  });
}
