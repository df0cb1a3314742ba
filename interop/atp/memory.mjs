// What reading takes of memory of the process's own: `memory.mjs <folder>`.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { AtpFile, Molecule } from "@stowage/atp";
import { nativeStatus } from "@stowage/mmap";

const MIB = 2 ** 20;
const COUNT = 1_000_000;
const file = path.join(process.argv[2], "million.atp");
const anonymous = () =>
  Number(/^RssAnon:\s+(\d+) kB/m.exec(fs.readFileSync("/proc/self/status", "utf8"))[1]) * 1024;
assert.ok(nativeStatus().available, nativeStatus().reason);

// A million records and their index, of which the file has the first written by Stowage: 240 MB, repeated by hand.
const one = AtpFile.create(file);
const molecule = new Molecule({
  positions: new Float32Array(48).fill(1.5),
  atomicNumbers: new Uint8Array(16).fill(6),
});
molecule.energy = -1.5;
one.append(molecule);
one.close();
const small = fs.readFileSync(file);
const view = new DataView(small.buffer, small.byteOffset);
const [schemaAt, schemaLength] = [4096 + 60, 4096 + 68].map((at) => Number(view.getBigUint64(at, true)));
const record = small.subarray(8192, schemaAt);
const fd = fs.openSync(file, "w");
fs.writeSync(fd, small, 0, 8192, 0);
const PART = 10_000;
const records = Buffer.concat(Array.from({ length: PART }, () => record));
const index = Buffer.alloc(20 * PART);
const indexAt = 8192 + COUNT * record.length + schemaLength;
for (let part = 0; part < COUNT / PART; part++) {
  fs.writeSync(fd, records, 0, records.length, 8192 + part * records.length);
  for (let i = 0; i < PART; i++) {
    index.writeBigUInt64LE(BigInt(8192 + (part * PART + i) * record.length), 20 * i);
    index.set(small.subarray(small.length - 12), 20 * i + 8);
  }
  fs.writeSync(fd, index, 0, index.length, indexAt + 8 + part * index.length);
}
fs.writeSync(fd, small, schemaAt, schemaLength, indexAt - schemaLength);
const count = Buffer.alloc(8);
count.writeBigUInt64LE(BigInt(COUNT));
fs.writeSync(fd, count, 0, 8, indexAt);
const slot = Buffer.from(small.subarray(4096, 8192));
for (const [at, value] of [
  [24, indexAt],
  [32, 8 + 20 * COUNT],
  [40, COUNT],
  [60, indexAt - schemaLength],
]) {
  slot.writeBigUInt64LE(BigInt(value), at);
}
let [a, b] = [1, 0];
for (const byte of slot.subarray(0, 4092)) {
  a = (a + byte) % 65_521;
  b = (b + a) % 65_521;
}
slot.writeUInt32LE(((b << 16) | a) >>> 0, 4092);
fs.writeSync(fd, slot, 0, 4096, 4096);
fs.closeSync(fd);
assert.ok(fs.statSync(file).size > 20 * 10 * MIB);

globalThis.gc?.();
const before = anonymous();
const db = AtpFile.open(file);
assert.equal(db.length, COUNT);
assert.equal(db.at(777_777).energy, -1.5);
assert.equal(db.at(-1).positions.data[47], 1.5);
const opened = anonymous() - before;
assert.ok(opened < 10 * MIB, `opening and reading two molecules took ${opened} bytes`);

// All of the file, batch by batch: no more than the garbage of some batches at a time.
let [sum, peak] = [0, 0];
for (let start = 0; start < COUNT; start += 5000) {
  const { energy, positions } = db.flat(Array.from({ length: 5000 }, (_, i) => start + i));
  for (const each of energy.data) sum += each;
  sum += 0 * positions.data[0];
  if (start % 100_000 === 0) globalThis.gc?.();
  peak = Math.max(peak, anonymous() - before);
}
assert.equal(sum, -1.5 * COUNT);
assert.ok(peak < 100 * MIB, `reading the file took ${peak} bytes`);
db.close();
console.log("done");
