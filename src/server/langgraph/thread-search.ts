/** Lists of threads: pages of an index, each thread checked against its checkpoint before it is told. */
import { z } from "zod";
import type { StoredRecord } from "../../backends/record-store.ts";
import { HttpError } from "./http-error.ts";
import type { Exchange } from "./routes.ts";
import { graphKey, THREAD_STATUSES, type ThreadStatus, valueOf } from "./thread-records.ts";
import type { ThreadView } from "./thread-view.ts";

const object = z.record(z.string(), z.unknown());

export const ThreadSearchSchema = z.object({
  metadata: object.nullish(),
  ids: z.array(z.string()).max(1000).nullish(),
  values: object.nullish(),
  status: z.enum(THREAD_STATUSES).nullish(),
  limit: z.number().int().min(1).max(1000).nullish(),
  offset: z.number().int().min(0).max(10_000).nullish(),
  sort_by: z.enum(["thread_id", "status", "created_at", "updated_at", "state_updated_at"]).nullish(),
  sort_order: z.enum(["asc", "desc"]).nullish(),
  select: z.array(z.string()).max(20).nullish(),
  extract: object.nullish(),
});
export type ThreadSearch = z.infer<typeof ThreadSearchSchema>;

/** Records that one search looks at. */
const MAX_SCANNED = 10_000;
/** Records that are sorted by anything but the time they were made. */
const MAX_SORTED = 1000;
const PAGE = 100;
/** Questions that are looked at for threads that others than this server have moved. */
const MAX_OPEN = 1000;

type ViewOf = (record: StoredRecord) => Promise<ThreadView>;

/** @throws HttpError 422 for what is not supported, or is too much to look at */
export async function searchThreads(
  exchange: Exchange,
  query: ThreadSearch,
  viewOf: ViewOf,
): Promise<ThreadView[]> {
  if (query.extract) throw new HttpError(422, "extract is not supported: select values.");
  if (query.values && Object.keys(query.values).length > 0)
    throw new HttpError(422, "Threads are not found by their values. Use metadata.");
  const { status } = query;
  const offset = query.offset ?? 0;
  const limit = query.limit ?? 10;
  const graph_id = graphIdOf(exchange, query.metadata);
  if (graph_id === null) return [];
  if (status === "interrupted") await findMoved(exchange, viewOf);
  const wanted = (view: ThreadView): boolean =>
    (status ?? view.status) === view.status && contains(view.metadata, query.metadata ?? {});
  const found: ThreadView[] = [];
  let matched = 0;
  for await (const batch of batches(candidates(exchange, query, graph_id))) {
    const views = await Promise.all(batch.map(viewOf));
    await Promise.all(
      batch.map((record, index) => noteStatus(exchange, record, (views[index] as ThreadView).status)),
    );
    for (const view of views.filter(wanted)) {
      matched += 1;
      if (matched > offset && found.length < limit) found.push(view);
    }
    if (found.length === limit) break;
  }
  return found;
}

/** Threads whose states are read at a time. */
const BATCH = 10;

async function* batches<T>(items: AsyncIterable<T>): AsyncGenerator<T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Undefined if any graph will do; null if there is none like that. */
function graphIdOf({ graphs }: Exchange, metadata: ThreadSearch["metadata"]): string | undefined | null {
  const { graph_id, assistant_id } = metadata ?? {};
  const named = [graph_id, assistant_id].filter((id) => id !== undefined);
  if (named.length === 0) return undefined;
  const ids = new Set(named.map((id) => (typeof id === "string" ? graphs.find(id)?.graph_id : undefined)));
  const [only] = ids;
  return ids.size === 1 && only !== undefined ? only : null;
}

/** What a record says may be old: a run that died leaves `busy`, and what others have ended is any of them. */
function hintsOf(status: ThreadStatus | null | undefined): readonly ThreadStatus[] {
  if (status === undefined || status === null || status === "idle") return THREAD_STATUSES;
  return status === "busy" ? ["busy"] : [status, "busy"];
}

