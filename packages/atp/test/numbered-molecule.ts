import { Molecule } from "../src/molecule.js";

/** The n-th of a sequence of molecules of many sizes, the same in every process. */
export function numberedMolecule(n: number): Molecule {
  const nAtoms = n % 5;
  const molecule = new Molecule({
    positions: Float32Array.from({ length: 3 * nAtoms }, (_, i) => n + i / 7),
    atomicNumbers: Uint8Array.from({ length: nAtoms }, (_, i) => n + i),
    energy: -n / 3,
  });
  return molecule.setProperty("n", n).setProperty("text", "water ".repeat((n * 37) % 211));
}
