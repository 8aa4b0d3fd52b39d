/** Runs: begun, streamed, waited for, cancelled. */
import type { Exchange, Handler } from "./routes.ts";
import type { Frame } from "./feed.ts";
import { notFound } from "./http-error.ts";
import { flag, json, numberOf, readBody } from "./http.ts";
import { checkedId } from "./ids.ts";
import { type RunRequest, runRequestOf } from "./run-request.ts";
import type { LiveRun } from "./runs.ts";
import type { SseFrame } from "./sse.ts";
import { stillOpen } from "./still-open.ts";
import { valueOf } from "./thread-records.ts";
import { deleteThread, graphOf } from "./thread-routes.ts";
import { interruptsOfState, runView } from "./thread-view.ts";
import { toWire } from "./wire.ts";

const requestOf = async ({ request, settings }: Exchange): Promise<RunRequest> =>
  runRequestOf(await readBody(request, settings.body), settings.maxRecursion);

const threadId = (params: Readonly<Record<string, string>>): string =>
  checkedId(params["thread_id"] ?? "", "thread_id");
const runId = (params: Readonly<Record<string, string>>): string =>
  checkedId(params["run_id"] ?? "", "run_id");

const locationOf = ({ thread_id, entry }: LiveRun): string => `/threads/${thread_id}/runs/${entry.run_id}`;

async function* sseOf(frames: AsyncIterable<Frame>): AsyncGenerator<SseFrame> {
  for await (const { seq, event, data } of frames) yield { id: String(seq), event, data };
}

function streamOf(
  { streams }: Exchange,
  run: LiveRun,
  after: number,
  cancelOnDisconnect: boolean,
  onClose?: () => void,
): Response {
  const location = locationOf(run);
  return streams.open((signal) => sseOf(run.feed.read(after, signal)), {
    // `location` is where a client that lost the connection comes back to.
    headers: { "content-location": location, location: `${location}/stream` },
    ...(cancelOnDisconnect ? { onDisconnect: () => run.cancel() } : {}),
    ...(onClose ? { onClose } : {}),
  });
}

const create: Handler = async (exchange, params) => {
  const run = await exchange.runs.start(exchange.scope, threadId(params), await requestOf(exchange));
  return json(runView(run.thread_id, run.entry, true), 200, { "content-location": locationOf(run) });
};

const stream: Handler = async (exchange, params) => {
  const thread_id = threadId(params);
  const request = await requestOf(exchange);
  exchange.streams.assertRoom();
  return streamOf(
    exchange,
    await exchange.runs.start(exchange.scope, thread_id, request),
    0,
    request.cancelOnDisconnect,
  );
};

/** The thread's values after a run, as `wait` and `join` give them. */
async function resultOf(exchange: Exchange, thread_id: string, run_id: string): Promise<unknown> {
  const record = await exchange.scope.records.get(thread_id);
  const entry = valueOf(record).runs.find((run) => run.run_id === run_id);
  if (entry?.error) return { __error__: entry.error };
  const state = await graphOf(exchange, record)?.getState({ configurable: { thread_id } });
  const interrupts = state ? interruptsOfState(await stillOpen(exchange.scope, thread_id, state)) : [];
  const values = state?.values ?? {};
  return interrupts.length > 0 ? { ...values, __interrupt__: interrupts } : values;
}

/** White space keeps the connection open; JSON may begin with it. */
function later(
  { settings }: Exchange,
  result: () => Promise<unknown>,
  headers: Readonly<Record<string, string>>,
): Response {
  const encoder = new TextEncoder();
  const text = result().then(toWire, (error: unknown) => {
    settings.onError(error, {});
    return toWire({ __error__: { error: "Error", message: "The result cannot be read." } });
  });
  let timer: ReturnType<typeof setInterval> | undefined;
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      timer = setInterval(() => controller.enqueue(encoder.encode("\n")), settings.heartbeatMs);
      timer.unref?.();
      const json = await text;
      clearInterval(timer);
      controller.enqueue(encoder.encode(json));
      controller.close();
    },
    cancel: () => clearInterval(timer),
  });
  return new Response(body, {
    headers: { "content-type": "application/json", "x-content-type-options": "nosniff", ...headers },
  });
}

const wait: Handler = async (exchange, params) => {
  const thread_id = threadId(params);
  const request = await requestOf(exchange);
  const run = await exchange.runs.start(exchange.scope, thread_id, request);
  if (request.cancelOnDisconnect)
    exchange.request.signal.addEventListener("abort", () => run.cancel(), { once: true });
  return later(
    exchange,
    async () => {
      await run.done;
      return resultOf(exchange, thread_id, run.entry.run_id);
    },
    { "content-location": locationOf(run) },
  );
};

const list: Handler = async (exchange, params) => {
  const { scope, url, runs } = exchange;
  const record = await scope.records.get(threadId(params));
  const { thread_id, runs: kept } = valueOf(record);
  const limit = numberOf(url.searchParams.get("limit"), "limit", { min: 1, max: 1000, otherwise: 10 });
  const offset = numberOf(url.searchParams.get("offset"), "offset", { min: 0, max: 10_000, otherwise: 0 });
  const status = url.searchParams.get("status");
  const isHeld = await scope.records.isHeld(record);
  const waiting = runs
    .liveOf(scope, thread_id)
    .flatMap(({ entry }) => (kept.some((run) => run.run_id === entry.run_id) ? [] : [entry]));
  const views = [...kept, ...waiting].map((run) => runView(thread_id, run, isHeld)).toReversed();
  return json(
    views.filter((view) => status === null || view.status === status).slice(offset, offset + limit),
  );
};

