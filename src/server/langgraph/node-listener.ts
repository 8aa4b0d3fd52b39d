/** A fetch handler under Node's `http`: streams as fast as the client reads, and tells the handler when it has gone. */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";

/**
 * A listener for `http.createServer`.
 *
 * @param fetch - for example of `createLangGraphServer`
 *
 * @example
 * ```ts
 * import { createServer, type Server } from "node:http";
 * import { toNodeListener } from "holdpoint/server/langgraph";
 *
 * export function hello(): Server {
 *   return createServer(toNodeListener(async () => new Response("hello")));
 * }
 * ```
 */
export function toNodeListener(fetch: (request: Request) => Promise<Response>): RequestListener {
  return (incoming, outgoing) => {
    void answer(fetch, incoming, outgoing).catch(() => {
      // The client has gone; or what failed has been told to it as far as that was possible.
      if (!outgoing.headersSent) outgoing.writeHead(500);
      outgoing.destroy();
    });
  };
}

async function answer(
  fetch: (request: Request) => Promise<Response>,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) gone.abort();
  });
  const request = requestOf(incoming, gone.signal);
  if (!request) {
    outgoing.writeHead(400).end();
    return;
  }
  const response = await fetch(request);
  outgoing.writeHead(response.status, headersOf(response));
  if (!response.body) {
    outgoing.end();
    return;
  }
  outgoing.flushHeaders();
  // A client that goes ends the pipeline, and that cancels the body.
  await pipeline(Readable.fromWeb(response.body as NodeReadableStream), outgoing);
}

/** Null for a request that names no host, or a path that is none. */
function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request | null {
  const { method = "GET", headers, url = "/" } = incoming;
  const secure = "encrypted" in incoming.socket;
  const base = `${secure ? "https" : "http"}://${headers.host ?? ""}`;
  if (!headers.host || !url.startsWith("/") || !URL.canParse(base + url)) return null;
  const hasBody = method !== "GET" && method !== "HEAD";
  return new Request(base + url, {
    method,
    headers: Object.entries(headers).flatMap(([name, value]): [string, string][] =>
      value === undefined || name.startsWith(":") ? [] : [value].flat().map((one) => [name, one]),
    ),
    ...(hasBody ? { body: Readable.toWeb(incoming) as ReadableStream, duplex: "half" } : {}),
    signal,
  });
}

function headersOf(response: Response): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = Object.fromEntries(response.headers);
  const cookies = response.headers.getSetCookie();
  return cookies.length > 0 ? { ...headers, "set-cookie": cookies } : headers;
}
