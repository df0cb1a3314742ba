import { type DType, elementAt, type NdArray, numberToFloat16 } from "@stowage/core";

/** `1234567` → `1,234,567`. */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US", { maximumFractionDigits: 0 });
}

/** `1 row`, `2 rows`, `1,234 rows`. */
export function formatPlural(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`;
}

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Decimal units, as disks and networks count: `92.3 kB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.95 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${BYTE_UNITS[unit]}`;
}

/** A share from 0 to 1: `51.2 %`; what is there but would round to nothing reads `<0.1 %`. */
export function formatShare(share: number): string {
  if (share > 0 && share < 0.0005) return "<0.1 %";
  return `${(share * 100).toFixed(1)} %`;
}

/** `850 ms`, `12.3 s`, `4 min 05 s`, `2 h 10 min`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** How two sizes compare, for people: `3.8 × smaller`, `1.2 × larger`, `same size`. */
export function formatRatio(from: number, to: number): string {
  if (from <= 0 || to <= 0) return "";
  const ratio = from >= to ? from / to : to / from;
  if (ratio < 1.005) return "same size";
  return `${ratio.toFixed(ratio < 10 ? 2 : 1)} × ${from >= to ? "smaller" : "larger"}`;
}

/** The shortest decimals that read back as the same number of this dtype: float32 0.1 is `0.1`. */
export function formatFloat(value: number, dtype: DType): string {
  if (Object.is(value, -0)) return "-0";
  // Any number of the dtype has a decimal of at most so many digits that reads back as it.
  const digits = dtype === "float32" || dtype === "complex64" ? 9 : dtype === "float16" ? 5 : 0;
  for (let precision = 1; precision < digits; precision++) {
    const short = Number(value.toPrecision(precision));
    if (rounded(short, dtype) === rounded(value, dtype)) return String(short);
  }
  return String(value);
}

function rounded(value: number, dtype: DType): number {
  return dtype === "float16" ? numberToFloat16(value) : Math.fround(value);
}

/** One element of an array as text, in at most six significant digits where `brief`. */
export function formatElement(array: NdArray, index: number, brief: boolean): string {
  if (array.dtype === "complex64" || array.dtype === "complex128") {
    const [real, imaginary] = [Number(array.data[2 * index]), Number(array.data[2 * index + 1])];
    const sign = imaginary < 0 || Object.is(imaginary, -0) ? "-" : "+";
    return `${formatReal(real, array.dtype, brief)}${sign}${formatReal(Math.abs(imaginary), array.dtype, brief)}i`;
  }
  const value = elementAt(array, index);
  if (typeof value !== "number" || !array.dtype.startsWith("float")) return String(value);
  return formatReal(value, array.dtype, brief);
}

function formatReal(value: number, dtype: DType, brief: boolean): string {
  if (!brief || !Number.isFinite(value)) return formatFloat(value, dtype);
  return formatFloat(Object.is(value, -0) ? value : Number(value.toPrecision(6)), "float64");
}
