/**
 * Text as Python sees it: its whitespace, `str.split`, `str.capitalize` and decimal digits.
 *
 * JavaScript's own `\s`, `trim` and `\d` differ: U+FEFF is white only here, U+001C to U+001F and U+0085 only there.
 */

// str.isspace(), which str.split(), str.strip() and \s of Python's re share.
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const WORDS = new RegExp(`[^${SPACE}]+`, "gu");
const VALUES = new RegExp(`[^${SPACE},]+`, "gu");
const ENDS = new RegExp(`^[${SPACE}]+|[${SPACE}]+$`, "gu");
const DIGIT = /\p{Nd}/u;

/** Whether a UTF-16 code unit is whitespace to Python; all of it lies in the basic plane. */
export function isPythonSpace(code: number): boolean {
  if (code < 0x80) return code === 32 || (code >= 9 && code <= 13) || (code >= 28 && code <= 31);
  return (
    code === 0x85 ||
    code === 0xa0 ||
    code === 0x1680 ||
    (code >= 0x2000 && code <= 0x200a) ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x3000
  );
}

/** `text.strip()` */
export function strip(text: string): string {
  return text.replace(ENDS, "");
}

/** `text.split()` */
export function splitWords(text: string): string[] {
  return text.match(WORDS) ?? [];
}

/** `re.findall(r"[^\s,]+", text)`: how ASE splits the values of a key. */
export function splitValues(text: string): string[] {
  return text.match(VALUES) ?? [];
}

/** `text.capitalize()`, as ASE applies it to chemical symbols. */
export function capitalize(text: string): string {
  const [first = ""] = text;
  return first.toUpperCase() + text.slice(first.length).toLowerCase();
}

/** Replaces every decimal digit of any script by its ASCII twin, as `int()` and `float()` do. */
export function toAsciiDigits(text: string): string {
  if (!/\P{ASCII}/u.test(text)) return text;
  return text.replace(/\p{Nd}/gu, (digit) => String(digitValue(digit.codePointAt(0)!)));
}

/** Unicode keeps the ten digits of a script together and in order, so their distance to the first gives the value. */
function digitValue(codePoint: number): number {
  let first = codePoint;
  while (DIGIT.test(String.fromCodePoint(first - 1))) first--;
  return (codePoint - first) % 10;
}
