import type { DatasetStatistics } from "../dataset-statistics.js";
import type { KeyStatistics } from "../key-statistics.js";
import type { NumberSummary } from "../number-statistics.js";
import type { Terminal } from "../terminal.js";
import { binLabel, renderHistogram } from "./histogram.js";
import { formatCount, formatPlural } from "./number.js";
import { formatType } from "./value.js";
import { cutText, NO_BREAK, printable, wrapText } from "./width.js";

/** Each key with its type, what its values amount to, and their histogram. */
export function renderStatistics(file: string, statistics: DatasetStatistics, terminal: Terminal): string[] {
  const { rows, keys } = statistics;
  const { paint, width, isInteractive } = terminal;
  const lines = [`${paint.bold(printable(file))}  ${paint.dim(formatPlural(rows, "row"))}`];
  for (const key of keys) {
    const name = printable(key.key);
    lines.push("", paint.bold(isInteractive ? cutText(name, width, "ends") : name));
    lines.push(...wrapped(factsOf(key), " ", terminal).map((line) => paint.dim(line)));
    if (key.numbers !== null && key.numbers.count > 0) lines.push(...renderNumbers(key.numbers, terminal));
  }
  return lines;
}

/** What kind of values a key has, how many, and how many are no finite numbers. */
function factsOf({ dtype, shape, scope, missing, rows, numbers, texts, others }: KeyStatistics): string[] {
  const facts = [
    `${formatType(dtype, shape, scope === "atom")} per ${scope}`,
    `in ${formatPlural(rows, "row")}`,
  ];
  if (missing > 0) facts.push(`missing in ${formatCount(missing)}`);
  if (numbers !== null) {
    const { count, nan, positiveInfinity, negativeInfinity } = numbers;
    if (count !== rows) facts.push(`${formatPlural(count, "number")}, all components together`);
    if (nan > 0) facts.push(`${formatCount(nan)} NaN`);
    if (positiveInfinity > 0) facts.push(`${formatCount(positiveInfinity)} infinite`);
    if (negativeInfinity > 0) facts.push(`${formatCount(negativeInfinity)} negative infinite`);
  }
  if (texts !== null) {
    const distinct = `${formatCount(texts.distinct)} different`;
    facts.push(`${formatPlural(texts.count, "text")}, ${texts.hasMore ? "more than " : ""}${distinct}`);
  }
  if (others > 0) facts.push(`${formatPlural(others, "value")} not looked into`);
  return facts.map((fact, i) => (i < facts.length - 1 ? `${fact},` : fact));
}

function renderNumbers(summary: NumberSummary, terminal: Terminal): string[] {
  const { min, max, mean, std, quantiles, quantilesAreExact, isWhole, bins } = summary;
  const about = quantilesAreExact ? "" : "~";
  const facts = [
    `min ${formatNumber(min)}`,
    ...quantiles.map(({ share, value }) => `${share * 100} % ${about}${formatNumber(value)}`),
    `max ${formatNumber(max)}`,
  ];
  const bars = bins.map((bin) => ({ label: binLabel(bin, isWhole), count: bin.count }));
  return [
    ...wrapped([`mean ${formatNumber(mean)}`, `std ${formatNumber(std)}`], "  ", terminal),
    ...wrapped(facts, "  ", terminal),
    ...renderHistogram(bars, terminal.width, { indent: 2, paint: terminal.paint.cyan }),
  ];
}

/** Seven digits; whole numbers in full. */
function formatNumber(value: number | bigint | null): string {
  if (typeof value !== "number") return String(value);
  return Number.isSafeInteger(value) ? String(value) : String(Number(value.toPrecision(7)));
}

/** Facts in lines that fit, each in one piece. */
function wrapped(facts: readonly string[], gap: string, { width }: Terminal): string[] {
  const text = facts.map((fact) => fact.replaceAll(" ", NO_BREAK)).join(gap);
  return wrapText(text, width - 2).map((line) => `  ${line.trim().replaceAll(NO_BREAK, " ")}`);
}
