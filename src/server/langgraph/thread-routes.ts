/** Threads: made, found, listed, deleted. */
import { z } from "zod";
import type { StoredRecord } from "../../backends/record-store.ts";
import { HttpError } from "./http-error.ts";
import { json, readBody } from "./http.ts";
import { checkedId } from "./ids.ts";
import type { ServedGraph } from "./options.ts";
import { cancelAll } from "./orphans.ts";
import type { Exchange, Handler } from "./routes.ts";
import { parsed } from "./run-request.ts";
import { assertFree, takeThread } from "./exclusive.ts";
import { listedInterrupts } from "./thread-interrupts.ts";
import { searchThreads, ThreadSearchSchema } from "./thread-search.ts";
import { checkedMetadata, type ThreadValue, valueOf } from "./thread-records.ts";
import { threadView, type ThreadView, truthOf } from "./thread-view.ts";

const object = z.record(z.string(), z.unknown());

const CreateSchema = z.object({
  thread_id: z.string().nullish(),
  metadata: object.nullish(),
  if_exists: z.enum(["raise", "do_nothing"]).nullish(),
  supersteps: z.array(z.unknown()).nullish(),
  ttl: z.unknown().optional(),
});

const PatchSchema = z.object({ metadata: object.nullish(), ttl: z.unknown().optional() });

export function graphOf({ graphs }: Pick<Exchange, "graphs">, record: StoredRecord): ServedGraph | undefined {
  const { graph_id } = valueOf(record);
  return graph_id === null ? undefined : graphs.find(graph_id)?.graph;
}

export async function viewOf(
  exchange: Pick<Exchange, "graphs" | "scope">,
  record: StoredRecord,
): Promise<ThreadView> {
  const { records, backend } = exchange.scope;
  const truth = await truthOf(records, record, graphOf(exchange, record));
  return threadView(record, truth, await listedInterrupts(backend, valueOf(record).thread_id, truth.state));
}

/** Metadata that a client gives; which graph a thread is of is not in it. */
function splitMetadata(
  { graphs }: Exchange,
  given: Readonly<Record<string, unknown>> | null | undefined,
): Pick<ThreadValue, "graph_id" | "metadata"> {
  const { graph_id, assistant_id, ...metadata } = given ?? {};
  const named = graph_id ?? assistant_id;
  if (named === undefined || named === null)
    return { graph_id: null, metadata: checkedMetadata(metadata, "thread") };
  if (typeof named !== "string") throw new HttpError(422, "metadata.graph_id has to be a text.");
  return { graph_id: graphs.get(named).graph_id, metadata: checkedMetadata(metadata, "thread") };
}

const create: Handler = async (exchange) => {
  const { request, scope, settings, graphs } = exchange;
  const body = parsed(CreateSchema, await readBody(request, settings.body));
  if (body.supersteps && body.supersteps.length > 0)
    throw new HttpError(422, "supersteps are not supported: update the thread's state.");
  const thread_id =
    body.thread_id === undefined || body.thread_id === null
      ? settings.randomUuid()
      : checkedId(body.thread_id, "thread_id");
  const wanted = splitMetadata(exchange, body.metadata);
  const known = await scope.records.find(thread_id);
  if (!known) {
    const all = graphs.all.map(({ graph }) => graph);
    await assertFree(all, thread_id, settings);
  }
  const { created, record } = known
    ? { created: false, record: known }
    : await scope.records.create(thread_id, wanted, settings.now());
  if (!created && body.if_exists !== "do_nothing")
    throw new HttpError(409, `Thread ${thread_id} already exists.`);
  return json(await viewOf(exchange, record));
};

const get: Handler = async (exchange, { thread_id = "" }) =>
  json(await viewOf(exchange, await exchange.scope.records.get(checkedId(thread_id, "thread_id"))));

const patch: Handler = async (exchange, { thread_id = "" }) => {
  const { request, scope, settings } = exchange;
  const body = parsed(PatchSchema, await readBody(request, settings.body));
  const { graph_id, metadata } = splitMetadata(exchange, body.metadata);
  const record = await scope.records.modify(checkedId(thread_id, "thread_id"), (value) => {
    if (graph_id !== null && value.graph_id !== null && graph_id !== value.graph_id)
      throw new HttpError(409, `Thread ${thread_id} is of the graph "${value.graph_id}".`);
    return {
      value: {
        ...value,
        graph_id: value.graph_id ?? graph_id,
        metadata: checkedMetadata({ ...value.metadata, ...metadata }, "thread"),
        updated_at: settings.now(),
      },
    };
  });
  if (request.headers.get("prefer") === "return=minimal") return new Response(null, { status: 204 });
  return json(await viewOf(exchange, record as StoredRecord));
};

const remove: Handler = async (exchange, { thread_id = "" }) => {
  await deleteThread(exchange, await exchange.scope.records.get(checkedId(thread_id, "thread_id")));
  return new Response(null, { status: 204 });
};

/**
 * Questions first, then checkpoints, the record last: a crash between leaves a thread that can be deleted again.
 *
 * @throws HttpError 409 while a run is in progress
 */
export async function deleteThread(
  exchange: Pick<Exchange, "scope" | "graphs" | "settings">,
  record: StoredRecord,
): Promise<void> {
  const { thread_id } = valueOf(record);
  const { scope, settings } = exchange;
  const taken = await takeThread(scope, record, settings);
  await cancelAll(scope.backend, thread_id);
  const saver = graphOf(exchange, record)?.checkpointer as
    | { deleteThread?(id: string): Promise<void> }
    | undefined;
  await saver?.deleteThread?.(thread_id);
  // A version guards the removal: what somebody has noted meanwhile, a wish to cancel maybe, ends with it.
  let left: StoredRecord | null = taken.record;
  while (left && left.created_at === record.created_at) {
    if (left.fence !== taken.record.fence) throw new HttpError(409, "Thread is busy");
    await scope.records.remove(left);
    left = await scope.records.find(thread_id);
  }
}

const search: Handler = async (exchange) => {
  const { request, settings } = exchange;
  const query = parsed(ThreadSearchSchema, await readBody(request, settings.body));
  const found = await searchThreads(exchange, query, (record) => viewOf(exchange, record));
  const limit = query.limit ?? 10;
  const next = (query.offset ?? 0) + found.length;
  const fields = query.select;
  const views = fields
    ? found.map((view) => Object.fromEntries(Object.entries(view).filter(([key]) => fields.includes(key))))
    : found;
  const headers: Record<string, string> = { "x-pagination-total": String(next) };
  if (found.length === limit) {
    headers["x-pagination-next"] = String(next);
    headers["x-pagination-total"] = String(next + 1);
  }
  return json(views, 200, headers);
};

const count: Handler = async (exchange) => {
  const { request, settings } = exchange;
  const { metadata, status, values } = parsed(ThreadSearchSchema, await readBody(request, settings.body));
  const all = { metadata, status, values, limit: 1000, offset: 0 };
  let total = 0;
  for (;;) {
    const found = await searchThreads(exchange, { ...all, offset: total }, (record) =>
      viewOf(exchange, record),
    );
    total += found.length;
    if (found.length < all.limit) return json(total);
  }
};

export const THREAD_ROUTES: Readonly<Record<string, Handler>> = {
  "POST /threads": create,
  "POST /threads/search": search,
  "POST /threads/count": count,
  "GET /threads/:thread_id": get,
  "PATCH /threads/:thread_id": patch,
  "DELETE /threads/:thread_id": remove,
};
