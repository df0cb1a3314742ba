import { AtomsIO, AtomsIOSync } from "./atoms-io.js";
import { BlobIO, BlobIOSync } from "./blob-io.js";
import { ObjectIO, ObjectIOSync } from "./object-io.js";

type AnyIO = AtomsIO | AtomsIOSync | ObjectIO | ObjectIOSync | BlobIO | BlobIOSync;

/**
 * Several datasets of one kind, one after the other, for reading. They stay open on their own.
 *
 * @throws {TypeError} if they are of several kinds, or none.
 *
 * @example
 * ```ts
 * const both = concat(await ObjectIO.open("memory://a"), await ObjectIO.open("memory://b"));
 * ```
 */
export function concat<D extends AnyIO>(...datasets: readonly D[]): D {
  for (const kind of [AtomsIO, AtomsIOSync, ObjectIO, ObjectIOSync, BlobIO, BlobIOSync]) {
    if (datasets.length > 0 && datasets.every((dataset) => dataset instanceof kind)) {
      return (kind.concat as (...all: readonly AnyIO[]) => AnyIO)(...datasets) as D;
    }
  }
  throw new TypeError("Cannot put these one after the other: expected datasets opened by one class");
}
