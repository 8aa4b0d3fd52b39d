/** S2, S3, S4 and P9 for leased records: fences, guarded writes, counted touches, appended events. */
import type { RecordEvent, StoredRecord } from "../../src/backends/record-store.ts";
import { LEASE_MS } from "./calls.ts";
import { mayHaveActed } from "./check-questions.ts";
import type { Promises } from "./checker.ts";
import type { Findings } from "./findings.ts";
import type { Operation } from "./ledger.ts";
import { JOB_KIND } from "./names.ts";
import type { Snapshot } from "./snapshot.ts";

/** The ledger's clock and the store's run beside each other, and the store's counts whole milliseconds. */
const CLOCKS_APART_MS = 30;

/** What was said about one job. `may`: how many calls of that kind may have acted without being told. */
interface Said {
  readonly leases: { op: string; fence: number; began: number; ended: number }[];
  /** When a lease may have been given back, by its fence. */
  readonly givenBack: Map<number, number>;
  readonly writes: string[];
  readonly releases: number[];
  readonly appends: string[];
  touches: number;
  /** Marks of calls that may have been done, of each kind. */
  readonly mayLease: string[];
  readonly mayWrite: string[];
  readonly mayAppend: string[];
  mayRelease: number;
  mayTouch: number;
}

interface LeaseWrite {
  readonly mark: string;
  readonly fence: number;
}

function nothing(): Said {
  return {
    leases: [],
    givenBack: new Map(),
    writes: [],
    releases: [],
    appends: [],
    touches: 0,
    mayLease: [],
    mayWrite: [],
    mayAppend: [],
    mayRelease: 0,
    mayTouch: 0,
  };
}

interface SaidOfAll {
  readonly of: (id: string) => Said;
  readonly jobs: ReadonlyMap<string, Said>;
  readonly seeded: ReadonlySet<string>;
  /** Any of the due jobs may be theirs. */
  readonly mayAcquireDue: number;
}

function collect(operations: readonly Operation[]): SaidOfAll {
  const jobs = new Map<string, Said>();
  const seeded = new Set<string>();
  let mayAcquireDue = 0;
  const of = (id: string): Said => {
    let said = jobs.get(id);
    if (!said) jobs.set(id, (said = nothing()));
    return said;
  };
  for (const operation of operations) {
    const { op, call, result } = operation;
    const may = mayHaveActed(operation);
    if (call.kind === "seed" && result) for (const id of call.ids) seeded.add(id);
    for (const [id, fence] of result?.held ?? [])
      of(id).leases.push({ op, fence, began: operation.began, ended: operation.ended });
    if (call.kind === "acquire_due" && may) mayAcquireDue += 1;
    if (call.kind === "acquire" && may) of(call.id).mayLease.push(call.owner);
    if (call.kind === "write") {
      if (result?.status === "updated") of(call.id).writes.push(call.mark);
      if (may) of(call.id).mayWrite.push(call.mark);
    } else if (call.kind === "release") {
      const { givenBack } = of(call.id);
      givenBack.set(call.fence, Math.min(givenBack.get(call.fence) ?? Infinity, operation.began));
      if (result?.status === "updated") of(call.id).releases.push(call.fence);
      if (may) of(call.id).mayRelease += 1;
    } else if (call.kind === "touch") {
      if (result?.status === "exists") of(call.id).touches += 1;
      if (may) of(call.id).mayTouch += 1;
    } else if (call.kind === "append") {
      if (result?.status === "appended") of(call.id).appends.push(call.mark);
      if (may) of(call.id).mayAppend.push(call.mark);
    }
  }
  return { of, jobs, seeded, mayAcquireDue };
}

export function checkJobs(
  operations: readonly Operation[],
  snapshot: Snapshot,
  promises: Promises,
  findings: Findings,
): void {
  const { of, jobs, seeded, mayAcquireDue } = collect(operations);
  const records = new Map(snapshot.records.map((record) => [record.id, record]));
  if (promises.durable) {
    for (const id of seeded)
      if (!records.has(id)) findings.add("lost_create", id, "it was seeded, and it is not there");
    for (const [id, { leases }] of jobs)
      if (leases.length > 0 && !records.has(id)) findings.add("lost_lease", id, "it was leased and is gone");
  }
  for (const record of records.values()) {
    if (record.kind !== JOB_KIND) continue;
    const said = of(record.id);
    const events = snapshot.events.get(record.id) ?? [];
    checkWrites(record, said, promises, findings);
    checkEvents(record, said, events, promises, findings);
    checkHolders(record.id, said, findings);
    if (promises.durable) checkCounts(record, said, mayAcquireDue, findings);
  }
}

