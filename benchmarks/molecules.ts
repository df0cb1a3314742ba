import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StackedMolecules } from "@stowage/atp";
import { encodeNpy, isNdArray, type NdArray, ndarray } from "@stowage/core";
import { SeededRandom } from "./random.js";

/** What a generated set of molecules holds. */
export interface MoleculeSet {
  readonly name: string;
  /** Stacked batches, each of one atom count. */
  readonly batches: readonly StackedMolecules[];
  readonly nMolecules: number;
}

export interface MoleculeSetOptions {
  nMolecules: number;
  /** Molecules in a batch. */
  batchSize: number;
  /** Fewest and most atoms. */
  atoms: readonly [number, number];
  /** float64 geometry, custom properties, and forces that every third batch lacks. Default: float32 builtins. */
  mixed?: boolean;
  seed: number;
}

/** Generated molecules: normal coordinates, energy, forces, cell and pbc. Energies are multiples of 2^-10. */
export function generateMolecules(name: string, options: MoleculeSetOptions): MoleculeSet {
  const random = new SeededRandom(options.seed);
  const { nMolecules, batchSize, mixed = false } = options;
  const batches: StackedMolecules[] = [];
  for (let made = 0; made < nMolecules; made += batchSize) {
    const count = Math.min(batchSize, nMolecules - made);
    const n = random.integer(...options.atoms);
    const vectors = (): NdArray => {
      const data = mixed ? new Float64Array(count * n * 3) : new Float32Array(count * n * 3);
      for (let i = 0; i < data.length; i++) data[i] = random.normal();
      return ndarray(data, [count, n, 3]);
    };
    const batch: StackedMolecules = {
      positions: vectors(),
      atomicNumbers: ndarray(
        Uint8Array.from({ length: count * n }, () => random.integer(1, 9)),
        [count, n],
      ),
      energy: ndarray(Float64Array.from({ length: count }, () => random.integer(-90_000, -1) / 1024)),
      cell: ndarray(
        Float64Array.from({ length: count * 9 }, () => random.normal()),
        [count, 3, 3],
      ),
      pbc: ndarray(new Uint8Array(count * 3).fill(1), [count, 3], "bool"),
    };
    if (!mixed || batches.length % 3 !== 0) batch.forces = vectors();
    if (mixed) {
      batch.properties = { gap: ndarray(Float64Array.from({ length: count }, () => random.next())) };
      batch.atomProperties = {
        mulliken: ndarray(
          Float32Array.from({ length: count * n }, () => random.normal()),
          [count, n],
        ),
      };
    }
    batches.push(batch);
  }
  return { name, batches, nMolecules };
}

/** Bytes of the arrays of one molecule, on average. */
export function bytesPerMolecule(set: MoleculeSet): number {
  const arrays = set.batches.flatMap(({ properties, atomProperties, ...fields }) =>
    [fields, properties ?? {}, atomProperties ?? {}]
      .flatMap((group) => Object.values(group))
      .filter(isNdArray),
  );
  return arrays.reduce((sum, { data }) => sum + data.byteLength, 0) / set.nMolecules;
}

/** A folder in memory where the system has one, so that a disk is not what is measured. */
export function memoryFolder(): string {
  const folder = join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), `stowage-bench-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes batches as .npy files for the peer: `<folder>/<batch>-<field>.npy`. */
export function exportBatches(folder: string, batches: readonly StackedMolecules[]): void {
  mkdirSync(folder, { recursive: true });
  batches.forEach((batch, i) => {
    const { properties, atomProperties, ...fields } = batch;
    const write = (name: string, value: unknown): void => {
      if (isNdArray(value)) writeFileSync(join(folder, `${i}-${name}.npy`), encodeNpy(value));
    };
    for (const [name, value] of Object.entries(fields)) write(name, value);
    for (const [name, value] of Object.entries(properties ?? {})) write(`properties.${name}`, value);
    for (const [name, value] of Object.entries(atomProperties ?? {})) write(`atom_properties.${name}`, value);
  });
}
