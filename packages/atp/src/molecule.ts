import {
  copyArray,
  isNdArray,
  type NdArray,
  quote,
  resolveIndex,
  StowageError,
  type TypedArray,
  toAtomicNumbers,
  type Value,
} from "@stowage/core";
import { Atom } from "./atom.js";
import { FLOATS, type Floats, fieldValue } from "./field-value.js";
import { sortKeys } from "./key-order.js";
import {
  checkedArray,
  type PropertyValue,
  propertyError,
  reasonToRefuseKey,
  toPlain,
  toStored,
} from "./property.js";
import { RecordView, type StoredValue } from "./record.js";
import { ATOM_SCOPE, BUILTIN, type BuiltinKey, builtinOf, MOLECULE_SCOPE } from "./tags.js";

/** Whether a property belongs to each atom or to the molecule. */
export type Scope = "atom" | "molecule";

export interface MoleculeInit {
  /** (nAtoms, 3), float32 or float64, Å. */
  positions: Floats;
  /** (nAtoms,), whole numbers from 0 to 255. */
  atomicNumbers: ArrayLike<number>;
  /** eV. A number is stored as float64; a float32 scalar (`scalar(x, "float32")`) stays one. */
  energy?: number | NdArray;
  /** (nAtoms, 3), eV/Å. */
  forces?: Floats;
  /** (nAtoms,), e. */
  charges?: Floats;
  /** (nAtoms, 3). */
  velocities?: Floats;
  /** (3, 3), rows are lattice vectors, Å. */
  cell?: Floats;
  /** (3, 3), eV/Å³. */
  stress?: Floats;
  pbc?: readonly boolean[];
  name?: string;
}

const SCOPES: readonly Scope[] = ["atom", "molecule"];
const KIND_OF_SCOPE = { atom: ATOM_SCOPE, molecule: MOLECULE_SCOPE } as const;

/** What a molecule owns once it was built or changed; one that was read only keeps its record. */
interface OwnFields {
  positions: NdArray;
  atomicNumbers: Uint8Array;
  builtins: Map<string, StoredValue>;
  atom: Map<string, PropertyValue>;
  molecule: Map<string, PropertyValue>;
}

/**
 * One molecule of an .atp file, or one to be written.
 *
 * A molecule that was read decodes each field when it is asked for it; changing it copies it first, the file and
 * other molecules never change. Absent fields are `undefined`. Arrays of a molecule that was read are not to be
 * written to in place.
 *
 * @example
 * ```ts
 * const water = new Molecule({
 *   positions: new Float32Array([0, 0, 0, 0.76, 0.59, 0, -0.76, 0.59, 0]),
 *   atomicNumbers: [8, 1, 1],
 *   energy: -14.2,
 * });
 * water.setProperty("source", "dft");
 * ```
 */
export class Molecule {
  #record: RecordView | null = null;
  #own: OwnFields | null = null;

  /** @throws {StowageError} ERR_SHAPE, ERR_DTYPE */
  constructor(init: MoleculeInit | RecordView) {
    if (init instanceof RecordView) {
      this.#record = init;
      return;
    }
    const atomicNumbers = toAtomicNumbers(init.atomicNumbers);
    const positions = checkedArray(init.positions, "positions", FLOATS, [atomicNumbers.length, 3]);
    this.#own = { positions, atomicNumbers, builtins: new Map(), atom: new Map(), molecule: new Map() };
    for (const key of FIELD_KEYS) if (init[key] !== undefined) this.#setField(key, init[key]);
  }

  /** Number of atoms. */
  get nAtoms(): number {
    return this.#own?.atomicNumbers.length ?? this.#record!.nAtoms;
  }

  get length(): number {
    return this.nAtoms;
  }

  /** Shape (nAtoms, 3), float32 or float64, Å. */
  get positions(): NdArray {
    return this.#own?.positions ?? this.#record!.positions;
  }

  /** Shape (nAtoms,). */
  get atomicNumbers(): Uint8Array {
    return this.#own?.atomicNumbers ?? this.#record!.atomicNumbers;
  }

