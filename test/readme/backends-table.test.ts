/**
 * The README's table of backends, made from what the stores declare. HOLDPOINT_UPDATE_README=1 writes it anew.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { MemoryRecordStore } from "../../src/backends/memory/memory-store.ts";
import { PostgresRecordStore } from "../../src/backends/postgres/index.ts";
import type { RecordStore, StoreCapabilities } from "../../src/backends/record-store.ts";
import { RedisRecordStore } from "../../src/backends/redis/index.ts";
import { SqliteRecordStore } from "../../src/backends/sqlite/index.ts";

const README = new URL("../../README.md", import.meta.url);
const MARKED = /<!-- backends -->\n[\s\S]*?\n<!-- \/backends -->/;

/** What a class cannot say of itself; nothing is opened by these. */
const STORES: readonly (readonly [name: string, backend: string, store: RecordStore, outlives: string])[] = [
  [
    "memory",
    "`InMemoryHITLBackend` from `holdpoint`",
    new MemoryRecordStore(),
    "nothing: it ends with the process",
  ],
  [
    "SQLite",
    "`SqliteHITLBackend` from `holdpoint/backends/sqlite`",
    new SqliteRecordStore({ path: "never-opened.db" }),
    'a power cut (`synchronous: "FULL"`, the default); with `"NORMAL"` the end of the process',
  ],
  [
    "[Redis](docs/redis.md): one server, Sentinel, Cluster; Valkey",
    "`RedisHITLBackend` from `holdpoint/backends/redis`",
    new RedisRecordStore({ url: "redis://never-opened" }),
    "what the server's settings say; with `durability` also the primary",
  ],
  [
    "[PostgreSQL](docs/postgres.md), PGlite",
    "`PostgresHITLBackend` from `holdpoint/backends/postgres`",
    new PostgresRecordStore({ connectionString: "postgres://never-opened" }),
    "a crash of the server (`synchronous_commit`, on by default)",
  ],
];

const HINTS: Readonly<Record<StoreCapabilities["hints"], string>> = {
  in_process: "at once",
  polled: "within 100 ms",
  pushed: "at once",
};

function table(): string {
  const rows = STORES.map(([name, backend, { capabilities }, outlives]) => [
    name,
    backend,
    capabilities.shared
      ? capabilities.hints === "polled"
        ? "processes on one machine"
        : "many machines"
      : "one process",
    HINTS[capabilities.hints],
    capabilities.transactions ? "`withTransaction`" : "",
    outlives,
  ]);
  const head = [
    "",
    "import",
    "shared by",
    "others hear of a change",
    "with your own writes",
    "what an acknowledged write outlives",
  ];
  const widths = head.map((title, n) => Math.max(title.length, ...rows.map((row) => (row[n] ?? "").length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, n) => cell.padEnd(widths[n] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map((row) => line(row))].join(
    "\n",
  );
}

describe("the README's table of backends", () => {
  it("says what the stores declare of themselves", () => {
    const text = readFileSync(README, "utf8");
    const made = `<!-- backends -->\n${table()}\n<!-- /backends -->`;
    if (process.env["HOLDPOINT_UPDATE_README"] === "1")
      writeFileSync(
        README,
        text.replace(MARKED, () => made),
      );
    else expect(MARKED.exec(text)?.[0]).toBe(made);
    for (const [name, , { capabilities }] of STORES)
      expect(capabilities.durable, name).toBe(name !== "memory");
  });
});
