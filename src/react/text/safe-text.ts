/** Texts that an agent wrote may hide or turn what a person reads: such characters are spelled out. */
import { visible } from "../../blocks/safe-text.ts";

/** What a page shows as it is and a terminal does not: ends of lines and tabs. */
const KEPT = /([\n\t])/;
/** Joiners within emoji, and in scripts that are spelled with them. */
const JOINER =
  /(?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}\uFE0F\p{Script=Arabic}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Malayalam}\p{Script=Kannada}\p{Script=Sinhala}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Khmer}\p{Script=Mongolian}])([\u200C\u200D])(?=\p{L}|\p{Extended_Pictographic})/u;

/** Splits at the one group of `separators`, which is kept, and gives the rest to `map`. */
function between(text: string, separators: RegExp, map: (part: string) => string): string {
  return text
    .split(separators)
    .map((part, index) => (index % 2 === 0 ? map(part) : part))
    .join("");
}

/**
 * The text with everything in it that is not seen, or that turns what is, written as `\\u{202e}`. Line ends become `\n`.
 *
 * @example
 * ```ts
 * import { visibleText } from "holdpoint/react";
 *
 * console.log(visibleText("invoice\u202Efdp.exe")); // prints: invoice\u{202e}fdp.exe
 * ```
 */
export function visibleText(text: string): string {
  return between(text.replaceAll("\r\n", "\n"), KEPT, (line) => between(line, JOINER, visible));
}

/** The hidden characters of a text, each once: for a value that must not be altered, such as that of an input. */
export function hiddenCharacters(text: string): readonly string[] {
  const shown = visibleText(text);
  if (shown === text.replaceAll("\r\n", "\n")) return [];
  return [...new Set(shown.match(/\\u\{[0-9a-f]+\}/g))].filter((character) => !text.includes(character));
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
