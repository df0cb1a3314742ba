import { isDeepStrictEqual } from "node:util";

/**
 * Whether two texts of package-lock.json choose the same packages.
 *
 * npm leaves out optional packages that the registry lacks for foreign platforms, and sets flags by platform: a lock
 * that differs in nothing else was only rewritten.
 *
 * @param {string} before
 * @param {string} after
 */
export function choosesSamePackages(before, after) {
  return isDeepStrictEqual(chosenPackages(before), chosenPackages(after));
}

/** @param {string} text */
function chosenPackages(text) {
  const { packages } = JSON.parse(text);
  /** @type {Record<string, unknown>} */
  const chosen = {};
  for (const [place, entry] of Object.entries(packages)) {
    if (entry.optional || entry.devOptional) continue;
    const { version, integrity, link, dependencies, devDependencies } = entry;
    chosen[place] = { version, integrity, link, dependencies, devDependencies };
  }
  return chosen;
}
