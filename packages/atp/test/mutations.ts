/*
 * Ways to damage a file, and sound files to damage.
 */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { AtpFile, type CodecName } from "../src/index.js";
import { arbitrarySteps, takeStep } from "./arbitrary-file.js";
import { adler32, join, u32 } from "./forged-file.js";
import { codeOf } from "./outcome.js";
import { temporaryFile } from "./temporary-folder.js";

const samples = new Map<CodecName, Uint8Array[]>();

/** Some files of a codec; of both record formats, as it happens. */
export function sampleFiles(codec: CodecName, seed: number): Uint8Array[] {
  const known = samples.get(codec);
  if (known !== undefined) return known;
  const path = temporaryFile();
  const files = fc.sample(arbitrarySteps(), { seed, numRuns: 25 }).map((steps) => {
    using db = AtpFile.create(path, { codec, overwrite: true });
    for (const step of steps) codeOf(() => takeStep(db, step));
    db.close();
    return new Uint8Array(readFileSync(path));
  });
  samples.set(codec, files);
  return files;
}

/** Changes the bytes it is given, or returns others. */
export type Mutation = (bytes: Uint8Array, draw: () => number) => Uint8Array;

const INTERESTING = [0, 1, 6, 13, 255, 256, 65_535, 2 ** 20, 2 ** 30, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];

/** Past the header, where most of the file's meaning is, twice as often as anywhere. */
function place(bytes: Uint8Array, draw: () => number): number {
  const body = bytes.length > 8192 && draw() % 3 < 2;
  return body ? 8192 + (draw() % (bytes.length - 8192)) : draw() % Math.max(1, bytes.length);
}

export const MUTATIONS: Record<string, Mutation> = {
  "a flipped bit": (bytes, draw) => {
    bytes[place(bytes, draw)]! ^= 1 << (draw() % 8);
    return bytes;
  },
  "a changed byte": (bytes, draw) => {
    bytes[place(bytes, draw)] = draw();
    return bytes;
  },
  "a telling number": (bytes, draw) => {
    const value = INTERESTING[draw() % INTERESTING.length]!;
    bytes.set(
      u32(value).subarray(0, Math.max(0, bytes.length - 1)),
      Math.min(place(bytes, draw), bytes.length - 4),
    );
    return bytes;
  },
  "a telling header field": (bytes, draw) => {
    const at = 4096 * (draw() % 2) + [8, 16, 24, 32, 40, 48, 52, 56, 60, 68][draw() % 10]!;
    bytes.set(u32(INTERESTING[draw() % INTERESTING.length]!), at);
    return bytes;
  },
  "an end cut off": (bytes, draw) => bytes.slice(0, draw() % bytes.length),
  "a longer end": (bytes, draw) => join(bytes, bytes.subarray(place(bytes, draw))),
  "a part moved": (bytes, draw) => {
    const [from, to] = [place(bytes, draw), place(bytes, draw)];
    bytes.copyWithin(to, from, from + (draw() % 64));
    return bytes;
  },
  "no schema, as of 0.2, and a changed byte": (bytes, draw) => {
    for (const at of [0, 4096]) bytes.fill(0, at + 60, at + 76);
    mendChecksums(bytes);
    bytes[place(bytes, draw)] = draw();
    return bytes;
  },
  "a part taken out": (bytes, draw) => {
    const at = place(bytes, draw);
    return join(bytes.subarray(0, at), bytes.subarray(at + (draw() % 16)));
  },
};

/** So that a change of the header is not just a wrong checksum. */
export function mendChecksums(bytes: Uint8Array): void {
  if (bytes.length < 8192) return;
  for (const at of [0, 4096]) bytes.set(u32(adler32(bytes.subarray(at, at + 4092))), at + 4092);
}
