import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import ts from "typescript";
import { afterAll } from "vitest";

const SOURCE = join(import.meta.dirname, "../src");

/** Compiles this package, module by module, so that plain Node can run it in a child. Removed after the last test. */
export function compileCore(): string {
  const folder = mkdtempSync(join(tmpdir(), "stowage-core-compiled-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  const sources = readdirSync(SOURCE, { recursive: true, encoding: "utf8" });
  for (const name of sources.filter((file) => file.endsWith(".ts"))) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    const { outputText } = ts.transpileModule(readFileSync(join(SOURCE, name), "utf8"), {
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2022,
        verbatimModuleSyntax: true,
      },
    });
    writeFileSync(join(folder, name.replace(/\.ts$/, ".js")), outputText);
  }
  return pathToFileURL(folder).href;
}

/** Runs an ES module in a Node process of its own; arguments are in `process.argv` from index 1 on. */
export function runScript(code: string, ...args: string[]): ChildProcess {
  return spawn(process.execPath, ["--input-type=module", "--eval", code, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** Waits until a child has written something, which says that it is ready. */
export async function ready(child: ChildProcess): Promise<void> {
  const early = once(child, "exit").then(([code, signal]) => {
    throw new Error(`The child ended before it was ready (${code ?? signal})`);
  });
  early.catch(() => {}); // it ends later on, too
  await Promise.race([once(child.stdout!, "data"), early]);
}

/** Waits until a child ends; gives the signal that ended it, `null` if it ended by itself. */
export async function ended(child: ChildProcess): Promise<NodeJS.Signals | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return child.signalCode;
}

/** Kills a child as the system would: nothing of it runs any more. */
export async function killed(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await ended(child);
}

/**
 * Script text: makes this process kill itself right before or after the n-th call of a changing file function.
 * `step` counts half calls: 2n is before call n, 2n + 1 after it.
 */
export const DIE_AT_STEP = `
  import fs from "node:fs";
  function dieAtStep(step) {
    let calls = 0;
    for (const name of ["mkdirSync", "openSync", "writeSync", "writeFileSync", "fsyncSync", "closeSync", "linkSync",
      "renameSync", "unlinkSync", "readdirSync", "rmSync", "rmdirSync"]) {
      const original = fs[name];
      fs[name] = (...args) => {
        const call = calls++;
        if (step === 2 * call) process.kill(process.pid, "SIGKILL");
        const result = original.apply(fs, args);
        if (step === 2 * call + 1) process.kill(process.pid, "SIGKILL");
        return result;
      };
    }
  }
`;
