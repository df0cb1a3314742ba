import { StowageError } from "./errors.js";
import { fileError, nodeFs, nodeOs, nodePath } from "./file-system.js";
import { temporaryName } from "./temporary-file.js";

interface Holder {
  pid: number;
  host: string;
  /** The kernel's start time of the process: a reused pid has another. `null` where it cannot be read. */
  startTime: string | null;
}

/**
 * The right to write one file, held by one process at a time, also across crashes.
 *
 * The protocol is "publish, then look": a writer links a uniquely named claim `<file>.lock-<nonce>` that says who it
 * is, then lists all claims. It holds the lock if no other claim belongs to a living process; otherwise it takes its
 * claim back. Of two writers that claim at the same time at least one sees the other, so both never hold it; if both
 * see each other, both step back and try again after a random pause. Names are never used twice, so removing the
 * claim of a dead process can never hit a living one, which is what makes locks of a fixed name racy.
 *
 * Processes on other hosts cannot be asked whether they live: their claims count as living.
 */
export class FileLock {
  readonly #claim: string;
  #held = true;

  private constructor(claim: string) {
    this.#claim = claim;
  }

  /**
   * Takes the lock of `path` or fails at once.
   *
   * @throws {StowageError} ERR_LOCKED naming the process that holds it.
   */
  static acquire(path: string): FileLock {
    const { dirname, basename, join } = nodePath();
    const folder = dirname(path);
    const prefix = `${basename(path)}.lock-`;
    for (let attempt = 0; ; attempt++) {
      const claim = join(folder, prefix + Math.random().toString(36).slice(2, 12));
      publishClaim(claim, path);
      const rival = findRival(folder, prefix, basename(claim));
      if (rival === null) return new FileLock(claim);
      nodeFs().rmSync(claim, { force: true });
      if (attempt === 4) throw locked(path, rival);
      pause(1 + Math.random() * 4 ** attempt);
    }
  }

  release(): void {
    if (!this.#held) return;
    this.#held = false;
    nodeFs().rmSync(this.#claim, { force: true });
  }
}

/** Makes the claim appear complete: a reader must never see one without its owner. */
function publishClaim(claim: string, path: string): void {
  const fs = nodeFs();
  const draft = temporaryName(claim);
  try {
    fs.writeFileSync(draft, JSON.stringify(thisProcess()));
    fs.renameSync(draft, claim);
  } catch (error) {
    fs.rmSync(draft, { force: true });
    throw fileError(error, "lock", path);
  }
}

/** The first other claim whose process lives; claims of dead processes are removed on the way. */
function findRival(folder: string, prefix: string, own: string): Holder | null {
  const fs = nodeFs();
  const { join } = nodePath();
  for (const name of fs.readdirSync(folder)) {
    if (!name.startsWith(prefix) || name === own) continue;
    const claim = join(folder, name);
    const holder = readClaim(claim);
    if (holder === null) continue;
    if (isAlive(holder)) return holder;
    fs.rmSync(claim, { force: true });
  }
  return null;
}

function readClaim(claim: string): Holder | null {
  try {
    const { pid, host, startTime } = JSON.parse(nodeFs().readFileSync(claim, "utf8")) as Partial<Holder>;
    return { pid: Number(pid), host: String(host), startTime: startTime ?? null };
  } catch (error) {
    // Gone since the listing: released. Unreadable: somebody's, so it counts.
    return (error as { code?: string }).code === "ENOENT"
      ? null
      : { pid: Number.NaN, host: "?", startTime: null };
  }
}

function thisProcess(): Holder {
  return { pid: process.pid, host: hostName(), startTime: startTimeOf(process.pid) };
}

function hostName(): string {
  try {
    return nodeOs().hostname();
  } catch {
    return "unknown host"; // Deno without --allow-sys
  }
}

function isAlive(holder: Holder): boolean {
  if (holder.host !== hostName()) return true;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as { code?: string }).code === "ESRCH") return false;
    // EPERM: it lives and belongs to somebody else. Anything else: unknown, so it counts as living.
  }
  const now = startTimeOf(holder.pid);
  return now === null || (now !== "dead" && (holder.startTime === null || now === holder.startTime));
}

/**
 * Field 22 of `/proc/<pid>/stat` and the boot it belongs to, on Linux; `"dead"` for a process that has ended and
 * only waits for its parent to notice.
 */
function startTimeOf(pid: number): string | null {
  try {
    const fs = nodeFs();
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "latin1");
    // The command name, in parentheses, may hold spaces: count fields after it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return "dead";
    return `${fs.readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()}/${fields[19]}`;
  } catch {
    return null;
  }
}

function locked(path: string, holder: Holder): StowageError<"ERR_LOCKED"> {
  const self = holder.pid === process.pid && holder.host === hostName();
  const who = self ? "this process" : `process ${holder.pid} on ${holder.host}`;
  return new StowageError(
    "ERR_LOCKED",
    `Cannot open ${path} for writing: ${who} is writing it`,
    {
      path,
      holder: who,
    },
    {
      hint: `close that writer first; if it runs no more on its host, delete ${path}.lock-*`,
    },
  );
}

/** Blocks this thread: opening a file is synchronous, and the pause is a few milliseconds at most. */
function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
