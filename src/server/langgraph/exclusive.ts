/** Work on a thread that no run may be in progress beside: updates of its state, its end. */
import type { StoredRecord } from "../../backends/record-store.ts";
import { defaultLeaseOwner } from "../../core/ids.ts";
import type { Scope, Settings } from "./context.ts";
import { HttpError } from "./http-error.ts";
import { isUuid } from "./ids.ts";
import type { ServedGraph } from "./options.ts";
import { type ThreadStatus, type ThreadValue, valueOf } from "./thread-records.ts";

export interface Taken {
  readonly scope: Scope;
  readonly record: StoredRecord;
}

/** Takes the thread's lease, as a run does. @throws HttpError 409 */
export async function takeThread(scope: Scope, record: StoredRecord, { leaseMs }: Settings): Promise<Taken> {
  const now = await scope.backend.store.now();
  const taken = await scope.records.modify(
    valueOf(record).thread_id,
    (value, current) =>
      current.lease && current.lease.expires_at > now
        ? null
        : { value, lease: { owner: defaultLeaseOwner(), durationMs: leaseMs }, guard: { lease: "free" } },
    record,
  );
  if (!taken) throw new HttpError(409, "Thread is busy");
  return { scope, record: taken };
}

/** Gives it back, with what is to be written besides. */
export async function releaseThread(
  { scope, record }: Taken,
  change: { readonly value?: Partial<ThreadValue>; readonly status?: ThreadStatus } = {},
): Promise<void> {
  await scope.records.modify(valueOf(record).thread_id, (value, current) =>
    current.fence === record.fence
      ? {
          value: { ...value, ...change.value },
          ...(change.status === undefined ? {} : { status: change.status }),
          lease: "release",
        }
      : null,
  );
}

/**
 * A thread that a client wants to begin. Checkpoints know no tenants: what is there without a record of this server may be
 * anybody's.
 *
 * @throws HttpError 409, 422
 */
export async function assertFree(
  graphs: readonly ServedGraph[],
  thread_id: string,
  { uuidThreads }: Settings,
): Promise<void> {
  if (uuidThreads && !isUuid(thread_id)) throw new HttpError(422, "The id of a new thread has to be a UUID.");
  for (const graph of graphs) {
    const { config } = await graph.getState({ configurable: { thread_id } });
    if (config.configurable?.["checkpoint_id"] === undefined) continue;
    throw new HttpError(
      409,
      `Thread ${thread_id} exists and was not made by this server. Its owner can hand it over: server.adopt({ thread_id, graph_id }).`,
    );
  }
}
