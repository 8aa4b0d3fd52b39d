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

async function endedAt(kill: Kill): Promise<{ died: boolean; types: string; refused: readonly string[] }> {
  const clock = new FakeClock();
  const store = new MemoryRecordStore({ clock });
  const shared: Shared = { store, saver: new MemorySaver(), clock, effects: [], refused: [] };
  await send(new Process(shared), "both 1", "wait");
  const died = (await new Process(shared, kill).run((own) => send(own, "hello 2", "cancel"))) === DIED;
  clock.advance(2 * LEASE_MS);
  const next = new Process(shared);
  await resumeThread(next.graph, { backend: next.backend, thread_id: T, leaseMs: LEASE_MS });
  // Sent again by whoever did not hear that it was kept.
  await send(next, "hello 2", "cancel");
  const { messages } = (await next.graph.getState(thread(T))).values;
  const types = said(messages).map((line) => line.split(":", 1)[0]);
  return { died, types: types.join(" "), refused: shared.refused };
}

it.each(["before", "after"] as const)(
  "F11 P9 killed %s any operation, the model hears the message with the results, and once",
  async (side) => {
    let points = 0;
    for (;;) {
      const { died, ...outcome } = await endedAt({ after: points, side });
      expect({ points, ...outcome }).toEqual({
        points,
        types: "human ai 1.0 1.1 1.2 human ai",
        refused: [],
      });
      if (!died) break;
      points += 1;
    }
    expect(points).toBeGreaterThan(20);
  },
);

async function stoodStillAt(
  kill: Kill,
): Promise<{ met: boolean; types: string; refused: readonly string[] }> {
  const clock = new FakeClock();
  const store = new MemoryRecordStore({ clock });
  const shared: Shared = { store, saver: new MemorySaver(), clock, effects: [], refused: [] };
  await send(new Process(shared), "both 1", "wait");
  const slow = new Process(shared, kill);
  // It may have to say that it lost its lease, and is asked again.
  await send(slow, "hello 2", "cancel").catch(() => {});
  const next = new Process(shared);
  await resumeThread(next.graph, { backend: next.backend, thread_id: T, leaseMs: LEASE_MS });
  clock.advance(2 * LEASE_MS);
  await send(next, "hello 2", "cancel");
  const { messages } = (await next.graph.getState(thread(T))).values;
  const types = said(messages).map((line) => line.split(":", 1)[0]);
  return { met: slow.met, types: types.join(" "), refused: shared.refused };
}

it.each(["before", "after"] as const)(
  "P9 standing still %s any operation until its leases have run out, the model hears the message with the results, and once",
  async (side) => {
    let points = 0;
    for (;;) {
      const { met, ...outcome } = await stoodStillAt({ after: points, side, stillMs: 2 * LEASE_MS });
      expect({ points, ...outcome }).toEqual({
        points,
        types: "human ai 1.0 1.1 1.2 human ai",
        refused: [],
      });
      if (!met) break;
      points += 1;
    }
    expect(points).toBeGreaterThan(20);
  },
);
