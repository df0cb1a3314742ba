import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { listPackages, root } from "./repository.mjs";

/**
 * Looks for changesets that could not be released.
 *
 * `changeset status` would do it too, but needs the history of the main branch, which a shallow clone lacks.
 *
 * @returns {string[]}  What is wrong, a line each.
 */
export function checkChangesets() {
  const folder = path.join(root, ".changeset");
  const names = new Set(listPackages().map(({ name }) => name));
  return readdirSync(folder)
    .filter((file) => file.endsWith(".md") && file !== "README.md")
    .flatMap((file) => {
      const [, head, summary] = /^---\r?\n([\s\S]*?)---\r?\n([\s\S]*)$/.exec(read(folder, file)) ?? [];
      if (head === undefined) return [`${file} has no head between lines of ---`];
      const problems = head
        .split(/\r?\n/)
        .filter((line) => line !== "")
        .flatMap((line) => {
          const [, name, bump] = /^["']?([^"']+)["']?: *(\w+)$/.exec(line) ?? [];
          if (name === undefined) return [`${file} has a line that names no package: ${line}`];
          if (!names.has(name)) return [`${file} names ${name}, which is no package of ours`];
          return ["major", "minor", "patch"].includes(bump) ? [] : [`${file} bumps ${name} by "${bump}"`];
        });
      return summary.trim() === "" ? [...problems, `${file} says nothing`] : problems;
    });
}

/**
 * @param {string} folder
 * @param {string} file
 */
function read(folder, file) {
  return readFileSync(path.join(folder, file), "utf8");
}
