/**
 * Which file a name means, and what is in it. Names come from a model or from a record that lay for weeks, so
 * nothing here leaves the folder and nothing follows a symbolic link.
 */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, lstat, open } from "node:fs/promises";
import { isAbsolute, join, sep } from "node:path";

/** A file as it was when it was looked at. Paths are relative to the folder, with `/`. */
export interface Seen {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** A file and which one it is on its disk. */
export interface Identity {
  readonly sha256: string;
  readonly bytes: number;
  readonly dev: number;
  readonly ino: number;
}

/** A file that cannot be worked with. The message is for people. */
export class PathProblem extends Error {
  override readonly name: string = "PathProblem";
}

/**
 * The absolute path for a path inside `root`.
 *
 * @throws PathProblem if it would lead out of the folder, or through a symbolic link.
 */
export async function locate(root: string, path: string): Promise<string> {
  const parts = path.split("/");
  const odd = parts.some((part) => part === "" || part === "." || part === ".." || part.includes("\0"));
  if (odd || isAbsolute(path) || (sep !== "/" && path.includes(sep))) {
    throw new PathProblem("leads out of the folder");
  }
  let parent = root;
  for (const part of parts.slice(0, -1)) {
    parent = join(parent, part);
    const found = await stats(parent);
    if (!found) break;
    if (!found.isDirectory()) throw new PathProblem("leads through something that is not a folder");
  }
  return join(root, ...parts);
}

/** What is at this absolute path itself; null if nothing is. */
export async function stats(path: string): Promise<Awaited<ReturnType<typeof lstat>> | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if (isCode(error, "ENOENT", "ENOTDIR")) return null;
    throw asProblem(error);
  }
}

/** Reading; not through a link, and without waiting for the other end of a pipe that took the file's place. */
const ONLY_THE_FILE_ITSELF = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * Reads the whole file at this absolute path; null if nothing is there.
 *
 * @throws PathProblem if it is a symbolic link or no file, or cannot be read.
 */
export async function identify(path: string): Promise<Identity | null> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, ONLY_THE_FILE_ITSELF);
    const found = await file.stat();
    if (!found.isFile()) throw new PathProblem("is not a regular file");
    const hash = createHash("sha256");
    for await (const chunk of file.createReadStream({ autoClose: false })) hash.update(chunk as Buffer);
    return { sha256: hash.digest("hex"), bytes: found.size, dev: found.dev, ino: found.ino };
  } catch (error) {
    if (isCode(error, "ENOENT", "ENOTDIR")) return null;
    throw asProblem(error);
  } finally {
    await file?.close();
  }
}

/** Its first bytes. */
export async function readStart(path: string, length: number): Promise<Buffer> {
  const file = await open(path, ONLY_THE_FILE_ITSELF);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/**
 * The file as it is now.
 *
 * @throws PathProblem if there is no such file, or it may not or cannot be read.
 */
export async function look(root: string, path: string): Promise<Seen> {
  const found = await identify(await locate(root, path));
  if (!found) throw new PathProblem("is not there");
  return { path, sha256: found.sha256, bytes: found.bytes };
}

export function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes((error as { code?: string } | null)?.code ?? "");
}

const WHY: Readonly<Record<string, string>> = {
  EACCES: "may not be read or changed",
  EPERM: "may not be read or changed",
  ELOOP: "is a symbolic link",
  EMLINK: "is a symbolic link",
  ENXIO: "is not a regular file",
  EISDIR: "is a folder",
  ENAMETOOLONG: "has too long a name",
  ENOSPC: "does not fit: the disk is full",
  EROFS: "is on a disk that is read-only",
  EXDEV: "would have to go to another disk",
};

/** What went wrong with one file, for people. Errors that are no file's fault stay what they are. */
export function asProblem(error: unknown): unknown {
  const why = WHY[(error as { code?: string } | null)?.code ?? ""];
  return why === undefined || error instanceof PathProblem ? error : new PathProblem(why, { cause: error });
}
