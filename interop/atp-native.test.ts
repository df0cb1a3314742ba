import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { runtimeNames, runtimesOfTests } from "./runtimes.js";
import { temporaryFolder } from "./temporary-folder.js";

// .atp files in threads, in every runtime: each program runs in a process of its own, which must end well.

const runtimes = runtimesOfTests();

async function run(name: string, program: string, options: readonly string[], native: "0" | "1") {
  const runtime = runtimes.get(name)!;
  const script = fileURLToPath(new URL(`atp/${program}`, import.meta.url));
  const child = spawn(runtime.executable, [...runtime.arguments, ...options, script, temporaryFolder()], {
    env: { ...process.env, NO_COLOR: "1", STOWAGE_NATIVE: native },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close") as Promise<[number | null, string | null]>,
  ]);
  return { code, signal, stdout, stderr: stderr.slice(-3000) };
}

const DONE = { code: 0, signal: null, stdout: "done\n" };
/** Of a run without the addon the tests do not need those with it, too. */
const ways = process.env.STOWAGE_NATIVE === "0" ? (["0"] as const) : (["1", "0"] as const);

describe.each(runtimeNames)("in %s", (name) => {
  it.each(ways)(
    "eight threads read shuffled batches and end in the middle, and a pool reads (STOWAGE_NATIVE=%s)",
    async (native) => {
      const outcome = await run(name, "threads.mjs", [], native);
      expect(outcome, outcome.stderr).toMatchObject(DONE);
    },
  );
});

it.runIf(process.platform === "linux" && process.env.STOWAGE_NATIVE !== "0")(
  "one molecule of a million takes no memory, and all of them, batch by batch, little",
  async () => {
    const outcome = await run(runtimeNames[0], "memory.mjs", ["--expose-gc"], "1");
    expect(outcome, outcome.stderr).toMatchObject(DONE);
  },
);
