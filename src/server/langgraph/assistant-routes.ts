/** Assistants: one for each graph, that cannot be changed. */
import {
  getConfigTypeSchema,
  getInputTypeSchema,
  getOutputTypeSchema,
  getStateTypeSchema,
} from "@langchain/langgraph/zod/schema";
import { z } from "zod";
import type { Served } from "./context.ts";
import { json, readBody } from "./http.ts";
import type { ServedGraph } from "./options.ts";
import type { Handler } from "./routes.ts";
import { parsed } from "./run-request.ts";

const SearchSchema = z.object({
  graph_id: z.string().nullish(),
  name: z.string().nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  limit: z.number().int().min(1).max(1000).nullish(),
  offset: z.number().int().min(0).nullish(),
  sort_order: z.enum(["asc", "desc"]).nullish(),
});

const EPOCH = new Date(0).toISOString();

function viewOf({ graph_id, assistant_id }: Served): object {
  return {
    assistant_id,
    graph_id,
    name: graph_id,
    description: null,
    config: {},
    context: {},
    metadata: { created_by: "system" },
    version: 1,
    created_at: EPOCH,
    updated_at: EPOCH,
  };
}

async function searched(exchange: Parameters<Handler>[0]): Promise<Served[]> {
  const query = parsed(SearchSchema, await readBody(exchange.request, exchange.settings.body));
  const metadata = Object.entries(query.metadata ?? {});
  const found = exchange.graphs.all.filter(
    ({ graph_id }) =>
      (query.graph_id === undefined || query.graph_id === null || query.graph_id === graph_id) &&
      graph_id.toLowerCase().includes((query.name ?? "").toLowerCase()) &&
      metadata.every(([key, value]) => key === "created_by" && value === "system"),
  );
  const offset = query.offset ?? 0;
  return found.slice(offset, offset + (query.limit ?? 10));
}

const search: Handler = async (exchange) => json((await searched(exchange)).map(viewOf));
const count: Handler = async (exchange) => json((await searched(exchange)).length);
const get: Handler = ({ graphs }, { assistant_id = "" }) => json(viewOf(graphs.get(assistant_id)));

const graph: Handler = async ({ graphs, url }, { assistant_id = "" }) => {
  const xray = url.searchParams.get("xray");
  const depth = xray === null || xray === "false" ? false : xray === "true" ? true : Number(xray) || false;
  return json((await graphs.get(assistant_id).graph.getGraphAsync({ xray: depth })).toJSON());
};

/** Graphs whose state is no zod schema name their keys only. */
function keysSchema(keys: unknown): object {
  const names = Array.isArray(keys) ? keys : typeof keys === "string" ? [keys] : [];
  return { type: "object", properties: Object.fromEntries(names.map((name) => [String(name), {}])) };
}

interface Channels {
  readonly outputChannels?: unknown;
  readonly streamChannels?: unknown;
  readonly builder?: { readonly _inputDefinition?: object };
}

function schemasOf(served: ServedGraph): object {
  const { outputChannels, streamChannels, builder } = served as unknown as Channels;
  const config = getConfigTypeSchema(served) ?? null;
  return {
    input_schema: getInputTypeSchema(served) ?? keysSchema(Object.keys(builder?._inputDefinition ?? {})),
    output_schema: getOutputTypeSchema(served) ?? keysSchema(outputChannels),
    state_schema: getStateTypeSchema(served) ?? keysSchema(streamChannels),
    config_schema: config,
    context_schema: config,
  };
}

const schemas: Handler = ({ graphs }, { assistant_id = "" }) => {
  const { graph_id, graph: served } = graphs.get(assistant_id);
  return json({ graph_id, ...schemasOf(served) });
};

export const ASSISTANT_ROUTES: Readonly<Record<string, Handler>> = {
  "POST /assistants/search": search,
  "POST /assistants/count": count,
  "GET /assistants/:assistant_id": get,
  "GET /assistants/:assistant_id/graph": graph,
  "GET /assistants/:assistant_id/schemas": schemas,
};
