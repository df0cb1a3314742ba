// Nothing is left behind by maps that were closed, nor by those that were dropped: `leaks.mjs <path>`.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { MmapFile } from "@stowage/mmap";
import { collectUntil, liveMaps, memory, requireAddon, traces } from "./support.mjs";

requireAddon();
const path = process.argv[2];
const nothing = { descriptors: 0, maps: 0 };
writeFileSync(path, new Uint8Array(100_000).fill(1));
const level = liveMaps();

async function cycles(count) {
  for (let i = 0; i < count; i++) {
    const file = MmapFile.open(path, { mode: i % 2 === 0 ? "r" : "r+", offset: i % 5000 });
    assert.equal(file.view("uint8", i % 7, 1)[0], 1);
    file.close();
    if (i % 100 === 0) await setImmediate();
  }
}

await cycles(2000);
await collectUntil(() => liveMaps() === level);
const before = memory("RssAnon");
await cycles(10_000);
console.log("cycles");
assert.deepEqual(traces(path), nothing);
await collectUntil(() => liveMaps() === level);
assert.equal(liveMaps(), level);
const grown = memory("RssAnon") - before;
assert.ok(grown < 30_000, `RssAnon grew by ${grown} kB over 10,000 maps`);

// Dropped without close(): the collector takes them, with their descriptors.
(() => {
  for (let i = 0; i < 300; i++) assert.equal(MmapFile.open(path).bytes[99_999], 1);
})();
assert.ok(liveMaps() > level);
await collectUntil(() => liveMaps() === level && traces(path).descriptors === 0);
assert.equal(liveMaps(), level);
assert.deepEqual(traces(path), nothing);

console.log("dropped"); // nothing either.
for (let i = 0; i < 100; i++) {
  assert.throws(() => MmapFile.open(path, { offset: 1, length: 100_000 }));
  assert.throws(() => MmapFile.create(path, 10));
}
assert.deepEqual(traces(path), nothing);
assert.equal(liveMaps(), level);

// Many that are closed without a pause for the runtime to clean up in.
console.log("before 70000");
for (let i = 0; i < 70_000; i++) MmapFile.open(path).close();
assert.deepEqual(traces(path), nothing);
console.log("done");
