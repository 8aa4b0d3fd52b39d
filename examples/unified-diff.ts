/** What changes between two texts, as `diff -u` says it; empty if nothing does. For texts that a person reads. */

const CONTEXT = 3;
/** The table below has a cell for each pair of lines. */
const MOST_LINES = 2000;

interface Line {
  readonly sign: " " | "-" | "+";
  readonly text: string;
}

/** @throws RangeError for more lines than a person would read */
export function unifiedDiff(name: string, before: string, after: string): string {
  const [old, now] = [linesOf(before), linesOf(after)];
  if (Math.max(old.length, now.length) > MOST_LINES)
    throw new RangeError(`${name} has more than ${MOST_LINES} lines`);
  const lines = changed(old, now);
  const hunks = hunksOf(lines);
  if (hunks.length === 0) return "";
  const from = before === "" ? "/dev/null" : `a/${name}`;
  const to = after === "" ? "/dev/null" : `b/${name}`;
  return [`--- ${from}`, `+++ ${to}`, ...hunks.flatMap(([start, end]) => hunk(lines, start, end))].join("\n");
}

/** With its end, so that a last line without one differs from the same with it. */
function linesOf(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** By the longest common subsequence: what is common stays, the rest goes and comes. */
function changed(old: readonly string[], now: readonly string[]): readonly Line[] {
  const width = now.length + 1;
  const common = new Uint16Array((old.length + 1) * width);
  const at = (i: number, j: number): number => common[i * width + j] as number;
  for (let i = old.length - 1; i >= 0; i -= 1)
    for (let j = now.length - 1; j >= 0; j -= 1)
      common[i * width + j] = old[i] === now[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      lines.push({ sign: " ", text: old[i] as string });
      i += 1;
      j += 1;
    } else if (i < old.length && (j === now.length || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ sign: "-", text: old[i] as string });
      i += 1;
    } else {
      lines.push({ sign: "+", text: now[j] as string });
      j += 1;
    }
  }
  return lines;
}

/** From where to where: the changes with what is around them; those that touch are one. */
function hunksOf(lines: readonly Line[]): readonly (readonly [start: number, end: number])[] {
  const hunks: [number, number][] = [];
  for (const [index, { sign }] of lines.entries()) {
    if (sign === " ") continue;
    const last = hunks.at(-1);
    const end = Math.min(lines.length, index + CONTEXT + 1);
    if (last && index - CONTEXT <= last[1]) last[1] = end;
    else hunks.push([Math.max(0, index - CONTEXT), end]);
  }
  return hunks;
}

function hunk(lines: readonly Line[], start: number, end: number): readonly string[] {
  const shown = lines.slice(start, end);
  const range = (other: "-" | "+"): string => {
    const isOwn = ({ sign }: Line): boolean => sign !== other;
    const length = shown.filter(isOwn).length;
    const before = lines.slice(0, start).filter(isOwn).length;
    return `${length === 0 ? before : before + 1},${length}`;
  };
  return [
    `@@ -${range("+")} +${range("-")} @@`,
    ...shown.flatMap(({ sign, text }) =>
      text.endsWith("\n") ? [sign + text.slice(0, -1)] : [sign + text, "\\ No newline at end of file"],
    ),
  ];
}
