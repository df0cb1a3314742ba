import type { Terminal } from "../terminal.js";
import type { Problem, Verification } from "../verification.js";
import { formatBytes, formatCount, formatPlural } from "./number.js";
import { printable, wrapText } from "./width.js";

const INDENT = 6;

/** One line for a good file; for a bad one also a paragraph for each problem. */
export function renderVerification(result: Verification, terminal: Terminal): string[] {
  const { paint, width } = terminal;
  const { file, ok, rows, bytes, problems, problemCount } = result;
  const verdict = ok ? paint.green("good") : paint.red("bad ");
  const facts = [rows === null ? "cannot be opened" : formatPlural(rows, "row")];
  if (bytes !== null) facts.push(formatBytes(bytes));
  if (!ok && rows !== null) facts.push(formatPlural(problemCount, "problem"));
  const lines = [`${verdict}  ${printable(file)}  ${paint.dim(facts.join(", "))}`];
  for (const problem of problems) {
    const text = wrapText(problemText(problem), width - INDENT);
    lines.push(...text.map((line) => " ".repeat(INDENT) + line));
  }
  const rest = problemCount - problems.length;
  if (rest > 0) lines.push(`${" ".repeat(INDENT)}${paint.dim(`and ${formatCount(rest)} more`)}`);
  return lines;
}

function problemText({ row, code, message }: Problem): string {
  const where = row === null ? "" : `row ${formatCount(row)}: `;
  return `${where}${printable(message)} [${code}]`;
}
