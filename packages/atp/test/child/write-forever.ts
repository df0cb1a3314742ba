/*
 * Appends numbered molecules and commits them, until it is killed; says after each commit how many there are.
 *
 *   write-forever <path> <codec> <mode: append | overwrite>
 */
import fs from "node:fs";
import { AtpFile } from "../../src/atp-file.js";
import type { CodecName } from "../../src/codec.js";
import { numberedMolecule } from "../numbered-molecule.js";

const [path, codec, mode] = process.argv.slice(2) as [string, CodecName, string];
const exists = fs.existsSync(path);
for (;;) {
  const db =
    mode === "overwrite" || !exists
      ? AtpFile.create(path, { codec, overwrite: true })
      : AtpFile.open(path, { mode: "r+" });
  // Three files a round where files are replaced, one for ever where not.
  for (let commits = 0; mode === "append" || commits < 3; commits++) {
    const count = 1 + (db.length % 7);
    const molecules = Array.from({ length: count }, (_, i) => numberedMolecule(db.length + i));
    for (const molecule of molecules) db.append(molecule);
    db.flush();
    fs.writeSync(1, `${db.length}\n`);
  }
  db.close();
}
