/** Which path is answered by what. */
import type { Graphs, Scope, Settings } from "./context.ts";
import type { Channels } from "./protocol-channel.ts";
import type { Runs } from "./runs.ts";
import type { Streams } from "./streams.ts";

export interface Exchange {
  readonly request: Request;
  readonly url: URL;
  readonly scope: Scope;
  readonly graphs: Graphs;
  readonly runs: Runs;
  readonly channels: Channels;
  readonly streams: Streams;
  readonly settings: Settings;
}

export type Handler = (
  exchange: Exchange,
  params: Readonly<Record<string, string>>,
) => Promise<Response> | Response;

interface Route {
  readonly method: string;
  readonly segments: readonly string[];
  readonly handler: Handler;
}

/** `:name` in a path stands for one segment. */
export function routesOf(table: Readonly<Record<string, Handler>>): readonly Route[] {
  return Object.entries(table).map(([line, handler]) => {
    const [method = "", path = ""] = line.split(" ");
    return { method, segments: path.split("/").slice(1), handler };
  });
}

export interface Match {
  readonly handler: Handler;
  readonly params: Readonly<Record<string, string>>;
}

/** The route; the methods that there are for the path, if it is another one; null if there are none. */
export function matchRoute(
  routes: readonly Route[],
  method: string,
  pathname: string,
): Match | readonly string[] | null {
  const segments = segmentsOf(pathname);
  if (!segments) return null;
  const methods: string[] = [];
  for (const route of routes) {
    const params = paramsOf(route.segments, segments);
    if (!params) continue;
    if (route.method === method) return { handler: route.handler, params };
    methods.push(route.method);
  }
  return methods.length > 0 ? methods : null;
}

function segmentsOf(pathname: string): readonly string[] | null {
  try {
    return pathname.replace(/\/+$/, "").split("/").slice(1).map(decodeURIComponent);
  } catch {
    return null;
  }
}

function paramsOf(pattern: readonly string[], segments: readonly string[]): Record<string, string> | null {
  if (pattern.length !== segments.length) return null;
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index] as string;
    if (part.startsWith(":")) params[part.slice(1)] = segment;
    else if (part !== segment) return null;
  }
  return params;
}
