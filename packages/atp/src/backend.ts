import {
  type BackendSpec,
  defineBackend,
  exactIndices,
  nodeFs,
  type OpenOptions,
  type RowStore,
  toAsync,
} from "@stowage/core";
import { type AtpCreateOptions, AtpFile } from "./atp-file.js";
import type { CodecName } from "./codec.js";
import { LossLog, moleculeToRow, rowToMolecule } from "./molecule-row.js";
import { readColumn, rowSchema } from "./row-columns.js";

const CAPABILITIES = { create: true, append: true, perAtomExtras: true, nested: false } as const;

export interface AtpStoreOptions extends OpenOptions {
  codec?: CodecName;
  level?: number;
  /** Open a damaged file at its last whole commit. */
  recover?: boolean;
}

/** Opens an .atp file as rows. */
export function openAtpStore(path: string, options: AtpStoreOptions = {}): RowStore<"sync"> {
  const db = openFile(path, options);
  const exact = (indices: ArrayLike<number>): ArrayLike<number> =>
    exactIndices(indices, () => db.length, path);
  const losses = new LossLog();
  const conversion = { unsupported: options.unsupported ?? "error", losses };
  return {
    name: path,
    backend: "atp",
    capabilities: CAPABILITIES,
    warnings: warningsOf(db),
    count: () => db.length,
    getMany: (indices, keys) => {
      const wanted = keys && new Set(keys);
      return db
        .getMany(exact(indices))
        .map((molecule) => moleculeToRow(molecule, wanted && ((key) => wanted.has(key))));
    },
    schema: () => rowSchema(db),
    column: (key, indices) => readColumn(db, key, exact(indices)),
    append: (rows) => db.append(rows.map((row) => rowToMolecule(row, conversion))),
    flush: () => db.flush(),
    losses: () => losses.notes,
    discard: () => db.discard(),
    close: () => db.close(),
  };
}

function openFile(path: string, options: AtpStoreOptions): AtpFile {
  const { mode = "r", recover } = options;
  const missing = mode === "r+" && !nodeFs().existsSync(path);
  if (mode === "w" || missing) return AtpFile.create(path, createOptions(options));
  return AtpFile.open(path, { mode, recover });
}

function createOptions({ codec, level, overwrite, schema }: AtpStoreOptions): AtpCreateOptions {
  // Arrays whose extents vary from row to row only fit as tensors.
  const ragged = Object.entries(schema ?? {}).filter(
    ([, { shape, perAtom }]) => !perAtom && shape.includes(null),
  );
  return { codec, level, overwrite, tensors: ragged.map(([key]) => key.slice(key.indexOf(".") + 1)) };
}

function warningsOf(db: AtpFile): string[] {
  const { recovery } = db;
  if (recovery === null) return [];
  return [
    `a header slot is damaged (${recovery.reason}): commit ${recovery.generation} is in use, ` +
      `${recovery.ignoredBytes} bytes after it are ignored`,
  ];
}

/** The .atp backend. */
export const atp: BackendSpec<"atp", AtpStoreOptions> = defineBackend({
  name: "atp",
  extensions: [".atp"],
  options: ["codec", "level", "recover"],
  capabilities: CAPABILITIES,
  sniff: (head: Uint8Array): boolean =>
    head[0] === 0x41 && head[1] === 0x54 && head[2] === 0x50 && head[3] === 0x4b,
  openSync: openAtpStore,
  open: async (path: string, options?: AtpStoreOptions): Promise<RowStore> =>
    toAsync(openAtpStore(path, options)),
});

declare module "@stowage/core" {
  interface BackendMap {
    atp: typeof atp;
  }
}
