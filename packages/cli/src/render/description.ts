import type { Description, Property } from "../description.js";
import type { Distribution } from "../summary.js";
import type { Terminal } from "../terminal.js";
import { binLabel, renderHistogram } from "./histogram.js";
import { formatBytes, formatCount, formatPlural, formatShare } from "./number.js";
import { renderTable } from "./table.js";
import { formatShape } from "./value.js";
import { NO_BREAK, padText, printable, wrapText } from "./width.js";

/** Where the text of a `label  text` line begins. */
const LABEL_COLUMNS = 14;
/** Species beyond this are counted, not listed: one screen is the aim, `--json` has them all. */
const MAX_SPECIES = 24;

/** A dataset on one screen, under its name or another title. */
export function renderDescription(
  description: Description,
  terminal: Terminal,
  title: string = description.file,
): string[] {
  const { paint } = terminal;
  const lines = [paint.bold(printable(title)), ""];
  for (const [label, text] of factsOf(description)) lines.push(...renderFact(label, text, terminal));
  for (const warning of description.warnings) {
    const [first = "", ...rest] = renderFact("warning", printable(warning), terminal);
    lines.push(paint.yellow(first), ...rest.map((line) => paint.yellow(line)));
  }
  lines.push(...renderProperties(description, terminal));
  if (description.distribution !== null) {
    lines.push("", ...renderDistribution(description.distribution, terminal));
  }
  return lines;
}

function renderFact(label: string, text: string, { width, paint }: Terminal): string[] {
  const lines = wrapText(text, width - LABEL_COLUMNS - 2).map((line) =>
    line.trim().replaceAll(NO_BREAK, " "),
  );
  const [first = "", ...rest] = lines;
  const head = `  ${paint.dim(padText(label, LABEL_COLUMNS - 2))}  ${first}`;
  return [head, ...rest.map((line) => " ".repeat(LABEL_COLUMNS + 2) + line)];
}

function factsOf(description: Description): [string, string][] {
  const { format, bytes, structures, atoms, species, pbc } = description;
  const facts: [string, string][] = [["format", printable(format)]];
  if (bytes !== null) facts.push(["size", formatBytes(bytes)]);
  facts.push(["structures", formatCount(structures)]);
  if (atoms !== null) facts.push(["atoms", atomsText(atoms)]);
  if (species.length > 0) facts.push(["species", speciesText(species)]);
  if (pbc.length > 0) facts.push(["pbc", pbcText(pbc)]);
  return facts;
}

function atomsText({ total, min, max }: NonNullable<Description["atoms"]>): string {
  const range = min === max ? formatCount(min) : `${formatCount(min)}–${formatCount(max)}`;
  return `${formatCount(total)} (${range} per structure)`;
}

function speciesText(species: Description["species"]): string {
  const shown = species.slice(0, MAX_SPECIES);
  const parts = shown.map(({ symbol, share }) => `${symbol} ${formatShare(share)}`.replaceAll(" ", NO_BREAK));
  const more = species.length - shown.length;
  return parts.join("  ") + (more > 0 ? `  and ${more} more` : "");
}

function pbcText(pbc: Description["pbc"]): string {
  if (pbc.length === 1) return pbc[0]!.axes;
  return pbc
    .map(({ axes, structures }) =>
      `${axes} in ${formatPlural(structures, "structure")}`.replaceAll(" ", NO_BREAK),
    )
    .join(", ");
}

function renderProperties({ properties }: Description, terminal: Terminal): string[] {
  const { paint, width, isInteractive } = terminal;
  const scopes = (["atom", "structure"] as const).map(
    (scope) => [scope, properties.filter((property) => property.scope === scope)] as const,
  );
  const rows = scopes.flatMap(([scope, members]) =>
    members.length === 0
      ? []
      : [[`per ${scope}`, "dtype", "shape", "missing"], ...members.map(propertyCells)],
  );
  const table = renderTable(
    rows,
    [{ shrinkTo: isInteractive ? 16 : Number.POSITIVE_INFINITY, keep: "ends" }, {}, {}, { align: "right" }],
    { width, gap: 3 },
  );
  const lines: string[] = [];
  table.forEach((line, i) => {
    const isHead = rows[i]![1] === "dtype" && rows[i]![3] === "missing";
    if (isHead) lines.push("");
    lines.push(isHead ? paint.dim(line) : line);
  });
  return lines;
}

function propertyCells({ key, dtype, shape, scope, missing }: Property): string[] {
  return [printable(key), dtype, formatShape(shape, scope === "atom"), formatCount(missing)];
}

function renderDistribution(distribution: Distribution, terminal: Terminal): string[] {
  const { quantity, unit, count, bins } = distribution;
  const { paint, width } = terminal;
  const title = `${quantity}${unit === "" ? "" : `, ${unit}`} (${formatPlural(count, "structure")})`;
  const bars = bins.map((bin) => ({
    label: binLabel(bin, quantity === "atoms per structure"),
    count: bin.count,
  }));
  return [`  ${paint.dim(title)}`, ...renderHistogram(bars, width, { indent: 2, paint: paint.cyan })];
}
