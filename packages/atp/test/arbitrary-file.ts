import { DTYPES, type DType, type NdArray, sizeOf, viewElements } from "@stowage/core";
import fc from "fast-check";
import {
  type AtpFile,
  Molecule,
  type MoleculeInit,
  type Scope,
  type StackedMolecules,
} from "../src/index.js";

/** The contents of a molecule, as plain data: what a file has to give back, and what a peer can be told to write. */
export interface MoleculeSpec {
  readonly positions: NdArray;
  readonly atomicNumbers: NdArray<"uint8">;
  /** energy as a scalar array, pbc as a bool array, name as text. */
  readonly builtins: Readonly<Record<string, NdArray | string>>;
  readonly atom: Readonly<Record<string, NdArray>>;
  readonly molecule: Readonly<Record<string, NdArray | string | null>>;
}

/** What a key holds in every molecule of one file that has it. */
export interface KeySpec {
  readonly key: string;
  readonly scope: Scope;
  readonly type: "scalar" | "string" | "none" | "array" | "tensor";
  readonly dtype: DType;
  /** Extents of an array, for atom scope those after the first. Tensors draw their own. */
  readonly extents: readonly number[];
}

export interface FileSpec {
  readonly keys: readonly KeySpec[];
  readonly molecules: readonly MoleculeSpec[];
}

export interface FileOptions {
  /** Only the types of record format 2. */
  readonly format2?: boolean;
  /** Energies in float64 only: the peer's molecules hold no other. */
  readonly wideEnergy?: boolean;
  readonly tensors?: boolean;
  readonly none?: boolean;
  readonly atomScope?: boolean;
  readonly maxMolecules?: number;
}

const NUMBERS = ["float32", "float64", "int32", "int64"] as const;

const keyText = fc
  .oneof(
    { weight: 4, arbitrary: fc.string({ minLength: 1, maxLength: 8 }) },
    { weight: 2, arbitrary: fc.string({ minLength: 1, maxLength: 6, unit: "binary" }).filter(isWellFormed) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        "", // the empty key
        "k".repeat(255),
        "é".repeat(127), // 254 bytes
        "\u{1f9ea}".repeat(63), // 252 bytes, above U+FFFF: sorts differently in UTF-16
        "\uffee\u0000", // sorts after the one above in UTF-16, before it in UTF-8
        "\ufeffbom",
        "__proto__",
        "constructor",
        "energy", // shadow keys
        "forces",
        "cell",
        "name",
        "12",
        "9",
      ),
    },
  )
  .filter((key) => key !== "stress" && new TextEncoder().encode(key).length <= 255);

const text = fc.oneof(
  fc.string({ maxLength: 12, unit: "binary" }).filter(isWellFormed),
  fc.constantFrom("", "\0", "a\0b", "\ufeffbom", "é\u{1f9ea}\u{10ffff}", "x".repeat(300)),
);

function isWellFormed(value: string): boolean {
  return !/\p{Surrogate}/u.test(value);
}

/** Any bit patterns: NaN payloads, -0 and subnormals included. */
export function arrayOf(dtype: DType, shape: readonly number[]): fc.Arbitrary<NdArray> {
  const byteLength = sizeOf(shape) * DTYPES[dtype].itemSize;
  return fc
    .uint8Array({ minLength: byteLength, maxLength: byteLength })
    .map((bytes) => toArray(dtype, shape, bytes));
}

function toArray(dtype: DType, shape: readonly number[], bytes: Uint8Array): NdArray {
  const data = viewElements(dtype, Uint8Array.from(bytes), 0, sizeOf(shape));
  return { dtype, shape, data: dtype === "bool" ? (data as Uint8Array).map((byte) => byte & 1) : data };
}

function keySpecs({ tensors = true, none = true, atomScope = true }: FileOptions): fc.Arbitrary<KeySpec[]> {
  const types = (["scalar", "string", "array", "none", "tensor"] as const).filter(
    (type) => (type !== "tensor" || tensors) && (type !== "none" || none),
  );
  const scopes = (["molecule", "atom"] as const).filter((scope) => scope !== "atom" || atomScope);
  const spec = fc
    .record({
      key: keyText,
      scope: fc.constantFrom(...scopes),
      type: fc.constantFrom(...types),
      number: fc.constantFrom(...NUMBERS),
      length: fc.nat(4),
      vec3: fc.boolean(),
    })
    .map(({ key, scope, type, number, length, vec3 }): KeySpec => {
      const form = scope === "atom" && type !== "tensor" ? "array" : type;
      if (form === "scalar") {
        return {
          key,
          scope,
          type: form,
          dtype: number.startsWith("float") ? "float64" : "int64",
          extents: [],
        };
      }
      const asVec3 = vec3 && number.startsWith("float");
      const lead = scope === "atom" ? [] : [length];
      return { key, scope, type: form, dtype: number, extents: asVec3 ? [...lead, 3] : lead };
    });
  return fc.uniqueArray(spec, { selector: ({ key }) => key, maxLength: 7 });
}

