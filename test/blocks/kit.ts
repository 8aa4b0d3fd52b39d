/** Events as an honest emitter makes them, in every order that a network may deliver; and events of nobody. */
import fc from "fast-check";
import {
  applyBlockEvent,
  type Block,
  type BlockEvent,
  type BlockState,
  createBlockState,
  listBlocks,
  parseBlockEvent,
} from "holdpoint/blocks";

/** Longer at night: HOLDPOINT_BLOCKS_RUNS multiplies. */
export function runs(count: number): number {
  return count * Number(process.env["HOLDPOINT_BLOCKS_RUNS"] ?? 1);
}

export function event(fields: Partial<BlockEvent> & { readonly op: BlockEvent["op"] }): BlockEvent {
  return parseBlockEvent({ block_id: "b", kind: "any", persistence: "persistent", ...fields });
}

export function fold(events: Iterable<BlockEvent>, start: BlockState = createBlockState()): BlockState {
  let state = start;
  for (const one of events) state = applyBlockEvent(state, one);
  return state;
}

/** By id: what two screens have to agree on. */
export function blocksOf(state: BlockState): Record<string, Block> {
  return Object.fromEntries(
    listBlocks(state)
      .toSorted((a, b) => (a.block_id < b.block_id ? -1 : 1))
      .map((block) => [block.block_id, block]),
  );
}

const name = fc.constantFrom("a", "b", "content", "items");
const leaf = fc.oneof(fc.string({ maxLength: 5 }), fc.integer(), fc.constant(null));
const value = fc.oneof(leaf, fc.array(leaf, { maxLength: 3 }), fc.dictionary(name, leaf, { maxKeys: 3 }));
const data = fc.dictionary(name, value, { maxKeys: 3 });
const path = fc
  .tuple(
    name,
    fc.array(
      fc.oneof(
        name.map((step) => `.${step}`),
        fc.nat(3).map((index) => `[${index}]`),
      ),
      { maxLength: 3 },
    ),
  )
  .map(([first, rest]) => first + rest.join(""));
const change = fc.oneof(
  fc.record({ op: fc.constant("delta" as const), data }),
  fc.record({ op: fc.constant("patch" as const), data: fc.dictionary(path, value, { maxKeys: 3 }) }),
);

/**
 * The events of one block as B6 has them: seqs grow by one within a run of deltas and patches; an `apply` may jump, as a
 * second process does that goes on.
 */
export function chain(block_id: string): fc.Arbitrary<BlockEvent[]> {
  const step = fc.oneof(
    { weight: 4, arbitrary: change.map((body) => ({ ...body, jump: 1 })) },
    {
      weight: 1,
      arbitrary: fc.record({
        op: fc.constant("apply" as const),
        data,
        jump: fc.integer({ min: 1, max: 2 ** 20 }),
      }),
    },
  );
  return fc.array(step, { minLength: 1, maxLength: 12 }).map((steps) => {
    let seq = -1;
    return steps.map(({ jump, ...body }, index) => {
      seq += jump;
      return event({
        ...body,
        block_id,
        seq,
        event_id: `evt_${block_id}_${seq}`,
        timestamp: 1000 + index,
        kind: body.op === "apply" ? `kind${index}` : "any",
        branch: body.op === "apply" && index % 2 === 0 ? "x" : null,
      });
    });
  });
}

/** Some blocks' events, and an order in which they arrive: each at least once, some of them again. */
export const deliveries = fc
  .uniqueArray(fc.constantFrom("p", "q", "r", "s"), { minLength: 1, maxLength: 4 })
  .chain((ids) => fc.tuple(...ids.map((id) => chain(id))))
  .map((chains) => chains.flat())
  .chain((events) =>
    fc.record({
      events: fc.constant(events),
      arrived: fc
        .array(fc.nat(events.length - 1), { maxLength: 8 })
        .map((again) => [...events, ...again.map((index) => events[index] as BlockEvent)])
        .chain((all) => fc.shuffledSubarray(all, { minLength: all.length })),
    }),
  );
