import { bytesOf, DTYPES, type DTypeInfo, sizeOf } from "@stowage/core";
import type { AtpFieldPlan, AtpPlan, AtpTexts, MapKernels } from "@stowage/mmap";
import { type FlatBatch, FlatCollector, type FlatColumn, MAX_ABSENT_BYTES } from "./flat-batch.js";
import type { FieldSelection, FlatField } from "./flat-fields.js";
import type { Header } from "./header.js";
import { writeUint32 } from "./little-endian.js";
import { commitOf } from "./native-commit.js";
import type { PositionsDType } from "./schema-block.js";

/** Atoms are counted by the index, which is checked against the size of the file. */
const MAX_ATOM_FIELD_BYTES = 2 ** 31;
const NO_BYTES = new Uint8Array(0);
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads flat batches of one commit by the native kernel.
 *
 * The kernel goes the way of sound records only. `read` returns `null` at anything else, and {@link FlatCollector}
 * reads the batch record by record, to give the value or the error.
 */
export class NativeFlat {
  readonly #kernels: MapKernels;
  readonly #header: Header;
  readonly #positions: PositionsDType;
  readonly #selection: FieldSelection;
  readonly #path: string;
  /** Shapes of tensors, which only records tell: those of the batch before. */
  #tensorShapes: (readonly number[] | null)[];
  #plan: AtpPlan | null;

  constructor(
    kernels: MapKernels,
    header: Header,
    positions: PositionsDType,
    selection: FieldSelection,
    path: string,
  ) {
    this.#kernels = kernels;
    this.#header = header;
    this.#positions = positions;
    this.#selection = selection;
    this.#path = path;
    this.#tensorShapes = selection.fields.map(() => null);
    this.#plan = this.#makePlan();
  }

  /**
   * @param length  Molecules, those not committed included: the kernel knows the others only.
   * @returns `null` where the batch has to be read record by record.
   */
  read(indices: ArrayLike<number>, length: number): FlatBatch | null {
    const plan = this.#plan;
    const count = indices.length;
    if (plan === null || count === 0) return null;
    const wanted = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      const index = indices[i]!;
      if (typeof index !== "number") return null; // the array of numbers would make one of it
      wanted[i] = index < 0 ? index + length : index;
    }
    const nAtoms = new Uint32Array(count);
    if (plan.find(wanted, nAtoms) === null) return null;
    const collector = new FlatCollector(nAtoms, this.#positions, this.#selection, this.#path, true);
    const outputs = this.#outputs(collector);
    const texts = outputs && plan.flat(outputs);
    if (texts === null) return null;
    if (texts !== "done") placeTexts(texts, collector.columns);
    for (const column of collector.columns) {
      // A field that no molecule has is left to the rules for those.
      if (column.data !== null && !column.present.includes(1)) column.data = null;
    }
    return collector.finish();
  }

  /** Learns the shapes of tensors from a batch that was read record by record. */
  learn(columns: readonly FlatColumn[]): void {
    const before = this.#tensorShapes;
    const shapes = columns.map(({ field, itemShape }, i) =>
      field.tag.layout === "tensor" ? (itemShape ?? before[i]!) : null,
    );
    if (JSON.stringify(before) === JSON.stringify(shapes) && this.#plan !== null) return;
    this.#tensorShapes = shapes;
    this.#plan = this.#makePlan();
  }

  #itemShape(column: number): readonly number[] | null {
    return this.#selection.fields[column]!.itemShape ?? this.#tensorShapes[column]!;
  }

  #makePlan(): AtpPlan | null {
    const { fields, complete } = this.#selection;
    const plans: AtpFieldPlan[] = [];
    for (const [i, field] of fields.entries()) {
      const plan = planField(field, this.#itemShape(i));
      if (plan === null) return null;
      plans.push(plan);
    }
    if (this.#header.indexLength === 0) return null;
    const commit = commitOf(this.#header);
    return this.#kernels.atpPlan(commit, this.#positions === "float32" ? 12 : 24, complete, plans);
  }

  #outputs(collector: FlatCollector): Uint8Array[] | null {
    const outputs = [collector.positions, collector.atomicNumbers, collector.present];
    for (const [i, column] of collector.columns.entries()) {
      const { tag, perAtom } = column.field;
      if (tag.dtype === null) {
        outputs.push(NO_BYTES);
        continue;
      }
      const itemShape = this.#itemShape(i)!;
      const rows = perAtom ? collector.totalAtoms : collector.nAtoms.length;
      // So much memory is taken only once a record has shown that it has the field.
      const most = perAtom ? MAX_ATOM_FIELD_BYTES : MAX_ABSENT_BYTES;
      if (rows * itemBytes(column.field, itemShape) > most) return null;
      outputs.push(bytesOf(collector.allocate(column, itemShape, true)));
    }
    return outputs;
  }
}

function itemBytes({ tag }: FlatField, itemShape: readonly number[]): number {
  return sizeOf(itemShape) * (DTYPES[tag.dtype!] as DTypeInfo).itemSize;
}

/** @param itemShape  `null` for text, and for tensors whose shape is not known yet: then there is no plan. */
function planField(field: FlatField, itemShape: readonly number[] | null): AtpFieldPlan | null {
  const { kind, tag, keyBytes: key, perAtom } = field;
  const common = { kind, tag: tag.tag, key, bytes: 0, tensorHead: NO_BYTES };
  if (tag.layout === "string") return { ...common, layout: "text" };
  if (tag.layout === "none") return { ...common, layout: "nothing" };
  if (itemShape === null) return null;
  const bytes = itemBytes(field, itemShape);
  if (bytes > 0xffff_ffff) return null;
  if (tag.layout === "bool3") return { ...common, layout: "bool3", bytes };
  if (tag.layout !== "tensor") return { ...common, layout: perAtom ? "perAtom" : "perMolecule", bytes };
  const rank = itemShape.length + (perAtom ? 1 : 0);
  const tensorHead = new Uint8Array(1 + 4 * itemShape.length);
  tensorHead[0] = rank;
  for (const [axis, extent] of itemShape.entries()) writeUint32(tensorHead, 1 + 4 * axis, extent);
  return { ...common, layout: perAtom ? "atomTensor" : "tensor", bytes, tensorHead };
}

function placeTexts({ fields, slots, ends, bytes, ascii }: AtpTexts, columns: readonly FlatColumn[]): void {
  // ASCII is decoded once, and cut: places in the bytes are places in the text.
  const all = ascii ? decoder.decode(bytes) : null;
  let start = 0;
  for (let i = 0; i < ends.length; i++) {
    const end = ends[i]!;
    const text = all === null ? decoder.decode(bytes.subarray(start, end)) : all.slice(start, end);
    columns[fields[i]!]!.texts![slots[i]!] = text;
    start = end;
  }
}
