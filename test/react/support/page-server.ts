/** The server of an application, small: its page, and the two routes that `respond` and `cancel` of the page call. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { CancelResult, HITLBackend, RespondResult } from "holdpoint";

/** As strict as a page with an agent's words should be: nothing but its own script and its own server. */
const POLICY =
  "default-src 'none'; img-src data:; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'";

const HTML = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>holdpoint</title><link rel="icon" href="data:,"></head>
<body><main id="root"></main><script type="module" src="/page.js"></script></body>
</html>`;

/** What a test may put in the place of the backend's own answer. */
export type Interceptor = (
  request: { readonly action: string; readonly hitl_id: string; readonly body: unknown },
  next: () => Promise<RespondResult | CancelResult>,
) => Promise<unknown>;

export interface PageServer {
  readonly url: string;
  /** Paths of all that was asked for. */
  readonly requests: readonly string[];
  /** For the requests from now on; undefined: the backend answers. */
  intercept: Interceptor | undefined;
  close(): Promise<void>;
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString());
}

function send(response: ServerResponse, type: string, body: string): void {
  response.setHeader("content-type", type);
  response.end(body);
}

export async function servePage(backend: HITLBackend, script: string): Promise<PageServer> {
  const requests: string[] = [];
  const page: { intercept: Interceptor | undefined } = { intercept: undefined };

  const act = async (request: IncomingMessage, path: string): Promise<unknown> => {
    const [, action = "", id = ""] = path.split("/");
    const hitl_id = decodeURIComponent(id);
    const body = (await bodyOf(request)) as { response?: unknown; reason?: string };
    const next = (): Promise<RespondResult | CancelResult> =>
      action === "respond"
        ? backend.respond(hitl_id, body.response, { actor: { id: "ann", name: "Ann", role: "user" } })
        : backend.cancel(hitl_id, { reason: body.reason });
    return page.intercept ? page.intercept({ action, hitl_id, body }, next) : next();
  };

  const server: Server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    requests.push(path);
    response.setHeader("content-security-policy", POLICY);
    response.setHeader("x-content-type-options", "nosniff");
    if (path === "/") return send(response, "text/html", HTML);
    if (path === "/page.js") return send(response, "text/javascript", script);
    act(request, path).then(
      (result) => send(response, "application/json", JSON.stringify(result)),
      () => {
        response.statusCode = 500;
        response.end();
      },
    );
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(page, {
    url: `http://127.0.0.1:${port}/`,
    requests,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}
