/** S1 and S2: two records that change together, each guarded by its version. */
import type { StoredRecord } from "../../src/backends/record-store.ts";
import { marksOf } from "./calls.ts";
import { mayHaveActed } from "./check-questions.ts";
import type { Promises } from "./checker.ts";
import type { Findings } from "./findings.ts";
import type { Operation } from "./ledger.ts";
import { PAIR_KIND } from "./names.ts";
import type { Snapshot } from "./snapshot.ts";

const same = (a: readonly string[], b: readonly string[]): boolean => a.join("\n") === b.join("\n");

function isPrefix(part: readonly string[], whole: readonly string[]): boolean {
  return same(part, whole.slice(0, part.length));
}

export function checkPairs(
  operations: readonly Operation[],
  snapshot: Snapshot,
  promises: Promises,
  findings: Findings,
): void {
  const records = new Map(snapshot.records.map((record) => [record.id, record]));
  const legal = new Set<string>();
  const pairs = new Map<string, readonly [string, string]>();
  for (const operation of operations) {
    const { op, call, result } = operation;
    if (call.kind === "seed" && call.ids[0]?.startsWith(`${PAIR_KIND}_`))
      pairs.set(call.ids[0], call.ids as readonly [string, string]);
    if (call.kind === "pair" && (result?.status === "committed" || mayHaveActed(operation)))
      legal.add(call.mark);
    if (call.kind === "pair" && result?.status === "committed" && promises.durable) {
      for (const id of call.ids)
        if (!marksOf(records.get(id)).includes(call.mark))
          findings.add("lost_mark", id, `${op} was acknowledged, and ${call.mark} is not there`);
    }
    if (call.kind === "look" && result?.marks) {
      const [left = [], right = []] = result.marks;
      if (!same(left, right)) findings.add("torn_pair", call.ids[0], `${op} saw half of a commit`);
      if (promises.durable && promises.linearizable && !isPrefix(left, marksOf(records.get(call.ids[0]))))
        findings.add("lost_mark", call.ids[0], `${op} saw marks that are gone`);
    }
  }
  for (const [left, right] of pairs.values()) {
    const both = [records.get(left), records.get(right)];
    if (!same(marksOf(both[0]), marksOf(both[1])) || (both[0] === undefined) !== (both[1] === undefined))
      findings.add("torn_pair", left, "one of the pair has what the other has not");
    for (const record of both) if (record) checkOne(record, snapshot, legal, findings);
  }
}

function checkOne(
  record: StoredRecord,
  snapshot: Snapshot,
  legal: ReadonlySet<string>,
  findings: Findings,
): void {
  const { id, version } = record;
  const marks = marksOf(record);
  if (new Set(marks).size < marks.length) findings.add("history_twice", id, "a mark is there twice");
  for (const mark of marks)
    if (!legal.has(mark)) findings.add("failed_took_effect", id, `${mark} was refused, and it is there`);
  if (version !== marks.length + 1)
    findings.add("version", id, `version ${version} with ${marks.length} updates`);
  const [first, ...events] = snapshot.events.get(id) ?? [];
  const told = events.map(({ data }) => String(data?.["mark"]));
  if (first?.type !== "created" || !same(told, marks))
    findings.add("history_lies", id, `${events.length} events for ${marks.length} updates`);
}
