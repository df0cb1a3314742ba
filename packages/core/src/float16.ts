/** The number that a float16 bit pattern stands for (IEEE 754 binary16). */
export function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** One double, and its bits in two words: the second holds sign and exponent. */
const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);

/**
 * The float16 bit pattern nearest to a number, ties to even, overflow to infinity.
 *
 * Works on the double itself: rounding through float32 first would round twice.
 */
export function numberToFloat16(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return sign | 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude < 2 ** -14) {
    // Subnormals are multiples of 2^-24; scaling by a power of two is exact.
    return sign | roundHalfEven(magnitude * 2 ** 24);
  }
  double[0] = magnitude;
  const exponent = (words[1]! >> 20) - 1023;
  const rounded = roundHalfEven(magnitude * 2 ** (10 - exponent));
  // Rounding up to 2048 carries into the exponent, as it should.
  return sign | (((exponent + 15) << 10) + (rounded - 1024));
}

function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest < 0.5) return floor;
  if (rest > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
