/** The server: one fetch handler over graphs and a backend. */
import { HoldpointError } from "../../core/errors.ts";
import { isValidForeignId } from "../../core/ids.ts";
import { callerOf, Cors } from "./access.ts";
import { ASSISTANT_ROUTES } from "./assistant-routes.ts";
import { checkOptions } from "./check-options.ts";
import { Graphs, type Scope, scopeOf, type Settings, settingsOf } from "./context.ts";
import { errorResponse, json, toHttpError } from "./http.ts";
import { checkedId } from "./ids.ts";
import type { Caller, LangGraphServerOptions } from "./options.ts";
import { Channels } from "./protocol-channel.ts";
import { PROTOCOL_ROUTES } from "./protocol-routes.ts";
import { type Exchange, type Handler, matchRoute, routesOf } from "./routes.ts";
import { RUN_ROUTES } from "./run-routes.ts";
import { Runs } from "./runs.ts";
import { STATE_ROUTES } from "./state-routes.ts";
import { Streams } from "./streams.ts";
import { checkedMetadata } from "./thread-records.ts";
import { THREAD_ROUTES } from "./thread-routes.ts";

export interface AdoptRequest {
  /** 1 to 128 letters, digits and `_.:@-`. */
  readonly thread_id: string;
  readonly graph_id: string;
  /** Default: the tenant of the backend. */
  readonly tenant_id?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface LangGraphServer {
  /** Answers one request. It never rejects. */
  fetch(request: Request): Promise<Response>;
  /**
   * Shows a thread that other code has begun: without it the server knows only threads that its own clients have made.
   * False if it is shown already.
   *
   * @throws HoldpointError `ERR_HITL_INVALID_INPUT`; `ERR_HITL_CONFLICT` if the thread is another tenant's
   */
  adopt(request: AdoptRequest): Promise<boolean>;
  /** Stops its runs, as a client would, and ends its streams. It answers no run afterwards. */
  close(): Promise<void>;
}

const META_ROUTES: Readonly<Record<string, Handler>> = {
  "GET /ok": () => json({ ok: true }),
  "GET /info": () =>
    json({ server: "holdpoint", context: "js", flags: { assistants: true, crons: false, langsmith: false } }),
};

const ROUTES = routesOf({
  ...META_ROUTES,
  ...ASSISTANT_ROUTES,
  ...THREAD_ROUTES,
  ...STATE_ROUTES,
  ...RUN_ROUTES,
  ...PROTOCOL_ROUTES,
});

/**
 * The HTTP interface of a LangGraph server over graphs of your own: threads, their state, runs, answers. Agent Inbox,
 * agent-chat-ui, `@langchain/langgraph-sdk` and its React hooks can be pointed at it (docs/langgraph-server.md).
 *
 * @throws HoldpointError `ERR_HITL_NO_CHECKPOINTER`, `ERR_HITL_NO_BACKEND`, `ERR_HITL_INVALID_INPUT`
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import type { HITLBackend } from "holdpoint";
 * import { createLangGraphServer, type ServedGraph, toNodeListener } from "holdpoint/server/langgraph";
 *
 * export function serve(agent: ServedGraph, backend: HITLBackend, pages: string[]): void {
 *   const server = createLangGraphServer({ graphs: { agent }, backend, cors: { origins: pages } });
 *   createServer(toNodeListener(server.fetch)).listen(2024, "127.0.0.1");
 * }
 * ```
 */
export function createLangGraphServer(options: LangGraphServerOptions): LangGraphServer {
  checkOptions(options);
  const settings = settingsOf(options);
  const graphs = new Graphs(options.graphs);
  const { backend } = options;
  const channels = new Channels(settings.maxFeedBytes, settings.now);
  const shared = {
    graphs,
    settings,
    channels,
    runs: new Runs(settings, graphs, channels),
    streams: new Streams(settings.maxStreams, settings.heartbeatMs),
  };
  const cors = new Cors(options.cors);

  const answer = async (request: Request): Promise<Response> => {
    const url = new URL(request.url);
    const allowed = cors.headersFor(request, url);
    if (request.method === "OPTIONS") return cors.preflight(request, allowed);
    if (!allowed) return errorResponse(403, "This origin may not call the server. Name it in cors.origins.");
    return withHeaders(
      await routed(request, url).catch((error: unknown) => failed(error, settings)),
      allowed,
    );
  };

  /** What `authenticate` gave wrong is no mistake of the client's. */
  const scopeFor = (caller: Caller): Scope => {
    try {
      return scopeOf(backend, caller);
    } catch (cause) {
      throw new Error("authenticate gave no usable caller.", { cause });
    }
  };

  const routed = async (request: Request, url: URL): Promise<Response> => {
    const caller = await callerOf(request, url, options.authenticate);
    if (caller instanceof Response) return caller;
    const match = matchRoute(ROUTES, request.method, url.pathname);
    if (match === null)
      return errorResponse(404, `${request.method} ${url.pathname.slice(0, 200)} is not there.`);
    if (!("handler" in match)) return errorResponse(405, "Method Not Allowed", { allow: match.join(", ") });
    const exchange: Exchange = { request, url, scope: scopeFor(caller), ...shared };
    return match.handler(exchange, match.params);
  };

  return {
    fetch: (request) => answer(request).catch((error: unknown) => failed(error, settings)),
    async adopt({ thread_id, graph_id, tenant_id, metadata = {} }) {
      const served = graphs.find(graph_id);
      if (!served || !isValidForeignId(thread_id))
        throw new HoldpointError(
          "ERR_HITL_INVALID_INPUT",
          served ? "adopt needs a thread_id." : `There is no graph "${graph_id}" here.`,
        );
      const { records } = scopeOf(backend, tenant_id === undefined ? {} : { tenant_id });
      try {
        const value = { graph_id: served.graph_id, metadata: checkedMetadata(metadata, "thread") };
        return (await records.create(checkedId(thread_id, "thread_id"), value, settings.now())).created;
      } catch (error) {
        const told = toHttpError(error);
        if (!told) throw error;
        throw new HoldpointError(
          told.status === 409 ? "ERR_HITL_CONFLICT" : "ERR_HITL_INVALID_INPUT",
          told.message,
          { cause: error },
        );
      }
    },
    async close() {
      await shared.runs.close();
      shared.streams.closeAll();
    },
  };
}

function failed(error: unknown, settings: Settings): Response {
  const told = toHttpError(error);
  if (told) return errorResponse(told.status, told.message, told.headers);
  settings.onError(error, {});
  return errorResponse(500, "Internal Server Error");
}

function withHeaders(response: Response, headers: Readonly<Record<string, string>>): Response {
  const entries = Object.entries(headers);
  if (entries.length === 0) return response;
  const all = new Headers(response.headers);
  for (const [name, value] of entries) all.append(name, value);
  return new Response(response.body, { status: response.status, headers: all });
}
