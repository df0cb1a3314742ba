import { BlobSource, type ByteSource } from "@stowage/core";
import { AsyncEnvironment, type RemoteLmdbOptions } from "./async-environment.js";
import { type BlobRow, columnTask, countTask, fieldsTask, rowKeysTask, rowsTask } from "./row-layout.js";

interface CallOptions {
  signal?: AbortSignal;
}

/** The rows of one group behind something that answers later: what {@link LmdbRows} does at once. */
export class RemoteLmdbRows {
  readonly #environment: AsyncEnvironment;

  /** @internal Made by {@link openLmdbRows}. */
  constructor(environment: AsyncEnvironment) {
    this.#environment = environment;
  }

  get path(): string {
    return this.#environment.path;
  }

  get txnId(): number {
    return this.#environment.snapshot.meta.txnId;
  }

  /** Number of rows, empty slots included. */
  async count(options: CallOptions = {}): Promise<number> {
    return this.#environment.run(countTask, options.signal);
  }

  /** Names of all fields ever written, in the order of their bytes. */
  async fields(options: CallOptions = {}): Promise<string[]> {
    return this.#environment.run(fieldsTask, options.signal);
  }

  /** One row; `null` for an empty slot. A negative index counts from the end. */
  async at(index: number, keys?: readonly string[], options: CallOptions = {}): Promise<BlobRow | null> {
    return (await this.getMany([index], keys, options))[0]!;
  }

  /** Rows, in this order: what they need is read together. */
  async getMany(
    indices: ArrayLike<number>,
    keys?: readonly string[],
    options: CallOptions = {},
  ): Promise<(BlobRow | null)[]> {
    return this.#environment.run(rowsTask(indices, keys), options.signal);
  }

  /** One field of rows, by default of all; `null` where a row lacks it. */
  async column(
    key: string,
    indices?: ArrayLike<number>,
    options: CallOptions = {},
  ): Promise<(Uint8Array | null)[]> {
    return this.#environment.run(columnTask(key, indices), options.signal);
  }

  /** The names of a row's fields, in the order of their bytes. */
  async keys(index: number, options: CallOptions = {}): Promise<string[]> {
    return (await this.#environment.run(rowKeysTask([index]), options.signal))[0]!;
  }

  /** Takes up what has been committed since. @returns Whether there was anything. */
  async refresh(options: CallOptions = {}): Promise<boolean> {
    const before = this.txnId;
    return (await this.#environment.refresh(options.signal)).meta.txnId !== before;
  }

  close(): void {
    this.#environment.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Opens the `data.mdb` of one group that is not on this machine's disk.
 *
 * @param input  A Blob or File, or bytes from anywhere; `close` closes them.
 * @throws {StowageError} ERR_LMDB_FORMAT, ERR_LMDB_VERSION, ERR_LMDB_LAYOUT, or what the source throws.
 */
export async function openLmdbRows(
  input: Blob | ByteSource,
  options: RemoteLmdbOptions = {},
): Promise<RemoteLmdbRows> {
  const source = input instanceof Blob ? new BlobSource(input) : input;
  const rows = new RemoteLmdbRows(await AsyncEnvironment.open(source, options));
  try {
    await rows.count({ signal: options.signal });
  } catch (error) {
    rows.close();
    throw error;
  }
  return rows;
}
