// Tries the built packages in whatever runtime runs this: `node smoke.mjs @stowage/core …` (scripts/smoke.mjs does).
//
// Plain JavaScript without a test framework, because it also runs in an empty project in which nothing but the
// packed packages is installed. To add a check, add a row to `checks`: it fails if it throws.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";

const require = createRequire(import.meta.url);
const libraries = process.argv.slice(2);
/** How files have to be read: {@link import("./read-paths.mjs").Reads}. */
const reads = process.env.SMOKE_READS === "mapped" ? "mapped" : "positional";

/** @type {{ name: string, run: () => unknown }[]} */
const checks = [
  { name: "libraries are named", run: () => assert.ok(libraries.length > 0) },
  ...libraries.flatMap((name) => [
    { name: `import ${name}`, run: () => importExports(name) },
    { name: `require ${name}`, run: () => requireExports(name) },
  ]),
  .../** @type {const} */ (["none", "lz4", "zstd"]).map((codec) => ({
    name: `XYZ to .atp and back, codec ${codec}`,
    run: () => inFolder((folder) => packAndUnpack(folder, codec)),
  })),
  { name: "any store as structures, by promise and at once", run: () => inFolder(openAsStructures) },
  { name: "every backend passes the contract", run: () => inFolder(passContracts) },
  { name: "a damaged file gives an error with a code", run: () => inFolder(openDamaged) },
  { name: `files are read as expected: ${reads}`, run: () => inFolder(readAsExpected) },
  { name: "stowage info --env", run: cliNamesReadPath },
  { name: "one writer at a time", run: () => inFolder(openTwice) },
  { name: "arrays to .npy and back", run: () => inFolder(saveAndLoad) },
  { name: "stowage --version", run: cliPrintsItsVersion },
  { name: "stowage --help", run: cliPrintsHelp },
  { name: "stowage try", run: () => inFolder(cliTries) },
  { name: "stowage select, split, merge, diff, stats", run: () => inFolder(cliTakesApart) },
];

/** @param {string} name */
async function importExports(name) {
  assert.notDeepEqual(Object.keys(await import(name)), []);
}

/** @param {string} name */
async function requireExports(name) {
  assert.match(require.resolve(name), /\.cjs$/);
  assert.deepEqual(Object.keys(require(name)).sort(), Object.keys(await import(name)).sort());
}

const FRAMES = `3
Lattice="4 0 0 0 4 0 0 0 4" Properties=species:S:1:pos:R:3:forces:R:3 energy=-14.25 gap=7 name=water pbc="T T F"
O 0 0 0.119 0 0 -0.5
H 0 0.763 -0.477 0 0.1 0.25
H 0 -0.763 -0.477 0 -0.1 0.25
2
Properties=species:S:1:pos:R:3 energy=-31.5 gap=6.5 pbc="F F F"
N 0 0 0
N 0 0 1.1
`;

/**
 * @param {string} folder
 * @param {import("@stowage/atp").CodecName} codec
 */
async function packAndUnpack(folder, codec) {
  const { XyzFile, writeXyz } = await import("@stowage/ase");
  const { AtpFile, atomsToMolecule, moleculeToAtoms } = await import("@stowage/atp");
  writeFileSync(path.join(folder, "in.xyz"), FRAMES);
  const frames = XyzFile.open(path.join(folder, "in.xyz"));
  const packed = path.join(folder, "packed.atp");
  const writer = AtpFile.create(packed, { codec });
  writer.append(atomsToMolecule([...frames]));
  writer.close();

  const db = AtpFile.open(packed);
  assert.equal(db.length, 2);
  assert.equal(db.codec, codec);
  assert.equal(db.at(0).energy, -14.25);
  assert.deepEqual([...(db.at(0).forces?.data.subarray(3, 6) ?? [])], [0, 0.1, 0.25]);
  assert.equal(db.at(-1).getProperty("gap"), 6.5);
  const batch = db.flat([1, 0]);
  assert.deepEqual([...batch.nAtoms], [2, 3]);
  assert.deepEqual([...(batch.energy?.data ?? [])], [-31.5, -14.25]);
  assert.deepEqual([...(batch.missing.forces ?? [])], [1, 0]);
  writeXyz(path.join(folder, "out.xyz"), moleculeToAtoms([...db]));
  db.close();

  const back = XyzFile.open(path.join(folder, "out.xyz"));
  for (const [i, atoms] of [...frames].entries()) {
    assert.deepEqual(back.at(i).positions, atoms.positions);
    assert.deepEqual(back.at(i).cell, atoms.cell);
    assert.deepEqual(back.at(i).calc.forces, atoms.calc.forces);
    assert.equal(back.at(i).info.gap, atoms.info.gap);
  }
  frames.close();
  back.close();
}

