/*
 * How many terminal columns text takes, and how to cut it: keys and names in data are any Unicode, and may hold
 * control characters that would otherwise drive the terminal.
 */

/** First and last code points of the blocks that terminals draw two columns wide (Unicode East Asian Width W and F). */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x17000, 0x18dff],
  [0x1b000, 0x1b2ff],
  [0x20000, 0x3fffd],
];

/** Holds words together while a line is wrapped. */
export const NO_BREAK = "\u00a0";

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Terminal columns of a text without control characters. */
export function displayWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += graphemeWidth(segment);
  return width;
}

function graphemeWidth(grapheme: string): number {
  const point = grapheme.codePointAt(0)!;
  if (/^[\p{Mn}\p{Me}\p{Cf}]/u.test(grapheme)) return 0;
  if (/\p{Emoji_Presentation}|\uFE0F/u.test(grapheme)) return 2;
  return WIDE.some(([first, last]) => point >= first && point <= last) ? 2 : 1;
}

/**
 * Shortens a text to a number of columns with an ellipsis.
 *
 * @param keep  Which part survives: the beginning, or both ends (for names that differ in their last letters).
 */
export function cutText(text: string, columns: number, keep: "start" | "ends" = "start"): string {
  if (displayWidth(text) <= columns) return text;
  if (columns < 1) return "";
  const graphemes = Array.from(segmenter.segment(text), ({ segment }) => segment);
  const tailColumns = keep === "ends" ? Math.floor((columns - 1) / 2) : 0;
  const tail = takeColumns(graphemes.toReversed(), tailColumns).reverse().join("");
  return `${takeColumns(graphemes, columns - 1 - tailColumns).join("")}…${tail}`;
}

function takeColumns(graphemes: readonly string[], columns: number): string[] {
  const taken: string[] = [];
  let left = columns;
  for (const grapheme of graphemes) {
    left -= graphemeWidth(grapheme);
    if (left < 0) break;
    taken.push(grapheme);
  }
  return taken;
}

/** Fills a text up to a number of columns; longer text stays as it is. */
export function padText(text: string, columns: number, align: "left" | "right" = "left"): string {
  const fill = " ".repeat(Math.max(0, columns - displayWidth(text)));
  return align === "left" ? text + fill : fill + text;
}

/** Text from data, safe to print: control characters, line ends included, become escapes such as `\x1b`. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (character) => {
    const code = character.charCodeAt(0);
    if (character === "\n") return "\\n";
    if (character === "\t") return "\\t";
    return code < 256
      ? `\\x${code.toString(16).padStart(2, "0")}`
      : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/** Breaks text at spaces into lines of at most so many columns; a longer word gets a line of its own. */
export function wrapText(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && displayWidth(longer) > columns) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return [...lines, line];
}
