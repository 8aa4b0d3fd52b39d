/** How many columns of a terminal a text takes, and where to break it. */

/** East Asian wide and fullwidth characters that are no emoji (Unicode 16), as pairs of first and last. */
const WIDE: readonly number[] = [
  0x1100, 0x115f, 0x2329, 0x232a, 0x2630, 0x2637, 0x268a, 0x268f, 0x2e80, 0x303e, 0x3041, 0x3247, 0x3250,
  0xa4cf, 0xa960, 0xa97c, 0xac00, 0xd7a3, 0xf900, 0xfaff, 0xfe10, 0xfe19, 0xfe30, 0xfe6b, 0xff01, 0xff60,
  0xffe0, 0xffe6, 0x16fe0, 0x18dff, 0x1aff0, 0x1b2ff, 0x1d300, 0x1d356, 0x1d360, 0x1d376, 0x1f200, 0x1f265,
  0x20000, 0x3fffd,
];
const EMOJI = /\p{Emoji_Presentation}|\p{Extended_Pictographic}\ufe0f/u;
const ASCII = /^[\x20-\x7e]*$/;
const MARK = /^[\p{Mn}\p{Me}]$/u;

let segmenter: Intl.Segmenter | undefined;

function graphemesOf(text: string): readonly string[] {
  if (ASCII.test(text)) return text.split("");
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

function isWide(code: number): boolean {
  if (code < 0x1100) return false;
  for (let at = 0; at < WIDE.length; at += 2) {
    if (code < (WIDE[at] as number)) return false;
    if (code <= (WIDE[at + 1] as number)) return true;
  }
  return false;
}

function widthOf(grapheme: string): number {
  if (grapheme.length === 1 && grapheme < "\u0300") return 1;
  if (EMOJI.test(grapheme)) return 2;
  let widest = 0;
  for (const char of grapheme) {
    if (isWide(char.codePointAt(0) as number)) return 2;
    if (!MARK.test(char)) widest = 1;
  }
  return widest;
}

/** @internal Columns of a text of one line without control characters. */
export function displayWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const grapheme of graphemesOf(text)) width += widthOf(grapheme);
  return width;
}

/** What is not broken unless it is longer than a line: a word, a run of spaces, a wide character. */
function unitsOf(text: string): { text: string; width: number; isSpace: boolean }[] {
  const units: { text: string; width: number; isSpace: boolean }[] = [];
  let open: (typeof units)[number] | undefined;
  for (const grapheme of graphemesOf(text)) {
    const width = widthOf(grapheme);
    const isSpace = grapheme === " ";
    if (open && width < 2 && open.isSpace === isSpace) {
      open.text += grapheme;
      open.width += width;
      continue;
    }
    const unit = { text: grapheme, width, isSpace };
    units.push(unit);
    open = width < 2 ? unit : undefined;
  }
  return units;
}

/**
 * One line as several of at most `width` columns (2 or more): broken at spaces, beside wide characters, and within
 * what is longer than a line. Spaces at a break are left out, those at the beginning are kept.
 */
export function wrap(text: string, width: number): string[] {
  if (text.length <= width && ASCII.test(text)) return [text];
  const lines: string[] = [];
  let line = "";
  let used = 0;
  const flush = (): void => {
    lines.push(line.trimEnd());
    line = "";
    used = 0;
  };
  for (const unit of unitsOf(text)) {
    if (unit.isSpace && used > 0 && used + unit.width > width) {
      flush();
      continue;
    }
    // A space that a break has left out does not begin the next line.
    if (unit.isSpace && used === 0 && lines.length > 0) continue;
    // An indent alone is no line, nor is the mark of a list's item.
    if (used + unit.width > width && !/^ *(?:- )*$/.test(line)) flush();
    if (used + unit.width <= width) {
      line += unit.text;
      used += unit.width;
      continue;
    }
    for (const grapheme of graphemesOf(unit.text)) {
      const columns = widthOf(grapheme);
      if (used + columns > width) flush();
      line += grapheme;
      used += columns;
    }
  }
  if (used > 0 || lines.length === 0) flush();
  return lines;
}
