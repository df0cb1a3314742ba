import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { listPackages, root } from "./repository.mjs";

/**
 * npm packs the LICENSE beside a package.json and knows nothing of the repository's: each package has a copy.
 *
 * @returns {string[]}  The packages whose copy is missing or another text, a line each.
 */
export function checkLicences() {
  const licence = readFileSync(path.join(root, "LICENSE"));
  return listPackages()
    .map(({ folder }) => `${folder}/LICENSE`)
    .filter((file) => {
      const copy = path.join(root, file);
      return !existsSync(copy) || !readFileSync(copy).equals(licence);
    })
    .map((file) => `${file} is not a copy of LICENSE`);
}
