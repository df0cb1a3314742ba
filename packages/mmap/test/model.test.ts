import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { DTYPES, type DType } from "@stowage/core";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type * as Package from "../src/index.js";
import type { MapMode } from "../src/index.js";
import { backends, loadPackage } from "./backends.js";
import { freshSeed } from "./seed.js";
import { temporaryFile } from "./temporary-folder.js";

const seed = freshSeed("model");
const dtypes = Object.keys(DTYPES) as DType[];

/** Places are given as shares of what there is, in ten-thousandths, so that most of them mean something. */
const share = fc.nat(10_000);

type Step =
  | { do: "open"; mode: MapMode; offset: number; length: number | null }
  | { do: "store"; at: number; value: number }
  | { do: "view"; dtype: DType; at: number; length: number }
  | { do: "read"; at: number; length: number }
  | { do: "write"; at: number; value: number }
  | { do: "resize"; byteLength: number }
  | { do: "flush" | "refresh" | "populate" | "check" | "close" };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof<fc.Arbitrary<Step>[]>(
    fc.record({
      do: fc.constant("open" as const),
      mode: fc.constantFrom<MapMode>("r", "r+", "c"),
      offset: share,
      length: fc.oneof(share, fc.constant(null)),
    }),
    fc.record({ do: fc.constant("store" as const), at: share, value: fc.nat(255) }),
    fc.record({
      do: fc.constant("view" as const),
      dtype: fc.constantFrom(...dtypes),
      at: share,
      length: fc.nat(50),
    }),
    fc.record({ do: fc.constant("read" as const), at: share, length: share }),
    fc.record({ do: fc.constant("write" as const), at: share, value: fc.nat(255) }),
    fc.record({ do: fc.constant("resize" as const), byteLength: fc.nat(150_000) }),
    fc.constantFrom<Step[]>(
      { do: "flush" },
      { do: "refresh" },
      { do: "populate" },
      { do: "check" },
      { do: "close" },
    ),
  ),
  { minLength: 5, maxLength: 40 },
);

/** What an open file shows by the rules, as plain bytes. */
class Model {
  /** Stores that stay in memory, by place. Gone when the file is mapped anew. */
  readonly own = new Map<number, number>();

  constructor(
    readonly mode: MapMode,
    readonly offset: number,
    readonly length: number | null,
    public byteLength: number,
  ) {}

  /** @param file  The file's bytes. */
  shows(file: Buffer): Buffer {
    const shown = Buffer.from(file.subarray(this.offset, this.offset + this.byteLength));
    for (const [at, value] of this.own) shown[at] = value;
    return shown;
  }
}

const code = (action: () => unknown): unknown => {
  try {
    action();
    return null;
  } catch (error) {
    return (error as { code?: unknown }).code ?? error;
  }
};

