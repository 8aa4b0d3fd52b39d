/** What a forger of evidence needs: an honest run that can be written in, and ways to find things in it. */
import type { Rule } from "./findings.ts";
import type { Evidence } from "./honest-run.ts";
import type { Operation, Result } from "./ledger.ts";

/** What can be written in a copy; JSON stays as it is. */
export type Loose<T> =
  T extends ReadonlyMap<infer K, infer V>
    ? Map<K, Loose<V>>
    : T extends readonly (infer V)[]
      ? number extends T["length"]
        ? Loose<V>[]
        : T
      : T extends object
        ? { -readonly [K in keyof T]: K extends "value" | "data" ? Record<string, unknown> : Loose<T[K]> }
        : T;
export type Forged = Loose<Evidence>;

/** One lie, and the rule that has to see it. */
export type Forgery = readonly [rule: Rule, lie: string, forge: (forged: Forged) => void];

/** After all that the honest run has in it, in microseconds. */
export const LATE = 3e15;

export function found<T>(values: readonly T[], what: (value: T) => unknown): T {
  const value = values.find((one) => what(one));
  if (value === undefined) throw new Error("The honest run has no such thing; it is too short.");
  return value;
}

export const said =
  (kind: string, status: string) =>
  ({ call, result }: { call: { kind: string }; result: Result | null }): boolean =>
    call.kind === kind && result?.status === status;

export type Named = { hitl_id: string; id: string; mark: string };

export function operation(
  forged: Forged,
  kind: string,
  status: string,
): Loose<Operation> & { call: Named; result: Loose<Result> } {
  return found(forged.operations, (one) => said(kind, status)(one as never)) as never;
}

export function recordOf(forged: Forged, name: string): Forged["snapshot"]["records"][number] {
  return found(
    forged.snapshot.records,
    ({ id, value }) => id === name || (value as never as Named)?.hitl_id === name,
  );
}

export function eventsOf(
  forged: Forged,
  name: string,
): { seq: number; type: string; at: number; status: string; version: number }[] {
  return forged.snapshot.events.get(recordOf(forged, name).id) as never;
}

export function remove<T>(values: T[], value: T): void {
  values.splice(values.indexOf(value), 1);
}

export function again(forged: Forged, one: Loose<Operation>): Loose<Operation> {
  const copy = structuredClone({ ...one, op: `${one.op}-again` }) as Loose<Operation>;
  forged.operations.push(copy);
  return copy;
}

/** A question that was answered by a call, with that call. */
export const accepted = (forged: Forged) => operation(forged, "respond", "accepted");
export const job = (forged: Forged, what: (record: Forged["snapshot"]["records"][number]) => unknown) =>
  found(forged.snapshot.records, (record) => record.kind === "job" && what(record));
export const writesOf = (record: { value: unknown }): { mark: string; fence: number }[] =>
  (record.value as { writes: never[] }).writes;
export const marksOf = (record: { value: unknown }): string[] => (record.value as { marks: string[] }).marks;
export const listing = (forged: Forged, what: (one: Forged["snapshot"]["listings"][number]) => unknown) =>
  found(forged.snapshot.listings, what);
