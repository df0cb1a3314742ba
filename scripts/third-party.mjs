// node scripts/third-party.mjs: writes packages/*/npm/THIRD-PARTY.md, the licences of what is linked into the addons.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { cargo } from "./lib/cargo.mjs";
import { listCrates } from "./lib/crates.mjs";
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
 *
 * @typedef {object} Metadata
 * @property {Crate[]} packages
 * @property {{ root: string, nodes: Node[] }} resolve
 */

/**
 * C libraries that crates bring with them: where their licences are. Some say more at the head of their sources.
 *
 * @type {{ crate: string, name: string, licence: string, file: string, heads?: string[] }[]}
 */
const bundled = [
  { crate: "lz4-sys", name: "LZ4", licence: "BSD-2-Clause", file: "liblz4/lib/LICENSE" },
  { crate: "zstd-sys", name: "Zstandard", licence: "BSD-3-Clause", file: "zstd/LICENSE" },
  {
    crate: "stowage-lmdb",
    name: "LMDB",
    licence: "OLDAP-2.8 AND ISC",
    file: "lmdb/LICENSE",
    heads: ["lmdb/mdb.c", "lmdb/midl.c"],
  },
];

for (const crate of listCrates()) {
  const { code, stdout, output } = await cargo(crate.folder, [
    "metadata",
    "--locked",
    "--format-version",
    "1",
  ]);
  if (code !== 0) throw new Error(`cargo metadata of ${crate.name} ended with ${code}\n${output}`);
  writeFileSync(
    thirdPartyFile(crate),
    `# Third-party software in the native addon

Of every operating system; made by \`node scripts/third-party.mjs\` from the Cargo.lock with the hash ${lockHash(crate)}.

${sectionsOf(JSON.parse(stdout)).join("\n")}`,
  );
}

/** @param {Metadata} metadata */
function sectionsOf({ packages, resolve }) {
  const libraries = bundled.flatMap(({ crate, name, licence, file, heads = [] }) => {
    const found = packages.find(({ name }) => name === crate);
    if (found === undefined) return [];
    const folder = path.dirname(found.manifest_path);
    const texts = [
      readText(path.join(folder, file)),
      ...heads.map((head) => headOf(path.join(folder, head))),
    ];
    return [section(`${name} (C, within ${crate})`, licence, texts)];
  });
  const crates = linkedCrates({ packages, resolve }).map((crate) =>
    section(`${crate.name} ${crate.version}`, crate.license ?? "see below", licenceTexts(crate)),
  );
  return [...libraries, ...crates];
}

/**
 * Crates whose code is in the addon: no build tools, no tests, no macros.
 *
 * @param {Metadata} metadata
 */
function linkedCrates({ packages, resolve }) {
  const linked = new Set();
  const queue = [resolve.root];
  for (const id of queue) {
    for (const { pkg, dep_kinds } of resolve.nodes.find((node) => node.id === id)?.deps ?? []) {
      const found = packages.find((crate) => crate.id === pkg);
      if (found === undefined) throw new Error(`cargo metadata lacks ${pkg}, which is linked`);
      const isMacro = found.targets.some(({ kind }) => kind.includes("proc-macro"));
      if (linked.has(pkg) || isMacro || dep_kinds.every(({ kind }) => kind !== null)) continue;
      linked.add(pkg);
      queue.push(pkg);
    }
  }
  return packages
    .filter(({ id }) => linked.has(id))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
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
 * The comments before the first line of code, which name the authors and their terms.
 *
 * @param {string} file  A C source.
 */
function headOf(file) {
  const head = /^(?:\s*\/\*[\s\S]*?\*\/)+/.exec(readText(file))?.[0];
  if (head === undefined) throw new Error(`${file} has no comment at its head`);
  return head;
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
