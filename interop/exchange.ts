// Values between TypeScript and Python as JSON, exact in both directions; python/exchange.py is the other half.
//
//   array (an object with dtype, shape and data)  {"dtype": "float32", "shape": [2, 3], "base64": "…"}
//   bytes (Uint8Array)                            {"bytes": "<base64>"}
//   NaN, Infinity, -Infinity, -0                  {"float": "nan" | "inf" | "-inf" | "-0.0"}
//   bigint                                        {"int": "9223372036854775807"}
//   everything else                               as JSON has it
//
// An array's bytes are its elements in row-major order, little-endian, whatever their bit patterns are: NaN payloads
// and the sign of zero survive. Python's int and float are both a number here: exchange a NumPy scalar, which is an
// array of shape (), where the difference counts.

const CONSTRUCTORS = {
  bool: Uint8Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  /** Bit patterns. */
  float16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
  /** Pairs of real and imaginary part. */
  complex64: Float32Array,
  complex128: Float64Array,
} as const;

export type ExchangedDType = keyof typeof CONSTRUCTORS;

/** An array as tests see it. An `NdArray` of @stowage/core is one. */
export interface ExchangedArray<D extends ExchangedDType = ExchangedDType> {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly data: InstanceType<(typeof CONSTRUCTORS)[D]>;
}

/** Makes the JSON text of a value that Python is to receive. */
export function encodeExchange(value: unknown): string {
  return JSON.stringify(toJson(value));
}

/** Reads the JSON text that Python printed. */
export function decodeExchange(text: string): unknown {
  return fromJson(JSON.parse(text));
}

function toJson(value: unknown): unknown {
  if (typeof value === "number") return numberToJson(value);
  if (typeof value === "bigint") return { int: String(value) };
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(toJson);
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString("base64") };
  if (ArrayBuffer.isView(value)) {
    throw new TypeError("Cannot exchange a typed array: say its shape, as in { dtype, shape, data }");
  }
  if (isArray(value)) {
    const { buffer, byteOffset, byteLength } = value.data;
    const base64 = Buffer.from(buffer, byteOffset, byteLength).toString("base64");
    return { dtype: value.dtype, shape: value.shape, base64 };
  }
  return mapValues(value, toJson);
}

function numberToJson(value: number): unknown {
  if (Number.isNaN(value)) return { float: "nan" };
  if (Object.is(value, -0)) return { float: "-0.0" };
  if (!Number.isFinite(value)) return { float: value > 0 ? "inf" : "-inf" };
  return value;
}

function fromJson(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(fromJson);
  const tagged = value as Record<string, unknown>;
  switch (Object.keys(value).sort().join()) {
    case "base64,dtype,shape":
      return arrayFromJson(tagged.dtype as ExchangedDType, tagged.shape as number[], tagged.base64 as string);
    case "bytes":
      return Uint8Array.from(Buffer.from(tagged.bytes as string, "base64"));
    case "float":
      return floatFromJson(tagged.float as string);
    case "int":
      return BigInt(tagged.int as string);
    default:
      return mapValues(value, fromJson);
  }
}

function arrayFromJson(dtype: ExchangedDType, shape: readonly number[], base64: string): ExchangedArray {
  // A copy with a buffer of its own: a small Buffer lies anywhere in a shared pool, not aligned to the elements.
  const { buffer } = Uint8Array.from(Buffer.from(base64, "base64"));
  return { dtype, shape, data: new CONSTRUCTORS[dtype](buffer) };
}

function floatFromJson(text: string): number {
  return text === "nan" ? Number.NaN : Number(text.replace("inf", "Infinity"));
}

function isArray(value: object): value is ExchangedArray {
  return "dtype" in value && "shape" in value && "data" in value && ArrayBuffer.isView(value.data);
}

function mapValues(value: object, map: (value: unknown) => unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, map(item)]));
}
