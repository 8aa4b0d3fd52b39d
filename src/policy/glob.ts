/**
 * Globs of a shell (fnmatch): `*` any text, `?` one character, `[abc]`, `[a-z]`, `[!a]` one of a set. Matched without
 * backtracking over more than the last `*`: a model makes up names and arguments.
 */
import { HoldpointError } from "../core/errors.ts";

export const MAX_GLOB_LENGTH = 1024;

/** One character of a text: itself, any, or one of a set. */
type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "any" }
  | {
      readonly kind: "set";
      readonly negated: boolean;
      readonly ranges: readonly (readonly [number, number])[];
    };

/** What is between two stars. */
interface Run {
  readonly parts: readonly Part[];
  /** The whole run, if it is plain text. */
  readonly literal: string | null;
}

/** Matches whole texts. Case counts. */
export interface Glob {
  readonly source: string;
  matches(text: string): boolean;
}

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT` */
export function globOf(source: unknown, what: string): Glob {
  if (typeof source !== "string" || source.length > MAX_GLOB_LENGTH || !source.isWellFormed()) {
    throw new HoldpointError(
      "ERR_HITL_INVALID_INPUT",
      `${what} has to be a glob: a string of at most ${MAX_GLOB_LENGTH} characters.`,
      { details: { what } },
    );
  }
  if (!/[*?[]/.test(source)) return { source, matches: (text) => text === source };
  const runs = runsOf(source);
  return { source, matches: (text) => matchRuns(runs, text) };
}

/** What stands between the stars: the first run begins the text, the last one ends it. */
function runsOf(source: string): readonly Run[] {
  const runs: Part[][] = [[]];
  const characters = Array.from(source);
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] as string;
    const run = runs.at(-1) as Part[];
    if (character === "*") runs.push([]);
    else if (character === "?") run.push({ kind: "any" });
    else {
      const end = character === "[" ? endOfSet(characters, at) : -1;
      if (end < 0) run.push({ kind: "text", text: character });
      else {
        run.push(setOf(characters.slice(at + 1, end)));
        at = end;
      }
    }
  }
  return runs.map((parts) => ({ parts, literal: literalOf(parts) }));
}

function literalOf(parts: readonly Part[]): string | null {
  return parts.every((part) => part.kind === "text") ? parts.map(({ text }) => text).join("") : null;
}

/** Where the set ends; -1 if it is none, and the bracket itself is meant. A `]` that comes first belongs to the set. */
function endOfSet(characters: readonly string[], start: number): number {
  let from = start + 1;
  if (characters[from] === "!") from += 1;
  if (characters[from] === "]") from += 1;
  return characters.indexOf("]", from);
}

function setOf(inner: readonly string[]): Part {
  const negated = inner[0] === "!";
  const characters = negated ? inner.slice(1) : inner;
  const ranges: [number, number][] = [];
  for (let at = 0; at < characters.length; at += 1) {
    const low = codeOf(characters[at] as string);
    const isRange = characters[at + 1] === "-" && at + 2 < characters.length;
    ranges.push([low, isRange ? codeOf(characters[at + 2] as string) : low]);
    if (isRange) at += 2;
  }
  return { kind: "set", negated, ranges };
}

function codeOf(character: string): number {
  return character.codePointAt(0) as number;
}

function matchRuns(runs: readonly Run[], text: string): boolean {
  const [first, ...middle] = runs;
  let at = matchAt(first?.parts ?? [], text, 0);
  if (at < 0) return false;
  const last = middle.pop();
  if (last === undefined) return at === text.length;
  for (const run of middle) {
    at = find(run, text, at);
    if (at < 0) return false;
  }
  const start = startOfTail(text, last.parts.length);
  return start >= at && matchAt(last.parts, text, start) === text.length;
}

/** Where the last `count` characters of a text begin; -1 if it has fewer. */
function startOfTail(text: string, count: number): number {
  let at = text.length;
  for (let left = count; left > 0; left -= 1) {
    if (at <= 0) return -1;
    at -= 1;
    if (at > 0 && isLow(text.charCodeAt(at)) && isHigh(text.charCodeAt(at - 1))) at -= 1;
  }
  return at;
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

/** The end of the first place from `from` on at which the run is; -1 for none. */
function find({ parts, literal }: Run, text: string, from: number): number {
  if (literal !== null) {
    const found = text.indexOf(literal, from);
    return found < 0 ? -1 : found + literal.length;
  }
  for (let at = from; at <= text.length; at += 1) {
    if (at > from && at < text.length && isLow(text.charCodeAt(at)) && isHigh(text.charCodeAt(at - 1)))
      continue;
    const end = matchAt(parts, text, at);
    if (end >= 0) return end;
  }
  return -1;
}

/** Where the run ends if it is at `start`; -1 if it is not. */
function matchAt(run: readonly Part[], text: string, start: number): number {
  let at = start;
  for (const part of run) {
    const code = text.codePointAt(at);
    if (code === undefined || !isOneOf(part, code)) return -1;
    at += code > 0xffff ? 2 : 1;
  }
  return at;
}

function isOneOf(part: Part, code: number): boolean {
  switch (part.kind) {
    case "any":
      return true;
    case "text":
      return codeOf(part.text) === code;
    case "set":
      return part.ranges.some(([low, high]) => code >= low && code <= high) !== part.negated;
  }
}
