import { closeSync, openSync, writeSync } from "node:fs";
import { SeededRandom } from "./random.js";

// Generated extended XYZ in the style of real files.

const QM9_KEYS = "A B C mu alpha epsHOMO epsLUMO epsgap <R2> zpve U0 U H G Cv".split(" ");
const QM9_SPECIES = ["C", "H", "H", "H", "N", "O"];

/** Frames like those of QM9: 3 to 29 atoms, 15 properties in the comment, no lattice. */
export function writeQm9Like(path: string, nFrames: number, seed: number): void {
  const random = new SeededRandom(seed);
  writeFrames(path, nFrames, () => {
    const nAtoms = random.integer(3, 29);
    const info = QM9_KEYS.map((key) => `${key}=${Number((random.normal() * 100).toFixed(5))}`).join(" ");
    const lines = Array.from({ length: nAtoms }, () => {
      const species = QM9_SPECIES[random.integer(0, QM9_SPECIES.length - 1)]!;
      return species.padEnd(2) + columns(random, 3, fixed);
    });
    return `${nAtoms}\nProperties=species:S:1:pos:R:3 ${info} pbc="F F F"\n${lines.join("\n")}\n`;
  });
}

/** Frames of 108 atoms with lattice, energy, stress and forces, as molecular dynamics gives them. */
export function writeMdLike(path: string, nFrames: number, seed: number): void {
  writeForces(path, nFrames, 108, fixed, seed);
}

/** The same with 9 atoms. */
export function writeSmall(path: string, nFrames: number, seed: number): void {
  writeForces(path, nFrames, 9, fixed, seed);
}

/** The same with 5,000 atoms. */
export function writeLarge(path: string, nFrames: number, seed: number): void {
  writeForces(path, nFrames, 5_000, fixed, seed);
}

/** Frames of 108 atoms whose numbers have all their digits, 16 or 17 mostly. */
export function writeFullPrecision(path: string, nFrames: number, seed: number): void {
  writeForces(path, nFrames, 108, full, seed);
}

function writeForces(path: string, nFrames: number, nAtoms: number, format: Format, seed: number): void {
  const random = new SeededRandom(seed);
  writeFrames(path, nFrames, () => {
    const stress = Array.from({ length: 9 }, () => random.normal() / 1000).join(" ");
    const lines = Array.from({ length: nAtoms }, () => `Cu${columns(random, 6, format)}`);
    const comment =
      `Lattice="10.83 0.0 0.0 0.0 10.83 0.0 0.0 0.0 10.83" Properties=species:S:1:pos:R:3:forces:R:3 ` +
      `energy=${-380 + random.normal()} stress="${stress}" pbc="T T T"`;
    return `${nAtoms}\n${comment}\n${lines.join("\n")}\n`;
  });
}

type Format = (value: number) => string;

/** As ASE writes columns: `%16.8f`, and a blank. */
const fixed: Format = (value) => value.toFixed(8).padStart(17);

/** As Python's `repr` writes floats, with an exponent below 1e-4. */
const full: Format = (value) => {
  if (Math.abs(value) >= 1e-4) return ` ${value}`;
  return ` ${value.toExponential().replace(/e-(\d)$/, "e-0$1")}`;
};

function columns(random: SeededRandom, count: number, format: Format): string {
  let text = "";
  // Products fill all 53 bits; a uniform number of the generator has 32.
  for (let i = 0; i < count; i++) text += format(random.normal() * 3 * (1 + random.next() / 1000));
  return text;
}

function writeFrames(path: string, nFrames: number, frame: () => string): void {
  const fd = openSync(path, "w");
  for (let i = 0; i < nFrames; i++) writeSync(fd, frame());
  closeSync(fd);
}