function propertyOf(spec: KeySpec, nAtoms: number): fc.Arbitrary<NdArray | string | null> {
  const { type, dtype, scope, extents } = spec;
  if (type === "string") return text;
  if (type === "none") return fc.constant(null);
  const lead = scope === "atom" ? [nAtoms] : [];
  if (type !== "tensor") return arrayOf(dtype, [...lead, ...extents]);
  return tensorShape.chain((shape) => arrayOf(dtype, [...lead, ...shape, 2]));
}

/** Two more extents follow or lead: a tensor that no other type could hold. */
const tensorShape = fc.array(fc.constantFrom(0, 1, 2, 4, 5), { minLength: 2, maxLength: 3 });

const BUILTIN_SHAPES = {
  forces: (n: number) => [n, 3],
  charges: (n: number) => [n],
  velocities: (n: number) => [n, 3],
  cell: () => [3, 3],
  stress: () => [3, 3],
  energy: () => [],
} as const;

/** The types that one file fixes. */
interface FileTypes {
  readonly positions: DType;
  readonly builtins: Readonly<Record<keyof typeof BUILTIN_SHAPES, DType>>;
  readonly keys: readonly KeySpec[];
}

const FORMAT_2 = {
  forces: "float32",
  charges: "float64",
  velocities: "float32",
  cell: "float64",
  stress: "float64",
  energy: "float64",
} as const;

function fileTypes({ format2, wideEnergy, ...options }: FileOptions): fc.Arbitrary<FileTypes> {
  const float = fc.constantFrom("float32", "float64");
  const builtins = {
    forces: float,
    charges: float,
    velocities: float,
    cell: float,
    stress: float,
    energy: wideEnergy ? fc.constant("float64") : float,
  };
  return fc.record({
    positions: format2 ? fc.constant("float32") : float,
    builtins: format2 ? fc.constant(FORMAT_2) : fc.record(builtins),
    keys: keySpecs(options),
  }) as fc.Arbitrary<FileTypes>;
}

/** Files whose molecules share types, as the format demands, and have any subset of the keys. */
export function arbitraryFile(options: FileOptions = {}): fc.Arbitrary<FileSpec> {
  const { maxMolecules = 8 } = options;
  return fileTypes(options).chain((types) =>
    fc
      .array(moleculeOf(types), { minLength: 1, maxLength: maxMolecules })
      .map((molecules) => ({ keys: types.keys, molecules })),
  );
}

/** Molecules of one size as stacked arrays, in the order in which they are written. */
export interface StackedSpec {
  readonly positions: NdArray;
  readonly atomicNumbers: NdArray;
  readonly builtins: Readonly<Record<string, NdArray | string[]>>;
  readonly properties: Readonly<Record<string, NdArray | string[]>>;
  readonly atomProperties: Readonly<Record<string, NdArray>>;
}

/** What is done to a file that is open for writing. */
export type WriteStep =
  | { readonly do: "flush" }
  | { readonly do: "molecule"; readonly molecule: MoleculeSpec }
  | { readonly do: "molecules"; readonly molecules: readonly MoleculeSpec[] }
  | { readonly do: "arrays"; readonly stacked: StackedSpec };

/**
 * A way to write a file: molecules one by one, in lists, in stacked arrays, with commits in between or not.
 *
 * @param clashes  Now and then a step has other types than those before it.
 */
export function arbitrarySteps(options: FileOptions & { clashes?: boolean } = {}): fc.Arbitrary<WriteStep[]> {
  return fc.tuple(fileTypes(options), fileTypes(options), fc.boolean()).chain(([types, other, shareKeys]) => {
    const clashing = shareKeys ? { ...other, keys: retyped(types.keys, other.keys) } : other;
    const step = stepOf(types);
    return fc.array(
      options.clashes
        ? fc.oneof({ weight: 4, arbitrary: step }, { weight: 1, arbitrary: stepOf(clashing) })
        : step,
      { minLength: 1, maxLength: 7 },
    );
  });
}

/** The keys of one file with the types of another. */
function retyped(keys: readonly KeySpec[], types: readonly KeySpec[]): KeySpec[] {
  return keys.slice(0, types.length).map(({ key }, i) => ({ ...types[i]!, key }));
}

function stepOf(types: FileTypes): fc.Arbitrary<WriteStep> {
  const molecule = moleculeOf(types);
  return fc.oneof(
    fc.constant<WriteStep>({ do: "flush" }),
    molecule.map((spec): WriteStep => ({ do: "molecule", molecule: spec })),
    fc.array(molecule, { maxLength: 5 }).map((molecules): WriteStep => ({ do: "molecules", molecules })),
    stackedOf(types).map((stacked): WriteStep => ({ do: "arrays", stacked })),
  );
}

