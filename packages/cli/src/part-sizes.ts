import { usageError } from "./exit.js";

/** How large the parts of a dataset are to be: shares of it, or numbers of rows, of which one may be the rest. */
export type PartSizes =
  | { readonly fractions: readonly number[] }
  | { readonly counts: readonly (number | "rest")[] };

/** What rounding may leave between the sum of fractions and 1. */
const SLACK = 1e-9;

/**
 * The number of rows in each part; together they are all rows.
 *
 * @throws {StowageError} ERR_OPTION if they cannot be.
 */
export function partCounts(sizes: PartSizes, rows: number): number[] {
  return "fractions" in sizes ? countsOfFractions(sizes.fractions, rows) : exactCounts(sizes.counts, rows);
}

/** Parts end where the fractions up to them do, rounded: so no part is off by more than one row. */
function countsOfFractions(fractions: readonly number[], rows: number): number[] {
  const sum = fractions.reduce((total, fraction) => total + fraction, 0);
  if (Math.abs(sum - 1) > SLACK) {
    throw usageError(
      `Cannot split by fractions ${fractions.join(",")}: they add up to ${Number(sum.toPrecision(9))}`,
      "fractions",
      fractions.join(","),
      "every row goes to one part, so they have to add up to 1",
    );
  }
  let share = 0;
  let start = 0;
  return fractions.map((fraction, i) => {
    share += fraction;
    const stop = i === fractions.length - 1 ? rows : Math.min(rows, Math.round(share * rows));
    const count = stop - start;
    start = stop;
    return count;
  });
}

function exactCounts(counts: readonly (number | "rest")[], rows: number): number[] {
  const given = counts.reduce<number>((sum, count) => sum + (count === "rest" ? 0 : count), 0);
  const rests = counts.filter((count) => count === "rest").length;
  const reason =
    rests > 1
      ? 'only one part can be "rest"'
      : given > rows
        ? `they add up to ${given}, and there are ${rows} rows`
        : rests === 0 && given < rows
          ? `they add up to ${given} of ${rows} rows`
          : null;
  if (reason === null) return counts.map((count) => (count === "rest" ? rows - given : count));
  throw usageError(
    `Cannot split by counts ${counts.join(",")}: ${reason}`,
    "counts",
    counts.join(","),
    `every row goes to one part; "rest" takes what the others leave, as in --counts 1000,rest`,
  );
}