/** @param {string} folder */
async function openAsStructures(folder) {
  const { AtomsIO, AtomsIOSync } = await import("@stowage/core");
  const file = path.join(folder, "frames.xyz");
  writeFileSync(file, FRAMES);
  const frames = await AtomsIO.open(file);
  assert.deepEqual(await frames.column("calc.energy").toArray(), Float64Array.of(-14.25, -31.5));
  const packed = AtomsIOSync.open(path.join(folder, "frames.atp"), { mode: "w" });
  assert.equal(packed.extend(await frames.toArray()), 2);
  packed.close();
  await frames.close();
  const again = AtomsIOSync.open(path.join(folder, "frames.atp"));
  assert.equal(again.slice(0, 1).at(-1)?.formula, "H2O");
  assert.deepEqual(again.column("calc.energy").toArray(), Float64Array.of(-14.25, -31.5));
  again.close();
}

/** @param {string} folder */
async function passContracts(folder) {
  const { runContract } = await import("@stowage/testing");
  const { contracts } = await import("./contracts.mjs");
  for (const { name, contract } of await contracts(folder)) {
    const { passed, failed } = await runContract(contract);
    assert.deepEqual(
      failed.map((check) => `${name}, ${check.name}: ${check.error}`),
      [],
    );
    assert.ok(passed.length > 100, name);
  }
}

/** @param {string} folder */
async function openDamaged(folder) {
  const { isStowageError } = await import("@stowage/core");
  const { AtpFile } = await import("@stowage/atp");
  const file = path.join(folder, "damaged.atp");
  writeFileSync(file, new Uint8Array(9000));
  assert.throws(
    () => AtpFile.open(file),
    (error) => isStowageError(error, "ERR_ATP_FORMAT"),
  );
}

/** @param {string} folder */
async function readAsExpected(folder) {
  const { checkReadPath, writeSmall } = await import("./read-paths.mjs");
  const file = path.join(folder, "small.atp");
  writeSmall(file);
  checkReadPath(reads, file);
}

function cliNamesReadPath() {
  const environment = JSON.parse(stowage("info", "--env", "--json"));
  const { by, reason } = environment.reads;
  assert.equal(by, reads === "mapped" ? "memory-mapped" : "positional reads", reason);
  assert.equal(environment.lmdb.writes, reads === "mapped", environment.lmdb.reason);
}

/** @param {string} folder */
async function openTwice(folder) {
  const { isStowageError } = await import("@stowage/core");
  const { AtpFile } = await import("@stowage/atp");
  const file = path.join(folder, "one.atp");
  const first = AtpFile.create(file);
  assert.throws(
    () => AtpFile.open(file, { mode: "r+" }),
    (error) => isStowageError(error, "ERR_LOCKED"),
  );
  first.close();
  AtpFile.open(file, { mode: "r+" }).close();
}

/** @param {string} folder */
async function saveAndLoad(folder) {
  const { ndarray, readNpy, writeNpy } = await import("@stowage/core");
  const array = ndarray(BigInt64Array.of(-1n, 2n ** 62n), [2, 1]);
  writeNpy(path.join(folder, "array.npy"), array);
  assert.deepEqual(await readNpy(path.join(folder, "array.npy")), array);
}

/** @param {string} folder */
function cliTries(folder) {
  const input = path.join(folder, "in.xyz");
  writeFileSync(input, FRAMES);
  assert.match(stowage("try", input, "--codec", "zstd"), /all equal/);
}

/** @param {string} folder */
function cliTakesApart(folder) {
  const at = (/** @type {string} */ name) => path.join(folder, name);
  writeFileSync(at("in.xyz"), FRAMES);
  stowage("select", at("in.xyz"), "natoms>0,id>=1", at("all.atp"));
  stowage("split", at("all.atp"), at("part.xyz"), "--counts", "1,rest");
  stowage("merge", at("part-train.xyz"), at("part-test.xyz"), at("again.atp"));
  assert.match(stowage("diff", at("in.xyz"), at("again.atp")), /^equal/);
  assert.match(stowage("stats", at("again.atp"), "--keys", "arrays.positions"), /^ {2}mean /m);
}

/**
 * @param {(folder: string) => unknown} run
 */
async function inFolder(run) {
  const folder = mkdtempSync(path.join(tmpdir(), "stowage-smoke-"));
  try {
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function cliPrintsItsVersion() {
  assert.equal(stowage("--version").trim(), cliManifest().version);
}

function cliPrintsHelp() {
  assert.match(stowage("--help"), /Usage: stowage/);
}

/**
 * Runs the command line in this same runtime.
 *
 * @param {string[]} args
 */
function stowage(...args) {
  const main = path.join(path.dirname(require.resolve("stowage/package.json")), cliManifest().bin.stowage);
  // What the runtime wants before a script: Deno, its permissions.
  const runtimeArguments = JSON.parse(process.env.SMOKE_RUNTIME_ARGUMENTS ?? "[]");
  const { status, stdout, stderr } = spawnSync(process.execPath, [...runtimeArguments, main, ...args], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

function cliManifest() {
  return JSON.parse(readFileSync(require.resolve("stowage/package.json"), "utf8"));
}

let failed = 0;
for (const { name, run } of checks) {
  try {
    await run();
    console.log(`ok   ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAIL ${name}`);
    console.error(error);
  }
}
if (failed > 0) process.exitCode = 1;
