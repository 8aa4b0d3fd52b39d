/** What a call would do, for whoever is asked about it. Reading only: it is made before the call may run. */
import { formatBytes } from "../format.ts";
import { locate, PathProblem, stats } from "../paths.ts";

export interface MovePreview {
  readonly from: string;
  readonly to: string;
}

/** @throws PathProblem, which whoever is asked then reads */
export async function moves(root: string, from: string, to: string): Promise<MovePreview> {
  const [folder] = to.split("/").slice(0, -1);
  const isNew = folder !== undefined && (await stats(await locate(root, folder))) === null;
  const isTaken = from !== to && (await stats(await locate(root, to))) !== null;
  const note = isTaken ? " (that name is taken)" : isNew ? " (a new folder)" : "";
  return { from: `${from} (${formatBytes((await found(root, from)).bytes)})`, to: `${to}${note}` };
}

export interface GonePreview {
  readonly files: readonly string[];
  readonly together: string;
}

/** @throws PathProblem */
export async function goes(root: string, paths: readonly string[]): Promise<GonePreview> {
  const files = await Promise.all(paths.map(async (path) => ({ path, ...(await found(root, path)) })));
  return {
    files: files.map(({ path, bytes, changed }) => `${path} (${formatBytes(bytes)}, changed ${changed})`),
    together: formatBytes(files.reduce((sum, { bytes }) => sum + bytes, 0)),
  };
}

async function found(root: string, path: string): Promise<{ bytes: number; changed: string }> {
  const file = await stats(await locate(root, path));
  if (!file) throw new PathProblem(`${path} is not there any more`);
  return { bytes: Number(file.size), changed: new Date(Number(file.mtimeMs)).toISOString().slice(0, 10) };
}
