import {
  type Column,
  columnFromValues,
  type Field,
  fieldOf,
  getKey,
  isPerAtomKey,
  mergeFields,
  type NdArray,
  planReads,
  type Row,
  type RowSchema,
  StowageError,
  setKey,
  type Value,
} from "@stowage/core";
import type { ByteTask } from "../byte-requests.js";
import { atFrame } from "./traj-errors.js";
import {
  type ArrayTarget,
  convertArray,
  type Frame,
  type FrameHeader,
  type FrameValue,
  hasHeader,
  parseFrame,
  parseHeader,
} from "./traj-frame.js";
import { decodeUlmArray, type UlmArray } from "./ulm-array.js";
import { readItem, type UlmDirectory } from "./ulm-reader.js";

/** Reads frames as rows: only the texts and arrays that are asked for. */
export class TrajReader {
  readonly #directory: UlmDirectory;
  #header: FrameHeader | null = null;

  constructor(directory: UlmDirectory) {
    this.#directory = directory;
  }

  /** @throws {StowageError} ERR_INDEX_RANGE, ERR_TRAJ_FRAME */
  *rows(indices: ArrayLike<number>, keys?: readonly string[]): ByteTask<Row[]> {
    const wanted = keys && new Set(keys);
    const rows: Row[] = [];
    for (const index of Array.from(indices, (frame) => this.#check(frame))) {
      try {
        const frame = yield* this.#frame(index);
        rows.push(yield* readRow(frame, wanted));
      } catch (error) {
        throw this.#placed(error, index);
      }
    }
    return rows;
  }

  /** @throws {StowageError} ERR_INDEX_RANGE, ERR_TRAJ_FRAME */
  *column(key: string, indices: ArrayLike<number>): ByteTask<Column> {
    const rows = yield* this.rows(indices, [key]);
    return columnFromValues(
      key,
      rows.map((row) => getKey(row, key)),
    );
  }

  /** Reads the text of every frame, and no array. @throws {StowageError} ERR_TRAJ_FRAME */
  *schema(): ByteTask<RowSchema> {
    const fields = new Map<string, { field: Field; present: number }>();
    const nFrames = this.#directory.offsets.length;
    for (let index = 0; index < nFrames; index++) {
      try {
        for (const [key, value] of yield* this.#frame(index)) addField(fields, key, value);
      } catch (error) {
        throw this.#placed(error, index);
      }
    }
    const schema: RowSchema = {};
    for (const [key, { field, present }] of fields)
      setKey(schema, key, { ...field, missing: nFrames - present });
    return schema;
  }

  *#frame(index: number): ByteTask<Frame> {
    const item = yield* readItem(this.#directory, index);
    if (hasHeader(item)) {
      const header = parseHeader(item);
      if (index === 0) this.#header = header;
      return parseFrame(item, header);
    }
    this.#header ??= parseHeader(yield* readItem(this.#directory, 0));
    return parseFrame(item, this.#header);
  }

  #check(index: number): number {
    const { path, offsets } = this.#directory;
    const { length } = offsets;
    if (Number.isInteger(index) && index >= 0 && index < length) return index;
    throw new StowageError("ERR_INDEX_RANGE", `Cannot read row ${index} of ${path}: it has ${length} rows`, {
      index,
      length,
    });
  }

  #placed(error: unknown, index: number): unknown {
    return atFrame(error, this.#directory.path, index, this.#directory.offsets[index]!);
  }
}

interface WantedArray {
  readonly key: string;
  readonly array: UlmArray;
  readonly target: ArrayTarget;
}

function* readRow(frame: Frame, wanted: ReadonlySet<string> | undefined): ByteTask<Row> {
  const values = new Map<string, Value>();
  const arrays: WantedArray[] = [];
  for (const [key, value] of frame) {
    if (wanted && !wanted.has(key)) continue;
    if ("array" in value) arrays.push({ key, ...value });
    else values.set(key, value.read());
  }
  for (const [key, array] of yield* readArrays(arrays)) values.set(key, array);
  const row: Row = {};
  for (const key of frame.keys()) {
    const value = values.get(key);
    // ASE takes an empty list for no constraints.
    if (value === undefined || (key === "constraints" && Array.isArray(value) && value.length === 0))
      continue;
    setKey(row, key, value);
  }
  return row;
}

function* readArrays(arrays: readonly WantedArray[]): ByteTask<Map<string, NdArray>> {
  const decoded = new Map<string, NdArray>();
  const decode = ({ key, array, target }: WantedArray, bytes: Uint8Array): void => {
    decoded.set(key, convertArray(key, decodeUlmArray(array, bytes), target));
  };
  for (const one of arrays) if (one.array.byteLength === 0) decode(one, new Uint8Array(0));
  const filled = arrays.filter(({ array }) => array.byteLength > 0);
  const reads = planReads(
    filled.map(({ array }) => array.byteOffset),
    filled.map(({ array }) => array.byteLength),
  );
  for (const { byteOffset, byteLength, members } of reads) {
    const bytes = yield { byteOffset, byteLength };
    for (const member of members) {
      const one = filled[member]!;
      const start = one.array.byteOffset - byteOffset;
      decode(one, bytes.subarray(start, start + one.array.byteLength));
    }
  }
  return decoded;
}

function addField(
  fields: Map<string, { field: Field; present: number }>,
  key: string,
  value: FrameValue,
): void {
  const sample = sampleOf(value);
  if (key === "constraints" && Array.isArray(sample) && sample.length === 0) return;
  const field = fieldOf(sample, isPerAtomKey(key));
  const known = fields.get(key);
  if (known === undefined) fields.set(key, { field, present: 1 });
  else {
    known.field = mergeFields(known.field, field) ?? { ...field, dtype: "json", shape: [] };
    known.present++;
  }
}

/** A value of the type and shape that reading would give. */
function sampleOf(value: FrameValue): Value {
  if (!("array" in value)) return value.read();
  const { array, target } = value;
  return {
    dtype: target === "as it is" ? array.dtype : target,
    shape: array.shape,
    data: new Float64Array(0),
  };
}
