import { expect } from "vitest";
import type { RecordStore } from "../../src/backends/record-store.ts";
import { type Load, lostOf } from "./redis-cluster/load.ts";

/** What was acknowledged is there, and none of it was done twice: each version of a record has its one event. */
export async function assertNothingLost(store: RecordStore, load: Load): Promise<void> {
  expect(await lostOf(store, load)).toEqual([]);
  const ids = [...load.acknowledged.keys()];
  const records = await store.get(ids);
  const histories = await Promise.all(ids.map((id) => store.history(id)));
  expect(histories.map(({ items }) => items.map(({ version }) => version))).toEqual(
    records.map((record) => Array.from({ length: record?.version ?? 0 }, (_, n) => n + 1)),
  );
}
