/**
 * A process that calls a step off for a message ends at each of its operations; whoever wakes the thread goes on. Or it
 * stands still there until its leases have run out, and goes on itself.
 */
import { MemorySaver } from "@langchain/langgraph";
import { expect, it } from "vitest";
import { resumeThread, sendMessage } from "holdpoint";
import { FakeClock, MemoryRecordStore } from "holdpoint/testing";
import { said, thread } from "./kit.ts";
import { DIED, type Kill, LEASE_MS, Process, type Shared } from "./world.ts";

const T = "t";

function send({ graph, backend }: Process, message: string, whenPending: "wait" | "cancel") {
  const options = { thread_id: T, leaseMs: LEASE_MS, ifNotExists: "create" } as const;
  return sendMessage(graph, { ...options, backend, message, message_id: message, whenPending });
}

interface Outcome {
  /** The point was there: the operations were not over before. */
  readonly met: boolean;
  readonly types: string;
  readonly refused: readonly string[];
}

async function begun(): Promise<Shared> {
  const clock = new FakeClock();
  const store = new MemoryRecordStore({ clock });
  const shared: Shared = { store, saver: new MemorySaver(), clock, effects: [], refused: [] };
  await send(new Process(shared), "both 1", "wait");
  return shared;
}

async function outcomeOf(shared: Shared, { graph }: Process, met: boolean): Promise<Outcome> {
  const { messages } = (await graph.getState(thread(T))).values;
  const types = said(messages).map((line) => line.split(":", 1)[0]);
  return { met, types: types.join(" "), refused: shared.refused };
}

/** At each point in turn, until one comes after the last operation. */
async function expectSame(at: (point: number) => Promise<Outcome>): Promise<void> {
  let points = 0;
  for (;;) {
    const { met, ...outcome } = await at(points);
    const types = "human ai 1.0 1.1 1.2 human ai";
    expect({ points, ...outcome }).toEqual({ points, types, refused: [] });
    if (!met) break;
    points += 1;
  }
  expect(points).toBeGreaterThan(20);
}

async function endedAt(kill: Kill): Promise<Outcome> {
  const shared = await begun();
  const died = (await new Process(shared, kill).run((own) => send(own, "hello 2", "cancel"))) === DIED;
  shared.clock.advance(2 * LEASE_MS);
  const next = new Process(shared);
  await resumeThread(next.graph, { backend: next.backend, thread_id: T, leaseMs: LEASE_MS });
  // Sent again by whoever did not hear that it was kept.
  await send(next, "hello 2", "cancel");
  return outcomeOf(shared, next, died);
}

it.each(["before", "after"] as const)(
  "F11 P9 killed %s any operation, the model hears the message with the results, and once",
  (side) => expectSame((after) => endedAt({ after, side })),
);

async function stoodStillAt(kill: Kill): Promise<Outcome> {
  const shared = await begun();
  const slow = new Process(shared, kill);
  // It may have to say that it lost its lease, and is asked again.
  await send(slow, "hello 2", "cancel").catch(() => {});
  const next = new Process(shared);
  await resumeThread(next.graph, { backend: next.backend, thread_id: T, leaseMs: LEASE_MS });
  shared.clock.advance(2 * LEASE_MS);
  await send(next, "hello 2", "cancel");
  return outcomeOf(shared, next, slow.met);
}

it.each(["before", "after"] as const)(
  "P9 standing still %s any operation until its leases have run out, the model hears the message with the results, and once",
  (side) => expectSame((after) => stoodStillAt({ after, side, stillMs: 2 * LEASE_MS })),
);
