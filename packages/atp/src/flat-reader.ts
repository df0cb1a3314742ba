import type { MapKernels } from "@stowage/mmap";
import { type FlatBatch, FlatCollector } from "./flat-batch.js";
import { type FieldSelection, selectFields } from "./flat-fields.js";
import type { Header } from "./header.js";
import { NativeFlat } from "./native-flat.js";
import type { RecordReader } from "./record-reader.js";
import type { PositionsDType, Schema } from "./schema-block.js";

/** What a flat reader is made for: one state of a file. */
export interface FlatContext {
  readonly path: string;
  readonly header: Header;
  readonly schema: Schema;
  readonly records: RecordReader;
  /** `null` where the bytes are not mapped. */
  readonly kernels: MapKernels | null;
  /** @throws {StowageError} ERR_ATP_FORMAT if the file does not tell it. */
  positionsDType(): PositionsDType;
}

/** Reads batches of one selection of fields: by the native kernel where there is a map, else record by record. */
export class FlatReader {
  readonly #context: FlatContext;
  readonly #selection: FieldSelection;
  readonly #native: NativeFlat | null;

  /** @throws {StowageError} ERR_OPTION for a field that the file does not know. */
  constructor(context: FlatContext, fields: readonly string[] | undefined) {
    const { schema, path, kernels, header, records } = context;
    this.#context = context;
    this.#selection = selectFields(schema, fields, path);
    const usable = kernels !== null && records.length > 0;
    this.#native = usable
      ? new NativeFlat(kernels, header, context.positionsDType(), this.#selection, path)
      : null;
  }

  read(indices: ArrayLike<number>): FlatBatch {
    return this.#native?.read(indices, this.#context.records.length) ?? this.#readRecords(indices);
  }

  /** The kernel's twin: slower, and the one place that says what is wrong with a record. */
  #readRecords(indices: ArrayLike<number>): FlatBatch {
    const { records, schema, path } = this.#context;
    const batch = records.entries(indices);
    const nAtoms = Uint32Array.from(batch, ({ entry }) => entry.nAtoms);
    const empty = batch.length === 0;
    const positions = empty ? (schema.positionsDType ?? "float32") : this.#context.positionsDType();
    const collector = new FlatCollector(nAtoms, positions, this.#selection, path);
    records.readMany(batch, false, (slot, bytes) => collector.add(slot, bytes, batch[slot]!.index));
    this.#native?.learn(collector.columns);
    return collector.finish();
  }
}
