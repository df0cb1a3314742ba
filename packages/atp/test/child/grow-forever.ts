/*
 * Appends and commits until the file may grow no more, and tells what happened: { length, codes, committed }.
 *
 *   grow-forever <path>
 */
import { isStowageError } from "@stowage/core";
import { AtpFile } from "../../src/atp-file.js";
import { numberedMolecule } from "../numbered-molecule.js";

const db = AtpFile.create(process.argv[2]!);
const codes: string[] = [];
let committed = 0;
for (let i = 0; i < 2000 && codes.length < 5; i++) {
  try {
    db.append(numberedMolecule(db.length));
    db.flush();
    committed = db.length;
  } catch (error) {
    if (!isStowageError(error)) throw error;
    codes.push(error.code);
  }
}
console.log(JSON.stringify({ length: db.length, codes, committed }));
db.discard();
