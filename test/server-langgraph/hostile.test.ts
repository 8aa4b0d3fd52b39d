/** Requests that nobody would send by accident. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { kitOf, refunding, URL_OF_SERVER } from "./kit.ts";

const ROUTES = [
  "POST /assistants/search",
  "POST /assistants/count",
  "POST /threads",
  "POST /threads/search",
  "POST /threads/count",
  "PATCH /threads/:id",
  "POST /threads/:id/state",
  "POST /threads/:id/state/checkpoint",
  "POST /threads/:id/history",
  "POST /threads/:id/runs",
  "POST /threads/:id/runs/stream",
  "POST /threads/:id/runs/wait",
  "POST /threads/:id/commands",
  "POST /runs/wait",
  "GET /threads/:id/state/:id",
  "GET /threads/:id/history",
  "GET /threads/:id/runs",
  "GET /threads/:id/runs/:id/join",
  "POST /threads/:id/runs/:id/cancel",
  "GET /assistants/:id/graph",
] as const;

/** Names that mean something to the server, so that bodies come further than to be no object. */
const NAMES = (
  "assistant_id input command resume goto update config configurable metadata thread_id " +
  "checkpoint checkpoint_id checkpoint_ns checkpoint_map values as_node stream_mode limit " +
  "offset status ids messages id method params interrupt_id response responses before node " +
  "type multitask_strategy interrupt_before if_not_exists tool_calls content holdpoint " +
  "graph_id args name"
).split(" ");
const VALUES = [
  "agent",
  "t-1",
  "__end__",
  "__start__",
  "tools",
  "run.start",
  "input.respond",
  "values",
  "events",
  "create",
  "*",
  "human",
  "ai",
];

const { any } = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom<unknown>(null, true, false, 0, -1, 1e9, "", ...VALUES),
    fc.string({ maxLength: 8 }),
    fc.array(tie("any"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...NAMES), tie("any"), { maxKeys: 5 }),
  ),
}));

/** An object that is right in some of what a route needs. */
const body = fc
  .tuple(
    fc.dictionary(fc.constantFrom(...NAMES), any, { maxKeys: 6 }),
    fc.constantFrom("none", "run", "start", "respond"),
  )
  .map(([given, shape]): object => {
    if (shape === "none") return given;
    const params = { ...given, assistant_id: "agent" };
    if (shape === "run") return params;
    return { id: 1, method: shape === "start" ? "run.start" : "input.respond", params };
  });
const id = fc.oneof(
  fc.constant("t-1"),
  fc.constantFrom(
    "agent",
    "..",
    "%2e%2e",
    "a/b",
    "x".repeat(200),
    "%00",
    "é",
    "__proto__",
    "1f1e68ab-7d5b-6f30-8000-4bd659b6e3dc",
  ),
);

test("no request is answered by an error of the server's own, and none leaves a run that does not end", async () => {
  const { server, client, effects } = kitOf({ limits: { maxRecursion: 10 } });
  await client.runs.wait("t-1", "agent", { input: refunding("A-1"), ifNotExists: "create" });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...ROUTES), id, body, async (route, name, given) => {
      const [method = "", path = ""] = route.split(" ");
      const init =
        method === "GET"
          ? {}
          : { body: JSON.stringify(given), headers: { "content-type": "application/json" } };
      const response = await server.fetch(
        new Request(URL_OF_SERVER + path.replaceAll(":id", name), { method, ...init }),
      );
      const text = await response.text();
      expect(response.status, `${route} ${text}`).toBeLessThan(500);
      expect(text).not.toMatch(/\n {4}at |\\n {4}at /);
    }),
    { numRuns: 400 },
  );
  // Nobody has confirmed anything.
  expect(effects.size).toBe(0);
  await server.close();
});
