/** What a block event costs with ten blocks, a thousand and a hundred thousand: it has to be about the same. */
import {
  applyBlockEvent,
  type BlockEvent,
  type BlockState,
  createBlockState,
  parseBlockEvent,
} from "holdpoint/blocks";
import { median } from "./measure.ts";
import type { Options } from "./options.ts";
import { atLeast, type Report } from "./report.ts";

const SIZES = [10, 1000, 100_000] as const;
const EVENTS = 20_000;
const SEGMENTS = 9;

function event(fields: Partial<BlockEvent>): BlockEvent {
  return parseBlockEvent({
    block_id: "b",
    kind: "tool_use",
    persistence: "persistent",
    session_id: "s",
    ...fields,
  });
}

const question = {
  hitl_id: "hitl_00112233445566778899aabbccddeeff",
  hitl_type: "permission",
  status: "pending",
  message: "Refund 40 EUR?",
  tool: "refund",
  args: { order: "A-1", amount: 40, currency: "EUR" },
  response_schema: { type: "object", properties: { decision: { enum: ["approve_once", "reject"] } } },
};

/** Spread over the blocks, so that no path of the tree is always the same. */
const idOf = (index: number, size: number): string => `blk_${(index * 7919) % size}`;

const MIXES: Readonly<Record<string, (index: number, size: number) => BlockEvent>> = {
  "delta of a text": (index, size) =>
    event({ op: "delta", kind: "text", block_id: idOf(index, size), data: { content: "word " } }),
  "patch of a status": (index, size) =>
    event({ op: "patch", block_id: idOf(index, size), data: { "steps[0].status": "running" } }),
  "apply of a question": (index, size) =>
    event({ op: "apply", kind: "hitl", block_id: idOf(index, size), data: question, seq: index + 10 }),
  "a new block": (index) =>
    event({ op: "apply", block_id: `new_${index}`, data: { status: "pending" }, seq: 0 }),
};

function filled(size: number): BlockState {
  let state = createBlockState();
  for (let index = 0; index < size; index += 1) {
    state = applyBlockEvent(state, event({ op: "apply", block_id: `blk_${index}`, data: {}, seq: 0 }));
  }
  return state;
}

/** How often a second of processor time: nothing here waits, and what else the machine does says nothing. */
function perSecondOf(count: number, run: (index: number) => void): number {
  const before = process.cpuUsage();
  for (let index = 0; index < count; index += 1) run(index);
  const { user, system } = process.cpuUsage(before);
  return (count / (user + system)) * 1_000_000;
}

/** Every state but the last is thrown away, as a screen does. */
function timed(start: BlockState, events: readonly BlockEvent[]): number {
  let state = start;
  return perSecondOf(events.length, (index) => {
    state = applyBlockEvent(state, events[index] as BlockEvent);
  });
}

/** The obvious way, for comparison: a new Map for each event. */
function copied(size: number): number {
  let blocks = new Map(Array.from({ length: size }, (_, index) => [`blk_${index}`, { data: {} as object }]));
  const count = Math.max(20, Math.floor(200_000 / size));
  return perSecondOf(count, (index) => {
    blocks = new Map(blocks).set(idOf(index, size), { data: { content: "word " } });
  });
}

/** Segments of all sizes in turn, so that a busy machine slows all alike. */
export async function blocks(report: Report, options: Pick<Options, "quick">): Promise<void> {
  report.section(
    "blocks",
    "events that the reducer takes in a second of processor time, by the number of blocks",
  );
  const segments = options.quick ? 3 : SEGMENTS;
  const states = SIZES.map((size) => ({ size, state: filled(size) }));
  for (const [name, make] of Object.entries(MIXES)) {
    const measured = states.map(({ size, state }) => ({
      size,
      state,
      events: Array.from({ length: options.quick ? EVENTS / 5 : EVENTS }, (_, index) => make(index, size)),
      perSecond: [] as number[],
    }));
    for (let segment = -1; segment < segments; segment += 1) {
      for (const { state, events, perSecond } of measured) {
        const found = timed(state, events);
        // The first one warms up.
        if (segment >= 0) perSecond.push(found);
      }
    }
    const [few = 0, some = 0, many = 0] = measured.map(({ perSecond }) => median(perSecond));
    const note = `${SIZES.map((size, at) => `${size}: ${Math.round([few, some, many][at] ?? 0)}/s`).join(", ")}`;
    report.add({ name: `${name}, 100 000 blocks against 10`, value: many / few, note, bound: atLeast(0.25) });
  }
  const plain = SIZES.map((size) => `${size}: ${Math.round(copied(size))}/s`).join(", ");
  report.add({
    name: "a copied Map, 100 000 blocks against 10",
    value: copied(100_000) / copied(10),
    note: plain,
  });
}
