/** Texts that an agent wrote may hide or turn what a person reads: such characters are shown by their number. */

// Controls but tab and line feed, soft hyphen, Arabic letter mark, Mongolian and zero-width spaces, direction marks,
// embeddings and isolates, separators, invisible operators, byte order mark, interlinear and tag characters.
const HIDDEN =
  // oxlint-disable-next-line no-control-regex -- These are what is looked for.
  /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u00AD\u061C\u115F\u1160\u180E\u200B\u200E\u200F\u2028-\u202E\u2060-\u206F\u3164\uFEFF\uFFA0\uFFF9-\uFFFB\u{E0000}-\u{E007F}]|[\uD800-\uDFFF]/gu;

// Between emoji, and in scripts that need them, joiners are spelling.
const LOOSE_JOINER =
  /(?<![\p{Extended_Pictographic}\p{Emoji_Modifier}\uFE0F\p{Script=Arabic}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Malayalam}\p{Script=Kannada}\p{Script=Sinhala}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Khmer}\p{Script=Mongolian}\u0300-\u036F])[\u200C\u200D]/gu;

function shown(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
}

/**
 * The text with everything in it that is not seen, or that turns what is, written as `⟨U+202E⟩`. Line ends become `\n`.
 *
 * @example
 * ```ts
 * import { visibleText } from "holdpoint/react";
 *
 * console.log(visibleText("invoice\u202Efdp.exe")); // prints: invoice⟨U+202E⟩fdp.exe
 * ```
 */
export function visibleText(text: string): string {
  return text.replaceAll("\r\n", "\n").replaceAll(HIDDEN, shown).replaceAll(LOOSE_JOINER, shown);
}

/** The hidden characters of a text, each once: for a value that must not be altered, such as that of an input. */
export function hiddenCharacters(text: string): readonly string[] {
  const found = [...text.matchAll(HIDDEN), ...text.matchAll(LOOSE_JOINER)].map(([character]) =>
    shown(character),
  );
  return [...new Set(found)];
}

/** A link that people may be sent to, with the host that they will see there. */
export interface SafeLink {
  readonly href: string;
  readonly host: string;
}

/**
 * The link for an address that an agent wrote: `http` or `https` only, and without user name and password, which serve
 * to disguise a host. Null for anything else.
 */
export function safeLink(address: unknown): SafeLink | null {
  if (typeof address !== "string") return null;
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    return null;
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return null;
  if (url.username !== "" || url.password !== "") return null;
  return { href: url.href, host: url.host };
}

/** For labels, where no button can be: as {@link visibleText}, and what is left out is counted. */
export function labelText(text: string, maxLength = 1000): string {
  if (text.length <= maxLength) return visibleText(text);
  return `${visibleText(text.slice(0, maxLength))} … (+${text.length - maxLength})`;
}
