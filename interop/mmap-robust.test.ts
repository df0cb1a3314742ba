import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type Runtime, runtimeNames, runtimesOfTests } from "./runtimes.js";
import { temporaryFolder } from "./temporary-folder.js";

// What a map must withstand, in every runtime: each program runs in a process of its own, which must end well.

interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const GIB = 2 ** 30;
const runtimes = runtimesOfTests(withCollector);

/** With a way to collect garbage, and in Deno with the permission to load addons and to read /proc. */
function withCollector(runtime: Runtime): Runtime {
  const { name, arguments: args } = runtime;
  if (name.startsWith("Node")) return { ...runtime, arguments: [...args, "--expose-gc"] };
  if (!name.startsWith("Deno")) return runtime;
  const others = args.filter((argument) => !argument.startsWith("--allow-"));
  return { ...runtime, arguments: [...others, "--allow-all", "--v8-flags=--expose-gc"] };
}

const program = (name: string) => fileURLToPath(new URL(`mmap/${name}`, import.meta.url));

function commandOf(runtimeName: string, name: string, args: readonly (string | number)[]): string[] {
  const runtime = runtimes.get(runtimeName)!;
  return [runtime.executable, ...runtime.arguments, program(name), ...args.map(String)];
}

function expectDone(outcome: Outcome): void {
  expect(outcome, outcome.stderr).toMatchObject({ code: 0, signal: null, stdout: "done\n" });
}

async function run(command: readonly string[], options: { uid?: number; env?: NodeJS.ProcessEnv } = {}) {
  return (await start(command, options)).ended;
}

function start(command: readonly string[], { uid, env }: { uid?: number; env?: NodeJS.ProcessEnv } = {}) {
  const [executable, ...args] = command;
  const child = spawn(executable!, args, {
    uid,
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = once(child, "close").then(
    ([code, signal]): Outcome => ({ code, signal, stdout, stderr: stderr.slice(-3000) }),
  );
  return { child, ended };
}

/** Runs a shell line first, such as a limit, and then the command in its place. */
const after = (line: string, command: readonly string[]) => [
  "sh",
  "-c",
  `${line} && exec "$@"`,
  "sh",
  ...command,
];

/** See mmap/large.mjs. Takes no more than a page for each GiB of the disk. */
function sparseFile(gibibytes: number): string {
  const path = join(temporaryFolder(), "large.bin");
  const fd = openSync(path, "w");
  ftruncateSync(fd, gibibytes * GIB);
  for (let k = 0; k <= gibibytes; k++) {
    const mark = new Uint8Array(Float64Array.of(k - 0.5, k + 0.5).buffer);
    if (k > 0) writeSync(fd, mark, 0, 8, k * GIB - 8);
    if (k < gibibytes) writeSync(fd, mark, 8, 8, k * GIB);
  }
  closeSync(fd);
  return path;
}

// Windows cuts no mapped file, and has no /proc to look into; macOS has no /proc either.
describe.each(process.platform === "linux" ? runtimeNames : [])("a map in %s", (name) => {
  const file = () => join(temporaryFolder(), "data.bin");

  it("shows 40 GiB, across every window", async () => {
    expectDone(await run(commandOf(name, "large.mjs", [sparseFile(40), 40])));
  });

  it("costs no memory of the process's own", async () => {
    const path = file();
    const fd = openSync(path, "w");
    ftruncateSync(fd, GIB);
    closeSync(fd);
    expectDone(await run(commandOf(name, "memory.mjs", [path])));
  });

  it("leaves nothing behind", async () => {
    expectDone(await run(commandOf(name, "leaks.mjs", [file()])));
  });

  it("survives a cut file, whoever touches it", async () => {
    expectDone(await run(commandOf(name, "cut.mjs", [temporaryFolder()])));
  });

  it.each(["return", "exit"])("survives threads that come and go, and %s in the middle", async (end) => {
    expectDone(await run(commandOf(name, "threads.mjs", [file(), end])));
  });

  it("leaves a signal that somebody sent to the runtime", async () => {
    const kill = async (map: "map" | "none") => {
      const { child, ended } = start(commandOf(name, "signal.mjs", [file(), map]));
      await Promise.race([once(child.stdout, "data"), ended]);
      child.kill("SIGBUS");
      const { code, signal, stdout } = await ended;
      return { code, signal, stdout };
    };
    const [withMap, without] = [await kill("map"), await kill("none")];
    expect(withMap).toEqual(without);
    expect(withMap.stdout).toBe("ready\n");
    if (name.includes("Node")) expect(withMap.signal).toBe("SIGBUS");
  });

  it("says that too many are open", async () => {
    const command = commandOf(name, "limits.mjs", [file(), 17_000]);
    const few = await run(after("ulimit -n 300", command));
    expect(few).toMatchObject({ code: 0, signal: null });
    const { opened, code, message } = JSON.parse(few.stdout);
    expect(opened).toBeGreaterThan(100);
    expect(opened).toBeLessThan(300);
    expect(["ERR_FILE_ACCESS", "ERR_MAPPING"]).toContain(code);
    expect(message).toMatch(/too many (open )?files/i);
  });

  it("says that all are guarded, or none more is made", async ({ skip }) => {
    const command = commandOf(name, "limits.mjs", [file(), 17_000]);
    // One descriptor a map: where the system gives fewer, this cannot be reached.
    if (spawnSync("sh", ["-c", "ulimit -n 17500"]).status !== 0) skip();
    const many = await run(after("ulimit -n 17500", command));
    expect(many).toMatchObject({ code: 0, signal: null });
    expect(JSON.parse(many.stdout)).toMatchObject({
      opened: 16_384,
      code: "ERR_MAPPING",
      message: expect.stringContaining("16384 maps are open, which is the most"),
      hint: expect.stringContaining("ulimit -n"),
    });
  });

  it.each(["1", "0"])("meets a full disk when it is created (STOWAGE_NATIVE=%s)", async (native) => {
    const mount = ["unshare", "--map-root-user", "--mount"];
    const inside = (command: string[]) => [
      ...mount,
      ...["sh", "-c", 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"', folder, ...command],
    ];
    const folder = temporaryFolder();
    const env = { STOWAGE_NATIVE: native };
    // Where nobody may mount, the limit of a file's length stands in for the disk.
    const canMount = spawnSync(mount[0]!, [...inside(["true"]).slice(1)]).status === 0;
    const command = commandOf(name, canMount ? "disk-full.mjs" : "too-long.mjs", [folder]);
    const outcome = await run(canMount ? inside(command) : after("ulimit -f 2048", command), { env });
    expectDone(outcome);
  });

  // The system's signal for it ends Deno there, also for its own writes.
  if (name !== "Deno") {
    it("meets the limit of a file's length", async () => {
      const command = after("ulimit -f 2048", commandOf(name, "too-long.mjs", [temporaryFolder()]));
      expectDone(await run(command));
    });
  }

  it("asks for permission", async ({ skip }) => {
    const [hidden, readOnly] = [file(), file()];
    for (const [path, mode] of [
      [hidden, 0o000],
      [readOnly, 0o444],
    ] as const) {
      writeFileSync(path, "abc");
      chmodSync(path, mode);
      chmodSync(join(path, ".."), 0o755);
    }
    const uid = process.getuid?.() === 0 ? 65_534 : undefined;
    const command = commandOf(name, "permission.mjs", [hidden, readOnly]);
    // A user without a name may have no right to read the repository.
    if (uid !== undefined && spawnSync(command[0]!, ["--version"], { uid }).status !== 0) skip();
    expectDone(await run(command, { uid }));
  });
});
