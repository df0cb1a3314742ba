// node scripts/third-party.mjs: writes packages/mmap/npm/THIRD-PARTY.md, the licences of what is linked into the addon.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { cargo } from "./lib/cargo.mjs";
import { lockHash, thirdPartyFile } from "./lib/platform-packages.mjs";

/**
 * What cargo says of a crate.
 *
 * @typedef {object} Crate
 * @property {string} id
 * @property {string} name
 * @property {string} version
 * @property {string | null} license
 * @property {string | null} repository
 * @property {string[]} authors
 * @property {string} manifest_path
 * @property {{ kind: string[] }[]} targets
 *
 * @typedef {object} Node
 * @property {string} id
 * @property {{ pkg: string, dep_kinds: { kind: string | null }[] }[]} deps
 */

/** C libraries that crates bring with them: where their licences are. */
const bundled = [
  { crate: "lz4-sys", name: "LZ4", licence: "BSD-2-Clause", file: "liblz4/lib/LICENSE" },
  { crate: "zstd-sys", name: "Zstandard", licence: "BSD-3-Clause", file: "zstd/LICENSE" },
];

const { code, stdout, output } = await cargo(["metadata", "--locked", "--format-version", "1"]);
if (code !== 0) throw new Error(`cargo metadata ended with ${code}\n${output}`);
/** @type {{ packages: Crate[], resolve: { root: string, nodes: Node[] } }} */
const { packages, resolve } = JSON.parse(stdout);
const crates = linkedCrates();
const sections = [
  ...bundled.map(({ crate, name, licence, file }) => {
    const { manifest_path } = find(({ name }) => name === crate);
    return section(`${name} (C, within ${crate})`, licence, [
      readText(path.join(path.dirname(manifest_path), file)),
    ]);
  }),
  ...crates.map((crate) =>
    section(`${crate.name} ${crate.version}`, crate.license ?? "see below", licenceTexts(crate)),
  ),
];
writeFileSync(
  thirdPartyFile,
  `# Third-party software in the native addon

Of every operating system; made by \`node scripts/third-party.mjs\` from the Cargo.lock with the hash ${lockHash()}.

${sections.join("\n")}`,
);

/** Crates whose code is in the addon: no build tools, no tests, no macros. */
function linkedCrates() {
  const linked = new Set();
  const queue = [resolve.root];
  for (const id of queue) {
    for (const { pkg, dep_kinds } of resolve.nodes.find((node) => node.id === id)?.deps ?? []) {
      const isMacro = find((crate) => crate.id === pkg).targets.some(({ kind }) =>
        kind.includes("proc-macro"),
      );
      if (linked.has(pkg) || isMacro || dep_kinds.every(({ kind }) => kind !== null)) continue;
      linked.add(pkg);
      queue.push(pkg);
    }
  }
  return packages
    .filter(({ id }) => linked.has(id))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** @param {(crate: Crate) => boolean} test */
function find(test) {
  const crate = packages.find(test);
  if (crate === undefined) throw new Error("cargo metadata lacks a crate that is linked");
  return crate;
}

/**
 * The MIT licence where the crate offers it, else all that it has. A crate's text names its authors.
 *
 * @param {Crate} crate
 */
function licenceTexts({ name, manifest_path, license, repository, authors }) {
  const folder = path.dirname(manifest_path);
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|unlicense)/i.test(file));
  const mit = files.filter((file) => /mit/i.test(file));
  const texts = (/\bMIT\b/.test(license ?? "") && mit.length > 0 ? mit : files).map((file) =>
    readText(path.join(folder, file)),
  );
  if (texts.length > 0) return texts;
  if (license !== "MIT")
    throw new Error(`${name} (${license}) has no licence file, and is not under MIT alone`);
  return [mitLicence(authors.length > 0 ? authors.join(", ") : `the authors of ${repository}`)];
}

/** @param {string} file */
function readText(file) {
  return readFileSync(file, "utf8").replaceAll("\r\n", "\n").trim();
}

/**
 * For a crate that names the licence without its text.
 *
 * @param {string} holders
 */
function mitLicence(holders) {
  return `Copyright (c) ${holders}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;
}

/**
 * @param {string} title
 * @param {string} licence  An SPDX expression.
 * @param {readonly string[]} texts
 */
function section(title, licence, texts) {
  return `## ${title}\n\n${licence}\n\n${texts.map((text) => `\`\`\`text\n${text}\n\`\`\`\n`).join("\n")}`;
}
