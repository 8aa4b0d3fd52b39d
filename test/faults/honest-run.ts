/** A short load on the memory store, each call by itself: what an honest ledger and its store look like. */
import { StoreHITLBackend } from "holdpoint";
import { FakeClock, MemoryRecordData, MemoryRecordStore } from "holdpoint/testing";
import type { Promises } from "./checker.ts";
import { LedgerList, type Operation, operationsOf } from "./ledger.ts";
import { Load } from "./load.ts";
import { randomOf } from "./random.ts";
import { type Snapshot, takeSnapshot } from "./snapshot.ts";

export const STRICT: Promises = { durable: true, linearizable: true };

/** May be changed: a forgery is an honest run with one lie. */
export interface Evidence {
  operations: Operation[];
  snapshot: Snapshot;
}

export async function honestRun(seed: number, steps: number): Promise<Evidence> {
  const clock = new FakeClock();
  const data = new MemoryRecordData();
  const ledger = new LedgerList();
  const random = randomOf(seed);
  // The ledger's time goes with the store's, a microsecond further with each line.
  let at = 0;
  const loads = ["a", "b", "c"].map(
    (name) =>
      new Load({
        backend: new StoreHITLBackend(new MemoryRecordStore({ clock }, data), { clock }),
        ledger,
        random,
        name,
        pause: async (ms) => void clock.advance(ms),
        now: () => clock.now(),
        at: () => clock.now() * 1000 + (at += 1),
      }),
  );
  for (let n = 0; n < steps; n += 1) {
    const load = loads[n % loads.length] as Load;
    // A wait is for others, and here nobody else moves.
    await (random() < 0.2 ? load.get() : load.write());
    clock.advance(25);
  }
  const operations = [...operationsOf(ledger.lines)];
  const store = new MemoryRecordStore({ clock }, data);
  return { operations, snapshot: plain(await takeSnapshot(store, operations)) };
}

/** Of plain objects all the way down, nothing of them frozen or computed. */
function plain(snapshot: Snapshot): Snapshot {
  const { records, events, listings, due } = snapshot;
  return {
    records: JSON.parse(JSON.stringify(records)),
    events: new Map(JSON.parse(JSON.stringify([...events]))),
    listings,
    due,
  };
}
