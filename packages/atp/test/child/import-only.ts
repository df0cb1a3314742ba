/*
 * Imports the package and tells what that changed: { globals, listeners, handles }.
 *
 *   import-only <working folder>
 */
export {};

process.chdir(process.argv[2]!);
const globals = new Set(Object.getOwnPropertyNames(globalThis));
const listeners = process.eventNames().map(String);
const handles = process.getActiveResourcesInfo().length;
await import("../../src/index.js");
await new Promise(setImmediate);
console.log(
  JSON.stringify({
    globals: Object.getOwnPropertyNames(globalThis).filter((name) => !globals.has(name)),
    listeners: process
      .eventNames()
      .map(String)
      .filter((name) => !listeners.includes(name)),
    handles: Math.max(0, process.getActiveResourcesInfo().length - handles),
  }),
);
