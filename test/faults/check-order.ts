/** Calls that did not overlap: the later one sees what the earlier one was told. */
import { HITL_KIND } from "../../src/backends/hitl-codec.ts";
import { viewsOf } from "./check-questions.ts";
import type { Findings, Rule } from "./findings.ts";
import type { Operation } from "./ledger.ts";
import type { Snapshot } from "./snapshot.ts";

interface Sighting {
  readonly op: string;
  readonly began: number;
  readonly ended: number;
  readonly value: number;
}

/** Values of one record that may only grow from one call to a later one. */
class Growing {
  readonly #sightings = new Map<string, Sighting[]>();

  add(key: string, { op, began, ended }: Operation, value: number): void {
    const list = this.#sightings.get(key) ?? [];
    list.push({ op, began, ended, value });
    this.#sightings.set(key, list);
  }

  /** @param strictly No two calls may see the same value either. */
  check(rule: Rule, strictly: boolean, findings: Findings): void {
    for (const [key, sightings] of this.#sightings) {
      const ends = sightings.toSorted((a, b) => a.ended - b.ended);
      const begins = sightings.toSorted((a, b) => a.began - b.began);
      let highest: Sighting | undefined;
      let next = 0;
      for (const one of begins) {
        for (let end = ends[next]; end && end.ended < one.began; end = ends[next]) {
          if (!highest || end.value > highest.value) highest = end;
          next += 1;
        }
        if (highest && (strictly ? one.value <= highest.value : one.value < highest.value))
          findings.add(rule, key, `${one.op} saw ${one.value} after ${highest.op} had seen ${highest.value}`);
      }
    }
  }
}

export function checkOrder(operations: readonly Operation[], snapshot: Snapshot, findings: Findings): void {
  const versions = new Growing();
  const fences = new Growing();
  const marks = new Growing();
  for (const operation of operations) {
    const { call, result } = operation;
    if (!result) continue;
    for (const view of viewsOf(operation)) versions.add(view.hitl_id, operation, view.version);
    for (const [id, fence] of result.held ?? []) fences.add(id, operation, fence);
    const nothing = (call.kind === "get" && result.view === null) || result.status === "not_found";
    if (nothing && "hitl_id" in call && call.hitl_id !== null) versions.add(call.hitl_id, operation, 0);
    // Each version of a question is one event.
    if (call.kind === "history") versions.add(call.hitl_id, operation, result.events?.length ?? 0);
    if (call.kind === "look") marks.add(call.ids[0], operation, result.marks?.[0]?.length ?? 0);
  }
  versions.check("stale_read", false, findings);
  marks.check("stale_read", false, findings);
  fences.check("fence_order", true, findings);
  checkLists(operations, snapshot, findings);
  checkWaits(operations, findings);
}

/** S5 while others write: a question that was open all the time is in the list. */
function checkLists(operations: readonly Operation[], snapshot: Snapshot, findings: Findings): void {
  const created = new Map<string, number>();
  for (const { call, result, ended } of operations) {
    if (call.kind === "create" && result?.view)
      created.set(result.view.hitl_id, Math.min(created.get(result.view.hitl_id) ?? ended, ended));
  }
  const open = new Map<string, { hitl_id: string; since: number }[]>();
  for (const { kind, status, value, keys } of snapshot.records) {
    if (kind !== HITL_KIND || status !== "pending" || keys.session === undefined) continue;
    const hitl_id = String(value["hitl_id"]);
    const list = open.get(keys.session) ?? [];
    list.push({ hitl_id, since: created.get(hitl_id) ?? Number.POSITIVE_INFINITY });
    open.set(keys.session, list);
  }
  for (const { op, call, result, began } of operations) {
    if (call.kind !== "list" || !result?.views) continue;
    const listed = new Set(result.views.map(({ hitl_id }) => hitl_id));
    if (listed.size < result.views.length) findings.add("index_lies", op, "one question is listed twice");
    for (const { hitl_id, since } of open.get(call.session) ?? [])
      if (since < began && !listed.has(hitl_id)) findings.add("missed_by_list", hitl_id, op);
  }
}

function checkWaits(operations: readonly Operation[], findings: Findings): void {
  const ended = new Map<string, number>();
  for (const operation of operations) {
    for (const { hitl_id, status } of viewsOf(operation)) {
      if (status !== "pending")
        ended.set(hitl_id, Math.min(ended.get(hitl_id) ?? operation.ended, operation.ended));
    }
  }
  for (const { op, call, result, began } of operations) {
    if (call.kind !== "wait" || result?.status !== "timeout") continue;
    if ((ended.get(call.hitl_id) ?? Number.POSITIVE_INFINITY) < began)
      findings.add("slept_through", call.hitl_id, `${op} waited for what had ended`);
  }
}
