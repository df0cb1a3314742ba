import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { writable } from "../packages/lmdb/test/writable.js";
import { runtimeNames, runtimesOfTests } from "./runtimes.js";
import { temporaryFolder } from "./temporary-folder.js";

const runtimes = runtimesOfTests();
const script = fileURLToPath(new URL("lmdb/write-rows.mjs", import.meta.url));

describe.runIf(writable).each(runtimeNames)("in %s", (name) => {
  it("stores in LMDB are written, on several threads, and by threads that are stopped", async () => {
    const runtime = runtimes.get(name)!;
    const child = spawn(runtime.executable, [...runtime.arguments, script, temporaryFolder()], {
      env: { ...process.env, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 60_000,
      killSignal: "SIGKILL",
    });
    const [stdout, stderr, [code, signal]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "close") as Promise<[number | null, string | null]>,
    ]);
    expect({ code, signal, stdout }, stderr.slice(-3000)).toEqual({
      code: 0,
      signal: null,
      stdout: "done\n",
    });
  });
});
