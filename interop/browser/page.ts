// The script of the page that browser.test.ts opens: reads both files from Blobs, as a person would drop them.
// Whole packages, so that all of their modules are loaded.
import * as ase from "@stowage/ase";
import * as core from "@stowage/core";
import * as lmdb from "@stowage/lmdb";
import { posted } from "./posted.js";

async function blobOf(path: string): Promise<Blob> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.blob();
}

const everyRow = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

async function trajectory(blob: Blob): Promise<core.Value> {
  const backend = core.defineBackend({
    name: "dropped",
    extensions: [],
    capabilities: { create: false, append: false, perAtomExtras: true, nested: true },
    open: () => ase.openTraj(blob),
  });
  const db = await core.AtomsIO.open("dropped.traj", { backend });
  const count = await db.count();
  const formulas = (await db.toArray()).map((atoms) => atoms?.formula ?? null);
  return { rows: await db.store.getMany(everyRow(count)), formulas };
}

async function store(blob: Blob): Promise<core.Value> {
  const rows = await lmdb.openLmdbRows(blob);
  const found = await rows.getMany(everyRow(await rows.count()));
  return found.map((row) =>
    Object.fromEntries(
      [...(row ?? [])].map(([name, bytes]) => [
        core.keyFromBytes(Uint8Array.from(name, (character) => character.charCodeAt(0))),
        core.decodeRowValue(bytes),
      ]),
    ),
  );
}

/** What a package exports, so that a bundler leaves nothing out. */
const exported = (module: object): string[] => Object.keys(module).sort();

async function main(): Promise<core.Value> {
  return {
    traj: await trajectory(await blobOf("/rows.traj")),
    lmdb: await store(await blobOf("/data.mdb")),
    exports: [core, ase, lmdb].map(exported),
    inBrowser: "document" in globalThis && !("process" in globalThis),
  };
}

const body = posted(await main()) as Uint8Array<ArrayBuffer>;
await fetch("/result", { method: "POST", body });
