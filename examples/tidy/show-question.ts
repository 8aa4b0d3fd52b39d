/** A recorded question as lines of a terminal. All of it is somebody else's text. */
import type { HITLRecord, Option, Question } from "holdpoint";
import { visible, visibleLines, visibleShort } from "./safe-text.ts";

/** Longer previews would push the question itself off the screen. */
const MOST_LINES = 25;

export function messageOf(record: HITLRecord): string {
  const { message } = record.data;
  return typeof message === "string" ? message : record.hitl_type;
}

export function oneLine(record: HITLRecord): string {
  return `${visible(record.tool_name ?? record.hitl_type)}: ${visibleShort(messageOf(record), 140)}`;
}

export function questionLines(record: HITLRecord): string[] {
  const { details, risk_level, preview, args } = record.data;
  const shown = preview ?? (record.hitl_type === "permission" ? args : undefined);
  return [
    ...visibleLines(messageOf(record)),
    ...(typeof details === "string" ? visibleLines(details).map((line) => `  ${line}`) : []),
    ...(typeof risk_level === "string" ? [`  Risk: ${visible(risk_level)}`] : []),
    ...shorten(treeLines(shown)).map((line) => `  ${line}`),
  ];
}

/** Numbered from 1, as they are picked. */
export function optionLines(options: readonly Option[]): string[] {
  return options.map((option, index) => {
    if (typeof option === "string") return `  ${index + 1}) ${visible(option)}`;
    const description = option.description === undefined ? "" : ` (${visible(option.description)})`;
    return `  ${index + 1}) ${visible(option.label)}${description}`;
  });
}

export function optionsOf(data: HITLRecord["data"] | Question): readonly Option[] {
  return Array.isArray(data["options"]) ? (data["options"] as readonly Option[]) : [];
}

export function questionsOf(record: HITLRecord): readonly Question[] | null {
  const { questions } = record.data;
  return Array.isArray(questions) ? (questions as unknown as readonly Question[]) : null;
}

/** JSON as people read it: one line for each leaf, or for each object of leaves in a list. */
function treeLines(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  if (typeof value !== "object") return visibleLines(String(value));
  if (Array.isArray(value)) return value.flatMap((item) => bullet(item));
  return Object.entries(value).flatMap(([name, item]) =>
    isLeaf(item)
      ? [`${visible(name)}: ${visible(String(item))}`]
      : [`${visible(name)}:`, ...treeLines(item).map((line) => `  ${line}`)],
  );
}

function bullet(item: unknown): string[] {
  if (isLeaf(item)) return [`- ${visible(String(item))}`];
  const values = Object.values(item as object);
  if (values.every(isLeaf)) return [`- ${values.map((value) => visible(String(value))).join("  ·  ")}`];
  return treeLines(item).map((line, index) => (index === 0 ? `- ${line}` : `  ${line}`));
}

function isLeaf(value: unknown): boolean {
  return typeof value !== "object" || value === null;
}

function shorten(lines: readonly string[]): readonly string[] {
  if (lines.length <= MOST_LINES) return lines;
  const head = lines.slice(0, MOST_LINES - 2);
  // The last line holds the total, where there is one.
  return [...head, `… ${lines.length - head.length - 1} lines more`, lines.at(-1) as string];
}
