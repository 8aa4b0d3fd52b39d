/** Commits without a break, and what became of each. */
import type { RecordStore } from "../../../src/backends/record-store.ts";
import { isHoldpointError } from "../../../src/core/errors.ts";
import { idOf, insertOf } from "../../support/store-ops.ts";

export interface Load {
  /** Ids whose insert was acknowledged, with the version that the record has at least. */
  readonly acknowledged: Map<string, number>;
  /** Codes of the errors that commits ended with. */
  readonly errors: string[];
  /** No further commit; resolves when the last one has ended. */
  stop(): Promise<void>;
}

/** @param slots where the records go: one after the other */
export function startLoad(store: RecordStore, name: string, slots: readonly number[], workers = 8): Load {
  const acknowledged: Load["acknowledged"] = new Map();
  const errors: string[] = [];
  let stopped = false;
  const work = async (worker: number): Promise<void> => {
    for (let n = 0; !stopped; n += 1) {
      const id = idOf(`${name}-${worker}-${n}`, slots[(worker + n) % slots.length] as number);
      try {
        await store.commit([insertOf(id, { keys: { session: name } }, { event: { type: "created" } })]);
        acknowledged.set(id, 1);
        await store.commit([
          { op: "update", id, guard: { version: 1 }, patch: { status: "done" }, event: { type: "done" } },
        ]);
        acknowledged.set(id, 2);
      } catch (error) {
        errors.push(isHoldpointError(error) ? error.code : String(error));
      }
    }
  };
  const workersDone = Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
  return {
    acknowledged,
    errors,
    stop: async () => {
      stopped = true;
      await workersDone;
    },
  };
}

/** The acknowledged writes that the store does not have, as `id@version`. */
export async function lostOf(store: RecordStore, { acknowledged }: Load): Promise<string[]> {
  const ids = [...acknowledged.keys()];
  const found = await store.get(ids);
  const lost: string[] = [];
  for (const [n, id] of ids.entries()) {
    const version = acknowledged.get(id) as number;
    if ((found[n]?.version ?? 0) < version) lost.push(`${id}@${version}`);
  }
  return lost;
}

/** One slot of each shard. */
export function slotsOf(shards: number): number[] {
  return Array.from({ length: shards }, (_, shard) => shard);
}
