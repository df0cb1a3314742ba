import {
  AtomsIO,
  AtomsIOSync,
  BlobIO,
  BlobIOSync,
  type IOOptions,
  ObjectIO,
  ObjectIOSync,
  type OpenOptions,
  type Row,
  type RowStore,
  toAsync,
} from "@stowage/core";
import type { ContractOptions } from "./contract.js";

/** By which of its functions the backend opens datasets. */
export type Twin = "open" | "openSync";

/** A backend as one check uses it: what is opened here is closed when the check is over. */
export class Subject {
  readonly contract: ContractOptions;
  readonly twin: Twin;
  readonly #opened: { close(): unknown }[] = [];

  constructor(contract: ContractOptions, twin: Twin) {
    this.contract = contract;
    this.twin = twin;
  }

  freshPath(): string {
    return this.contract.freshPath();
  }

  /** Opens by the twin; answers by promise in both cases. */
  async open(path: string, options: OpenOptions = {}): Promise<RowStore> {
    const { backend, options: always } = this.contract;
    const all = { ...always, ...options };
    const store =
      this.twin === "open" ? await backend.open(path, all) : toAsync(backend.openSync!(path, all));
    return this.#keep(store);
  }

  /** The facade that fits the twin. */
  async atoms(path: string, options: IOOptions = {}): Promise<AtomsIO | AtomsIOSync> {
    const all = this.#facadeOptions(options);
    return this.#keep(this.twin === "open" ? await AtomsIO.open(path, all) : AtomsIOSync.open(path, all));
  }

  /** As {@link atoms}. */
  async objects(path: string, options: IOOptions = {}): Promise<ObjectIO | ObjectIOSync> {
    const all = this.#facadeOptions(options);
    return this.#keep(this.twin === "open" ? await ObjectIO.open(path, all) : ObjectIOSync.open(path, all));
  }

  /** As {@link atoms}. */
  async blobs(path: string, options: IOOptions = {}): Promise<BlobIO | BlobIOSync> {
    const all = this.#facadeOptions(options);
    return this.#keep(this.twin === "open" ? await BlobIO.open(path, all) : BlobIOSync.open(path, all));
  }

  /** Makes a dataset. @returns Its path. */
  async dataset(rows: readonly Row[], group?: string): Promise<string> {
    const path = this.freshPath();
    await this.fill(path, rows, group);
    return path;
  }

  /** Makes a dataset at a path. */
  async fill(path: string, rows: readonly Row[], group?: string): Promise<void> {
    const { contract } = this;
    if (contract.prepare !== undefined) return contract.prepare(path, rows, group);
    const store = await this.open(path, { mode: "w", ...(group !== undefined && { group }) });
    if (rows.length > 0) await store.append!(rows);
    await store.close();
  }

  /** A new dataset, open for reading. */
  async reader(rows: readonly Row[]): Promise<RowStore> {
    return this.open(await this.dataset(rows));
  }

  /** A new dataset, open for writing. */
  async writer(rows: readonly Row[]): Promise<RowStore> {
    return this.open(await this.dataset(rows), { mode: "r+" });
  }

  /** Closes what a check left open, as it does where it failed. */
  async release(): Promise<void> {
    for (const opened of this.#opened.reverse()) await opened.close();
  }

  #facadeOptions(options: IOOptions): IOOptions {
    const { backend, options: always } = this.contract;
    return { ...always, ...options, backend };
  }

  #keep<T extends { close(): unknown }>(opened: T): T {
    this.#opened.push(opened);
    return opened;
  }
}

/** All rows of a store, as backends give them. */
export async function allRows(store: RowStore): Promise<Row[]> {
  return store.getMany(range(await store.count()));
}

/** 0 to `stop` (exclusive). */
export function range(stop: number): number[] {
  return Array.from({ length: stop }, (_, i) => i);
}
