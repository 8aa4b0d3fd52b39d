/**
 * The state folder: questions and answers, checkpoints, and which run is at work in which folder. All of it
 * survives `kill -9`; a lock that dies with its process keeps a second process out.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import Database from "better-sqlite3";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { isCode } from "./paths.ts";

/** Of the graph and its state: a thread goes on only in the graph that it began in. */
export const RUN_VERSION = 3;

/** One run over one folder: a LangGraph thread, and what was decided when it began. */
export interface Run {
  /** {@link RUN_VERSION} of the release that began it; the first one did not write it. */
  readonly version?: number;
  readonly thread_id: string;
  readonly folder: string;
  readonly started_at: number;
  readonly largeBytes: number;
  readonly staleDays: number;
  /** Its summary was printed: the next start is a new run. */
  readonly reported: boolean;
}

export interface State {
  readonly backend: SqliteHITLBackend;
  readonly checkpointer: SqliteSaver;
  close(): Promise<void>;
}

const RECORDS = "holdpoint.db";
const CHECKPOINTS = "checkpoints.db";
const RUNS = "runs.json";

/** Null if there is none yet: looking must not make one. */
export function openRecords(folder: string): SqliteHITLBackend | null {
  return existsSync(join(folder, RECORDS)) ? new SqliteHITLBackend({ path: join(folder, RECORDS) }) : null;
}

/**
 * Null if another process is at work here.
 *
 * @param reset - forget all runs first.
 */
export async function openState(
  folder: string,
  { reset }: { readonly reset: boolean },
): Promise<State | null> {
  await mkdir(folder, { recursive: true });
  const unlock = lock(join(folder, "lock.db"));
  if (!unlock) return null;
  if (reset) await forget(folder);
  const backend = new SqliteHITLBackend({ path: join(folder, RECORDS) });
  const checkpointer = SqliteSaver.fromConnString(join(folder, CHECKPOINTS));
  return {
    backend,
    checkpointer,
    close: async () => {
      await backend.close();
      checkpointer.db.close();
      unlock();
    },
  };
}

/**
 * The system gives a SQLite lock back when its process dies, however it dies; a file with a process id in it
 * would stay.
 */
function lock(path: string): (() => void) | null {
  const db = new Database(path, { timeout: 0 });
  try {
    db.exec("BEGIN EXCLUSIVE");
    return () => db.close();
  } catch (error) {
    db.close();
    if (isCode(error, "SQLITE_BUSY")) return null;
    throw error;
  }
}

/** Only files that this program has made are removed, whatever else lies there. */
async function forget(folder: string): Promise<void> {
  const files = [RECORDS, CHECKPOINTS].flatMap((file) => [file, `${file}-wal`, `${file}-shm`]);
  for (const file of [RUNS, ...files]) await rm(join(folder, file), { force: true });
}

export async function readRun(state: string, folder: string): Promise<Run | null> {
  return (await readRuns(state))[keyOf(folder)] ?? null;
}

export async function writeRun(state: string, run: Run): Promise<void> {
  const runs = { ...(await readRuns(state)), [keyOf(run.folder)]: run };
  const path = join(state, RUNS);
  // A whole file takes the place of the old one: a process that dies while writing leaves the old one.
  await writeFile(`${path}.new`, `${JSON.stringify(runs, null, 2)}\n`);
  await rename(`${path}.new`, path);
}

async function readRuns(state: string): Promise<Record<string, Run>> {
  try {
    return JSON.parse(await readFile(join(state, RUNS), "utf8")) as Record<string, Run>;
  } catch (error) {
    if (isCode(error, "ENOENT")) return {};
    throw error;
  }
}

function keyOf(folder: string): string {
  return createHash("sha256").update(folder).digest("hex").slice(0, 16);
}
