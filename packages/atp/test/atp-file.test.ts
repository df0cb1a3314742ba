import fc from "fast-check";
import { expect, test } from "vitest";
import { AtpFile } from "../src/index.js";
import { arbitraryFile, toMolecule, toSpec } from "./arbitrary-file.js";
import { bits } from "./equal-bits.js";
import { freshSeed } from "./seed.js";
import { temporaryFile } from "./temporary-folder.js";

const seed = freshSeed("atp-file");

test.each(["none", "lz4", "zstd"] as const)("what is appended comes back bit-equal (%s)", (codec) => {
  const path = temporaryFile();
  fc.assert(
    fc.property(arbitraryFile(), ({ molecules, keys }) => {
      const tensors = keys.filter(({ type }) => type === "tensor").map(({ key }) => key);
      using db = AtpFile.create(path, { codec, overwrite: true, tensors });
      db.append(molecules.map(toMolecule));
      const expected = molecules.map(bits);
      const all = molecules.map((_, i) => i);
      expect(all.map((i) => bits(toSpec(db.at(i))))).toEqual(expected);
      db.flush();
      using reader = AtpFile.open(path);
      expect(all.map((i) => bits(toSpec(reader.at(i))))).toEqual(expected);
      expect(reader.getMany(all).map((molecule) => bits(toSpec(molecule)))).toEqual(expected);
    }),
    { seed, numRuns: 150 },
  );
});
