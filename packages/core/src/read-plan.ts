/** One read that serves several wanted ranges. */
export interface PlannedRead {
  readonly byteOffset: number;
  readonly byteLength: number;
  /** Which of the wanted ranges lie in it. */
  readonly members: number[];
}

/**
 * Joins byte ranges that lie near each other into few reads. A pure function: it decides, others read.
 *
 * @param options.gap       Bytes between two ranges that are worth reading over. Default 4 KiB.
 * @param options.maxBytes  A read grows no longer than this, unless one range alone is. Default 4 MiB.
 * @returns Reads in file order; every range is a member of exactly one.
 */
export function planReads(
  byteOffsets: ArrayLike<number>,
  byteLengths: ArrayLike<number>,
  options: { gap?: number; maxBytes?: number } = {},
): PlannedRead[] {
  const { gap = 4096, maxBytes = 4 << 20 } = options;
  const order = sortedOrder(byteOffsets);
  const reads: PlannedRead[] = [];
  let start = 0;
  let end = 0;
  let members: number[] = [];
  for (const member of order) {
    const from = byteOffsets[member]!;
    const to = from + byteLengths[member]!;
    const joins = members.length > 0 && from <= end + gap && Math.max(to, end) - start <= maxBytes;
    if (!joins) {
      if (members.length > 0) reads.push({ byteOffset: start, byteLength: end - start, members });
      start = from;
      end = to;
      members = [];
    }
    end = Math.max(end, to);
    members.push(member);
  }
  if (members.length > 0) reads.push({ byteOffset: start, byteLength: end - start, members });
  return reads;
}

/** Positions in ascending order of their value; the common case, already ascending, costs one pass. */
function sortedOrder(values: ArrayLike<number>): Uint32Array {
  const order = Uint32Array.from({ length: values.length }, (_, i) => i);
  for (let i = 1; i < values.length; i++) {
    if (values[i]! < values[i - 1]!) return order.sort((a, b) => values[a]! - values[b]!);
  }
  return order;
}