  /** eV */
  get energy(): number | undefined {
    if (this.#own === null) return this.#record!.number(BUILTIN, "energy");
    const energy = this.#own.builtins.get("energy");
    return isArray(energy) ? Number(energy.data[0]) : undefined;
  }
  set energy(value: number | NdArray | null | undefined) {
    this.#setField("energy", value);
  }

  /** Shape (nAtoms, 3), eV/Å. */
  get forces(): NdArray | undefined {
    return this.#array("forces");
  }
  set forces(value: Floats | null | undefined) {
    this.#setField("forces", value);
  }

  /** Shape (nAtoms,), e. */
  get charges(): NdArray | undefined {
    return this.#array("charges");
  }
  set charges(value: Floats | null | undefined) {
    this.#setField("charges", value);
  }

  /** Shape (nAtoms, 3). */
  get velocities(): NdArray | undefined {
    return this.#array("velocities");
  }
  set velocities(value: Floats | null | undefined) {
    this.#setField("velocities", value);
  }

  /** Shape (3, 3), rows are lattice vectors, Å. */
  get cell(): NdArray | undefined {
    return this.#array("cell");
  }
  set cell(value: Floats | null | undefined) {
    this.#setField("cell", value);
  }

  /** Shape (3, 3), eV/Å³. */
  get stress(): NdArray | undefined {
    return this.#array("stress");
  }
  set stress(value: Floats | null | undefined) {
    this.#setField("stress", value);
  }

  /** Periodic along each lattice vector. */
  get pbc(): [boolean, boolean, boolean] | undefined {
    const pbc = this.#array("pbc");
    return pbc && [pbc.data[0] !== 0, pbc.data[1] !== 0, pbc.data[2] !== 0];
  }
  set pbc(value: readonly boolean[] | null | undefined) {
    this.#setField("pbc", value);
  }

  get name(): string | undefined {
    const name = this.#builtin("name");
    return typeof name === "string" ? name : undefined;
  }
  set name(value: string | null | undefined) {
    this.#setField("name", value);
  }

  /**
   * Adds or replaces a custom property.
   *
   * A plain number takes the dtype that the key has in the file it is written to; under a new key it becomes an
   * int64 if it is whole, else a float64 (`float64(x)` says so for whole numbers). Types that the format lacks are
   * widened: booleans to int64, small integers to int32 arrays.
   *
   * @param options.scope  Default: the scope the key has, `"molecule"` for a new one. Atom scope takes arrays whose
   *                       first extent is the number of atoms.
   * @throws {StowageError} ERR_PROPERTY for `stress`, for the other scope of an existing key, for keys over 255 bytes;
   *                        ERR_SHAPE or ERR_DTYPE for values that the format cannot hold.
   */
  setProperty(key: string, value: Value | TypedArray, options: { scope?: Scope } = {}): this {
    const own = this.#materialise();
    const known = SCOPES.find((each) => own[each].has(key)) ?? null;
    const scope = options.scope === undefined ? (known ?? "molecule") : scopesOf(options)[0]!;
    checkPropertyKey(key, scope, known);
    const stored = toStored(value);
    if (stored === null) {
      throw new StowageError(
        "ERR_DTYPE",
        `Cannot set property "${key}": .atp holds no such value`,
        {
          expected: "null, a number, text, or an array of real numbers",
          found: Array.isArray(value) ? "a list" : typeof value,
        },
        { hint: "wrap numbers in ndarray(Float64Array.of(...)); store lists and objects as JSON text" },
      );
    }
    if (scope === "atom") checkPerAtom(key, stored.value, own.atomicNumbers.length);
    own[scope].set(key, stored.value);
    return this;
  }

  /**
   * A custom property, `undefined` if there is none, `null` if None is stored. Scalars are plain numbers.
   *
   * @throws {StowageError} ERR_PROPERTY if the key stands in both scopes and none is named.
   */
  getProperty(key: string, options: { scope?: Scope } = {}): Value | undefined {
    const value = this.storedProperty(key, options.scope);
    return value === undefined ? undefined : toPlain(value);
  }

  /** As {@link getProperty}, but scalars keep their dtype: they are arrays of shape []. */
  storedProperty(key: string, scope?: Scope): PropertyValue | undefined {
    const scopes = scopesOf({ scope }).filter((each) => this.#has(each, key));
    if (scopes.length > 1) {
      throw propertyError("get", key, "it stands in both scopes", 'name one: { scope: "atom" }');
    }
    return scopes[0] && this.#custom(scopes[0], key);
  }

  hasProperty(key: string, options: { scope?: Scope } = {}): boolean {
    return scopesOf(options).some((scope) => this.#has(scope, key));
  }

  /** Keys of the custom properties, in the order of their UTF-8 bytes. */
  propertyKeys(options: { scope?: Scope } = {}): string[] {
    return sortKeys(new Set(scopesOf(options).flatMap((scope) => this.#customKeys(scope))));
  }

  /** Removes a custom property; tells whether there was one. */
  deleteProperty(key: string, options: { scope?: Scope } = {}): boolean {
    if (!this.hasProperty(key, options)) return false;
    const own = this.#materialise();
    for (const scope of scopesOf(options)) own[scope].delete(key);
    return true;
  }

  /** One atom; the index may count from the end. */
  atom(index: number): Atom {
    const at = resolveIndex(index, this.nAtoms, "a molecule");
    const { data } = this.positions as NdArray<"float64">;
    return new Atom(data[3 * at]!, data[3 * at + 1]!, data[3 * at + 2]!, this.atomicNumbers[at]!);
  }

  *atoms(): Generator<Atom, void, undefined> {
    for (let i = 0; i < this.nAtoms; i++) yield this.atom(i);
  }

  /** A copy with its own memory, independent of the file. */
  copy(): Molecule {
    const own = this.#own ?? this.#readOwn();
    const copy = new Molecule({
      positions: copyArray(own.positions),
      atomicNumbers: own.atomicNumbers.slice(),
    });
    const target = copy.#own!;
    for (const [key, value] of own.builtins) target.builtins.set(key, copyStored(value));
    for (const [key, value] of own.atom) target.atom.set(key, copyStored(value));
    for (const [key, value] of own.molecule) target.molecule.set(key, copyStored(value));
    return copy;
  }

  /** The record this molecule was read from, as long as it was not changed; for writing it again unchanged. */
  get record(): RecordView | null {
    return this.#own === null ? this.#record : null;
  }

  /** The fields besides positions and atomic numbers that are there. */
  fieldKeys(): BuiltinKey[] {
    if (this.#own) return [...this.#own.builtins.keys()] as BuiltinKey[];
    const sections = this.#record!.sections.filter(({ kind }) => kind === BUILTIN);
    return sections.map(({ key }) => key).filter((key): key is BuiltinKey => builtinOf(key) !== undefined);
  }

  /** A field with its dtype: energy as a scalar array, pbc as a bool array. */
  storedField(key: BuiltinKey): StoredValue | undefined {
    return this.#builtin(key);
  }

  #builtin(key: BuiltinKey): StoredValue | undefined {
    return this.#own ? this.#own.builtins.get(key) : this.#record!.get(BUILTIN, key);
  }

  #array(key: BuiltinKey): NdArray | undefined {
    const value = this.#builtin(key);
    return isArray(value) ? value : undefined;
  }

  #custom(scope: Scope, key: string): PropertyValue | undefined {
    return this.#own ? this.#own[scope].get(key) : this.#record!.get(KIND_OF_SCOPE[scope], key);
  }

  #has(scope: Scope, key: string): boolean {
    if (this.#own) return this.#own[scope].has(key);
    return this.#record!.find(KIND_OF_SCOPE[scope], key) !== undefined;
  }

  #customKeys(scope: Scope): string[] {
    if (this.#own) return [...this.#own[scope].keys()];
    return this.#record!.sections.filter(({ kind }) => kind === KIND_OF_SCOPE[scope]).map(
      (section) => section.key,
    );
  }

  #materialise(): OwnFields {
    this.#own ??= this.#readOwn();
    return this.#own;
  }

  #readOwn(): OwnFields {
    const record = this.#record!;
    const own: OwnFields = {
      positions: this.positions,
      atomicNumbers: this.atomicNumbers,
      builtins: new Map(),
      atom: new Map(),
      molecule: new Map(),
    };
    const fields = [own.builtins, own.atom, own.molecule];
    for (const section of record.sections) {
      const { kind, key } = section;
      if (kind !== BUILTIN || builtinOf(key) !== undefined) fields[kind]!.set(key, record.decode(section));
    }
    return own;
  }

  #setField(key: BuiltinKey, value: unknown): void {
    const own = this.#materialise();
    if (value === null || value === undefined) own.builtins.delete(key);
    else own.builtins.set(key, fieldValue(key, value, own.atomicNumbers.length));
  }
}