async function* candidates(
  { scope }: Exchange,
  query: ThreadSearch,
  graph_id: string | undefined,
): AsyncGenerator<StoredRecord> {
  const { ids, status, sort_by, sort_order } = query;
  if (ids && ids.length > 0) {
    yield* sorted(await scope.records.many(ids), sort_by ?? "created_at", sort_order ?? "desc");
    return;
  }
  const order = sort_order === "asc" ? "oldest" : "newest";
  const key = graph_id === undefined ? {} : ({ key: { name: "alias", value: graphKey(graph_id) } } as const);
  const byTime = sort_by === undefined || sort_by === null || sort_by === "created_at";
  const all: StoredRecord[] = [];
  let scanned = 0;
  let cursor: string | undefined;
  do {
    const page = await scope.records.page({ statuses: hintsOf(status), ...key, order, limit: PAGE, cursor });
    for (const record of page.items) {
      scanned += 1;
      if (scanned > (byTime ? MAX_SCANNED : MAX_SORTED)) throw tooMany(byTime);
      if (byTime) yield record;
      else all.push(record);
    }
    cursor = page.next_cursor;
  } while (cursor !== undefined);
  yield* sorted(all, sort_by ?? "created_at", sort_order ?? "desc");
}

function tooMany(byTime: boolean): HttpError {
  return new HttpError(
    422,
    byTime
      ? `More than ${MAX_SCANNED} threads would have to be looked at. Search by status, or by metadata.graph_id.`
      : `More than ${MAX_SORTED} threads would have to be sorted. Use sort_by: "created_at".`,
  );
}

function sorted(
  records: readonly StoredRecord[],
  by: NonNullable<ThreadSearch["sort_by"]>,
  order: "asc" | "desc",
): StoredRecord[] {
  const keyOf = (record: StoredRecord): string | number => {
    if (by === "thread_id") return valueOf(record).thread_id;
    if (by === "status") return record.status;
    return by === "created_at" ? record.created_at : valueOf(record).updated_at;
  };
  const sign = order === "asc" ? 1 : -1;
  return records.toSorted((a, b) => {
    const [left, right] = [keyOf(a), keyOf(b)];
    return left === right ? 0 : left < right ? -sign : sign;
  });
}

/** Corrects the hint by which lists find the thread. A run that has just taken it writes its own. */
async function noteStatus({ scope }: Exchange, record: StoredRecord, status: ThreadStatus): Promise<void> {
  if (record.status === status) return;
  await scope.records
    .modify(
      valueOf(record).thread_id,
      (value, current) => (current.version === record.version ? { value, status } : null),
      record,
    )
    .catch(() => {
      // Gone, or changed by somebody else who knows better.
    });
}

/** Threads that a worker has resumed, and that ask again: the newest open questions name them. */
async function findMoved(exchange: Exchange, viewOf: ViewOf): Promise<void> {
  const { scope } = exchange;
  const { items } = await scope.backend.list({ status: "pending", order: "newest", limit: MAX_OPEN });
  const ids = [...new Set(items.flatMap(({ thread_id }) => (thread_id === null ? [] : [thread_id])))];
  for (const record of await scope.records.many(ids)) {
    if (record.status === "interrupted" || record.status === "busy") continue;
    await noteStatus(exchange, record, (await viewOf(record)).status);
  }
}

/** As PostgreSQL's `@>`: all that is in `part` is in `whole`. */
function contains(whole: unknown, part: unknown): boolean {
  if (typeof part !== "object" || part === null) return whole === part;
  if (Array.isArray(part))
    return Array.isArray(whole) && part.every((item) => whole.some((own) => contains(own, item)));
  if (typeof whole !== "object" || whole === null || Array.isArray(whole)) return false;
  return Object.entries(part).every(
    ([key, value]) => Object.hasOwn(whole, key) && contains((whole as Record<string, unknown>)[key], value),
  );
}