function checkWrites(record: StoredRecord, said: Said, promises: Promises, findings: Findings): void {
  const writes = (record.value["writes"] ?? []) as unknown as readonly LeaseWrite[];
  for (const [n, { mark, fence }] of writes.entries()) {
    if (fence < (writes[n - 1]?.fence ?? 0))
      findings.add("stale_write", record.id, `${mark} of fence ${fence} follows ${writes[n - 1]?.fence}`);
    if (!said.writes.includes(mark) && !said.mayWrite.includes(mark))
      findings.add("stale_write", record.id, `${mark} was told that it may not write, and it is there`);
  }
  if (!promises.durable) return;
  const kept = new Set(writes.map(({ mark }) => mark));
  for (const mark of said.writes)
    if (!kept.has(mark)) findings.add("lost_write", record.id, `${mark} was acknowledged and is not there`);
}

/** Nobody gets a lease before the last one has run out or was given back. */
function checkHolders(id: string, { leases, givenBack }: Said, findings: Findings): void {
  for (const first of leases) {
    const runsOut = first.began + 1000 * (LEASE_MS - CLOCKS_APART_MS);
    const free = Math.min(runsOut, givenBack.get(first.fence) ?? runsOut);
    for (const next of leases)
      if (next.fence > first.fence && next.ended < free)
        findings.add(
          "lease_stolen",
          id,
          `${next.op} got ${next.fence} while ${first.op} held ${first.fence}`,
        );
  }
}

function between(value: number, least: number, most: number): boolean {
  return value >= least && value <= most;
}

function checkCounts(record: StoredRecord, said: Said, mayAcquireDue: number, findings: Findings): void {
  const { id, fence, touches, version } = record;
  const fences = said.leases.map((lease) => lease.fence);
  if (new Set(fences).size < fences.length) {
    const all = said.leases.map((lease) => `${lease.op} ${lease.fence}`).join(", ");
    findings.add("fence_twice", id, all);
  }
  for (const lease of said.leases)
    if (lease.fence > fence)
      findings.add("lost_lease", id, `${lease.op} got ${lease.fence}, it has ${fence}`);
  const mayLease = said.mayLease.length + mayAcquireDue;
  if (!between(fence, fences.length, fences.length + mayLease))
    findings.add("fence_twice", id, `fence ${fence} after ${fences.length} leases and perhaps ${mayLease}`);
  const updates = fences.length + said.writes.length + said.releases.length;
  const may = mayLease + said.mayWrite.length + said.mayRelease;
  if (!between(version - 1, updates, updates + may))
    findings.add("version", id, `version ${version} after ${updates} updates and perhaps ${may}`);
  if (!between(touches, said.touches, said.touches + said.mayTouch))
    findings.add("touches", id, `${touches}, acknowledged ${said.touches}, perhaps ${said.mayTouch} more`);
}

function checkEvents(
  record: StoredRecord,
  said: Said,
  events: readonly RecordEvent[],
  promises: Promises,
  findings: Findings,
): void {
  const { id } = record;
  const marks = new Map<string, number>();
  let version = 0;
  for (const [n, event] of events.entries()) {
    if (event.seq !== n + 1) findings.add("history_gap", id, `event ${n + 1} has seq ${event.seq}`);
    if (event.version < version)
      findings.add("history_lies", id, `version ${event.version} after ${version}`);
    version = event.version;
    const name = `${event.type} ${String(event.data?.["mark"])}`;
    marks.set(name, (marks.get(name) ?? 0) + 1);
  }
  if (version > record.version) findings.add("history_lies", id, `it tells of version ${version}`);
  for (const [name, count] of marks) {
    if (count === 1) continue;
    findings.add(name.startsWith("noted") ? "appended" : "history_twice", id, `${name}, ${count} times`);
  }
  const known = new Set([...said.appends, ...said.mayAppend]);
  for (const name of marks.keys()) {
    if (name.startsWith("noted ") && !known.has(name.slice(6)))
      findings.add("failed_took_effect", id, `${name}, which failed`);
  }
  if (!promises.durable) return;
  for (const mark of said.appends)
    if (!marks.has(`noted ${mark}`))
      findings.add("appended", id, `${mark} was acknowledged and is not there`);
  // `acquireDue` writes no event.
  const written = ((record.value["writes"] ?? []) as unknown as readonly LeaseWrite[]).map(
    ({ mark }) => mark,
  );
  for (const mark of written)
    if (!marks.has(`written ${mark}`))
      findings.add("history_gap", id, `${mark} is written, its event is not`);
}