/** Of what a field may be. */
function isArray(value: StoredValue | undefined): value is NdArray {
  return typeof value === "object" && value !== null;
}

const FIELD_KEYS = ["energy", "forces", "charges", "velocities", "cell", "stress", "pbc", "name"] as const;

/** The scopes that options name: one or both. */
function scopesOf({ scope }: { scope?: Scope }): readonly Scope[] {
  if (scope === undefined) return SCOPES;
  if (SCOPES.includes(scope)) return [scope];
  throw new TypeError(`Cannot use scope ${quote(scope)}: it must be "atom" or "molecule"`);
}

function checkPropertyKey(key: string, scope: Scope, known: Scope | null): void {
  const reason = reasonToRefuseKey(key);
  if (reason !== null) throw propertyError("set", key, reason);
  if (known === null || known === scope) return;
  throw propertyError("set", key, `it exists in ${known} scope`, "call deleteProperty(key) first");
}

function checkPerAtom(key: string, value: PropertyValue, nAtoms: number): void {
  if (isNdArray(value) && value.shape[0] === nAtoms) return;
  const found = isNdArray(value) ? `shape (${value.shape.join(", ")})` : typeof value;
  throw new StowageError(
    "ERR_SHAPE",
    `Cannot set atom property "${key}": it needs one value for each of ${nAtoms} atoms`,
    {
      expected: `(${nAtoms}, …)`,
      found,
    },
  );
}

function copyStored<T extends PropertyValue>(value: T): T {
  return isNdArray(value) ? (copyArray(value) as T) : value;
}
