import Database from "better-sqlite3";
import { beforeAll, describe, expect, it } from "vitest";
import { KEY_NAMES } from "../../../src/backends/record-store.ts";
import { pageStatement } from "../../../src/backends/sqlite/page.ts";
import { selecting } from "../../../src/backends/sqlite/rows.ts";
import { MIGRATIONS, QUERIES } from "../../../src/backends/sqlite/sql.generated.ts";

const database = new Database(":memory:");

beforeAll(() => {
  for (const { sql } of MIGRATIONS) database.exec(sql);
});

function planOf(sql: string): string {
  const parameters = Array.from(sql.replace(/^--.*$/gm, "").matchAll(/\?/g), () => 1);
  const rows = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters) as { detail: string }[];
  return rows.map((row) => row.detail).join("; ");
}

describe("query plans", () => {
  for (const by of ["tenant", ...KEY_NAMES] as const) {
    for (const order of ["oldest", "newest"] as const) {
      it(`a page by ${by}, ${order} first, is one ordered range of one index`, () => {
        const key = by === "tenant" ? "" : ` AND key_${by}=?`;
        const found = planOf(pageStatement(by, order, "records"));
        const bound = order === "oldest" ? ">" : "<";
        expect(found).toBe(
          `SEARCH holdpoint_records USING INDEX holdpoint_records_by_${by} ` +
            `(kind=? AND tenant_id=?${key} AND status=? AND (created_at,id)${bound}(?,?))`,
        );
      });

      it(`positions by ${by}, ${order} first, come from the index alone`, () => {
        expect(planOf(pageStatement(by, order, "positions"))).toMatch(
          new RegExp(`^SEARCH holdpoint_records USING COVERING INDEX holdpoint_records_by_${by} [^;]*$`),
        );
      });
    }
  }

  it.each([
    "getRecord",
    "getDue",
    "getOld",
    "getHistory",
    "deleteRecord",
    "deleteHistory",
    "updateRecord",
    "touchRecord",
  ] as const)("%s scans and sorts nothing", (name) => {
    expect(planOf(selecting(QUERIES[name]))).toMatch(/^SEARCH (?!.*(SCAN|TEMP B-TREE))/);
  });

  it("the heads of watched records are looked up one by one", () => {
    expect(planOf(QUERIES.getHeads)).toMatch(
      /^SCAN wanted VIRTUAL TABLE[^;]*; SEARCH record USING INDEX [^;]*\(id=\?\)$/,
    );
  });
});