function stackedOf({ positions, builtins, keys }: FileTypes): fc.Arbitrary<StackedSpec> {
  return fc.tuple(fc.nat(4), fc.nat(4)).chain(([count, n]) => {
    const fields: Record<string, fc.Arbitrary<NdArray | string[]>> = {
      pbc: arrayOf("bool", [count, 3]),
      name: fc.array(text, { minLength: count, maxLength: count }),
    };
    for (const [key, shape] of Object.entries(BUILTIN_SHAPES)) {
      fields[key] = arrayOf(builtins[key as keyof typeof BUILTIN_SHAPES], [count, ...shape(n)]);
    }
    const column = (spec: KeySpec) => columnOf(spec, count, n);
    const stacked = {
      positions: arrayOf(positions, [count, n, 3]),
      atomicNumbers: arrayOf("uint8", [count, n]),
      builtins: fc.record(fields, { requiredKeys: [] }),
      properties: someOf(
        keys.filter((spec) => spec.scope === "molecule" && spec.type !== "none"),
        column,
      ),
      atomProperties: someOf(
        keys.filter(({ scope }) => scope === "atom"),
        column,
      ),
    };
    return fc.record(stacked) as fc.Arbitrary<StackedSpec>;
  });
}

function columnOf(spec: KeySpec, count: number, nAtoms: number): fc.Arbitrary<NdArray | string[]> {
  const { type, dtype, scope, extents } = spec;
  const lead = scope === "atom" ? [count, nAtoms] : [count];
  if (type === "string") return fc.array(text, { minLength: count, maxLength: count });
  if (type === "scalar") {
    const narrow = dtype === "float64" ? "float32" : "int32"; // stored as wide scalars all the same
    return fc.constantFrom(dtype, narrow).chain((each) => arrayOf(each, lead));
  }
  if (type === "array") return arrayOf(dtype, [...lead, ...extents]);
  return tensorShape.chain((shape) => arrayOf(dtype, [...lead, ...shape, 2]));
}

function moleculeOf({ positions, builtins: dtypes, keys }: FileTypes): fc.Arbitrary<MoleculeSpec> {
  return fc.nat(6).chain((n) => {
    const builtins: Record<string, fc.Arbitrary<NdArray | string>> = {
      pbc: arrayOf("bool", [3]),
      name: text,
    };
    for (const [key, shape] of Object.entries(BUILTIN_SHAPES)) {
      builtins[key] = arrayOf(dtypes[key as keyof typeof BUILTIN_SHAPES], shape(n));
    }
    const molecule = {
      positions: arrayOf(positions, [n, 3]),
      atomicNumbers: arrayOf("uint8", [n]),
      builtins: fc.record(builtins, { requiredKeys: [] }),
      atom: someOf(
        keys.filter(({ scope }) => scope === "atom"),
        (spec) => propertyOf(spec, n),
      ),
      molecule: someOf(
        keys.filter(({ scope }) => scope === "molecule"),
        (spec) => propertyOf(spec, n),
      ),
    };
    return fc.record(molecule) as fc.Arbitrary<MoleculeSpec>;
  });
}

/** Values for any subset of the keys. */
function someOf<T>(
  keys: readonly KeySpec[],
  drawValue: (spec: KeySpec) => fc.Arbitrary<T>,
): fc.Arbitrary<Record<string, T>> {
  const values = keys.map((spec) =>
    fc.option(
      drawValue(spec).map((value) => [value] as const),
      { nil: undefined },
    ),
  );
  return fc.tuple(...values).map((drawn) => {
    const present = keys.flatMap(({ key }, i) =>
      drawn[i] === undefined ? [] : [[key, drawn[i]![0]] as const],
    );
    return Object.fromEntries(present);
  });
}

/** Does one step to a file of ours. */
export function takeStep(db: AtpFile, step: WriteStep): void {
  if (step.do === "flush") db.flush();
  else if (step.do === "molecule") db.append(toMolecule(step.molecule));
  else if (step.do === "molecules") db.append(step.molecules.map(toMolecule));
  else {
    const { builtins, ...rest } = step.stacked;
    db.appendArrays({ ...rest, ...builtins } as StackedMolecules);
  }
}

/** The molecule that a spec describes. */
export function toMolecule({ positions, atomicNumbers, builtins, atom, molecule }: MoleculeSpec): Molecule {
  const init = { positions, atomicNumbers: atomicNumbers.data, ...builtins } as Record<string, unknown>;
  if (builtins.pbc !== undefined) init.pbc = Array.from((builtins.pbc as NdArray<"bool">).data, Boolean);
  const made = new Molecule(init as unknown as MoleculeInit);
  for (const [key, value] of Object.entries(atom)) made.setProperty(key, value, { scope: "atom" });
  for (const [key, value] of Object.entries(molecule)) made.setProperty(key, value, { scope: "molecule" });
  return made;
}

/** What a molecule holds: equal specs are equal molecules, to the last bit. */
export function toSpec(molecule: Molecule): MoleculeSpec {
  const { atomicNumbers } = molecule;
  const stored = (scope: Scope) =>
    Object.fromEntries(
      molecule.propertyKeys({ scope }).map((key) => [key, molecule.storedProperty(key, scope)]),
    );
  return {
    positions: molecule.positions,
    atomicNumbers: { dtype: "uint8", shape: [atomicNumbers.length], data: atomicNumbers },
    builtins: Object.fromEntries(
      molecule.fieldKeys().map((key) => [key, molecule.storedField(key) as NdArray | string]),
    ),
    atom: stored("atom") as MoleculeSpec["atom"],
    molecule: stored("molecule") as MoleculeSpec["molecule"],
  };
}
