/** Answers, an escalation and a cancellation at every interleaving of their reads and writes: who may not answer never does. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { type HITLBackend, type HITLRecord, StoreHITLBackend } from "holdpoint";
import { FakeClock, MemoryRecordData, MemoryRecordStore } from "holdpoint/testing";
import { turnsOf, waiting } from "../policy/turns.ts";

const ACTORS = ["a", "b", "c"] as const;

type Act =
  | {
      readonly do: "respond";
      readonly actor: string | null;
      readonly handle: 0 | 1;
      readonly isAtHand: boolean;
    }
  | { readonly do: "read"; readonly handle: 0 | 1 }
  | { readonly do: "late" }
  | { readonly do: "cancel"; readonly handle: 0 | 1 };

const handle = fc.constantFrom<0 | 1>(0, 1);
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("respond" as const),
      actor: fc.constantFrom(...ACTORS, null),
      handle,
      isAtHand: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("read" as const), handle }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("late" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cancel" as const), handle }) },
);

interface Given {
  readonly answerers: readonly string[];
  readonly escalate: string | null;
  readonly acts: readonly Act[];
  readonly counts: readonly number[];
}

/** What came of an answer, and whose it was. */
interface Outcome {
  readonly actor: string | null;
  readonly status: string;
}

async function play({ answerers, escalate, acts, counts }: Given): Promise<void> {
  const clock = new FakeClock();
  const data = new MemoryRecordData();
  const turns = turnsOf(counts);
  const handles = [0, 1].map(() => {
    const store = new MemoryRecordStore({ clock }, data);
    return waiting(new StoreHITLBackend(store, { clock, retention: { sweepEveryMs: 0 } }), clock, turns);
  }) as [HITLBackend, HITLBackend];
  const { record } = await handles[0].create({
    hitl_type: "confirm",
    session_id: "s",
    metadata: { answerers: [...answerers] },
    ...(escalate === null ? {} : { expires_at: clock.now() + 10, on_expire: { escalate } }),
  });
  const { hitl_id } = record;
  const results = await Promise.all(
    acts.map(async (one): Promise<Outcome | null> => {
      await turns();
      if (one.do === "late") clock.advance(10);
      else if (one.do === "read") await handles[one.handle].get(hitl_id);
      else if (one.do === "cancel") await handles[one.handle].cancel(hitl_id);
      else {
        const { actor } = one;
        const options = { ...(actor ? { actor: { id: actor } } : {}), ...(one.isAtHand ? { record } : {}) };
        const { status } = await handles[one.handle].respond(
          hitl_id,
          { confirmed: true, comment: actor ?? "" },
          options,
        );
        return { actor, status };
      }
      return null;
    }),
  );
  const outcomes = results.filter((one) => one !== null);
  // A deadline that has passed takes effect when it is read.
  const stored = (await handles[1].get(hitl_id)) as HITLRecord;
  const types = (await handles[1].history(hitl_id)).items.map(({ type }) => type);
  const isEscalated = types.includes("escalated");
  const allowed = new Set([...answerers, ...(isEscalated && escalate !== null ? [escalate] : [])]);
  const accepted = outcomes.filter(({ status }) => status === "accepted");
  expect(accepted).toHaveLength(types.filter((type) => type === "answered").length);
  expect(accepted.length).toBeLessThanOrEqual(1);
  for (const { actor } of accepted) {
    expect(actor !== null && allowed.has(actor)).toBe(true);
    expect(stored.responded_by).toEqual({ id: actor });
  }
  // Whoever was on the list from the start is never told that he is not.
  for (const { actor, status } of outcomes)
    if (status === "forbidden") expect(actor === null || !answerers.includes(actor)).toBe(true);
  expect(new Set(stored.metadata["answerers"] as string[])).toEqual(allowed);
  const ends = types.slice(isEscalated ? 2 : 1);
  expect(ends).toEqual(
    stored.status === "pending" ? [] : [stored.status === "completed" ? "answered" : stored.status],
  );
}

it("P4, P8 nobody's answer is accepted but of those on the list, and of whom it was escalated to", async () => {
  const given: fc.Arbitrary<Given> = fc.record({
    answerers: fc.uniqueArray(fc.constantFrom(...ACTORS), { minLength: 1, maxLength: 2 }),
    escalate: fc.constantFrom(null, ...ACTORS),
    acts: fc.array(act, { minLength: 2, maxLength: 10 }),
    counts: fc.array(fc.nat(4), { minLength: 1, maxLength: 30 }),
  });
  await fc.assert(fc.asyncProperty(given, play), { numRuns: 500 });
});
