/** The page's own server. The graphs are served from another origin, as a LangGraph server is. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const HTML = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Review</title><link rel="icon" href="data:,"></head>
<body><div id="root"></div><script type="module" src="/page.js"></script></body>
</html>`;

export interface PageServer {
  readonly origin: string;
  close(): Promise<void>;
}

export async function servePage(script: string): Promise<PageServer> {
  const server = createServer((request, response) => {
    const isScript = request.url === "/page.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    // Compiled once for all pages of a browser's context.
    if (isScript) response.setHeader("cache-control", "max-age=3600, immutable");
    response.end(isScript ? script : HTML);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
