/** Lines of a terminal before they are laid out, and how they become text. */
import type { JsonValue } from "../core/json.ts";
import { wrap } from "./display-width.ts";
import { visible, visibleLines } from "./safe-text.ts";

export interface RenderOptions {
  /** Columns. Default 80, at least 20. */
  readonly width?: number | undefined;
  /** Whether to use ANSI colours. Default false. */
  readonly color?: boolean | undefined;
  /** Whether to draw with ASCII characters only, and without colours. Other people's text stays what it is. Default false. */
  readonly plain?: boolean | undefined;
  /** Most lines of one text or value; what is left out is counted. Default 60. */
  readonly maxLines?: number | undefined;
}

export type Style = "title" | "bold" | "dim" | "red" | "yellow" | "green" | "cyan";

/**
 * A line of our own, or (`quoted`) of somebody else's text, which gets a bar before it: so that no text can be taken for
 * a line of ours.
 */
export interface Line {
  readonly text: string;
  readonly quoted?: boolean;
  readonly style?: Style | undefined;
  readonly indent?: number;
  /** Columns by which the lines that it is wrapped to are indented further. */
  readonly hang?: number;
}

const CODES: Readonly<Record<Style, string>> = {
  title: "1;36",
  bold: "1",
  dim: "2",
  red: "31",
  yellow: "33",
  green: "32",
  cyan: "36",
};
const MIN_WIDTH = 20;
const MAX_INDENT = 8;

export interface Layout {
  readonly width: number;
  readonly color: boolean;
  readonly plain: boolean;
  readonly maxLines: number;
}

export function layoutOf(options: RenderOptions): Layout {
  const { width = 80, color = false, plain = false, maxLines = 60 } = options;
  return {
    width: Number.isFinite(width) ? Math.max(MIN_WIDTH, Math.floor(width)) : 80,
    color: color && !plain,
    plain,
    maxLines: Number.isNaN(maxLines) ? 60 : Math.max(3, maxLines),
  };
}

/** The line as it is printed: wrapped, indented, coloured. */
export function printed(line: Line, layout: Layout): string[] {
  const bar = line.quoted ? (layout.plain ? "| " : "│ ") : "";
  const start = " ".repeat(Math.min(line.indent ?? 0, MAX_INDENT)) + bar;
  const hang = line.hang ?? 0;
  const rows = wrap(line.text, layout.width - start.length - hang);
  return rows.map((row, index) => {
    const text = `${start}${index === 0 ? "" : " ".repeat(hang)}${row}`.trimEnd();
    return layout.color && line.style ? `\u001b[${CODES[line.style]}m${text}\u001b[0m` : text;
  });
}

/** Somebody else's text, at most `maxLines` printed lines of it. */
export function quote(text: string, layout: Layout, rest: Partial<Line> = {}): Line[] {
  return shortened(
    visibleLines(text).map((line) => ({ ...rest, text: line, quoted: true })),
    layout,
  );
}

/** JSON as people read it: one line for each leaf. */
export function tree(value: JsonValue | undefined, layout: Layout, rest: Partial<Line> = {}): Line[] {
  return shortened(
    treeLines(value).map((line) => ({ ...rest, text: line, quoted: true, hang: 2 })),
    layout,
  );
}

/** Cut by what is printed, since one line may be wrapped to thousands. The end is kept: it is where totals are. */
function shortened(lines: readonly Line[], layout: Layout): Line[] {
  const rows = lines.flatMap((line) => {
    const { text, hang = 0, indent = 0 } = line;
    const room = layout.width - Math.min(indent, MAX_INDENT) - 2 - hang;
    return wrap(text, room).map((row, index) => ({
      ...line,
      text: index === 0 ? row : " ".repeat(hang) + row,
      hang: 0,
    }));
  });
  if (rows.length <= layout.maxLines) return rows;
  const left = rows.length - layout.maxLines + 1;
  const note: Line = { text: `… ${left} lines more`, style: "yellow", indent: rows[0]?.indent ?? 0 };
  return [
    ...rows.slice(0, layout.maxLines - 2),
    layout.plain ? { ...note, text: `(${left} lines more)` } : note,
    ...rows.slice(-1),
  ];
}

function isLeaf(value: JsonValue): value is string | number | boolean | null {
  return typeof value !== "object" || value === null;
}

function treeLines(value: JsonValue | undefined): string[] {
  if (value === undefined) return [];
  if (isLeaf(value)) return visibleLines(String(value));
  if (Array.isArray(value)) {
    if (value.length === 0) return ["(none)"];
    return value.flatMap((item) => nested("- ", "  ", item));
  }
  const names = Object.keys(value);
  if (names.length === 0) return ["(nothing)"];
  return names.flatMap((name) => {
    const item = value[name] as JsonValue;
    const label = visible(name);
    if (!isLeaf(item)) return [`${label}:`, ...treeLines(item).map((line) => `  ${line}`)];
    const [first = "", ...more] = treeLines(item);
    return [`${label}: ${first}`, ...more.map((line) => `  ${line}`)];
  });
}

function nested(first: string, others: string, value: JsonValue): string[] {
  return treeLines(value).map((line, index) => (index === 0 ? first : others) + line);
}
