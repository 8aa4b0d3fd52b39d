import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const script = fileURLToPath(new URL("../../scripts/check-layers.mjs", import.meta.url));
let src = "";

beforeEach(() => {
  src = mkdtempSync(join(tmpdir(), "holdpoint-layers-"));
});
afterEach(() => rmSync(src, { recursive: true, force: true }));

/** What the script says about these sources, a line for each problem. */
function check(files: Record<string, string>): string[] {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(src, file)), { recursive: true });
    writeFileSync(join(src, file), text);
  }
  const { status, stderr } = spawnSync(process.execPath, [script, src], { encoding: "utf8" });
  const lines = stderr.split("\n").filter((line) => line.startsWith("src/"));
  expect(status).toBe(lines.length === 0 ? 0 : 1);
  return lines;
}

describe("check-layers", () => {
  it("lets imports point down, drivers be loaded late, and tests' helpers see types", () => {
    expect(
      check({
        "index.ts": 'export { tool } from "./nodes/tool.ts";',
        "core/ids.ts": 'import { createHash } from "node:crypto";\nexport const hash = createHash;',
        "backends/redis/index.ts": 'import type { Redis } from "ioredis";\nexport type R = Redis;',
        "nodes/tool.ts":
          'import { hash } from "../core/ids.ts";\nexport const tool = () => [hash, import("../backends/redis/index.ts")];',
        "testing/index.ts": 'import type { tool } from "../nodes/tool.ts";\nexport type Tool = typeof tool;',
        "blocks/emit.ts": 'import type { hash } from "../core/ids.ts";\nexport type Hash = typeof hash;',
      }),
    ).toEqual([]);
  });

  it("names each import that does not", () => {
    const found = check({
      "core/up.ts": 'import { w } from "../worker/w.ts";\nexport { w };',
      "core/host.ts": 'export type { StateGraph } from "@langchain/langgraph";',
      "core/missing.ts": 'import "./nothing.ts";\nimport "./up.js";',
      "core/plain.ts": 'import "fs";',
      "core/self.ts": 'import "holdpoint";',
      "policy/p.ts": 'import "../ledger/l.ts";',
      "ledger/l.ts": 'export type Pool = import("pg").Pool;',
      "suspend/s.ts": 'import "../testing/t.ts";',
      "testing/t.ts": 'import { w } from "../nodes/n.ts";\nexport { w };',
      "nodes/n.ts": "export const w = 1;",
      "worker/w.ts": 'export const w = await import("better-sqlite3");',
      "elsewhere/e.ts": "export {};",
    });
    for (const [file, reason] of [
      ["core/up.ts:1", "worker is above core"],
      ["core/host.ts:1", "works without LangChain"],
      ["core/missing.ts:1", "no such file"],
      ["core/missing.ts:2", "no such file"],
      ["core/plain.ts:1", "write node:fs"],
      ["core/self.ts:1", "import the file"],
      ["policy/p.ts:1", "neighbours"],
      ["ledger/l.ts:1", "only src/backends/postgres may name it"],
      ["suspend/s.ts:1", "testing is for tests"],
      ["testing/t.ts:1", "only types of nodes"],
      ["worker/w.ts:1", "only src/backends/sqlite may name it"],
      ["elsewhere/e.ts", "is no layer"],
    ] as const) {
      expect(found.filter((line) => line.startsWith(`src/${file}:`) && line.includes(reason))).toHaveLength(
        1,
      );
    }
    expect(found).toHaveLength(12);
  });

  it("follows the imports of the main entry and of what runs in a browser", () => {
    const found = check({
      "index.ts": 'export { n } from "./nodes/n.ts";',
      "nodes/n.ts": 'export { b as n } from "../backends/sqlite/index.ts";',
      "backends/sqlite/index.ts": 'import "./more.ts";\nexport const b = 1;',
      "backends/sqlite/more.ts": 'import "better-sqlite3";',
      "core/ids.ts": 'import { createHash } from "node:crypto";\nexport const hash = createHash;',
      "blocks/emit.ts": 'import { type hash } from "../core/ids.ts";\nexport type Hash = typeof hash;',
    });
    expect(found).toEqual([
      "src/index.ts reaches src/backends/sqlite, which users of this entry may not have: src/index.ts → src/nodes/n.ts → src/backends/sqlite/index.ts",
      "src/blocks/emit.ts runs in a browser, but loads node:crypto: src/blocks/emit.ts → src/core/ids.ts → node:crypto",
    ]);
  });
});