describe.each(backends)("any sequence of uses, %s", (backend) => {
  let MmapFile: typeof Package.MmapFile;
  beforeAll(async () => {
    ({ MmapFile } = await loadPackage(backend));
  });

  it("gives what a plain buffer would", () => {
    const path = temporaryFile();
    let uses = 0;
    fc.assert(
      fc.property(fc.nat(150_000), steps, (byteLength, sequence) => {
        const content = Buffer.from(Uint8Array.from({ length: byteLength }, (_, i) => (i * 7) % 256));
        uses += run(path, content, sequence);
      }),
      { seed, numRuns: 150 },
    );
    expect(uses).toBeGreaterThan(150);
  });

  /** @returns How many comparisons were made. */
  function run(path: string, content: Buffer, sequence: Step[]): number {
    writeFileSync(path, content);
    let file: Package.MmapFile | null = null;
    let model: Model | null = null;
    let compared = 0;
    const place = (at: number, length: number) => Math.floor((at / 10_000) * length);
    try {
      for (const step of sequence) {
        if (step.do === "open") {
          file?.close();
          const offset = place(step.offset, content.length);
          const length = step.length === null ? null : place(step.length, content.length - offset);
          model = new Model(step.mode, offset, length, length ?? content.length - offset);
          file = MmapFile.open(path, { mode: step.mode, offset, length: length ?? undefined });
          // Without a map a file is read when it is first looked at: here, so that both show the same from now on.
          expect(file.bytes.length).toBe(model.byteLength);
          continue;
        }
        if (file === null || model === null) continue;
        const { byteLength } = model;
        switch (step.do) {
          case "store": {
            if (byteLength === 0) break;
            const at = place(step.at, byteLength - 1);
            file.bytes[at] = step.value;
            if (model.mode === "r+") content[model.offset + at] = step.value;
            else if (model.mode === "c") model.own.set(at, step.value);
            else file.bytes[at] = model.shows(content)[at]!; // "r": allowed, and undone
            break;
          }
          case "write": {
            // By somebody else, and taken up by refresh. A private map may have its own copy of that page: not asked.
            if (content.length === 0 || model.mode === "c") break;
            if (model.mode === "r+") file.flush();
            file.close();
            const at = place(step.at, content.length - 1);
            content[at] = step.value;
            writeFileSync(path, content);
            file = MmapFile.open(path, {
              mode: model.mode,
              offset: model.offset,
              length: model.length ?? undefined,
            });
            model.byteLength = model.length ?? content.length - model.offset;
            expect(file.bytes.length).toBe(model.byteLength);
            break;
          }
          case "resize": {
            const needed = model.offset + (model.length ?? 0);
            const size = Math.max(needed, step.byteLength);
            if (size < model.offset + byteLength && model.mode === "r+") file.flush();
            truncateSync(path, size);
            content = Buffer.concat([
              content.subarray(0, size),
              Buffer.alloc(Math.max(0, size - content.length)),
            ]);
            if (size >= model.offset + byteLength && model.length === null) break; // it shows its old length
            file.refresh();
            if (model.length === null) {
              if (size - model.offset !== byteLength) model.own.clear();
              model.byteLength = size - model.offset;
            }
            break;
          }
          case "refresh":
            file.refresh();
            if (model.length === null && content.length - model.offset !== byteLength) {
              model.own.clear();
              model.byteLength = content.length - model.offset;
            }
            break;
          case "view": {
            const { itemSize, ctor } = DTYPES[step.dtype];
            const count = Math.min(step.length, Math.floor(byteLength / itemSize));
            const at = place(step.at, byteLength - count * itemSize);
            const odd = (model.offset + at) % ctor.BYTES_PER_ELEMENT !== 0;
            const use = () => file!.view(step.dtype, at, count);
            // Where a page begins, every element fits: a map of an odd offset is odd by as much.
            if (odd && model.mode !== "r" && backend === "mmap") {
              expect(code(use)).toBe("ERR_MAPPING_VIEW");
              break;
            }
            if (code(use) === "ERR_MAPPING_VIEW") break; // loaded bytes begin at 0, whatever the offset
            const view = use();
            const bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
            expect(bytes.equals(model.shows(content).subarray(at, at + count * itemSize))).toBe(true);
            break;
          }
          case "read": {
            const at = place(step.at, byteLength);
            const target = new Uint8Array(place(step.length, byteLength - at));
            file.readIntoSync(target, at);
            expect(
              model
                .shows(content)
                .subarray(at, at + target.length)
                .equals(target),
            ).toBe(true);
            break;
          }
          case "flush":
            expect(code(() => file!.flush())).toBe(model.mode === "r+" ? null : "ERR_READ_ONLY");
            if (model.mode === "r+") expect(readFileSync(path).equals(content)).toBe(true);
            break;
          case "populate":
            file.populate();
            break;
          case "check":
            file.check();
            break;
          case "close": {
            const { bytes } = file;
            file.close();
            expect([bytes.length, code(() => file!.bytes)]).toEqual([0, "ERR_CLOSED"]);
            expect(readFileSync(path).equals(content)).toBe(true);
            [file, model] = [null, null];
            continue;
          }
        }
        expect(file.byteLength).toBe(model.byteLength);
        expect(model.shows(content).equals(file.bytes)).toBe(true);
        compared++;
      }
    } finally {
      file?.close();
    }
    expect(readFileSync(path).equals(content)).toBe(true);
    return compared;
  }
});
