import {
  type BackendSpec,
  defineBackend,
  type OpenOptions,
  type Row,
  type RowStore,
  readOnly,
  type TaskOptions,
  toAsync,
} from "@stowage/core";
import { runSync } from "./byte-requests.js";
import { type FrameFormat, formatFrame } from "./format-frame.js";
import { frameFormat } from "./format-rows.js";
import { type FrameFile, NewFrameFile } from "./frame-files.js";
import { FrameIndex } from "./frame-index.js";
import { FrameIndexBuilder } from "./frame-index-builder.js";
import { FrameReader } from "./frame-reader.js";
import { openState } from "./open-state.js";
import { openPath } from "./path-source.js";
import { parsePythonInt } from "./python-number.js";
import { splitWords } from "./python-text.js";
import { openXyz, type RemoteXyz } from "./remote-xyz.js";
import { openForAppending } from "./xyz-append.js";
import { XyzFile } from "./xyz-file.js";

const CAPABILITIES = { create: true, append: true, perAtomExtras: true, nested: true } as const;

export interface XyzStoreOptions extends OpenOptions, Pick<TaskOptions, "onProgress"> {
  /** With mode `"r"`: a file that keeps the frame index; see `XyzReadOptions`. */
  indexPath?: string;
  /** Writing: plain XYZ; see `XyzFormatOptions`. */
  plain?: boolean;
}

/** Opens an XYZ file as rows, at once. */
export function openXyzStore(path: string, options: XyzStoreOptions = {}): RowStore<"sync"> {
  const { mode = "r" } = options;
  if (mode === "r") return readingStore(path, XyzFile.open(path, options));
  if (mode === "r+") return writingStore(path, openForAppending(path, options));
  const builder = new FrameIndexBuilder(new FrameIndex(path));
  const file = new NewFrameFile(path, options);
  return writingStore(path, { file, builder, format: frameFormat(options), warnings: [] });
}

async function openXyzStoreAsync(path: string, options: XyzStoreOptions = {}): Promise<RowStore> {
  const { mode = "r", indexPath } = options;
  if (mode !== "r" || indexPath !== undefined) return toAsync(openXyzStore(path, options));
  return remoteStore(path, await openXyz(openPath(path), options));
}

function readingStore(path: string, file: XyzFile): RowStore<"sync"> {
  const open = openState(path);
  return {
    ...describe(path, file.warnings),
    count: () => open.of(file).length,
    getMany: (indices, keys) => open.of(file).getMany(indices, keys),
    schema: () => open.of(file).schema,
    column: (key, indices) => open.of(file).column(key, indices),
    append: () => {
      throw readOnly(path);
    },
    close: () => {
      open.end();
      file.close();
    },
  };
}

function remoteStore(path: string, file: RemoteXyz): RowStore {
  const open = openState(path);
  return {
    ...describe(path, file.warnings),
    count: async () => open.of(file).length,
    getMany: async (indices, keys) => open.of(file).getMany(indices, keys),
    schema: async () => open.of(file).schema,
    column: async (key, indices) => open.of(file).column(key, indices),
    append: async () => {
      throw readOnly(path);
    },
    close: async () => {
      open.end();
      file.close();
    },
  };
}

interface WritableXyz {
  readonly file: FrameFile;
  readonly builder: FrameIndexBuilder;
  readonly format: FrameFormat;
  readonly warnings: readonly string[];
}

/** Frames that were added are read back from the file, through the same index as all others. */
function writingStore(path: string, { file, builder, format, warnings }: WritableXyz): RowStore<"sync"> {
  const open = openState(path);
  const { index } = builder;
  const encoder = new TextEncoder();
  let reader: FrameReader | null = null;
  const opened = (): FrameReader => {
    reader ??= new FrameReader(index);
    return open.of(reader);
  };
  const append = (rows: readonly Row[]): void => {
    open.of(file);
    if (rows.length === 0) return;
    const text = rows.map((row) => formatFrame(row, format)).join("");
    builder.push(file.write(encoder.encode(text)));
    builder.finish();
    reader = null;
  };
  return {
    ...describe(path, warnings),
    count: () => open.of(index).nFrames,
    getMany: (indices, keys) => runSync(opened().rows(indices, keys), file.source),
    schema: () => open.of(index).keys.schema(index.nFrames),
    column: (key, indices) => runSync(opened().column(key, indices), file.source),
    append,
    flush: () => open.of(file).flush(),
    losses: () => format.losses.notes,
    discard: () => {
      if (open.end()) file.discard();
    },
    close: () => {
      if (open.end()) file.close();
    },
  };
}

function describe(
  path: string,
  warnings: readonly string[],
): Pick<RowStore, "name" | "backend" | "capabilities" | "warnings"> {
  return { name: path, backend: "xyz", capabilities: CAPABILITIES, warnings };
}

/** Whether bytes begin like an XYZ file: a count, a comment, and an atom line if one is in sight. */
export function looksLikeXyz(head: Uint8Array): boolean {
  const [count, comment, atom, ...rest] = new TextDecoder()
    .decode(head.subarray(0, 1 << 14))
    .split(/\r\n?|\n/);
  if (count === undefined || count.length > 100 || comment === undefined || atom === undefined) return false;
  const nAtoms = parsePythonInt(count);
  if (nAtoms === undefined || nAtoms < 0n || comment.includes("\0")) return false;
  // The last line may be cut.
  return nAtoms === 0n || rest.length === 0 || splitWords(atom).length > 1;
}

/** The XYZ backend. */
export const xyz: BackendSpec<"xyz", XyzStoreOptions> = defineBackend({
  name: "xyz",
  extensions: [".xyz", ".extxyz"],
  capabilities: CAPABILITIES,
  sniff: looksLikeXyz,
  openSync: openXyzStore,
  open: openXyzStoreAsync,
});

declare module "@stowage/core" {
  interface BackendMap {
    xyz: typeof xyz;
  }
}
