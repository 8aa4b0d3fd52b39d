/** docs/interop.md shows the cells that matrix.test.ts tries. HOLDPOINT_UPDATE_README=1 writes its tables anew. */
import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { rowsAlone, rowsBeside } from "./cells.ts";
import { aloneTable, besideTable, reasonsList } from "./table.ts";

const PAGE = new URL("../../../docs/interop.md", import.meta.url);
const page = (): string => readFileSync(PAGE, "utf8");

/** Tables without the padding that the formatter gives them. */
function unpadded(text: string | undefined): string | undefined {
  return text?.replaceAll(/ +\|/g, " |").replaceAll(/\| +/g, "| ").replaceAll(/-{3,}/g, "---");
}

/** What is between the marks of that name is `made`, or becomes it. */
function holds(name: string, made: string): void {
  const marked = new RegExp(`<!-- ${name} -->\n[\\s\\S]*?<!-- /${name} -->`);
  const text = `<!-- ${name} -->\n\n${made}\n\n<!-- /${name} -->`;
  if (process.env["HOLDPOINT_UPDATE_README"] === "1")
    writeFileSync(
      PAGE,
      page().replace(marked, () => text),
    );
  else expect(unpadded(marked.exec(page())?.[0])).toBe(unpadded(text));
}

const [alone, all, one] = [await rowsAlone(), await rowsBeside("all"), await rowsBeside("one")];

describe("docs/interop.md", () => {
  it("shows what each client can say to one question", () => {
    holds("one-question", aloneTable(alone));
  });

  it("shows how each client answers several questions", () => {
    holds("several-questions", besideTable(all, one));
  });

  it("gives a reason for whatever a client cannot say", () => {
    holds("cannot", reasonsList(alone));
  });

  it("has a test for whatever it shows", () => {
    for (const rows of [alone, all, one])
      for (const { client, question, cells } of rows)
        for (const [action, cell] of cells) {
          const isTried = cell.values.length > 0 || cell.kind === "cannot";
          expect(isTried, `${client.name}, ${question}, ${action}`).toBe(true);
        }
  });
});
