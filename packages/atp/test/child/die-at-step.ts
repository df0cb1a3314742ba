/*
 * Makes a file of two commits and kills itself right before the n-th call of a function that changes files. Says after
 * each commit how many molecules there are, and at the end how many calls there were.
 *
 *   die-at-step <path> <codec> <n>
 */
import fs from "node:fs";
import { AtpFile } from "../../src/atp-file.js";
import type { CodecName } from "../../src/codec.js";
import { numberedMolecule } from "../numbered-molecule.js";

const [path, codec, step] = process.argv.slice(2) as [string, CodecName, string];
const say = fs.writeSync;
const functions = fs as unknown as Record<string, (...args: unknown[]) => unknown>;
let calls = 0;
for (const name of [
  "mkdirSync",
  "openSync",
  "writeSync",
  "ftruncateSync",
  "fsyncSync",
  "fdatasyncSync",
  "closeSync",
  "linkSync",
  "renameSync",
  "unlinkSync",
  "rmSync",
  "rmdirSync",
]) {
  const original = functions[name]!;
  functions[name] = (...args) => {
    if (Number(step) === calls++) process.kill(process.pid, "SIGKILL");
    return original.apply(fs, args);
  };
}

const db = AtpFile.create(path, { codec, overwrite: true });
for (const count of [3, 5]) {
  for (let i = 0; i < count; i++) db.append(numberedMolecule(db.length));
  db.at(-1); // hands the records to the system
  db.flush();
  say(1, `${db.length}\n`);
}
db.append(numberedMolecule(8));
db.at(-1);
db.discard();
say(1, `${calls}\n`);
