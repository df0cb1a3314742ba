import type { ChildProcess } from "node:child_process";
import fs, { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import os, { hostname } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { FileLock } from "../src/index.js";
import { compileCore, DIE_AT_STEP, ended, killed, ready, runScript } from "./child-process.js";
import { temporaryFolder } from "./temporary-folder.js";

const core = compileCore();
const onLinux = process.platform === "linux";

function stowageError(code: string): unknown {
  return expect.objectContaining({ code });
}

/** A file of its own to lock, which need not exist. */
function target(): string {
  return join(temporaryFolder(), "data.atp");
}

function claimsOf(path: string): string[] {
  return readdirSync(`${path}.stowage-lock`);
}

/** The claim that this process would make now, and what it says. */
function ownClaim(path: string): string[] {
  const lock = FileLock.acquire(path);
  const [claim] = claimsOf(path);
  lock.release();
  return claim!.split("@");
}

/** Puts a claim there that some process left. */
function leaveClaim(path: string, ...parts: string[]): void {
  mkdirSync(`${path}.stowage-lock`, { recursive: true });
  writeFileSync(join(`${path}.stowage-lock`, parts.join("@")), "");
}

/** A process that takes the lock and keeps it. */
async function holder(path: string): Promise<ChildProcess> {
  const child = runScript(
    `const [, core, path] = process.argv;
     const { FileLock } = await import(core + "/index.js");
     FileLock.acquire(path);
     process.stdout.write("ready");
     setInterval(() => {}, 1000);`,
    core,
    path,
  );
  await ready(child);
  return child;
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("FileLock", () => {
  it("leaves nothing behind when it is released, and touches nothing else", () => {
    const path = target();
    const lock = FileLock.acquire(path);
    expect(readdirSync(join(path, ".."))).toEqual(["data.atp.stowage-lock"]);
    lock.release();
    expect(readdirSync(join(path, ".."))).toEqual([]);
  });

  it("can be taken again and again", () => {
    const path = target();
    for (let i = 0; i < 50; i++) FileLock.acquire(path).release();
    expect(existsSync(`${path}.stowage-lock`)).toBe(false);
  });

  it("is refused a second time in one process, naming this process and the way out", () => {
    const path = target();
    const lock = FileLock.acquire(path);
    expect(() => FileLock.acquire(path)).toThrow(
      expect.objectContaining({
        code: "ERR_LOCKED",
        message: `Cannot open ${path} for writing: this process is writing it`,
        details: { path, holder: "this process" },
        hint: `close that writer first; if it no longer runs, delete ${path}.stowage-lock`,
      }),
    );
    expect(claimsOf(path)).toHaveLength(1);
    lock.release();
    FileLock.acquire(path).release();
  });

  it("does nothing when released twice, not even to the next holder", () => {
    const path = target();
    const first = FileLock.acquire(path);
    first.release();
    const second = FileLock.acquire(path);
    first.release();
    expect(() => FileLock.acquire(path)).toThrow(stowageError("ERR_LOCKED"));
    second.release();
  });

  it("is released by using", () => {
    const path = target();
    {
      using lock = FileLock.acquire(path);
      expect(lock).toBeInstanceOf(FileLock);
      expect(claimsOf(path)).toHaveLength(1);
    }
    expect(existsSync(`${path}.stowage-lock`)).toBe(false);
  });

  it("locks one file: its neighbours stay free", () => {
    const path = target();
    const locks = [path, `${path}2`, `${path}.stowage`, path.slice(0, -1)].map((file) =>
      FileLock.acquire(file),
    );
    expect(locks).toHaveLength(4);
    for (const lock of locks) lock.release();
  });

  it("is one lock for a file and the links and relative paths that lead to it", () => {
    const path = target();
    const folder = join(path, "..");
    writeFileSync(path, "");
    symlinkSync(path, join(folder, "link"));
    symlinkSync(folder, join(folder, "folder"));
    const lock = FileLock.acquire(join(folder, "link"));
    for (const other of [path, join(folder, "folder", "data.atp"), `${folder}/./data.atp`]) {
      expect(() => FileLock.acquire(other)).toThrow(stowageError("ERR_LOCKED"));
    }
    lock.release();
    expect(readdirSync(folder).sort()).toEqual(["data.atp", "folder", "link"]);
  });

  it("is one lock for a folder with and without a slash at its end", () => {
    const folder = join(temporaryFolder(), "store.zarr");
    mkdirSync(folder);
    const lock = FileLock.acquire(folder);
    expect(() => FileLock.acquire(`${folder}/`)).toThrow(stowageError("ERR_LOCKED"));
    lock.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("says so where there is no folder for it, or none that it may use", () => {
    const path = target();
    writeFileSync(path, "");
    const missing = join(path, "..", "none", "data.atp");
    expect(() => FileLock.acquire(missing)).toThrow(
      expect.objectContaining({
        code: "ERR_FILE_MISSING",
        message: `Cannot lock ${missing}: there is no such file or folder`,
      }),
    );
    expect(existsSync(join(missing, ".."))).toBe(false);
    expect(() => FileLock.acquire(join(path, "inside"))).toThrow(stowageError("ERR_FILE_MISSING"));
  });

  it("takes its claim back when it cannot look for others", () => {
    const path = target();
    vi.spyOn(fs, "readdirSync").mockImplementation(() => {
      throw Object.assign(new Error("EACCES: permission denied, scandir"), { code: "EACCES" });
    });
    expect(() => FileLock.acquire(path)).toThrow(`Cannot lock ${path}: permission denied`);
    vi.restoreAllMocks();
    expect(existsSync(`${path}.stowage-lock`)).toBe(false);
  });

  it("makes the folder anew when a releasing writer has just removed it", () => {
    const path = target();
    const mkdir = fs.mkdirSync;
    let removals = 3;
    vi.spyOn(fs, "mkdirSync").mockImplementation(((folder: string) => {
      mkdir(folder);
      if (removals-- > 0) fs.rmdirSync(folder);
    }) as never);
    FileLock.acquire(path).release();
    expect(removals).toBe(-1);
  });

  it("steps back and tries again where another writer shows up for a moment", () => {
    const path = target();
    const [pid, host, startTime] = ownClaim(path);
    const readdir = fs.readdirSync as (folder: string) => string[];
    let looks = 0;
    vi.spyOn(fs, "readdirSync").mockImplementation(((folder: string) => {
      const claims = readdir(folder);
      return looks++ < 2 ? [[pid, host, startTime, "other"].join("@"), ...claims] : claims;
    }) as never);
    const lock = FileLock.acquire(path);
    expect(looks).toBe(3);
    vi.restoreAllMocks();
    expect(claimsOf(path)).toHaveLength(1);
    lock.release();
  });
});

describe("a lock of another process", () => {
  it("is refused, naming the process and its host, until that process dies", async () => {
    const path = target();
    const child = await holder(path);
    expect(() => FileLock.acquire(path)).toThrow(
      expect.objectContaining({
        code: "ERR_LOCKED",
        details: { path, holder: expect.stringContaining(`process ${child.pid} on ${hostname()}`) },
      }),
    );
    await killed(child);
    FileLock.acquire(path).release();
    expect(readdirSync(join(path, ".."))).toEqual([]);
  });

  it.runIf(onLinux)("is free as soon as that process is a zombie", async () => {
    const path = target();
    const child = await holder(path);
    process.kill(child.pid!, "SIGKILL");
    // Nobody waits for the child as long as this thread does not return to its event loop.
    const state = () => readFileSync(`/proc/${child.pid}/stat`, "latin1").split(") ")[1]![0];
    while (state() !== "Z");
    const lock = FileLock.acquire(path);
    expect(state()).toBe("Z");
    lock.release();
    await ended(child);
  });

  it.runIf(onLinux)("stays where that process is stopped", async () => {
    const path = target();
    const child = await holder(path);
    process.kill(child.pid!, "SIGSTOP");
    expect(() => FileLock.acquire(path)).toThrow(stowageError("ERR_LOCKED"));
    await killed(child);
  });
});

describe("a claim that was left", () => {
  it.runIf(onLinux)(
    "counts as dead where its pid went to another process since, or the system started anew",
    () => {
      const path = target();
      const [pid, host, startTime] = ownClaim(path);
      const [boot, ticks] = startTime!.split("-");
      leaveClaim(path, pid!, host!, `${boot}-${Number(ticks) - 1}`, "a");
      leaveClaim(path, pid!, host!, `00000000-${ticks}`, "b");
      FileLock.acquire(path).release();
      expect(existsSync(`${path}.stowage-lock`)).toBe(false);
    },
  );

  it("counts as living where its start time is not known and its pid is in use", () => {
    const path = target();
    const [pid, host] = ownClaim(path);
    leaveClaim(path, pid!, host!, "", "a");
    expect(() => FileLock.acquire(path)).toThrow(stowageError("ERR_LOCKED"));
  });

  it.each([
    ["on another host", "elsewhere", "process 1 on elsewhere"],
    ["in a container on this host", `${hostname()}.container-1`, `process 1 on ${hostname()}.container-1`],
  ])("counts as living %s, where nobody can ask", (_, host, name) => {
    const path = target();
    leaveClaim(path, "1", host, "", "a");
    expect(() => FileLock.acquire(path)).toThrow(
      expect.objectContaining({ code: "ERR_LOCKED", details: { path, holder: name } }),
    );
    expect(claimsOf(path)).toHaveLength(1);
  });

  it("counts as living where the system will not say", () => {
    const path = target();
    const [, host] = ownClaim(path);
    leaveClaim(path, "4194303", host!, "", "a");
    const refuse = (code: string) =>
      vi.spyOn(process, "kill").mockImplementation(() => {
        throw Object.assign(new Error(code), { code });
      });
    refuse("EPERM");
    expect(() => FileLock.acquire(path)).toThrow(stowageError("ERR_LOCKED"));
    refuse("ESRCH");
    FileLock.acquire(path).release();
  });

  it("counts as living where neither its host nor this one can be told", () => {
    const path = target();
    leaveClaim(path, "4194303", "unknown-host", "", "a");
    vi.spyOn(os, "hostname").mockImplementation(() => {
      throw new Error("Requires sys access");
    });
    expect(() => FileLock.acquire(path)).toThrow("process 4194303 on unknown-host is writing it");
  });

  it("is none where the file says nothing of a process", () => {
    const path = target();
    const [, host, startTime] = ownClaim(path);
    const others = [
      ".DS_Store",
      ".nfs0000000000000001",
      "0@host@@x",
      `-1@${host}@${startTime}@x`,
      `1@${host}`,
      "@@@",
    ];
    for (const name of others) leaveClaim(path, name);
    FileLock.acquire(path).release();
    expect(claimsOf(path).sort()).toEqual([...others].sort());
  });
});

describe("a process that dies", () => {
  it("leaves a lock that can be taken, and no litter, whichever step of taking and releasing it dies at", async () => {
    const path = target();
    let signal: NodeJS.Signals | null = "SIGKILL";
    let steps = 0;
    for (; signal !== null; steps++) {
      const child = runScript(
        `${DIE_AT_STEP}
         const [, core, path, step] = process.argv;
         const { FileLock } = await import(core + "/index.js");
         dieAtStep(Number(step));
         FileLock.acquire(path).release();`,
        core,
        path,
        String(steps),
      );
      signal = await ended(child);
      FileLock.acquire(path).release();
      expect(readdirSync(join(path, ".."))).toEqual([]);
    }
    expect(steps).toBeGreaterThan(10); // mkdir, open, close, readdir | rm, rmdir
  }, 120_000);
});

/**
 * A process that takes and releases the lock for as long as it lives.
 *
 * While it holds the lock it owns the marker file, which it makes exclusively. A marker that is there already was left
 * by a process that died with the lock: if its owner lives, there are two holders, and that goes on record.
 */
const CONTENDER = `
  import fs from "node:fs";
  const [, core, path, marker, stay] = process.argv;
  const { FileLock } = await import(core + "/file-lock.js");
  const pause = (milliseconds) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
  const lives = (pid) => {
    try {
      return !"ZX".includes(fs.readFileSync("/proc/" + Number(pid) + "/stat", "latin1").split(") ").at(-1)[0]);
    } catch {
      return false;
    }
  };
  const read = () => { try { return fs.readFileSync(marker, "utf8"); } catch { return ""; } };
  const record = (what) => fs.appendFileSync(marker + "." + what, process.pid + "\\n");
  process.stdout.write("ready");
  for (;;) {
    let lock;
    try {
      lock = FileLock.acquire(path);
    } catch (error) {
      if (error.code !== "ERR_LOCKED") record("error " + error.message.replaceAll("/", "|"));
      continue;
    }
    const draft = marker + "-" + process.pid;
    fs.writeFileSync(draft, String(process.pid));
    for (let owned = false; !owned; ) {
      try {
        fs.linkSync(draft, marker);
        owned = true;
      } catch {
        if (lives(read())) record("double");
        fs.rmSync(marker, { force: true });
      }
    }
    fs.rmSync(draft);
    record("held");
    pause(Math.random() * 2);
    if (read() !== String(process.pid)) record("double");
    fs.rmSync(marker, { force: true });
    lock.release();
    pause(Math.random() * stay);
  }
`;

describe("many processes that contend for one lock and are killed at random", () => {
  it.runIf(onLinux)(
    "never hold it together, and each death leaves it to the others",
    async () => {
      const path = target();
      const marker = join(path, "..", "marker");
      const kills = Number(process.env.STOWAGE_TEST_KILLS ?? 120); // more of them take long: most of the time is Node's start
      let started = 0;
      // Two that stay, so that there is always somebody to contend with.
      const stayers = [0, 1].map(() => runScript(CONTENDER, core, path, marker, "6"));
      const contender = async () => {
        while (started < kills) {
          started++;
          const child = runScript(CONTENDER, core, path, marker, "0");
          await ready(child);
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 25));
          await killed(child);
        }
      };
      await Promise.all(Array.from({ length: 5 }, contender));
      await Promise.all(stayers.map(killed));

      const found = readdirSync(join(path, ".."));
      expect(found.filter((name) => /double|error/.test(name))).toEqual([]);
      const held = readFileSync(`${marker}.held`, "utf8").split("\n");
      expect(new Set(held).size).toBeGreaterThan(kills / 10); // enough of them came to hold it;
      FileLock.acquire(path).release();
      expect(existsSync(`${path}.stowage-lock`)).toBe(false);
    },
    600_000,
  );
});
