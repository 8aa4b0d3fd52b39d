/** Who may call: the caller, the page that sends for him, and the address that was asked. */
import { HttpError } from "./http-error.ts";
import { errorResponse } from "./http.ts";
import type { Caller, CorsOptions, LangGraphServerOptions } from "./options.ts";

const REQUEST_HEADERS = [
  "accept",
  "authorization",
  "cache-control",
  "content-type",
  "last-event-id",
  "prefer",
  "x-api-key",
  "x-auth-scheme",
];
const RESPONSE_HEADERS = "content-location, location, x-pagination-next, x-pagination-total";
const METHODS = "GET, POST, PATCH, DELETE, OPTIONS";

/** What LangGraph's own clients name on a loopback address; nothing that a name server could point elsewhere. */
const LOOPBACK: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * @throws HttpError 403 without `authenticate`, for a request to any other than a loopback address: a page could have had
 * its name pointed here
 */
export async function callerOf(
  request: Request,
  url: URL,
  authenticate: LangGraphServerOptions["authenticate"],
): Promise<Caller | Response> {
  if (authenticate === "none") return {};
  if (authenticate) return authenticate(request);
  if (LOOPBACK.has(url.hostname)) return {};
  throw new HttpError(
    403,
    `Without authenticate this server answers requests to localhost only, not to ${url.hostname}.`,
  );
}

export class Cors {
  readonly #options: CorsOptions | undefined;

  constructor(options: CorsOptions | undefined) {
    this.#options = options;
  }

  /** Headers for the page that asks; null if it may not ask. A request without an origin is of no page. */
  headersFor(request: Request, url: URL): Record<string, string> | null {
    const origin = request.headers.get("origin");
    // By host: behind a proxy that ends TLS the server's own scheme is another one.
    if (origin === null || (URL.canParse(origin) && new URL(origin).host === url.host)) return {};
    const { origins = [], credentials = false } = this.#options ?? {};
    if (origins !== "*" && !origins.includes(origin)) return null;
    return {
      "access-control-allow-origin": origins === "*" ? "*" : origin,
      "access-control-expose-headers": RESPONSE_HEADERS,
      ...(credentials && origins !== "*" ? { "access-control-allow-credentials": "true" } : {}),
      vary: "origin",
    };
  }

  preflight(request: Request, allowed: Record<string, string> | null): Response {
    if (!allowed) return errorResponse(403, "This origin may not call the server. Name it in cors.origins.");
    const headers = [...REQUEST_HEADERS, ...(this.#options?.headers ?? [])].join(", ");
    return new Response(null, {
      status: 204,
      headers: {
        ...allowed,
        "access-control-allow-methods": METHODS,
        "access-control-allow-headers": headers,
        "access-control-max-age": "600",
        // A page that was named may be a public one, and this server a private one.
        ...(request.headers.has("access-control-request-private-network")
          ? { "access-control-allow-private-network": "true" }
          : {}),
      },
    });
  }
}
