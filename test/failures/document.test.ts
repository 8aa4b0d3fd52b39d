/** docs/failures.md shows what the failures give. HOLDPOINT_UPDATE_README=1 writes its tables anew. */
import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FAILURES } from "../../failures/all.ts";
import { markdownOf, markdownTable } from "../../failures/table.ts";
import { isAsExpected, TWO_WORKERS_HEAD, twoWorkersRow } from "../../failures/two-workers-table.ts";
import { twoWorkers } from "../../failures/two-workers.ts";
import { VERSIONS } from "../../failures/versions.ts";

const PAGE = new URL("../../docs/failures.md", import.meta.url);
const page = (): string => readFileSync(PAGE, "utf8");

/** What is between the marks of that name, or puts `made` there. */
function holds(name: string, made: string): void {
  const marked = new RegExp(`<!-- ${name} -->\n[\\s\\S]*?<!-- /${name} -->`);
  const text = `<!-- ${name} -->\n${made}\n<!-- /${name} -->`;
  if (process.env["HOLDPOINT_UPDATE_README"] === "1")
    writeFileSync(
      PAGE,
      page().replace(marked, () => text),
    );
  else expect(marked.exec(page())?.[0]).toBe(text);
}

describe("docs/failures.md", () => {
  it("has the table that is asserted", () => {
    expect(page()).toContain(`LangGraph ${VERSIONS.langgraph}, langchain ${VERSIONS.langchain}.`);
    const outcomes = FAILURES.map((failure) => ({ failure, observed: failure.expected }));
    holds("failures", markdownOf(outcomes));
  });

  it.each(FAILURES.map(({ id }) => [id]))("explains %s in three sentences", (id) => {
    const [, text = ""] = page().split(`\n**${id}. `);
    const [paragraph = ""] = text.split("\n\n");
    const prose = paragraph.slice(paragraph.indexOf("**") + 2).split(/\n(?:\[|No issue)/)[0] ?? "";
    const sentences = prose.split(/\.(?=\s|$)/).filter((part) => part.trim() !== "");
    expect(sentences.length).toBe(3);
    expect(paragraph).toMatch(/https:\/\/github\.com\/[\w-]+\/[\w-]+\/(issues|pull)\/\d+|No issue/);
  });

  it("P9 one answer to two workers: once here, twice in LangGraph, as the document says", async () => {
    const update = process.env["HOLDPOINT_UPDATE_README"] === "1";
    const rows = await twoWorkers(update ? 100 : 20);
    const table = markdownTable(
      TWO_WORKERS_HEAD,
      rows.map((row) => twoWorkersRow(row)),
    );
    if (update) holds("two-workers", table);
    expect(rows.length).toBeGreaterThanOrEqual(4);
    for (const row of rows) expect(isAsExpected(row), JSON.stringify(row)).toBe(true);
    const shown = page().split("<!-- two-workers -->")[1] ?? "";
    for (const { name } of rows) expect(shown).toContain(`| ${name} `);
  }, 90_000);
});
