import { spawn } from "node:child_process";

/**
 * @typedef {object} CommandResult
 * @property {number} code      Exit code; 124 after a time-out, 127 if the command could not be started.
 * @property {string} stdout
 * @property {string} output    Both streams, in order of arrival.
 *
 * @typedef {object} CommandOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]  In addition to this process's.
 * @property {number} [timeoutMs]       Default: 10 minutes.
 */

/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();

/** Set once by a signal: from then on nothing is started and nothing is reported. */
let interrupted = false;

/** Commands that have our terminal: while there is one, a signal is its affair. */
let inTerminal = 0;

/** How long a command may take to end by itself after it was asked to. */
const graceMs = 3000;

/**
 * Runs a command to its end and collects what it prints. Never rejects: a failure is a code.
 *
 * The command leads a process group of its own, so that it can be stopped together with whatever it started.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {CommandOptions} [options]
 * @returns {Promise<CommandResult>}
 */
export function run(command, args, { cwd, env, timeoutMs = 600_000 } = {}) {
  stopCommandsOnSignal();
  return new Promise((resolve) => {
    if (interrupted) return;
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: process.platform !== "win32",
    });
    running.add(child);
    let stdout = "";
    let output = "";
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      output += `\nstopped: still running after ${timeoutMs / 1000} s\n`;
      void stop(child);
    }, timeoutMs);
    child.stdout.setEncoding("utf8").on("data", (text) => {
      stdout += text;
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
    child.on("error", (error) => {
      output += `${error.message}\n`;
    });
    child.on("close", (code, signal) => {
      running.delete(child);
      clearTimeout(timer);
      if (interrupted) return;
      if (signal !== null) output += `ended by ${signal}\n`;
      resolve({ code: timedOut ? 124 : code === null ? 1 : code < 0 ? 127 : code, stdout, output });
    });
  });
}

/**
 * Runs a command that a person talks to: it has our terminal, and Ctrl-C is its own affair.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<number>}  Exit code.
 */
export function runInTerminal(command, args, { cwd, env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: "inherit" });
    // The terminal sends SIGINT to both of us; what a plain `kill` sends reaches only us and is passed on.
    const ignore = () => undefined;
    const passOn = () => child.kill("SIGTERM");
    process.on("SIGINT", ignore).on("SIGTERM", passOn);
    inTerminal++;
    child.on("error", reject);
    child.on("close", (code, signal) => {
      process.off("SIGINT", ignore).off("SIGTERM", passOn);
      inTerminal--;
      resolve(code ?? (signal === "SIGINT" ? 130 : signal === "SIGTERM" ? 143 : 1));
    });
  });
}

/** @param {import("node:child_process").ChildProcess} child */
async function stop(child) {
  signalGroup(child, "SIGTERM");
  await new Promise((resolve) => {
    const timer = setTimeout(resolve, graceMs);
    child.once("close", () => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
  // The leader may be gone while a grandchild still runs: the group is signalled in any case.
  signalGroup(child, "SIGKILL");
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @param {NodeJS.Signals} signal
 */
function signalGroup(child, signal) {
  if (child.pid === undefined) return;
  try {
    if (process.platform === "win32") child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // The whole group has ended already.
  }
}

let listening = false;

function stopCommandsOnSignal() {
  if (listening) return;
  listening = true;
  for (const [signal, code] of /** @type {[NodeJS.Signals, number][]} */ ([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ])) {
    process.on(signal, async () => {
      if (inTerminal > 0) return;
      if (interrupted) process.exit(code);
      interrupted = true;
      await Promise.all([...running].map(stop));
      process.exit(code);
    });
  }
}
