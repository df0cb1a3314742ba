// What a user's program may look like: compiled, never run, against the declarations of the packed packages.

import { XyzFile } from "@stowage/ase";
import { AtpFile, atomsToMolecule, type FlatBatch, Molecule } from "@stowage/atp";
import { type Atoms, isStowageError, type NdArray, openStore, type Row } from "@stowage/core";
import { MmapFile, type NativeStatus, nativeStatus } from "@stowage/mmap";

export function pack(input: string, output: string): number {
  using frames = XyzFile.open(input);
  using db = AtpFile.create(output, { codec: "zstd", level: 3 });
  const atoms: Atoms[] = [...frames];
  db.append(atomsToMolecule(atoms));
  db.append(new Molecule({ positions: new Float64Array(3), atomicNumbers: [1], energy: -0.5 }));
  db.flush();
  return db.length;
}

export function energies(path: string): Float64Array | null {
  try {
    using db = AtpFile.open(path);
    const batch: FlatBatch = db.flat([0, 1], { fields: ["energy"] });
    const energy: NdArray | undefined = batch.energy;
    return energy?.data instanceof Float64Array ? energy.data : null;
  } catch (error) {
    if (isStowageError(error, "ERR_ATP_TRUNCATED")) return new Float64Array(error.details.generation);
    throw error;
  }
}

export async function firstRow(path: string): Promise<Row | undefined> {
  const store = await openStore(path);
  const [row] = await store.getMany([0]);
  await store.close();
  return row;
}

export function sum(path: string): { total: number; status: NativeStatus } {
  using file = MmapFile.open(path, { mode: "r" });
  const values: Float64Array = file.view("float64", 0, 8);
  return { total: values.reduce((total, value) => total + value, 0), status: nativeStatus() };
}
