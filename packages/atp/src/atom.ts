import { symbolOf } from "@stowage/core";

/** One atom of a molecule: a position in Å and an atomic number. */
export class Atom {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly atomicNumber: number;

  constructor(x: number, y: number, z: number, atomicNumber: number) {
    this.x = x;
    this.y = y;
    this.z = z;
    this.atomicNumber = atomicNumber;
  }

  /** Å */
  get position(): [number, number, number] {
    return [this.x, this.y, this.z];
  }

  get symbol(): string {
    return symbolOf(this.atomicNumber);
  }

  /** Å, without regard to periodic images. */
  distanceTo(other: Atom): number {
    return Math.hypot(this.x - other.x, this.y - other.y, this.z - other.z);
  }
}
