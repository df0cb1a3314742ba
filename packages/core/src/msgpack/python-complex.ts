/** One part of a complex number, as Python's `float` prints and reads it. */
const PART = "(?:nan|inf|(?:\\d+(?:\\.\\d*)?|\\.\\d+)(?:e[+-]?\\d+)?)";
const COMPLEX = new RegExp(`^([+-]?${PART})(?:([+-]${PART})j)?$`);
const IMAGINARY = new RegExp(`^([+-]?${PART})j$`);

/** Reads Python's `repr` of a complex number, such as `(1.5-2j)`, `-2j` or `(nan-infj)`; `null` if it is none. */
export function parseComplex(text: string): [real: number, imaginary: number] | null {
  const body = text.startsWith("(") && text.endsWith(")") ? text.slice(1, -1) : text;
  const imaginary = IMAGINARY.exec(body);
  if (imaginary !== null) return [0, parsePart(imaginary[1]!)];
  const match = COMPLEX.exec(body);
  return match === null ? null : [parsePart(match[1]!), match[2] === undefined ? 0 : parsePart(match[2])];
}

function parsePart(text: string): number {
  if (text.endsWith("nan")) return Number.NaN;
  if (text.endsWith("inf")) return text.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return Number(text);
}

/** Python's `repr` of a complex number. */
export function formatComplex(real: number, imaginary: number): string {
  if (Object.is(real, 0)) return `${formatPart(imaginary)}j`;
  const part = formatPart(imaginary);
  return `(${formatPart(real)}${part.startsWith("-") ? "" : "+"}${part}j)`;
}

/** The shortest digits that read back, laid out as Python does: exponents below -4 and from 16 on are written out. */
function formatPart(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const [mantissa, exponentText] = Math.abs(value).toExponential().split("e") as [string, string];
  const exponent = Number(exponentText);
  const digits = mantissa.replace(".", "");
  if (exponent < -4 || exponent >= 16) {
    const size = String(Math.abs(exponent)).padStart(2, "0");
    return `${sign}${mantissa}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  const rest = digits.slice(exponent + 1);
  return rest === "" ? sign + whole : `${sign}${whole}.${rest}`;
}
