/** Iterates over an input of many times the memory it may take, and tells how much anonymous memory it took. */

import { readFileSync } from "node:fs";
import type { SyncByteSource } from "@stowage/core";
import { XyzFile } from "../../src/index.js";

const frame = `200\nProperties=species:S:1:pos:R:3:forces:R:3 energy=-1.5 key=5\n${"Cu     -1.12345678      2.12345678      3.12345678 0.1234567890123456 -1e-05 7.0\n".repeat(200)}`;
const bytes = new TextEncoder().encode(frame);

/** The same frame again and again. */
class Repeated implements SyncByteSource {
  readonly resident = false;
  readonly name = "repeated";
  readonly byteLength: number;

  constructor(count: number) {
    this.byteLength = count * bytes.length;
  }

  readSync(byteOffset: number, byteLength: number): Uint8Array {
    const target = new Uint8Array(byteLength);
    this.readIntoSync(target, byteOffset);
    return target;
  }

  readIntoSync(target: Uint8Array, byteOffset: number): void {
    for (let done = 0; done < target.length; ) {
      const from = (byteOffset + done) % bytes.length;
      const part = bytes.subarray(from, from + target.length - done);
      target.set(part, done);
      done += part.length;
    }
  }

  async read(byteOffset: number, byteLength: number): Promise<Uint8Array> {
    return this.readSync(byteOffset, byteLength);
  }

  close(): void {}
}

function anonymous(): number {
  const [, kilobytes] = /RssAnon:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "latin1"))!;
  return Number(kilobytes) * 1024;
}

const before = anonymous();
let peak = before;
let atoms = 0;
const source = new Repeated(Number(process.argv[2]));
for (const structure of XyzFile.open(source)) {
  atoms += structure.nAtoms;
  if (atoms % 20_000 === 0) peak = Math.max(peak, anonymous());
}
console.log(JSON.stringify({ atoms, byteLength: source.byteLength, growth: peak - before }));
