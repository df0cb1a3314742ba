import fc from "fast-check";
import { allocate, DTYPES, type DType } from "../../src/dtype.js";
import { bytesOf, type NdArray, sizeOf } from "../../src/nd-array.js";
import type { Value } from "../../src/row.js";

export const DTYPE_NAMES = Object.keys(DTYPES) as DType[];

/** Any bits, NaN payloads included; extents of zero included. */
export function arrayOf(dtype: DType, shape: readonly number[]): fc.Arbitrary<NdArray> {
  const byteLength = sizeOf(shape) * DTYPES[dtype].itemSize;
  return fc.uint8Array({ minLength: byteLength, maxLength: byteLength }).map((bytes) => {
    const data = allocate(dtype, sizeOf(shape));
    bytesOf(data).set(dtype === "bool" ? bytes.map((byte) => byte & 1) : bytes);
    return { dtype, shape, data };
  });
}

const shape = fc.array(fc.nat(4), { minLength: 1, maxLength: 4 });

export const array: fc.Arbitrary<NdArray> = fc
  .tuple(fc.constantFrom(...DTYPE_NAMES), shape)
  .chain(([dtype, extents]) => arrayOf(dtype, extents));

/** Scalars of every dtype that come back as they were: float64 is a plain number, small uint64 keep their dtype. */
export const scalarArray: fc.Arbitrary<NdArray> = fc
  .constantFrom(...DTYPE_NAMES.filter((dtype) => dtype !== "float64"))
  .chain((dtype) => arrayOf(dtype, []));

const wellFormed = fc.string({ unit: "binary", maxLength: 40 });

/** Values that are the same after encoding and decoding. */
export const exactValue: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.oneof(fc.constant(null), fc.boolean(), fc.double(), wellFormed, scalarArray, array),
    fc.array(tie("value"), { maxLength: 20 }),
    fc.dictionary(wellFormed, tie("value"), { maxKeys: 20 }),
  ),
})).value;
