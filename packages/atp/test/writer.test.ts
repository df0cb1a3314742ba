import { spawn } from "node:child_process";
import { once } from "node:events";
import fs, { existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { AtpFile, type CodecName, Molecule } from "../src/index.js";
import { toSpec } from "./arbitrary-file.js";
import { buildChild, ended, inParallel, startChild } from "./child-process.js";
import { bits } from "./equal-bits.js";
import { numberedMolecule } from "./numbered-molecule.js";
import { codeOf } from "./outcome.js";
import { freshSeed } from "./seed.js";
import { atom, atomicNumbersOf, smallFile } from "./small-file.js";
import { temporaryFile, temporaryFolder } from "./temporary-folder.js";

const seed = freshSeed("writer");
const expectedBits: unknown[] = [];

afterEach(() => {
  vi.restoreAllMocks();
});

/** The molecules of a file are the first of the numbered ones, to the last bit. */
function expectNumbered(db: AtpFile): void {
  for (let n = expectedBits.length; n < db.length; n++) expectedBits.push(bits(stored(numberedMolecule(n))));
  expect(Array.from(db, (molecule) => bits(toSpec(molecule)))).toEqual(expectedBits.slice(0, db.length));
}

/** With the type that its plain number has in a file. */
function stored(molecule: Molecule): object {
  const spec = toSpec(molecule);
  const n = {
    dtype: "int64",
    shape: [],
    data: BigInt64Array.of(BigInt(spec.molecule.n as unknown as number)),
  };
  return { ...spec, molecule: { ...spec.molecule, n } };
}

describe("a writer that is killed", () => {
  const children: Record<string, string> = {};
  beforeAll(() => {
    for (const name of ["write-forever", "die-at-step"]) children[name] = buildChild(name);
  });

  const KILLS = Number(process.env.STOWAGE_KILLS ?? 16);

  test.each([
    ["append", "none"],
    ["append", "zstd"],
    ["append", "lz4"],
    ["overwrite", "none"],
  ] as const)(
    "at a random moment leaves what was flushed, and a file to go on with (%s, %s)",
    async (mode, codec) => {
      let seen = 0;
      // Two files, each killed again and again: what one writer left is what the next one finds.
      await inParallel([temporaryFile(), temporaryFile()], 2, async (path) => {
        for (let kill = 0; kill < KILLS / 2; kill++) {
          const child = startChild(children["write-forever"]!, [path, codec, mode]);
          const end = ended(child);
          const lot = drawn(seed, kill);
          // Some before the first commit, most up to a hundred commits later.
          if (lot > 0.2) await Promise.race([once(child.stdout!, "data"), end]);
          await sleep(lot > 0.2 ? 60 * drawn(seed, 1000 + kill) : 300 * lot);
          child.kill("SIGKILL");
          const { stdout, stderr } = await end;
          expect(stderr).toBe("");
          seen += stdout.length > 0 ? 1 : 0;
          const committed = stdout.split("\n").slice(0, -1).map(Number);
          checkLeftBehind(path, mode === "append" ? (committed.at(-1) ?? 0) : 0, codec);
        }
      });
      expect(seen).toBeGreaterThan(KILLS / 4);
    },
    30_000 + 2_000 * KILLS,
  );

  test("at any call of the system leaves what was flushed", async () => {
    const folder = temporaryFolder();
    const run = async (step: number) => {
      const path = join(folder, `${step}.atp`);
      const { stdout, stderr } = await ended(
        startChild(children["die-at-step"]!, [path, "none", String(step)]),
      );
      expect(stderr).toBe("");
      return { path, lines: stdout.split("\n").slice(0, -1) };
    };
    const { lines } = await run(-1); // lives to the end, and tells how many calls there were
    const calls = Number(lines.at(-1));
    expect(calls).toBeGreaterThan(25);
    const steps = Array.from({ length: calls }, (_, step) => step);
    await inParallel(steps, 3, async (step) => {
      const { path, lines } = await run(step);
      expect(lines.length).toBeLessThan(3);
      checkLeftBehind(path, Number(lines.at(-1) ?? 0), "none");
    });
  }, 60_000);

  test("leaves a lock that the next writer takes over", async () => {
    const path = temporaryFile();
    const child = startChild(children["write-forever"]!, [path, "none", "append"]);
    const end = ended(child);
    while (!existsSync(path) || AtpFile.open(path).length === 0) await sleep(5);
    expect(() => AtpFile.open(path, { mode: "r+" })).toThrow(
      expect.objectContaining({
        code: "ERR_LOCKED",
        details: { path, holder: expect.stringMatching(new RegExp(`^process ${child.pid} on `)) },
      }),
    );
    expect(codeOf(() => AtpFile.create(path, { overwrite: true }))).toBe("ERR_LOCKED");
    child.kill("SIGKILL");
    await end;
    using db = AtpFile.open(path, { mode: "r+" });
    expectNumbered(db);
  });

  test("is not in the way of readers, and its commits are seen one after the other", async () => {
    const path = temporaryFile();
    const child = startChild(children["write-forever"]!, [path, "none", "append"]);
    const end = ended(child);
    while (!existsSync(path)) await sleep(5);
    using reader = AtpFile.open(path);
    const stop = performance.now() + 1500;
    let refreshed = 0;
    while (performance.now() < stop || refreshed <= 5) {
      if (reader.refresh()) refreshed++;
      using fresh = AtpFile.open(path); // every one of these has to open
      expect(fresh.length).toBeGreaterThanOrEqual(reader.length);
      if (refreshed % 50 === 0) await sleep(0);
    }
    child.kill("SIGKILL");
    await end;
    expect(refreshed).toBeGreaterThan(5);
    expectNumbered(reader);
  });
});

/** What a killed writer left opens, holds what was committed, and can be gone on with. */
function checkLeftBehind(path: string, committed: number, codec: CodecName): void {
  if (!existsSync(path)) {
    expect(committed).toBe(0);
    return;
  }
  using reader = AtpFile.open(path);
  expect([reader.recovery, reader.codec]).toEqual([null, codec]);
  expect(reader.length).toBeGreaterThanOrEqual(committed);
  expectNumbered(reader);
  const { length } = reader;
  using db = AtpFile.open(path, { mode: "r+" });
  db.append(numberedMolecule(length));
  db.flush();
  using after = AtpFile.open(path);
  expect([after.length, after.uncommittedBytes]).toEqual([length + 1, 0]);
  expectNumbered(after);
}

/** A number from 0 to 1, by seed and place. */
function drawn(from: number, place: number): number {
  return ((Math.imul(from ^ (place * 0x9e3779b1), 0x85ebca6b) >>> 8) & 0xffff) / 0x10000;
}

describe("when the power fails", () => {
  type Operation =
    | { do: "write"; at: number; bytes: Buffer }
    | { do: "cut"; length: number }
    | { do: "sync" };

  /** The changes that an action makes to the file of a path, in order. */
  function record(path: string, action: () => void): Operation[] {
    const operations: Operation[] = [];
    const inode = statSync(path).ino;
    const ours = (fd: number) => fs.fstatSync(fd).ino === inode;
    const { writeSync, ftruncateSync, fsyncSync, fdatasyncSync } = fs;
    vi.spyOn(fs, "writeSync").mockImplementation(((
      fd: number,
      bytes: Uint8Array,
      from: number,
      length: number,
      at: number,
    ) => {
      if (ours(fd))
        operations.push({ do: "write", at, bytes: Buffer.from(bytes.slice(from, from + length)) });
      return writeSync(fd, bytes, from, length, at);
    }) as typeof writeSync);
    vi.spyOn(fs, "ftruncateSync").mockImplementation((fd, length) => {
      if (ours(fd)) operations.push({ do: "cut", length: length ?? 0 });
      ftruncateSync(fd, length);
    });
    for (const [name, sync] of [
      ["fsyncSync", fsyncSync],
      ["fdatasyncSync", fdatasyncSync],
    ] as const) {
      vi.spyOn(fs, name).mockImplementation((fd) => {
        if (ours(fd)) operations.push({ do: "sync" });
        sync(fd);
      });
    }
    action();
    vi.restoreAllMocks();
    return operations;
  }

  function apply(file: Buffer<ArrayBuffer>, operation: Operation, portion = 1): Buffer<ArrayBuffer> {
    if (operation.do === "sync") return file;
    if (operation.do === "cut") {
      return Buffer.concat(
        [file, Buffer.alloc(Math.max(0, operation.length - file.length))],
        operation.length,
      );
    }
    const bytes = operation.bytes.subarray(0, Math.floor(operation.bytes.length * portion));
    const longer = Buffer.concat([
      file,
      Buffer.alloc(Math.max(0, operation.at + bytes.length - file.length)),
    ]);
    longer.set(bytes, operation.at);
    return longer;
  }

  test.each(["none", "zstd"] as const)(
    "any part of what was not synced may be lost or torn: the last commit stays (%s)",
    (codec) => {
      const path = temporaryFile();
      writeFileSync(path, Buffer.concat([smallFile([[1], [2]], codec), Buffer.alloc(77, 1)])); // with a tail to cut
      const before = readFileSync(path);
      const commits: number[][] = [[1, 2]];
      const operations = record(path, () => {
        using db = AtpFile.open(path, { mode: "r+" });
        for (const number of [3, 4, 5]) {
          db.append(atom(number));
          db.at(-1);
          db.flush();
          commits.push(atomicNumbersOf(db));
        }
      });
      const cutFile = join(dirname(path), "after.atp");
      const outcomes = new Set<string>();
      let synced = before;
      let since: Operation[] = [];
      let draw = 0;
      for (const operation of operations) {
        if (operation.do === "sync") {
          for (const each of since) synced = apply(synced, each);
          since = [];
          continue;
        }
        since.push(operation);
        for (let round = 0; round < 12; round++) {
          let file = synced;
          // Each change since the last sync is there, is not, or is there in part.
          for (const each of since) {
            const lot = drawn(seed, draw++);
            if (lot < 0.4) file = apply(file, each);
            else if (lot < 0.8 && each.do === "write") file = apply(file, each, drawn(seed, draw++));
          }
          writeFileSync(cutFile, file);
          using db = AtpFile.open(cutFile);
          const numbers = atomicNumbersOf(db);
          expect(commits).toContainEqual(numbers);
          outcomes.add(String(numbers));
        }
      }
      expect(outcomes.size).toBeGreaterThan(2);
      // A sync stands before each slot and behind it, so that no commit names what may be lost.
      const slots = operations.flatMap((each, i) => (each.do === "write" && each.at < 8192 ? [i] : []));
      expect(slots.length).toBe(3);
      for (const i of slots) expect([operations[i - 1]!.do, operations[i + 1]!.do]).toEqual(["sync", "sync"]);
    },
  );
});

describe("an append that fails", () => {
  const huge = (number: number) => atom(number).setProperty("text", `${number}`.repeat(5 << 20));

  test.each(["none", "lz4"] as const)("in the middle of a list leaves all as it was (%s)", (codec) => {
    const path = temporaryFile();
    using db = AtpFile.create(path, { codec });
    db.append(atom(1).setProperty("gap", 1.5));
    db.flush();
    db.append(atom(2));
    const [length, schema] = [db.length, db.schema];
    const bytes = readFileSync(path);
    const lists: Molecule[][] = [
      [atom(3), atom(4).setProperty("new", 1), atom(5).setProperty("gap", "text")],
      [atom(3), new Molecule({ positions: new Float64Array(3), atomicNumbers: [1] })],
      [atom(3).setProperty("mixed", "a"), atom(4).setProperty("mixed", null)],
      [
        atom(3),
        new Molecule({ positions: new Float32Array(3), atomicNumbers: [1], charges: new Float32Array(1) }),
      ],
    ];
    for (const list of lists) {
      expect(codeOf(() => db.append(list))).toBe("ERR_ATP_SCHEMA");
      expect([db.length, db.schema, db.recordFormat]).toEqual([length, schema, 2]);
    }
    expect(readFileSync(path).equals(bytes)).toBe(true);
    db.append(atom(6).setProperty("new", "any type: it was never there"));
    db.close();
    expect(atomicNumbersOf(AtpFile.open(path))).toEqual([1, 2, 6]);
  });

  /** The disk takes so many bytes more, then it is full. */
  function fillDiskAfter(byteLength: number): void {
    let left = byteLength;
    const { writeSync } = fs;
    vi.spyOn(fs, "writeSync").mockImplementation(((
      fd: number,
      bytes: Uint8Array,
      from: number,
      length: number,
      at: number,
    ) => {
      const count = Math.min(length, left);
      left -= count;
      if (count > 0) return writeSync(fd, bytes, from, count, at);
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    }) as typeof writeSync);
  }

  test.each([0, 1, 8, 50, 500])(
    "on a disk full after %i bytes leaves all as it was, and works later",
    (room) => {
      const path = temporaryFile();
      using db = AtpFile.create(path);
      db.append(atom(1));
      db.flush();
      db.append(atom(2));
      const bytes = readFileSync(path);
      const expected = [1, 2];
      const whileFull = (action: () => void) => {
        fillDiskAfter(room);
        const code = codeOf(action);
        vi.restoreAllMocks();
        expect(readFileSync(path).subarray(8192, bytes.length).equals(bytes.subarray(8192))).toBe(true);
        expect([AtpFile.open(path).length, db.length]).toEqual([1, expected.length]);
        return code;
      };
      expect(whileFull(() => db.flush())).toBe("ERR_FILE_ACCESS");
      // The record before has to make room for a large one, if there is any on the disk.
      const appended = room > 40;
      if (appended) expected.push(3);
      expect(whileFull(() => db.append(huge(3)))).toBe(appended ? undefined : "ERR_FILE_ACCESS");
      expect(whileFull(() => db.flush())).toBe("ERR_FILE_ACCESS");
      db.append(atom(5));
      db.flush();
      using reader = AtpFile.open(path);
      expect([atomicNumbersOf(reader), reader.uncommittedBytes]).toEqual([[...expected, 5], 0]);
    },
  );

  test("of a large list on a full disk is taken back, what is in the file already too", () => {
    const path = temporaryFile();
    using db = AtpFile.create(path);
    db.append(atom(1));
    fillDiskAfter(12 << 20);
    expect(codeOf(() => db.append([2, 3, 4, 5, 6, 7].map(huge)))).toBe("ERR_FILE_ACCESS");
    vi.restoreAllMocks();
    expect([db.length, readFileSync(path).length < 9000]).toEqual([1, true]);
    db.append(huge(9));
    db.flush();
    expect(atomicNumbersOf(AtpFile.open(path))).toEqual([1, 9]);
  });

  test("behind the system's own limit of a file's size leaves all as it was", async () => {
    const path = temporaryFile();
    const child = buildChild("grow-forever");
    // 400 blocks of 1024 bytes; ignored, the signal becomes an error of the call.
    const script = `trap "" XFSZ; ulimit -f 400; exec "$0" "$@"`;
    const process_ = spawn("bash", ["-c", script, process.execPath, child, path], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const { stdout, stderr } = await ended(process_);
    expect(stderr).toBe("");
    const { length, codes, committed } = JSON.parse(stdout) as {
      length: number;
      codes: string[];
      committed: number;
    };
    expect(codes).toContain("ERR_FILE_ACCESS");
    using reader = AtpFile.open(path);
    expect([reader.length, reader.recovery]).toEqual([committed, null]);
    expect(length).toBeGreaterThanOrEqual(committed);
    expect(committed).toBeGreaterThan(10);
    expectNumbered(reader);
  });
});

describe("two writers", () => {
  test("of one process meet, and the error names it", () => {
    const path = temporaryFile();
    using db = AtpFile.create(path);
    expect(() => AtpFile.open(path, { mode: "r+" })).toThrow(
      expect.objectContaining({ code: "ERR_LOCKED", details: { path, holder: "this process" } }),
    );
    expect(codeOf(() => AtpFile.create(path, { overwrite: true }))).toBe("ERR_LOCKED");
    expect(codeOf(() => AtpFile.create(path))).toBe("ERR_FILE_EXISTS");
    db.close();
    AtpFile.open(path, { mode: "r+" }).close();
    expect(readdirSync(dirname(path))).toEqual(["test.atp"]); // no lock is left
  });

  test("meet also by a link, and a link stays one when its file is replaced", () => {
    const path = temporaryFile();
    const link = join(dirname(path), "link.atp");
    AtpFile.create(path).close();
    symlinkSync(path, link);
    {
      using db = AtpFile.open(link, { mode: "r+" });
      expect(db.path).toBe(link);
      expect(codeOf(() => AtpFile.open(path, { mode: "r+" }))).toBe("ERR_LOCKED");
    }
    using db = AtpFile.create(link, { overwrite: true });
    db.append(atom(4));
    db.flush();
    expect(codeOf(() => AtpFile.open(path, { mode: "r+" }))).toBe("ERR_LOCKED");
    expect(atomicNumbersOf(AtpFile.open(path))).toEqual([4]);
    expect(fs.lstatSync(link).isSymbolicLink()).toBe(true);
  });

  test("that failed to open hold no lock", () => {
    const path = temporaryFile();
    writeFileSync(path, "no .atp file");
    for (let i = 0; i < 2; i++)
      expect(codeOf(() => AtpFile.open(path, { mode: "r+" }))).toBe("ERR_ATP_FORMAT");
    expect(codeOf(() => AtpFile.open(`${path}.not`, { mode: "r+" }))).toBe("ERR_FILE_MISSING");
    expect(readdirSync(dirname(path))).toEqual(["test.atp"]);
  });

  test("of which one takes no lock: what it wrote since the opening is kept, flushed or not", () => {
    const path = temporaryFile();
    writeFileSync(path, smallFile([[1]]));
    using db = AtpFile.open(path, { mode: "r+" });
    fs.appendFileSync(path, "records of another program");
    const bytes = readFileSync(path);
    for (const act of [() => db.append(atom(2)), () => db.append(atom(2))]) {
      expect(codeOf(act)).toBe("ERR_ATP_CONFLICT");
      expect(readFileSync(path).equals(bytes)).toBe(true);
    }
    expect(db.length).toBe(1);
  });

  test("of which one cut the file: nothing is written", () => {
    const path = temporaryFile();
    using db = AtpFile.create(path);
    db.append(atom(1));
    db.flush();
    db.append(atom(2));
    fs.truncateSync(path, 8200);
    expect(codeOf(() => db.flush())).toBe("ERR_ATP_CONFLICT");
    expect(statSync(path).size).toBe(8200);
    db.discard();
  });

  test("of which one commits while the other syncs: the commit stays in force", () => {
    const path = temporaryFile();
    using db = AtpFile.create(path);
    db.append(atom(1));
    db.flush();
    db.append(atom(2));
    const other = smallFile([[7], [8]]);
    vi.spyOn(fs, "fdatasyncSync").mockImplementation(() => {
      fs.writeFileSync(path, Buffer.concat([other, readFileSync(path).subarray(other.length)]));
    });
    expect(codeOf(() => db.flush())).toBe("ERR_ATP_CONFLICT");
    vi.restoreAllMocks();
    db.discard();
    expect(atomicNumbersOf(AtpFile.open(path))).toEqual([7, 8]);
  });
});

describe("create", () => {
  test("refuses a path that is taken, and leaves it as it is", () => {
    const path = temporaryFile();
    writeFileSync(path, "mine");
    expect(codeOf(() => AtpFile.create(path))).toBe("ERR_FILE_EXISTS");
    expect(readFileSync(path, "utf8")).toBe("mine");
    expect(codeOf(() => AtpFile.create(join(path, "below.atp")))).toBe("ERR_FILE_MISSING");
    expect(readdirSync(dirname(path))).toEqual(["test.atp"]);
  });

  test("with overwrite replaces the file in one step: who had it open still reads it", () => {
    const path = temporaryFile();
    writeFileSync(path, smallFile([[1, 2]]));
    using old = AtpFile.open(path);
    using db = AtpFile.create(path, { overwrite: true });
    expect([AtpFile.open(path).length, db.length, atomicNumbersOf(old)]).toEqual([0, 0, [1, 2]]);
    expect(readFileSync(path).length).toBe(8192);
  });
});

test("molecules that were handed to the system read the same before and after the commit", () => {
  const path = temporaryFile();
  using db = AtpFile.create(path, { codec: "lz4" });
  for (let n = 0; n < 300; n++) {
    db.append(numberedMolecule(n));
    if (n % 17 === 0) expectNumbered(db);
    if (n % 100 === 50) db.flush();
  }
  expectNumbered(db);
  db.close();
  expectNumbered(AtpFile.open(path));
});
