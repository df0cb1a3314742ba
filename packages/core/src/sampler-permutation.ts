// A permutation of 0 to length - 1 that depends on a seed and an epoch, in memory that does not grow with it.
//
// Up to 65536 indices it is a table, shuffled as Fisher and Yates do. Beyond, each index is computed by itself: it is
// cut into two digits, high and low, by a base near the root of the length; each round adds to one digit, modulo its
// base, a hash of the other and of the round's key, in turns (a Feistel network). Whatever the hash is, that can be
// undone, so no two indices meet. There are a few more pairs of digits than indices, by less than the root of the
// length: a result past the end goes through the rounds again until it is none (cycle walking).
//
// @see Black, Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002

const MAX_TABLE = 65536;
const ROUNDS = 6;
/** Turns a hash of 32 bits into a fraction. */
const HASH_UNIT = 2 ** -32;

/** Every index below `length` once, in an order that depends on the seed and the epoch. */
export class Permutation {
  readonly #table: Uint16Array | null;
  readonly #keys: Int32Array;
  readonly #highBase: number;
  readonly #lowBase: number;

  /**
   * @param length  0 to 2^53 - 1.
   * @param seed    A whole number, 0 to 2^53 - 1; the same for the epoch.
   */
  constructor(
    readonly length: number,
    seed: number,
    epoch: number,
  ) {
    this.#highBase = Math.ceil(Math.sqrt(length));
    this.#lowBase = Math.ceil(length / this.#highBase);
    this.#table = length <= MAX_TABLE ? shuffledTable(length, seed, epoch) : null;
    this.#keys = hashes(seed, epoch, this.#table === null ? ROUNDS : 0);
  }

  /** The index at a position, 0 to `length` - 1. */
  at(position: number): number {
    return this.#table === null ? this.#walk(position) : this.#table[position]!;
  }

  #walk(position: number): number {
    const { length } = this;
    const keys = this.#keys;
    const highBase = this.#highBase;
    const lowBase = this.#lowBase;
    const highUnit = highBase * HASH_UNIT;
    const lowUnit = lowBase * HASH_UNIT;
    let index = position;
    do {
      // Digits are below 2^27, so products and the quotient are exact.
      let high = (index / lowBase) | 0;
      let low = (index - high * lowBase) | 0;
      for (let round = 0; round < ROUNDS; round += 2) {
        // Where the difference is negative its sign bits add the base again: a branch would be a coin toss.
        low = (low + (((mix(high ^ keys[round]!) >>> 0) * lowUnit) | 0) - lowBase) | 0;
        low += lowBase & (low >> 31);
        high = (high + (((mix(low ^ keys[round + 1]!) >>> 0) * highUnit) | 0) - highBase) | 0;
        high += highBase & (high >> 31);
      }
      index = high * lowBase + low;
    } while (index >= length);
    return index;
  }
}

function shuffledTable(length: number, seed: number, epoch: number): Uint16Array {
  const table = new Uint16Array(length);
  const random = hashes(seed, epoch, length);
  for (let i = 0; i < length; i++) {
    const other = ((random[i]! >>> 0) * (i + 1) * HASH_UNIT) | 0;
    table[i] = table[other]!;
    table[other] = i;
  }
  return table;
}

/** A hash of 32 bits in which every input bit changes every output bit with a probability near one half. */
function mix(value: number): number {
  // The constants of "lowbias32", found by search: https://nullprogram.com/blog/2018/07/31/
  let x = value ^ (value >>> 16);
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  return x ^ (x >>> 16);
}

/** Random words from 64 bits of state that all bits of seed and epoch went into. */
function hashes(seed: number, epoch: number, count: number): Int32Array {
  // The first digits of pi.
  let a = 0x243f6a88;
  let b = 0x85a308d3 | 0;
  for (const word of [seed, seed / 2 ** 32, epoch, epoch / 2 ** 32]) {
    const low = word | 0;
    a = (mix(a ^ low) + 0x13198a2e) | 0;
    b = (mix(b ^ mix(low + 0x03707344)) + a) | 0;
  }
  const words = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const step = Math.imul(i + 1, 0x9e3779b9);
    words[i] = mix(mix((a + step) | 0) ^ (b + step));
  }
  return words;
}
