/** Texts and numbers as PostgreSQL can hold them, and identifiers. */
import { HoldpointError } from "../../core/errors.ts";

function invalid(message: string): never {
  throw new HoldpointError("ERR_HITL_INVALID_INPUT", message);
}

/** Zero and lone surrogates cannot be in a text, and the backslash escapes them. */
const SPECIAL = /[\\\0\p{Cs}]/u;

/** Any text as one that a column of type text can hold; {@link unescapeText} gives it back. */
export function escapeText(text: string): string {
  if (typeof text !== "string") return invalid("A kind, tenant, status, key, owner or type is not a text.");
  if (!SPECIAL.test(text)) return text;
  return text.replaceAll(/[\\\0\p{Cs}]/gu, (char) =>
    char === "\\" ? "\\\\" : char === "\0" ? "\\0" : `\\u${char.charCodeAt(0).toString(16)}`,
  );
}

export function unescapeText(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replaceAll(/\\(?:u([0-9a-f]{4})|.)/g, (escape, hex: string | undefined) =>
    hex ? String.fromCharCode(Number.parseInt(hex, 16)) : escape === "\\0" ? "\0" : "\\",
  );
}

/**
 * A time or duration in whole milliseconds; a part of one counts as one, so that nothing ends too early.
 *
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT` if no column can hold it
 */
export function wholeMs(value: number, what: string): number {
  const whole = Math.ceil(value);
  // Two of them may be added, and the sum has to be exact.
  return Math.abs(whole) <= Number.MAX_SAFE_INTEGER
    ? whole
    : invalid(`${what} is ${value}; it has to be a number of milliseconds below 2^53.`);
}

/** A number in a guard; what no record can have fits none. */
export function guardNumber(value: number | undefined): number | null {
  if (value === undefined) return null;
  return Number.isSafeInteger(value) ? value : -1;
}

const MAX_NAME_BYTES = 63;

/**
 * Checks the name of a schema and quotes it.
 *
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT`
 */
export function quoteSchema(name: string): string {
  const usable =
    typeof name === "string" &&
    name !== "" &&
    name.isWellFormed() &&
    !/\p{Cc}/u.test(name) &&
    Buffer.byteLength(name) <= MAX_NAME_BYTES &&
    !/^pg_/i.test(name) &&
    !["public", "information_schema"].includes(name);
  if (!usable) {
    invalid(
      `The schema has to be a name of 1 to ${MAX_NAME_BYTES} bytes of its own: not public, not pg_…, no control characters.`,
    );
  }
  return quoteName(name);
}

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
