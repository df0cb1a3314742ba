import { readFileSync } from "node:fs";
import { AtpFile, type CodecName, Molecule } from "../src/index.js";
import { temporaryFile } from "./temporary-folder.js";

/** A molecule of one atom that is told from others by its atomic number. */
export function atom(atomicNumber = 1): Molecule {
  return new Molecule({ positions: new Float32Array([atomicNumber, 0, -0]), atomicNumbers: [atomicNumber] });
}

export function atomicNumbersOf(db: AtpFile): number[] {
  return Array.from({ length: db.length }, (_, i) => db.at(i).atomicNumbers[0]!);
}

/**
 * The bytes of a file with the given commits.
 *
 * @param commits  The atomic numbers of the molecules in each.
 */
export function smallFile(commits: readonly (readonly number[])[], codec: CodecName = "none"): Buffer {
  const path = temporaryFile();
  using db = AtpFile.create(path, { codec });
  for (const numbers of commits) {
    db.append(numbers.map((number) => atom(number).setProperty("double", 2.5 * number)));
    db.flush();
  }
  return readFileSync(path);
}
