import { formatError } from "./errors.js";
import { PagesMissing, type Snapshot } from "./snapshot.js";
import type { TreePage, ValuePlace } from "./tree-page.js";

/** Finds a value. */
export function find(snapshot: Snapshot, key: Uint8Array): { place: ValuePlace; leaf: number } | undefined {
  const { meta } = snapshot;
  if (meta.root === null) return undefined;
  let parent = meta.metaPage;
  let pageNumber = meta.root;
  for (let level = 1; level < meta.main.depth; level++) {
    const page = snapshot.treePage(pageNumber, false, parent);
    parent = pageNumber;
    pageNumber = page.child(page.childIndex(key));
  }
  const leaf = snapshot.treePage(pageNumber, true, parent);
  const index = leaf.lowerBound(key);
  return leaf.hasKey(index, key) ? { place: leaf.value(index), leaf: pageNumber } : undefined;
}

interface Level {
  readonly page: TreePage;
  readonly index: number;
}

/**
 * A place in the order of keys.
 *
 * A method that throws leaves the place as it was, so that it can be called again when a missing page is there. The
 * depth of the tree is fixed by the meta and keys must ascend, so that no file keeps it going in circles.
 */
export class Cursor {
  readonly #snapshot: Snapshot;
  readonly #readAhead: number;
  /** From the root to the leaf; empty past the end. */
  #levels: readonly Level[] = [];
  #lastKey: Uint8Array | null = null;

  /** @param readAhead  How many leaf pages to miss at once where one is missing. */
  constructor(snapshot: Snapshot, readAhead = 0) {
    this.#snapshot = snapshot;
    this.#readAhead = readAhead;
  }

  /** Goes to the first key that is not before `key`. @returns Whether there is one. */
  seek(key: Uint8Array): boolean {
    const { root, metaPage } = this.#snapshot.meta;
    if (root === null) return false;
    const levels = this.#descend([], root, metaPage, (page, isLeaf) =>
      isLeaf ? page.lowerBound(key) : page.childIndex(key),
    );
    const { page, index } = levels.at(-1)!;
    this.#arrive(index < page.count ? levels : this.#after(levels), key, false);
    return this.#levels.length > 0;
  }

  /** Goes to the next key. @returns Whether there is one. */
  next(): boolean {
    const leaf = this.#levels.at(-1);
    if (leaf === undefined) return false;
    const { page, index } = leaf;
    const levels =
      index + 1 < page.count
        ? [...this.#levels.slice(0, -1), { page, index: index + 1 }]
        : this.#after(this.#levels);
    this.#arrive(levels, this.#lastKey!, true);
    return levels.length > 0;
  }

  /** A copy of the key here. */
  get key(): Uint8Array {
    return this.#lastKey!;
  }

  get place(): ValuePlace {
    const { page, index } = this.#levels.at(-1)!;
    return page.value(index);
  }

  /** Number of the leaf page here. */
  get leaf(): number {
    return this.#levels.at(-1)!.page.pageNumber;
  }

  #arrive(levels: readonly Level[], floor: Uint8Array, exclusive: boolean): void {
    const leaf = levels.at(-1);
    if (leaf !== undefined) {
      const key = leaf.page.key(leaf.index).slice();
      const order = compareBytes(key, floor);
      if (order < 0 || (exclusive && order === 0)) {
        const { pageNumber } = leaf.page;
        throw formatError(
          this.#snapshot.path,
          pageNumber,
          `node ${leaf.index} out of order`,
          "ascending keys",
        );
      }
      this.#lastKey = key;
    }
    this.#levels = levels;
  }

  /** The way to the first node behind the last one of a leaf. */
  #after(levels: readonly Level[]): readonly Level[] {
    for (let level = levels.length - 2; level >= 0; level--) {
      const { page, index } = levels[level]!;
      if (index + 1 === page.count) continue;
      const above = [...levels.slice(0, level), { page, index: index + 1 }];
      try {
        return this.#descend(above, page.child(index + 1), page.pageNumber, () => 0);
      } catch (error) {
        const overLeaves = level === levels.length - 2;
        throw error instanceof PagesMissing && overLeaves ? this.#more(error, page, index + 2) : error;
      }
    }
    return [];
  }

  /** The next leaf pages are wanted soon, too. */
  #more(missing: PagesMissing, branch: TreePage, first: number): PagesMissing {
    const last = Math.min(branch.count, first + this.#readAhead - 1);
    const ranges = [...missing.ranges];
    for (let index = first; index < last; index++) {
      const firstPage = branch.child(index);
      if (this.#snapshot.hasPage(firstPage)) ranges.push({ firstPage, count: 1 });
    }
    return new PagesMissing(ranges);
  }

  #descend(
    above: readonly Level[],
    from: number,
    parent: number,
    choose: (page: TreePage, isLeaf: boolean) => number,
  ): readonly Level[] {
    const { depth } = this.#snapshot.meta.main;
    const levels = [...above];
    let pageNumber = from;
    let over = parent;
    for (;;) {
      const isLeaf = levels.length === depth - 1;
      const page = this.#snapshot.treePage(pageNumber, isLeaf, over);
      const index = choose(page, isLeaf);
      levels.push({ page, index });
      if (isLeaf) return levels;
      over = pageNumber;
      pageNumber = page.child(index);
    }
  }
}

/** The order of LMDB: byte by byte, and a prefix before what it begins. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const common = Math.min(a.length, b.length);
  for (let i = 0; i < common; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export function startsWith(key: Uint8Array, prefix: Uint8Array): boolean {
  return key.length >= prefix.length && compareBytes(key.subarray(0, prefix.length), prefix) === 0;
}
