/** The outcomes as a table: for a terminal, and for docs/failures.md. */
import { differences, type Outcome, type Side } from "./failure.ts";

export type Row = readonly [id: string, title: string, stock: string, holdpoint: string];

const HEAD: Row = ["", "what is done", "stock LangGraph and langchain", "holdpoint"];
/** With the gaps 120 columns. */
const WIDTHS = [4, 40, 37, 33] as const;
const GAP = "  ";

/** A side that is not as expected says so: whoever reads the table need not know what should be there. */
function cell(outcome: Outcome, side: Side): string {
  const { text } = outcome.observed[side];
  const { text: expected } = outcome.failure.expected[side];
  const wrong = differences(outcome).some((line) => line.startsWith(`${outcome.failure.id}, ${side}:`));
  if (!wrong) return text;
  return `NOT AS EXPECTED: ${text}; expected: ${expected}${side === "stock" ? " (fixed upstream?)" : ""}`;
}

export function rowOf(outcome: Outcome): Row {
  const { id, title } = outcome.failure;
  return [id, title, cell(outcome, "stock"), cell(outcome, "holdpoint")];
}

/** Lines of at most `width` characters, broken between words; a longer word is cut. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    let rest = word;
    if (line !== "" && line.length + 1 + rest.length > width) {
      lines.push(line);
      line = "";
    }
    for (; rest.length > width; rest = rest.slice(width)) lines.push(rest.slice(0, width));
    line = line === "" ? rest : `${line} ${rest}`;
  }
  return [...lines, line];
}

function rowText(row: Row): string {
  const cells = row.map((text, n) => wrap(text, WIDTHS[n] as number));
  const height = Math.max(...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, n) =>
    cells
      .map((lines, column) => (lines[n] ?? "").padEnd(WIDTHS[column] as number))
      .join(GAP)
      .trimEnd(),
  ).join("\n");
}

export const headText = (): string =>
  `${rowText(HEAD)}\n${WIDTHS.map((width) => "-".repeat(width)).join(GAP)}`;

/** One row, with an empty line behind it. */
export const textOf = (outcome: Outcome): string => `${rowText(rowOf(outcome))}\n`;

const escaped = (text: string): string => text.replaceAll("|", "\\|");

/** A table of markdown, padded as the others of the documents are. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map((row) => row.map((text) => escaped(text)));
  const widths = head.map((_, n) => Math.max(...cells.map((row) => (row[n] ?? "").length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((text, n) => text.padEnd(widths[n] ?? 0)).join(" | ")} |`;
  const [first = [], ...rest] = cells;
  return [line(first), line(widths.map((width) => "-".repeat(width))), ...rest.map((row) => line(row))].join(
    "\n",
  );
}

export const markdownOf = (outcomes: readonly Outcome[]): string =>
  markdownTable(
    HEAD,
    outcomes.map((outcome) => rowOf(outcome)),
  );
