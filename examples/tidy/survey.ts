/** What is in the folder: reading only. Hidden files, `node_modules` and symbolic links are left alone. */
import { readdir } from "node:fs/promises";
import { extname, join } from "node:path";
import { TRASH } from "./files.ts";
import { asProblem, identify, isCode, locate, PathProblem, readStart, type Seen, stats } from "./paths.ts";

export interface FileInfo {
  readonly path: string;
  readonly bytes: number;
  readonly mtime: number;
  /** Two names of one file on the disk share it. */
  readonly inode: string;
}

export interface Problem {
  readonly path: string;
  readonly why: string;
}

export interface Listing {
  readonly files: readonly FileInfo[];
  readonly problems: readonly Problem[];
}

/** All files below `start`, in the order of their names. */
export async function listFiles(root: string, start = ""): Promise<Listing> {
  const files: FileInfo[] = [];
  const problems: Problem[] = [];
  const folders = [start];
  for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
    try {
      for (const entry of await entriesOf(root, folder)) {
        const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
        if (entry.isDirectory()) folders.push(path);
        else if (entry.isFile()) {
          const found = await stats(join(root, path));
          if (!found) continue;
          files.push({
            path,
            bytes: Number(found.size),
            mtime: Number(found.mtimeMs),
            inode: `${found.dev}:${found.ino}`,
          });
        }
      }
    } catch (error) {
      // Gone since it was listed, or never there: nothing is in it.
      if (!isCode(error, "ENOENT")) problems.push({ path: folder === "" ? "." : folder, why: whyOf(error) });
    }
  }
  return { files, problems };
}

async function entriesOf(root: string, folder: string) {
  const path = folder === "" ? root : await locate(root, folder);
  const entries = await readdir(path, { withFileTypes: true });
  const wanted = entries.filter(
    ({ name }) => folder.startsWith(TRASH) || !(name.startsWith(".") || name === "node_modules"),
  );
  return wanted.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The text of a problem with one file; any other error is thrown on. */
export function whyOf(error: unknown): string {
  const problem = asProblem(error);
  if (problem instanceof PathProblem) return problem.message;
  throw error;
}

/** Fewer lie about comfortably. */
const LEAST_LOOSE = 3;

/** Files that lie in no subfolder, if they are worth sorting. */
export function looseOf(files: readonly FileInfo[]): readonly FileInfo[] {
  const loose = files.filter(({ path }) => !path.includes("/"));
  return loose.length < LEAST_LOOSE ? [] : loose;
}

export interface Duplicates {
  /** The first is the one that looks most like the original. */
  readonly paths: readonly string[];
  readonly bytes: number;
}

/** Groups of files with equal content, the most wasteful first. Only files of equal size are read. */
export async function findDuplicates(root: string): Promise<{ groups: Duplicates[]; problems: Problem[] }> {
  const { files, problems: listed } = await listFiles(root);
  const problems = [...listed];
  const distinct = [...new Map(files.map((file) => [file.inode, file])).values()];
  const sameSize = groupBy(
    distinct.filter((file) => file.bytes > 0),
    (file) => String(file.bytes),
  );
  const groups: Duplicates[] = [];
  for (const candidates of sameSize) {
    if (candidates.length < 2) continue;
    const seen: Seen[] = [];
    for (const { path } of candidates) {
      try {
        const found = await identify(await locate(root, path));
        if (found) seen.push({ path, sha256: found.sha256, bytes: found.bytes });
      } catch (error) {
        problems.push({ path, why: whyOf(error) });
      }
    }
    for (const equal of groupBy(seen, (file) => file.sha256)) {
      const paths = equal.map((file) => file.path).sort(byOriginality);
      if (paths.length > 1) groups.push({ paths, bytes: equal[0]?.bytes ?? 0 });
    }
  }
  const wasted = (group: Duplicates): number => group.bytes * (group.paths.length - 1);
  return { groups: groups.sort((a, b) => wasted(b) - wasted(a)), problems };
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return [...groups.values()];
}

const COPY = /\bcopy\b|\(\d+\)|\bbackup\b|~$/i;

function byOriginality(a: string, b: string): number {
  const marks = Number(COPY.test(a)) - Number(COPY.test(b));
  return marks || a.length - b.length || (a < b ? -1 : 1);
}

const CRYPTIC = [
  /^[0-9a-f]{8,}$/i,
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]+$/i,
  /^\d{5,}$/,
  /^(tmp|temp)[-_.]?\w{4,}$/i,
  /^(untitled|unnamed|document|scan|file)[-_ ]?\(?\d*\)?$/i,
];

/** A name that says nothing about what is in the file. */
export function isCryptic(path: string): boolean {
  const stem = stemOf(path);
  return CRYPTIC.some((pattern) => pattern.test(stem));
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function stemOf(path: string): string {
  const name = nameOf(path);
  return name.slice(0, name.length - extname(name).length);
}

/** As `.txt`; empty if there is none. */
export function endingOf(path: string): string {
  return extname(path).toLowerCase();
}

/** The same folder, another name. */
export function beside(path: string, name: string): string {
  return path.slice(0, path.length - nameOf(path).length) + name;
}

/** A name after the file's first words or, where it has none, after its kind and date. */
export async function suggestName(root: string, { path, mtime }: FileInfo): Promise<string> {
  const words = await firstWords(await locate(root, path));
  const ending = endingOf(path);
  return `${words || `${kindOf(path).toLowerCase()}-${new Date(mtime).toISOString().slice(0, 10)}`}${ending}`;
}

async function firstWords(path: string): Promise<string> {
  const text = (await readStart(path, 512)).toString("utf8");
  // U+FFFD stands for bytes that are no text; the last one may be a character that was cut.
  if (text.slice(0, -1).includes("\uFFFD") || text.includes("\0")) return "";
  const line = text.split("\n").find((candidate) => candidate.trim() !== "") ?? "";
  const words = line.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.slice(0, 5).join("-").slice(0, 60);
}

const KINDS: Readonly<Record<string, string>> = {
  Pictures: "png jpg jpeg gif webp svg heic bmp tif tiff",
  Documents: "txt md pdf doc docx odt rtf tex pages",
  Tables: "csv tsv xls xlsx ods json",
  Media: "mp3 wav flac mp4 mov mkv webm ogg",
  Archives: "zip tar gz tgz bz2 xz 7z rar iso dmg",
};
const KIND_OF = new Map(
  Object.entries(KINDS).flatMap(([kind, endings]) => endings.split(" ").map((e) => [`.${e}`, kind])),
);

export function kindOf(path: string): string {
  return KIND_OF.get(endingOf(path)) ?? "Other";
}
