import { compareBytes } from "../src/cursor.js";

export interface WriteOptions {
  pageSize?: number;
  txnId?: number;
  /** Largest number of nodes on a page: small ones make deep trees. */
  fanOut?: number;
}

/** A small LMDB file, data format v1: enough of a writer to make damaged files from, and page sizes of other systems. */
export function writeLmdb(
  entries: readonly [string, Uint8Array | string][],
  options: WriteOptions = {},
): Uint8Array<ArrayBuffer> {
  const { pageSize = 4096, txnId = 7, fanOut = 4 } = options;
  const encoder = new TextEncoder();
  const sorted = entries
    .map(
      ([key, value]) =>
        [encoder.encode(key), typeof value === "string" ? encoder.encode(value) : value] as const,
    )
    .sort(([a], [b]) => compareBytes(a, b));
  const pages: Uint8Array[] = [new Uint8Array(pageSize), new Uint8Array(pageSize)];
  const stat = { depth: 0, branch: 0, leaf: 0, overflow: 0 };

  const addPage = (
    flags: number,
    nodes: readonly { key: Uint8Array; head: number[]; data: Uint8Array }[],
  ): number => {
    const page = new Uint8Array(pageSize);
    const view = new DataView(page.buffer);
    let upper = pageSize;
    for (const [i, { key, head, data }] of nodes.entries()) {
      upper -= (8 + key.length + data.length + 1) & ~1;
      head.forEach((word, j) => void view.setUint16(upper + 2 * j, word, true));
      view.setUint16(upper + 6, key.length, true);
      page.set(key, upper + 8);
      page.set(data, upper + 8 + key.length);
      view.setUint16(16 + 2 * i, upper, true);
    }
    view.setUint32(0, pages.length, true);
    view.setUint16(10, flags, true);
    view.setUint16(12, 16 + 2 * nodes.length, true);
    view.setUint16(14, upper, true);
    return pages.push(page) - 1;
  };

  const addOverflow = (value: Uint8Array): Uint8Array => {
    const count = Math.ceil((16 + value.length) / pageSize);
    const run = new Uint8Array(count * pageSize);
    const view = new DataView(run.buffer);
    view.setUint32(0, pages.length, true);
    view.setUint16(10, 4, true);
    view.setUint32(12, count, true);
    run.set(value, 16);
    const reference = new Uint8Array(8);
    new DataView(reference.buffer).setUint32(0, pages.length, true);
    for (let i = 0; i < count; i++) pages.push(run.subarray(i * pageSize, (i + 1) * pageSize));
    stat.overflow += count;
    return reference;
  };

  let level: { key: Uint8Array; page: number }[] = [];
  for (let i = 0; i < sorted.length; i += fanOut) {
    const nodes = sorted.slice(i, i + fanOut).map(([key, value]) => {
      const isBig = value.length > pageSize / 8;
      const head = [value.length & 0xffff, value.length >>> 16, isBig ? 1 : 0];
      return { key, head, data: isBig ? addOverflow(value) : value };
    });
    level.push({ key: nodes[0]!.key, page: addPage(2, nodes) });
    stat.leaf++;
    stat.depth = 1;
  }
  while (level.length > 1) {
    const next: typeof level = [];
    for (let i = 0; i < level.length; i += fanOut) {
      const children = level.slice(i, i + fanOut);
      const nodes = children.map(({ key, page }, j) => ({
        key: j === 0 ? new Uint8Array(0) : key,
        head: [page & 0xffff, page >>> 16, 0],
        data: new Uint8Array(0),
      }));
      next.push({ key: children[0]!.key, page: addPage(1, nodes) });
      stat.branch++;
    }
    level = next;
    stat.depth++;
  }

  for (const metaPage of [0, 1]) {
    const view = new DataView(pages[metaPage]!.buffer);
    view.setUint32(0, metaPage, true);
    view.setUint16(10, 8, true);
    view.setUint32(16, 0xbeefc0de, true);
    view.setUint32(20, 1, true);
    view.setUint32(32, 1 << 20, true);
    view.setUint32(40, pageSize, true);
    view.setUint16(44, 8, true);
    view.setBigUint64(80, 2n ** 64n - 1n, true);
    const isNewest = txnId % 2 === metaPage;
    const counts = [stat.branch, stat.leaf, stat.overflow, sorted.length];
    if (isNewest) view.setUint16(94, stat.depth, true);
    if (isNewest) counts.forEach((count, i) => void view.setBigUint64(96 + 8 * i, BigInt(count), true));
    view.setBigUint64(128, isNewest && level[0] ? BigInt(level[0].page) : 2n ** 64n - 1n, true);
    view.setUint32(136, isNewest ? pages.length - 1 : 1, true);
    view.setUint32(144, isNewest ? txnId : txnId - 1, true);
  }
  const file = new Uint8Array(pages.length * pageSize);
  for (const [i, page] of pages.entries()) file.set(page, i * pageSize);
  return file;
}
