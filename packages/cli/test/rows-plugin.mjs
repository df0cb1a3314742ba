/*
 * A format for tests: one JSON row a line, arrays as { dtype, shape, data }. It fails where it is told to:
 * a line `!` is a damaged row, `{"warning": …}` a repair, a name with "slow" waits before each batch. It cannot hold
 * `constraints`, and keeps int32 scalars as int64.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const ARRAYS = {
  bool: Uint8Array,
  uint8: Uint8Array,
  int32: Int32Array,
  int64: BigInt64Array,
  float32: Float32Array,
  float64: Float64Array,
};

class Store {
  backend = "rows";
  capabilities = { create: true, append: true, perAtomExtras: true, nested: true };

  constructor(name, lines, options) {
    this.name = name;
    this.warnings = lines
      .filter((line) => line.includes('"warning"'))
      .map((line) => JSON.parse(line).warning);
    this.lines = lines.filter((line) => !line.includes('"warning"'));
    this.unsupported = options.unsupported ?? "error";
    this.writes = options.mode === "w";
    this.notes = new Map();
    this.wait = name.includes("slow") ? 40 : 0;
  }

  async count() {
    return this.lines.length;
  }

  async getMany(indices, keys) {
    await sleep(this.wait);
    return Array.from(indices, (index) => {
      const row = this.lines[index];
      if (row === "!")
        throw stowageError("ERR_ROW", `Cannot read row ${index} of ${this.name}: it is damaged`);
      if (row === undefined)
        throw stowageError("ERR_INDEX_RANGE", `Cannot read row ${index} of ${this.name}`);
      const values = Object.entries(JSON.parse(row, revive));
      return Object.fromEntries(keys ? values.filter(([key]) => keys.includes(key)) : values);
    });
  }

  async schema() {
    const schema = {};
    for (const line of this.lines) {
      if (line === "!") continue;
      for (const [key, value] of Object.entries(JSON.parse(line, revive)))
        schema[key] ??= fieldOf(key, value);
    }
    return schema;
  }

  async append(rows) {
    await sleep(this.wait);
    for (const row of rows) this.lines.push(JSON.stringify(this.keep(row), replace));
  }

  keep(row) {
    const kept = {};
    for (const [key, value] of Object.entries(row)) {
      if (key === "constraints") {
        if (this.unsupported === "error") {
          throw stowageError("ERR_LOSS", `Cannot write ${this.name}: it holds no constraints`, { key });
        }
        this.notes.set(key, { key, kind: "dropped", reason: "constraints have no place in it" });
      } else if (value?.dtype === "int32" && value.shape.length === 0) {
        kept[key] = { dtype: "int64", shape: [], data: BigInt64Array.of(BigInt(value.data[0])) };
        this.notes.set(key, { key, kind: "widened", reason: "int32 kept as int64" });
      } else {
        kept[key] = value;
      }
    }
    return kept;
  }

  losses() {
    return [...this.notes.values()];
  }

  async flush() {
    if (this.writes) writeFileSync(this.name, this.lines.map((line) => `${line}\n`).join(""));
  }

  async discard() {}

  async close() {
    await this.flush();
  }
}

function stowageError(code, message, details = {}) {
  return Object.assign(new Error(message), { code, details, [Symbol.for("stowage.error")]: true });
}

function fieldOf(key, value) {
  const perAtom = key.startsWith("arrays.") || key === "calc.forces";
  if (value?.dtype) {
    return { dtype: value.dtype, shape: perAtom ? [null, ...value.shape.slice(1)] : value.shape, perAtom };
  }
  const names = { number: "float64", boolean: "bool", string: "string" };
  return { dtype: names[typeof value] ?? (value === null ? "null" : "json"), shape: [], perAtom };
}

function revive(_key, value) {
  const Constructor = ARRAYS[value?.dtype];
  if (Constructor === undefined) return value;
  const numbers = value.data.map((item) => (value.dtype === "int64" ? BigInt(item) : Number(item)));
  return { ...value, data: Constructor.from(numbers) };
}

function replace(_key, value) {
  if (value?.dtype === undefined) return value;
  return { ...value, data: Array.from(value.data, (item) => (Number.isFinite(item) ? item : String(item))) };
}

const rows = {
  name: "rows",
  extensions: [".rows"],
  capabilities: { create: true, append: true, perAtomExtras: true, nested: true },
  async open(path, options = {}) {
    if (options.mode === "w") {
      writeFileSync(path, "");
      return new Store(path, [], options);
    }
    if (!existsSync(path))
      throw stowageError("ERR_FILE_MISSING", `Cannot open ${path}: there is no such file`);
    const text = readFileSync(path, "utf8");
    if (text.startsWith("broken")) throw stowageError("ERR_ROW", `Cannot open ${path}: it is broken`);
    return new Store(path, text.split("\n").filter(Boolean), options);
  },
};

/** Can be read only. */
const frozen = { ...rows, name: "frozen", extensions: [".frozen"], capabilities: { create: false } };

export default { name: "rows", backends: [rows, frozen] };
