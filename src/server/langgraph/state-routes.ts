/** A thread's state and its history. */
import { z } from "zod";
import type { StoredRecord } from "../../backends/record-store.ts";
import type { Settings } from "./context.ts";
import { releaseThread, takeThread } from "./exclusive.ts";
import { HttpError } from "./http-error.ts";
import { flag, json, numberOf, readBody } from "./http.ts";
import { checkedId } from "./ids.ts";
import type { ServedGraph, StateConfig } from "./options.ts";
import { cancelOrphans } from "./orphans.ts";
import type { Exchange, Handler } from "./routes.ts";
import { CheckpointSchema, END, parsed } from "./run-request.ts";
import { stillOpen } from "./still-open.ts";
import { graphOf } from "./thread-routes.ts";
import {
  checkpointOf,
  type CheckpointView,
  emptyState,
  interruptsOfState,
  stateView,
} from "./thread-view.ts";

const object = z.record(z.string(), z.unknown());
type CheckpointRequest = z.infer<typeof CheckpointSchema>;

const AtCheckpointSchema = z.object({
  checkpoint: CheckpointSchema.nullish(),
  subgraphs: z.boolean().nullish(),
});

const UpdateSchema = z.object({
  values: z.union([object, z.array(object)]).nullish(),
  as_node: z.string().nullish(),
  checkpoint: CheckpointSchema.nullish(),
  checkpoint_id: z.string().nullish(),
});

const HistorySchema = z.object({
  limit: z.number().int().min(1).max(1000).nullish(),
  before: z.union([z.string(), object]).nullish(),
  metadata: object.nullish(),
  checkpoint: CheckpointSchema.nullish(),
});

/** Where in the thread; which thread is the path's to say. */
function configOf(
  thread_id: string,
  { checkpoint_id, checkpoint_ns, checkpoint_map }: CheckpointRequest = {},
): StateConfig {
  return {
    configurable: {
      thread_id,
      checkpoint_ns: checkpoint_ns ?? "",
      ...(checkpoint_id ? { checkpoint_id: checkedId(checkpoint_id, "checkpoint_id") } : {}),
      ...(checkpoint_map ? { checkpoint_map } : {}),
    },
  };
}

async function threadOf(
  exchange: Exchange,
  thread_id: string,
): Promise<{
  readonly thread_id: string;
  readonly record: StoredRecord;
  readonly graph: ServedGraph | undefined;
}> {
  const record = await exchange.scope.records.get(checkedId(thread_id, "thread_id"));
  return { thread_id, record, graph: graphOf(exchange, record) };
}

async function stateAt(
  exchange: Exchange,
  id: string,
  checkpoint: CheckpointRequest,
  subgraphs: boolean,
): Promise<Response> {
  const { thread_id, graph } = await threadOf(exchange, id);
  if (!graph) return json(emptyState());
  try {
    const state = await graph.getState(configOf(thread_id, checkpoint), { subgraphs });
    return json(stateView(await stillOpen(exchange.scope, thread_id, state)));
  } catch (error) {
    // LangGraph throws where the namespace names no subgraph of it.
    if (checkpoint.checkpoint_ns)
      throw new HttpError(404, `There is no state at "${checkpoint.checkpoint_ns}".`);
    throw error;
  }
}

const get: Handler = (exchange, { thread_id = "" }) =>
  stateAt(exchange, thread_id, {}, flag(exchange.url.searchParams.get("subgraphs")));

const getAt: Handler = (exchange, { thread_id = "", checkpoint_id = "" }) =>
  stateAt(exchange, thread_id, { checkpoint_id }, flag(exchange.url.searchParams.get("subgraphs")));

const postAt: Handler = async (exchange, { thread_id = "" }) => {
  const body = parsed(AtCheckpointSchema, await readBody(exchange.request, exchange.settings.body));
  return stateAt(exchange, thread_id, body.checkpoint ?? {}, body.subgraphs ?? false);
};

/**
 * An update moves the thread on without answers. It is written first, and then what it leaves behind is cancelled: after
 * a crash between the two the questions are open, and answers to them are nobody's (P1).
 */
