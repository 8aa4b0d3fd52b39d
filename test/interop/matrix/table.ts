/** The cells as docs/interop.md shows them. */
import type { Cell, Row } from "./cells.ts";
import { CLIENTS } from "./clients.ts";
import { ACTIONS, type Action, QUESTIONS, type Question } from "./questions.ts";

const NONE = "–";

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

const actionsOf = (cells: Row["cells"], kind: Cell["kind"]): Action[] =>
  cells.filter(([, cell]) => cell.kind === kind).map(([action]) => action);

function cellText({ cells }: Row): string {
  const [works, refused] = [actionsOf(cells, "works"), actionsOf(cells, "refused")];
  const parts = [
    ...(works.length > 0 ? [works.join(", ")] : []),
    ...(refused.length > 0 ? [`✗ ${refused.join(", ")}`] : []),
  ];
  return parts.length > 0 ? parts.join("<br>") : NONE;
}

const rowOf = (rows: readonly Row[], client: string, question: Question): Row =>
  rows.find((row) => row.client.name === client && row.question === question) as Row;

export function aloneTable(rows: readonly Row[]): string {
  return table(
    ["", ...QUESTIONS.map((question) => question.replace(/^\w+/, "`$&`"))],
    CLIENTS.map(({ name }) => [name, ...QUESTIONS.map((question) => cellText(rowOf(rows, name, question)))]),
  );
}

/** Everything, nothing (and why), or some actions. */
function extentText(rows: readonly Row[], client: string): string {
  const cells = rows.filter((row) => row.client.name === client).flatMap((row) => row.cells);
  const works = actionsOf(cells, "works");
  const reasons = [...new Set(cells.flatMap(([, cell]) => (cell.kind === "cannot" ? [cell.why] : [])))];
  if (reasons.length === 0) return "all";
  const some = ACTIONS.filter((action) => works.includes(action));
  return [...(some.length > 0 ? [some.join(", ")] : []), `✗ ${reasons.join("; ")}`].join("<br>");
}

export function besideTable(all: readonly Row[], one: readonly Row[]): string {
  return table(
    ["", "says which by", "all of them in one message", "one of them"],
    CLIENTS.map(({ name, addresses }) => [name, addresses, extentText(all, name), extentText(one, name)]),
  );
}

/** What a client has no words for, with the reason. */
export function reasonsList(rows: readonly Row[]): string {
  return CLIENTS.flatMap(({ name }) => {
    const cells = rows.filter((row) => row.client.name === name).flatMap((row) => row.cells);
    const reasons = new Map<string, Set<Action>>();
    for (const [action, cell] of cells)
      if (cell.kind === "cannot") reasons.set(cell.why, (reasons.get(cell.why) ?? new Set()).add(action));
    const said = [...reasons].map(([why, actions]) => `${[...actions].join(", ")}: ${why}`);
    return said.length > 0 ? [`- **${name}**: ${said.join(". ")}.`] : [];
  }).join("\n");
}
