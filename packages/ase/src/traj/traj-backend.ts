import {
  type BackendSpec,
  BlobSource,
  type ByteSource,
  defineBackend,
  type OpenOptions,
  type Row,
  type RowStore,
  readOnly,
  toAsync,
} from "@stowage/core";
import { run, runSync } from "../byte-requests.js";
import { LossLog } from "../losses.js";
import { openState } from "../open-state.js";
import { openPath } from "../path-source.js";
import { WritableTraj } from "./traj-files.js";
import { encodeFrame, type SharedValues, sharedValues } from "./traj-frame-writer.js";
import { TrajReader } from "./traj-reader.js";
import { looksLikeTraj } from "./ulm-layout.js";
import { readDirectory, type UlmDirectory } from "./ulm-reader.js";
import type { EncodedItem } from "./ulm-writer.js";

const CAPABILITIES = { create: true, append: true, perAtomExtras: false, nested: true } as const;

/**
 * Opens a trajectory of ASE as rows, at once.
 *
 * @throws {StowageError} ERR_TRAJ_FORMAT, ERR_TRAJ_FRAME, ERR_FILE_MISSING, ERR_FILE_EXISTS, ERR_LOCKED
 *
 * @example
 * ```ts
 * const store = openTrajStore("relax.traj");
 * console.log(store.count(), store.column("calc.energy", [0, 1]).values);
 * store.close();
 * ```
 */
export function openTrajStore(path: string, options: OpenOptions = {}): RowStore<"sync"> {
  const { mode = "r" } = options;
  if (mode === "r") return readingStore(path);
  const file = mode === "r+" ? WritableTraj.append(path) : WritableTraj.create(path, options);
  return writingStore(path, file, new LossLog(options.unsupported === "drop", "a trajectory"));
}

/**
 * Opens a trajectory that is not on this machine's disk, as rows.
 *
 * @param input  A Blob or File, or bytes from anywhere; `close` closes them.
 * @throws {StowageError} ERR_TRAJ_FORMAT, ERR_TRAJ_FRAME, or what the source throws.
 */
export async function openTraj(
  input: Blob | ByteSource,
  options: { signal?: AbortSignal } = {},
): Promise<RowStore> {
  const source = input instanceof Blob ? new BlobSource(input) : input;
  const { name: path } = source;
  try {
    const directory = await run(readDirectory(path, source.byteLength), source, options.signal);
    const open = openState(path);
    const reader = new TrajReader(directory);
    return {
      ...describe(path, directory),
      count: async () => open.of(directory).offsets.length,
      getMany: async (indices, keys) => run(open.of(reader).rows(indices, keys), source),
      schema: async () => run(open.of(reader).schema(), source),
      column: async (key, indices) => run(open.of(reader).column(key, indices), source),
      append: async () => {
        throw readOnly(path);
      },
      close: async () => {
        open.end();
        source.close();
      },
    };
  } catch (error) {
    source.close();
    throw error;
  }
}

function readingStore(path: string): RowStore<"sync"> {
  const source = openPath(path);
  try {
    const directory = runSync(readDirectory(path, source.byteLength), source);
    const open = openState(path);
    const reader = new TrajReader(directory);
    return {
      ...describe(path, directory),
      count: () => open.of(directory).offsets.length,
      getMany: (indices, keys) => runSync(open.of(reader).rows(indices, keys), source),
      schema: () => runSync(open.of(reader).schema(), source),
      column: (key, indices) => runSync(open.of(reader).column(key, indices), source),
      append: () => {
        throw readOnly(path);
      },
      close: () => {
        open.end();
        source.close();
      },
    };
  } catch (error) {
    source.close();
    throw error;
  }
}

/** Frames that were added are read back from the file, as all others. */
function writingStore(path: string, file: WritableTraj, losses: LossLog): RowStore<"sync"> {
  const { directory } = file;
  const open = openState(path);
  const reader = new TrajReader(directory);
  /** Read from the file, as readers will see it: rows in memory may change after they were written. */
  const readShared = (): SharedValues | null =>
    directory.offsets.length === 0 ? null : sharedValues(runSync(reader.rows([0], SHARED), file.source)[0]!);
  const append = (rows: readonly Row[]): void => {
    open.of(file);
    if (rows.length === 0) return;
    let first = readShared();
    const items: EncodedItem[] = [];
    let end = directory.byteLength;
    for (const row of rows) {
      const frame = encodeFrame(row, end, first, losses);
      items.push(frame.item);
      first ??= frame.shared;
      end = frame.item.end;
    }
    file.write(items);
  };
  return {
    ...describe(path, directory),
    count: () => open.of(directory).offsets.length,
    getMany: (indices, keys) => runSync(open.of(reader).rows(indices, keys), file.source),
    schema: () => runSync(open.of(reader).schema(), file.source),
    column: (key, indices) => runSync(open.of(reader).column(key, indices), file.source),
    append,
    flush: () => open.of(file).flush(),
    losses: () => losses.notes,
    discard: () => {
      if (open.end()) file.discard();
    },
    close: () => {
      if (open.end()) file.close();
    },
  };
}

const SHARED: readonly string[] = ["pbc", "arrays.numbers", "arrays.masses", "constraints"];

function describe(
  path: string,
  { offsets, byteLength }: UlmDirectory,
): Pick<RowStore, "name" | "backend" | "capabilities" | "warnings"> {
  const cut = offsets.findIndex((offset) => offset >= byteLength);
  const warnings = cut < 0 ? [] : [`the file was cut: it ends before frame ${cut} of ${offsets.length}`];
  return { name: path, backend: "traj", capabilities: CAPABILITIES, warnings };
}

/** ASE's trajectories. */
export const traj: BackendSpec<"traj"> = defineBackend({
  name: "traj",
  extensions: [".traj"],
  capabilities: CAPABILITIES,
  sniff: looksLikeTraj,
  openSync: openTrajStore,
  open: async (path: string, options?: OpenOptions): Promise<RowStore> => {
    options?.signal?.throwIfAborted();
    return toAsync(openTrajStore(path, options));
  },
});

declare module "@stowage/core" {
  interface BackendMap {
    traj: typeof traj;
  }
}
