import { StowageError } from "./errors.js";
import { fileError, nodeFs, nodeOs, nodePath, realPath } from "./file-system.js";

/** Who holds a claim, as its file name says: `<pid>@<host>@<start time>@<nonce>`. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Tells a process from a later one with the same pid; empty where the system does not say (only Linux does). */
  readonly startTime: string;
}

/** Any number of hosts share this name, so that nothing follows from it. */
const UNKNOWN_HOST = "unknown-host";

/** A writer that meets others steps back and tries again this often: about 100 ms in all. */
const ATTEMPTS = 5;

/**
 * The right to write one file, held by one process at a time, also across crashes.
 *
 * The protocol is "publish, then look": a writer makes a claim, an empty file whose unique name says who it is, in the
 * folder `<file>.stowage-lock`, and then lists that folder. It holds the lock if no other claim belongs to a living
 * process; otherwise it takes its claim back. Of two writers that claim at the same time at least one sees the other,
 * so both never hold it; if both see each other, both step back and try again after a random pause. Names are never
 * used twice, so removing the claim of a dead process can never hit a living one, which is what makes locks of a
 * fixed name racy.
 *
 * Where a process cannot be asked whether it lives, its claim counts as living: on other hosts, in other containers, in
 * Deno without `--allow-sys`. So does that of a dead process whose pid is in use again, where the system does not tell
 * start times (macOS, Windows).
 *
 * @example
 * ```ts
 * const lock = FileLock.acquire("water.atp");
 * try {
 *   // write
 * } finally {
 *   lock.release();
 * }
 * ```
 */
export class FileLock {
  readonly #folder: string;
  readonly #claim: string;
  #held = true;

  private constructor(folder: string, claim: string) {
    this.#folder = folder;
    this.#claim = claim;
  }

  /**
   * Takes the lock of `path` or fails within about 100 ms. The file itself need not exist; a symbolic link and the
   * file it leads to have one lock.
   *
   * @throws {StowageError} ERR_LOCKED naming the process that holds it; ERR_FILE_MISSING without a folder for it.
   */
  static acquire(path: string): FileLock {
    const folder = `${realPath(path)}.stowage-lock`;
    try {
      for (let attempt = 1; ; attempt++) {
        const lock = new FileLock(folder, publishClaim(folder));
        const rival = lock.#findRival();
        if (rival === null) return lock;
        lock.release();
        if (attempt === ATTEMPTS) throw locked(path, folder, rival);
        pause(1 + Math.random() * 4 ** (attempt - 1));
      }
    } catch (error) {
      throw fileError(error, "lock", path);
    }
  }

  /** Lets the next writer in. Does nothing when released already. */
  release(): void {
    if (!this.#held) return;
    this.#held = false;
    removeClaim(this.#folder, this.#claim);
    try {
      nodeFs().rmdirSync(this.#folder);
    } catch {
      // Other claims are in it, or somebody else removed it.
    }
  }

  [Symbol.dispose](): void {
    this.release();
  }

  /** The first other claim whose process lives; claims of dead processes are removed on the way. */
  #findRival(): Holder | null {
    try {
      for (const claim of nodeFs().readdirSync(this.#folder)) {
        const holder = claim === this.#claim ? null : parseClaim(claim);
        if (holder === null) continue;
        if (isAlive(holder)) return holder;
        removeClaim(this.#folder, claim);
      }
      return null;
    } catch (error) {
      this.release();
      throw error;
    }
  }
}

/** Makes a claim of this process appear, in one step with all that it says. */
function publishClaim(folder: string): string {
  const fs = nodeFs();
  const nonce = Math.random().toString(36).slice(2, 12);
  const claim = [process.pid, thisHost(), startTimeOf(process.pid), nonce].join("@");
  for (let attempt = 1; ; attempt++) {
    try {
      fs.mkdirSync(folder);
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error;
    }
    try {
      fs.closeSync(fs.openSync(nodePath().join(folder, claim), "wx"));
      return claim;
    } catch (error) {
      // A writer that released its lock has removed the folder in between.
      if (codeOf(error) !== "ENOENT" || attempt === 100) throw error;
    }
  }
}

function removeClaim(folder: string, claim: string): void {
  nodeFs().rmSync(nodePath().join(folder, claim), { force: true });
}

/** `null` for files that are no claims, such as those that file managers leave in every folder. */
function parseClaim(name: string): Holder | null {
  const [pid, host, startTime, nonce] = name.split("@");
  if (nonce === undefined || !/^[1-9]\d*$/.test(pid!)) return null;
  return { pid: Number(pid), host: host!, startTime: startTime! };
}

function isAlive({ pid, host, startTime }: Holder): boolean {
  if (host !== thisHost() || host === UNKNOWN_HOST) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) === "ESRCH") return false;
    // EPERM: it lives and belongs to somebody else. Anything else: unknown, so it counts as living.
  }
  const now = startTimeOf(pid);
  return now !== "ended" && (now === "" || startTime === "" || now === startTime);
}

/** The range in which a pid means something: this host, and the container on it. */
function thisHost(): string {
  try {
    const host = nodeOs().hostname();
    const container = pidNamespace();
    return encodeURIComponent(container === null ? host : `${host}.container-${container}`);
  } catch {
    return UNKNOWN_HOST; // Deno without --allow-sys
  }
}

/** The number of this process's pid namespace on Linux, `null` in the namespace of the system itself. */
function pidNamespace(): string | null {
  try {
    const number = /\d+/.exec(nodeFs().readlinkSync("/proc/self/ns/pid"))![0];
    return number === "4026531836" ? null : number; // PROC_PID_INIT_INO, the same on every Linux
  } catch {
    return null;
  }
}

/**
 * Field 22 of `/proc/<pid>/stat` and the boot it belongs to, on Linux; `"ended"` for a process that only waits for
 * its parent to notice; empty where it cannot be read.
 */
function startTimeOf(pid: number): string {
  try {
    const fs = nodeFs();
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "latin1");
    // The command name, in parentheses, may hold spaces: count fields after it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return "ended";
    const boot = fs.readFileSync("/proc/sys/kernel/random/boot_id", "latin1").slice(0, 8);
    return `${boot}-${fields[19]}`;
  } catch {
    return "";
  }
}

function locked(path: string, folder: string, { pid, host }: Holder): StowageError<"ERR_LOCKED"> {
  const self = pid === process.pid && host === thisHost();
  const holder = self ? "this process" : `process ${pid} on ${host}`;
  return new StowageError(
    "ERR_LOCKED",
    `Cannot open ${path} for writing: ${holder} is writing it`,
    { path, holder },
    { hint: `close that writer first; if it no longer runs, delete ${folder}` },
  );
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown }).code;
}

/** Blocks this thread: opening a file is synchronous, and the pause is a few milliseconds at most. */
function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
