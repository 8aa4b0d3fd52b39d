/**
 * Other people's words for a terminal. What a model, a tool or a file name says may hold an escape sequence that
 * rewrites the line above, a bidi control that shows `gnp.exe` as `exe.png`, or characters that nobody sees.
 */

/**
 * Control, format (bidi, zero width, tags), surrogate, private and unassigned characters; separators of lines; what is
 * drawn as nothing; spaces that are none of the usual ones.
 */
const HOSTILE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u1680\u2000-\u200a\u205f\u2800]/gu;
/** An emoji's own selector is no trick. */
const EMOJI_SELECTOR = /(?<=\p{Extended_Pictographic})\ufe0f/gu;
/** More marks on a letter than any language has are drawn over the lines around it. */
const STACKED = /(?<=\p{M}{4})\p{M}/gu;
const KEPT = "\ufe0f";

function spelled(char: string): string {
  return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}

/** One line in which every character is what it seems; the others are spelled out as `\u{202e}`. */
export function visible(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  return text
    .split(EMOJI_SELECTOR)
    .map((part) => part.replace(HOSTILE, spelled).replace(STACKED, spelled))
    .join(KEPT);
}

/** Several lines, each of them {@link visible}. Tabs are four spaces. */
export function visibleLines(text: string): string[] {
  return text
    .replaceAll("\r\n", "\n")
    .replaceAll("\t", "    ")
    .split("\n")
    .map((line) => visible(line));
}
