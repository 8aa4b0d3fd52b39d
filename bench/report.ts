/** The findings, as lines while they come in, as a table at the end, and as JSON. */
import type { Comparison } from "./measure.ts";

export type BoundKind = "at least" | "at most" | "exactly";

export interface Bound {
  readonly kind: BoundKind;
  readonly value: number;
}

export interface Finding {
  readonly section: string;
  readonly name: string;
  readonly value: number;
  /** What `value` counts; a ratio if it is empty. */
  readonly unit: string;
  /** What else belongs to the figure: the spread, both sides in operations a second … */
  readonly note: string;
  readonly bound: Bound | null;
  readonly met: boolean | null;
  readonly details?: unknown;
}

export const atLeast = (value: number): Bound => ({ kind: "at least", value });
export const atMost = (value: number): Bound => ({ kind: "at most", value });
export const exactly = (value: number): Bound => ({ kind: "exactly", value });

function holds(value: number, { kind, value: limit }: Bound): boolean {
  if (kind === "exactly") return value === limit;
  return kind === "at least" ? value >= limit : value <= limit;
}

function round(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2);
}

export interface FindingInput {
  readonly name: string;
  readonly value: number;
  readonly unit?: string;
  readonly note?: string;
  readonly bound?: Bound | undefined;
  readonly details?: unknown;
}

export class Report {
  readonly findings: Finding[] = [];
  #section = "";

  section(name: string, about: string): void {
    this.#section = name;
    console.log(`\n${name}: ${about}`);
  }

  progress(text: string): void {
    console.log(`  … ${text}`);
  }

  add({ name, value, unit = "", note = "", bound, details }: FindingInput): void {
    const met = bound ? holds(value, bound) : null;
    const finding = { section: this.#section, name, value, unit, note, bound: bound ?? null, met, details };
    this.findings.push(finding);
    console.log(
      `  ${name}: ${round(value)}${unit && ` ${unit}`}${boundText(finding)}${note && `  (${note})`}`,
    );
  }

  compared(name: string, comparison: Comparison, bound?: Bound): void {
    const { base, own, ratio, spread } = comparison;
    const [low, high] = spread.map((value) => value.toFixed(2));
    const note = `${low}–${high}; ${round(own.perSecond)}/s against ${round(base.perSecond)}/s; processor ${round(own.cpuMicros)} µs against ${round(base.cpuMicros)} µs`;
    this.add({ name, value: ratio, note, bound, details: comparison });
  }

  table(): string {
    const head = ["section", "what", "value", "bound", "met", "note"];
    const rows = this.findings.map((finding) => [
      finding.section,
      finding.name,
      `${round(finding.value)}${finding.unit && ` ${finding.unit}`}`,
      finding.bound ? `${finding.bound.kind} ${finding.bound.value}` : "",
      finding.met === null ? "" : finding.met ? "yes" : "NO",
      finding.note,
    ]);
    const widths = head.map((title, column) =>
      Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)),
    );
    const line = (cells: readonly string[]): string =>
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd();
    return [line(head), line(widths.map((width) => "─".repeat(width))), ...rows.map(line)].join("\n");
  }

  get missed(): readonly Finding[] {
    return this.findings.filter(({ met }) => met === false);
  }
}

function boundText({ bound, met }: Finding): string {
  return bound ? ` [${bound.kind} ${bound.value}: ${met ? "met" : "NOT MET"}]` : "";
}
