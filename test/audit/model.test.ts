/** What the trail changes for its callers, against the model of all stores: nothing (S1 to S6). */
import fc from "fast-check";
import { describe, it } from "vitest";
import type { RecordStore } from "holdpoint";
import { FakeClock, MemoryRecordData, MemoryRecordStore } from "holdpoint/testing";
import { AuditedStore } from "../../src/audit/index.ts";
import { commands, compareEverything, type Model, START } from "../property/commands.ts";
import { runs } from "../property/stores.ts";
import { SALT } from "./kit.ts";

const named = (prefix: string) => (one: (typeof commands)[number]) =>
  String(fc.sample(one, { numRuns: 1, seed: 1 })[0]).startsWith(prefix);
const isPurge = named("purge");
const isTogether = named("commits together");
// `purge` goes by the last appended event as well, which the model does not count as a change.
const ofOneHandle = commands.filter((one) => !isPurge(one));
// What two handles send at once has no order.
const ofTwoHandles = ofOneHandle.filter((one) => !isTogether(one));
if (ofTwoHandles.length !== commands.length - 2) throw new Error("The commands have other names.");

/** Each call goes through the other handle: what a handle knows of a record is mostly out of date. */
function inTurn(a: RecordStore, b: RecordStore): RecordStore {
  let calls = 0;
  return new Proxy(a, {
    get: (_, name) => {
      const own: unknown = Reflect.get(a, name, a);
      if (typeof own !== "function") return own;
      return (...args: unknown[]): unknown => {
        const handle = (calls += 1) % 2 === 0 ? a : b;
        return Reflect.apply(Reflect.get(handle, name, handle) as typeof own, handle, args);
      };
    },
  });
}

type Handles = (open: () => RecordStore) => RecordStore;
const cases: readonly (readonly [string, typeof commands, Handles])[] = [
  ["one handle", ofOneHandle, (open) => open()],
  ["two handles in turn", ofTwoHandles, (open) => inTurn(open(), open())],
];

describe.each(cases)("%s", (_, list, handles) => {
  it("any sequence of operations has the same outcomes, records, pages, histories and due records (S1 to S6)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands([...list], { maxCommands: 40, size: "max" }), async (sequence) => {
        const clock = new FakeClock(START);
        const data = new MemoryRecordData();
        const model: Model = { store: new MemoryRecordStore({ clock }), clock };
        const open = (): RecordStore =>
          new AuditedStore(new MemoryRecordStore({ clock }, data), { clock, salt: SALT });
        const real = handles(open);
        await fc.asyncModelRun(() => ({ model, real }), sequence);
        await compareEverything(model, real);
      }),
      { numRuns: runs(120), endOnFailure: false },
    );
  }, 600_000);
});
