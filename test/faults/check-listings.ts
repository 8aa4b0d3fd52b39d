/** P5 and S5: an index names what is there under that key and status, all of it, and nothing else. */
import type { StoredRecord } from "../../src/backends/record-store.ts";
import { compareCreated, dueTime } from "../../src/backends/store-rules.ts";
import type { Findings } from "./findings.ts";
import { JOB_KIND } from "./names.ts";
import type { Listing, Snapshot } from "./snapshot.ts";

export function checkListings(snapshot: Snapshot, findings: Findings): void {
  const records = new Map(snapshot.records.map((record) => [record.id, record]));
  for (const listing of snapshot.listings) {
    const { kind, key, status, order, ids } = listing;
    const name = `${kind} ${key ? `${key.name}=${key.value}` : "all"} ${status}`;
    const expected = snapshot.records.filter((record) => belongs(record, listing));
    const listed = new Set(ids);
    if (listed.size < ids.length) findings.add("index_lies", name, "it lists one record twice");
    for (const { id } of expected) if (!listed.has(id)) findings.add("index_misses", id, name);
    for (const id of listed) {
      const record = records.get(id);
      if (!record || !belongs(record, listing)) findings.add("index_lies", id, name);
    }
    const found = ids.flatMap((id) => records.get(id) ?? []);
    const sorted = found.toSorted((a, b) =>
      order === "oldest" ? compareCreated(a, b) : compareCreated(b, a),
    );
    if (found.some(({ id }, n) => id !== sorted[n]?.id)) findings.add("index_order", name, order);
  }
  checkDue(snapshot, records, findings);
}

function belongs(record: StoredRecord, { kind, key, status }: Listing): boolean {
  return record.kind === kind && record.status === status && (!key || record.keys[key.name] === key.value);
}

function checkDue({ due }: Snapshot, records: ReadonlyMap<string, StoredRecord>, findings: Findings): void {
  const handed = new Set(due.ids);
  if (handed.size < due.ids.length) findings.add("due_lies", JOB_KIND, "one record was handed out twice");
  for (const record of records.values()) {
    if (record.kind !== JOB_KIND) continue;
    const time = dueTime(record);
    if (time !== null && time <= due.from && !handed.has(record.id))
      findings.add("due_misses", record.id, `due ${due.from - time} ms ago, and nobody gets it`);
    if (handed.has(record.id) && (time === null || time > due.to))
      findings.add("due_lies", record.id, "handed out before its time");
  }
  for (const id of handed) if (!records.has(id)) findings.add("due_lies", id, "there is no such record");
}
