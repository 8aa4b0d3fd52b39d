/** Numbers and names as people read them. */
import { visible } from "holdpoint/blocks";

/** `visible`, and no longer than a line may be: the middle is left out, since names differ at their ends. */
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
