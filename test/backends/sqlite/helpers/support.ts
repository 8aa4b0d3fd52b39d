import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach } from "vitest";
import { makeRandomId } from "../../../../src/core/ids.ts";
import type { JsonObject } from "../../../../src/core/json.ts";
import type { InsertOp } from "../../../../src/backends/record-store.ts";
import {
  SqliteRecordStore,
  type SqliteRecordStoreOptions,
} from "../../../../src/backends/sqlite/sqlite-store.ts";

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** The path of a database in a folder of its own, which goes when the test ends. */
export function temporaryPath(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdpoint-sqlite-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "store.db");
}

export function openStore(options: SqliteRecordStoreOptions): SqliteRecordStore {
  const store = new SqliteRecordStore(options);
  cleanups.push(() => store.close());
  return store;
}

let counter = 0;

export function freshId(slot = 7): string {
  counter += 1;
  return makeRandomId("hitl", slot, () => counter.toString(16).padStart(29, "0"));
}

export function insertOf(
  id: string,
  value: JsonObject = {},
  more: Partial<InsertOp["record"]> = {},
): InsertOp {
  return {
    op: "insert",
    record: { id, kind: "hitl", tenant_id: "default", status: "pending", value, ...more },
  };
}

/** Waits for a condition, not for a time; the deadline only ends a test that cannot succeed any more. */
export async function until(what: string, condition: () => boolean, deadlineMs = 20_000): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`Waited ${deadlineMs} ms for ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export interface Worker {
  readonly child: ChildProcess;
  readonly lines: string[];
  readonly ended: Promise<{ code: number | null; errors: string }>;
  say(line: string): void;
}

/** Another process that runs `worker.ts` of this folder. */
export function startWorker(job: string, path: string, ...parameters: readonly string[]): Worker {
  const script = fileURLToPath(new URL("./worker.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", script, job, path, ...parameters], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const lines: string[] = [];
  let partial = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const parts = (partial + text).split("\n");
    partial = parts.pop() ?? "";
    lines.push(...parts);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  child.stdin.on("error", () => undefined);
  const ended = new Promise<{ code: number | null; errors: string }>((resolve) => {
    child.on("close", (code) => resolve({ code, errors }));
  });
  cleanups.push(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return { child, lines, ended, say: (line) => child.stdin.write(`${line}\n`) };
}
