import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as ase from "@stowage/ase";
import * as core from "@stowage/core";
import * as lmdb from "@stowage/lmdb";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runPage } from "./browser/chromium.js";
import { posted } from "./browser/posted.js";
import { openPeer, type Peer } from "./peer.js";
import { temporaryFolder } from "./temporary-folder.js";

const seed = Number(process.env.STOWAGE_SEED ?? Math.floor(Math.random() * 2 ** 31));

let peer: Peer;
beforeAll(() => {
  console.log(`browser: seed ${seed}`);
  peer = openPeer("current");
});
afterAll(() => peer?.close());

/** The page's script, with the packages as they were built. */
async function bundle(): Promise<{ script: Uint8Array; modules: string[] }> {
  const { outputFiles, metafile } = await build({
    entryPoints: [fileURLToPath(new URL("browser/page.ts", import.meta.url))],
    bundle: true,
    format: "esm",
    platform: "browser",
    write: false,
    metafile: true,
    // The repository's own settings lead to the sources.
    tsconfigRaw: {},
    logLevel: "silent",
  });
  return { script: outputFiles[0]!.contents, modules: Object.keys(metafile.inputs) };
}

test("Chromium reads an LMDB store and a trajectory from Blobs as Node reads the files", async () => {
  const { script, modules } = await bundle();
  expect(modules.filter((module) => !module.startsWith("interop/browser/")).sort()).toEqual(
    ["ase", "core", "lmdb", "mmap"].map((name) => `packages/${name}/dist/index.js`),
  );

  const folder = temporaryFolder();
  const [traj, store] = [path.join(folder, "rows.traj"), path.join(folder, "rows.lmdb")];
  await peer.call("ase_traj", "write_random", { path: traj, seed, count: 30, same: false });
  await peer.call("lmdb_rows", "write", { path: store, seed, count: 200, group: "default" });

  const result = await runPage({
    "/page.js": script,
    "/rows.traj": readFileSync(traj),
    "/data.mdb": readFileSync(path.join(store, "default/data.mdb")),
  });

  const everyRow = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
  using trajectory = core.AtomsIOSync.open(traj, { backend: ase.traj });
  using rows = core.ObjectIOSync.open(store, { backend: lmdb.lmdb });
  const expected = {
    traj: {
      rows: trajectory.store.getMany(everyRow(trajectory.length)),
      formulas: trajectory.toArray().map((atoms) => atoms!.formula),
    },
    lmdb: rows.store.getMany(everyRow(rows.length)),
    exports: [core, ase, lmdb].map((module) => Object.keys(module).sort()),
    inBrowser: true,
  };
  expect(trajectory.length).toBe(30);
  expect(rows.length).toBeGreaterThan(100);
  // Where they differ, the values say more than the bytes.
  const bytes = posted(expected);
  expect(core.decodeValue(result)).toEqual(core.decodeValue(bytes));
  expect(Buffer.from(result).equals(bytes)).toBe(true);
});

test("a page that fails says why", async () => {
  await expect(runPage({ "/page.js": 'throw new TypeError("no such thing");' })).rejects.toThrow(
    "The page failed: TypeError: no such thing",
  );
  await expect(runPage({})).rejects.toThrow("page.js does not load");
});
