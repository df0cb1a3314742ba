// Waits to be killed by SIGBUS: `signal.mjs <path> <"map" | "none">`. What the runtime does about it is its own affair,
// and must be the same with a map and its handler as without.
import { writeFileSync } from "node:fs";
import { MmapFile } from "@stowage/mmap";

const [, , path, map] = process.argv;
writeFileSync(path, new Uint8Array(10));
if (map === "map") {
  const file = MmapFile.open(path);
  if (file.backend !== "mmap") throw new Error("The addon is not in use");
}
setTimeout(() => process.exit(3), 500); // survived
console.log("ready");