const update: Handler = async (exchange, { thread_id: id = "" }) => {
  const { request, settings, scope } = exchange;
  const { values, as_node, checkpoint, checkpoint_id } = parsed(
    UpdateSchema,
    await readBody(request, settings.body),
  );
  const { thread_id, record, graph } = await threadOf(exchange, id);
  if (!graph) throw new HttpError(400, `Thread ${thread_id} has no graph ID`);
  const at = { ...checkpoint, ...(checkpoint_id ? { checkpoint_id } : {}) };
  const node = as_node ?? undefined;
  if ((values === undefined || values === null) && node !== undefined && node !== END)
    throw new HttpError(422, `values: null is for as_node "${END}" alone.`);
  const taken = await takeThread(scope, record, settings);
  try {
    const written = await updated(graph, configOf(thread_id, at), values ?? null, node, settings);
    await cancelOrphans(scope.backend, graph, thread_id);
    const state = await graph.getState({ configurable: { thread_id } });
    const waits = interruptsOfState(state).length > 0 || state.next.length > 0;
    await releaseThread(taken, {
      value: { updated_at: settings.now() },
      status: waits ? "interrupted" : "idle",
    });
    return json({ checkpoint: written, configurable: written });
  } catch (error) {
    await releaseThread(taken).catch((lost: unknown) => settings.onError(lost, { thread_id }));
    throw error;
  }
};

/** @throws HttpError 422 for an unknown node, or values that no channel takes: LangGraph says which */
async function updated(
  graph: ServedGraph,
  config: StateConfig,
  values: unknown,
  node: string | undefined,
  settings: Settings,
): Promise<CheckpointView | null> {
  try {
    return checkpointOf(await graph.updateState(config, values, node));
  } catch (error) {
    settings.onError(error, {});
    throw new HttpError(422, error instanceof Error ? error.message : "The state cannot be updated.");
  }
}

async function historyOf(
  exchange: Exchange,
  id: string,
  query: z.infer<typeof HistorySchema>,
): Promise<Response> {
  const { thread_id, graph } = await threadOf(exchange, id);
  if (!graph) return json([]);
  const { limit, before, metadata, checkpoint } = query;
  const states: object[] = [];
  const options = {
    limit: limit ?? 10,
    ...(before
      ? {
          before: {
            configurable: {
              thread_id,
              checkpoint_ns: checkpoint?.checkpoint_ns ?? "",
              checkpoint_id: beforeId(before),
            },
          },
        }
      : {}),
    ...(metadata ? { filter: metadata } : {}),
  };
  try {
    // What was open at an older one is history.
    for await (const state of graph.getStateHistory(configOf(thread_id, checkpoint ?? {}), options))
      states.push(stateView(states.length > 0 ? state : await stillOpen(exchange.scope, thread_id, state)));
  } catch (error) {
    if (checkpoint?.checkpoint_ns) return json([]);
    throw error;
  }
  return json(states);
}

function beforeId(before: string | Readonly<Record<string, unknown>>): string {
  const configurable =
    typeof before === "string"
      ? undefined
      : (before["configurable"] as Readonly<Record<string, unknown>> | undefined);
  const id =
    typeof before === "string" ? before : (configurable?.["checkpoint_id"] ?? before["checkpoint_id"]);
  if (typeof id !== "string") throw new HttpError(422, "before has to name a checkpoint_id.");
  return checkedId(id, "before");
}

const history: Handler = async (exchange, { thread_id = "" }) =>
  historyOf(
    exchange,
    thread_id,
    parsed(HistorySchema, await readBody(exchange.request, exchange.settings.body)),
  );

const getHistory: Handler = (exchange, { thread_id = "" }) => {
  const { searchParams } = exchange.url;
  const limit = numberOf(searchParams.get("limit"), "limit", { min: 1, max: 1000, otherwise: 10 });
  return historyOf(exchange, thread_id, { limit, before: searchParams.get("before") });
};

export const STATE_ROUTES: Readonly<Record<string, Handler>> = {
  "GET /threads/:thread_id/state": get,
  "POST /threads/:thread_id/state": update,
  "POST /threads/:thread_id/state/checkpoint": postAt,
  "GET /threads/:thread_id/state/:checkpoint_id": getAt,
  "POST /threads/:thread_id/history": history,
  "GET /threads/:thread_id/history": getHistory,
};
