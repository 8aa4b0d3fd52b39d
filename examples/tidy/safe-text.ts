/**
 * Text for a terminal. File names, questions and what a model writes are other people's words: a name may hold
 * an escape sequence that rewrites the line above, or a bidi control that shows `gnp.exe` as `exe.png`.
 */

/** Control, format (bidi, zero width, tags), surrogate, private and unassigned characters; line separators. */
const HOSTILE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** One line in which every character is what it seems; the others are spelled out. */
export function visible(text: string): string {
  return text.replace(HOSTILE, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
}

/** Several lines, each of them {@link visible}. */
export function visibleLines(text: string): string[] {
  return text.split("\n").map(visible);
}

/** {@link visible}, and no longer than a line may be: the middle is left out, since names differ at their ends. */
export function visibleShort(text: string, longest = 100): string {
  const chars = Array.from(visible(text));
  if (chars.length <= longest) return chars.join("");
  const half = Math.floor((longest - 1) / 2);
  return `${chars.slice(0, half).join("")}…${chars.slice(-half).join("")}`;
}

const UNITS = ["kB", "MB", "GB", "TB"] as const;

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  let value = bytes;
  let unit: string = "B";
  for (const next of UNITS) {
    if (value < 999.5) break;
    value /= 1000;
    unit = next;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}
