// Looks how files are read where this runs. It asks the runtime for nothing but the right to read, so that it runs under
// the tightest permissions (scripts/smoke.mjs does that).
//
//   node read-paths.mjs write FILE             writes a small .atp file
//   node read-paths.mjs mapped FILE            fails unless the file is mapped
//   node read-paths.mjs positional FILE [WHY]  fails unless it is read without the addon, for the reason WHY
//
// The native addons of other packages have to be in use where the file is mapped, and only there.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { AtpFile, Molecule } from "@stowage/atp";
import { nativeStatus as lmdbStatus } from "@stowage/lmdb";
import { MmapFile, nativeStatus } from "@stowage/mmap";

/** @typedef {"mapped" | "positional"} Reads */

const energies = [-14.25, -31.5, 2.5];

/** @param {string} file */
export function writeSmall(file) {
  const db = AtpFile.create(file, { codec: "lz4" });
  db.append(
    energies.map((energy) => new Molecule({ positions: new Float64Array(3), atomicNumbers: [1], energy })),
  );
  db.close();
}

/**
 * @param {Reads} reads
 * @param {string} file  As {@link writeSmall} writes it.
 * @param {string} [why]
 */
export function checkReadPath(reads, file, why = "") {
  const { available, reason, threads } = nativeStatus();
  assert.equal(available, reads === "mapped", reason);
  assert.ok(threads >= 1);
  const lmdb = lmdbStatus();
  assert.equal(lmdb.available, available, `@stowage/lmdb: ${lmdb.reason}`);
  for (const said of [reason, lmdb.reason]) {
    assert.ok(said.includes(why), `the reason is "${said}", expected "${why}"`);
  }

  const map = MmapFile.open(file);
  assert.equal(map.backend, reads === "mapped" ? "mmap" : "buffered");
  assert.deepEqual(Buffer.from(map.bytes).equals(readFileSync(file)), true);
  map.close();

  const db = AtpFile.open(file);
  assert.deepEqual(
    [...db].map(({ energy }) => energy),
    energies,
  );
  assert.deepEqual([...(db.flat([2, 0]).energy?.data ?? [])], [2.5, -14.25]);
  // What the system says of it, where it says so.
  if (process.platform === "linux" && process.versions.deno === undefined && canReadMaps()) {
    assert.equal(readFileSync("/proc/self/maps", "utf8").includes(file), reads === "mapped");
  }
  db.close();
  return reason;
}

function canReadMaps() {
  try {
    return readFileSync("/proc/self/maps", "utf8") !== "";
  } catch {
    return false;
  }
}

const [reads, file, why] = process.argv.slice(2);
// smoke.mjs imports this file, too.
if (path.basename(process.argv[1]) === "read-paths.mjs") {
  if (reads === "write") writeSmall(file);
  else console.log(checkReadPath(/** @type {Reads} */ (reads), file, why));
}