const get: Handler = async ({ scope, runs }, params) => {
  const record = await scope.records.get(threadId(params));
  const { thread_id, runs: kept } = valueOf(record);
  const run_id = runId(params);
  const live = runs.find(scope, thread_id, run_id)?.entry;
  const entry = kept.find((run) => run.run_id === run_id) ?? live;
  if (!entry) throw notFound(`Run ${run_id}`);
  return json(runView(thread_id, entry, await scope.records.isHeld(record)));
};

const join: Handler = async (exchange, params) => {
  const thread_id = threadId(params);
  const run_id = runId(params);
  const { runs, scope, request } = exchange;
  const record = await scope.records.get(thread_id);
  if (!runs.find(scope, thread_id, run_id) && !valueOf(record).runs.some((run) => run.run_id === run_id))
    throw notFound(`Run ${run_id}`);
  return later(
    exchange,
    async () => {
      await runs.ended(scope, thread_id, run_id, request.signal);
      return resultOf(exchange, thread_id, run_id);
    },
    {},
  );
};

/** Frames of a run that this server has; of another one's run what came of it, when it is over. */
const joinStream: Handler = async (exchange, params) => {
  const { runs, scope, request, url, streams } = exchange;
  const thread_id = threadId(params);
  const run_id = runId(params);
  const record = await scope.records.get(thread_id);
  const cancelOnDisconnect = flag(url.searchParams.get("cancel_on_disconnect"));
  const live = runs.find(scope, thread_id, run_id);
  if (live) return streamOf(exchange, live, afterOf(request, live), cancelOnDisconnect);
  if (!valueOf(record).runs.some((run) => run.run_id === run_id)) throw notFound(`Run ${run_id}`);
  return streams.open(async function* (signal) {
    await runs.ended(scope, thread_id, run_id, signal);
    if (!signal.aborted) yield { event: "values", data: toWire(await resultOf(exchange, thread_id, run_id)) };
  });
};

/** `Last-Event-ID`: `-1` is all that is kept, a number what comes after it; without it only what is to come. */
function afterOf(request: Request, { feed }: LiveRun): number {
  const last = request.headers.get("last-event-id");
  if (last === null) return feed.seq;
  const seq = Number(last);
  return Number.isSafeInteger(seq) && seq > 0 ? Math.min(seq, feed.seq) : 0;
}

const cancel: Handler = async ({ runs, scope, url, request }, params) => {
  const thread_id = threadId(params);
  const run_id = runId(params);
  await scope.records.get(thread_id);
  await runs.cancel(scope, thread_id, run_id);
  if (!flag(url.searchParams.get("wait"))) return new Response(null, { status: 202 });
  await runs.ended(scope, thread_id, run_id, request.signal);
  return new Response(null, { status: 204 });
};

/** A thread of its own, which is deleted afterwards. */
async function startAlone(
  exchange: Exchange,
): Promise<{ readonly run: LiveRun; readonly request: RunRequest }> {
  const { scope, settings, runs } = exchange;
  const request = { ...(await requestOf(exchange)), createThread: true };
  const run = await runs.start(scope, settings.randomUuid(), request);
  return { run, request };
}

async function endAlone(
  exchange: Exchange,
  { thread_id }: LiveRun,
  { keepThread }: RunRequest,
): Promise<void> {
  if (keepThread) return;
  const record = await exchange.scope.records.find(thread_id);
  if (record) await deleteThread(exchange, record);
}

const streamAlone: Handler = async (exchange) => {
  exchange.streams.assertRoom();
  const { run, request } = await startAlone(exchange);
  void run.done
    .then(() => endAlone(exchange, run, request))
    .catch((error: unknown) => exchange.settings.onError(error, { thread_id: run.thread_id }));
  return streamOf(exchange, run, 0, request.cancelOnDisconnect);
};

const waitAlone: Handler = async (exchange) => {
  const { run, request } = await startAlone(exchange);
  return later(
    exchange,
    async () => {
      await run.done;
      const result = await resultOf(exchange, run.thread_id, run.entry.run_id);
      await endAlone(exchange, run, request);
      return result;
    },
    { "content-location": locationOf(run) },
  );
};

export const RUN_ROUTES: Readonly<Record<string, Handler>> = {
  "POST /threads/:thread_id/runs": create,
  "POST /threads/:thread_id/runs/stream": stream,
  "POST /threads/:thread_id/runs/wait": wait,
  "GET /threads/:thread_id/runs": list,
  "GET /threads/:thread_id/runs/:run_id": get,
  "GET /threads/:thread_id/runs/:run_id/join": join,
  "GET /threads/:thread_id/runs/:run_id/stream": joinStream,
  "POST /threads/:thread_id/runs/:run_id/cancel": cancel,
  "POST /runs/stream": streamAlone,
  "POST /runs/wait": waitAlone,
};
