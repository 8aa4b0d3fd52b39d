import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import { makeRandomId } from "../../../../src/core/ids.ts";
import type { JsonObject } from "../../../../src/core/json.ts";
import type { InsertOp } from "../../../../src/backends/record-store.ts";
import {
  SqliteRecordStore,
  type SqliteRecordStoreOptions,
} from "../../../../src/backends/sqlite/sqlite-store.ts";

const cleanups: (() => unknown)[] = [];

/** Done when the test ends, after what was given later. */
export function atEnd(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

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
