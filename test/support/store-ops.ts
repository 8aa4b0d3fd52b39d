/** Operations on records of no domain, for the tests of stores. */
import type { InsertOp, RecordStore, StoredRecord, UpdateOp } from "../../src/backends/record-store.ts";
import { makeId } from "../../src/core/ids.ts";

export function idOf(n: number | string, slot = 0x123): string {
  return makeId("rec", slot, ["store", n]);
}

export function insertOf(
  id: string,
  record: Partial<InsertOp["record"]> = {},
  more: Omit<InsertOp, "op" | "record"> = {},
): InsertOp {
  return {
    op: "insert",
    record: { id, kind: "thing", tenant_id: "default", status: "open", value: {}, ...record },
    ...more,
  };
}

export function updateOf(id: string, more: Omit<UpdateOp, "op" | "id"> = {}): UpdateOp {
  return { op: "update", id, ...more };
}

export async function read(store: RecordStore, id: string): Promise<StoredRecord> {
  const [record] = await store.get([id]);
  if (!record) throw new Error(`${id} is not there.`);
  return record;
}
