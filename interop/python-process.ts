import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

/** The sets of Python packages that interop/requirements pins. */
export type PeerName = "current" | "atompack-0.3.1" | "atompack-0.2.0";

/** How much of what Python wrote to stderr an error message repeats. */
const STDERR_TAIL = 10_000;

export type PythonProcess = ChildProcessByStdio<Writable, Readable, Readable>;

/** Starts a Python file with a peer's packages. */
export function startPython(peer: PeerName, file: URL): PythonProcess {
  const child = spawn(pythonOf(peer), [fileURLToPath(file)], {
    stdio: ["pipe", "pipe", "pipe"],
    env: {
      ...process.env,
      // Nothing but what is pinned, and nothing from the network.
      PYTHONPATH: undefined,
      PYTHONHOME: undefined,
      PYTHONNOUSERSITE: "1",
      PYTHONDONTWRITEBYTECODE: "1",
      PYTHONUTF8: "1",
      HF_HUB_OFFLINE: "1",
    },
  });
  // A process that ends without reading its input breaks the pipe; its exit code says why.
  child.stdin.on("error", () => undefined);
  return child;
}

/** See scripts/peers.mjs. */
type Prepared = { python: string } | { problem: string };

function pythonOf(peer: PeerName): string {
  const peers: Record<string, Prepared> = JSON.parse(process.env.STOWAGE_PEERS ?? "{}");
  const prepared = peers[peer] ?? { problem: "STOWAGE_PEERS does not name it" };
  if ("problem" in prepared) throw new Error(`The peer "${peer}" is missing. ${prepared.problem}`);
  return prepared.python;
}

interface Waiting {
  readonly resolve: (answer: string) => void;
  readonly reject: (error: Error) => void;
}

/** A running Python file that answers each line on stdin with a line on stdout, in order. */
export class PythonServer {
  /** Requests without an answer, oldest first. */
  readonly #waiting: Waiting[] = [];
  readonly #child: PythonProcess;
  readonly #closed: Promise<unknown>;
  #stderr = "";
  #ended: string | undefined;

  constructor(
    readonly peer: PeerName,
    file: URL,
  ) {
    this.#child = startPython(peer, file);
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#waiting.shift()?.resolve(line));
    this.#child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      this.#stderr = (this.#stderr + chunk).slice(-STDERR_TAIL);
    });
    this.#closed = once(this.#child, "close").then(
      ([code, signal]) => this.#end(`ended with ${code ?? signal}`),
      (error: Error) => this.#end(`did not start: ${error.message}`),
    );
  }

  #end(how: string): void {
    this.#ended = `The Python process (${this.peer}) ${how}\n${this.#stderr}`;
    for (const { reject } of this.#waiting.splice(0)) reject(new Error(this.#ended));
  }

  /**
   * Sends a line and waits for the answer. Requests may overlap.
   *
   * @throws {Error} with the end of stderr if Python dies.
   */
  request(line: string): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) throw new Error(this.#ended);
      this.#waiting.push({ resolve, reject });
      this.#child.stdin.write(`${line}\n`);
    });
  }

  /** Ends the process, after the requests that are under way. */
  async close(): Promise<void> {
    this.#child.stdin.end();
    await this.#closed;
  }
}
