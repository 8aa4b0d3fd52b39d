// The layers of src (ARCHITECTURE.md). An import may only point down; see check-layers.mjs for what is checked.

/** Each line may import the lines below it, never a neighbour on its own line. */
export const LAYERS = [
  ["cli", "inbox", "react"],
  ["server", "mcp", "client"],
  ["worker"],
  ["nodes"],
  ["policy", "ledger", "audit"],
  ["suspend"],
  ["blocks", "interop"],
  ["backends"],
  ["core"],
];

/** `testing` is beside the layers: nothing imports it, and it runs without a graph. */
export const TESTING = { values: ["core", "backends"], types: ["core", "backends", "suspend", "nodes"] };

/** These run in a browser, so nothing that they load may need Node. */
export const BROWSER = ["blocks", "client", "inbox", "interop", "react", "audit/verify"];

/** The host is named from `suspend` upwards; below it everything works without LangGraph. */
export const WITHOUT_LANGCHAIN = ["core", "backends", "blocks", "client", "inbox", "interop", "react"];

/** An optional package, and the one folder that may name it: whoever does not import its subpath needs not have it. */
export const DRIVERS = {
  ioredis: "backends/redis",
  "better-sqlite3": "backends/sqlite",
  "node:sqlite": "backends/sqlite",
  pg: "backends/postgres",
  react: "react",
  langchain: "nodes",
};

/** What these files load, statically and transitively, may be none of the drivers nor a folder of theirs. */
export const DRIVER_FREE = ["index.ts", "testing/index.ts"];
