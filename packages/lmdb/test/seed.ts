/** The seed of a file's random tests; printed, and given again by `STOWAGE_SEED`. */
export function freshSeed(name: string): number {
  const seed = Number(process.env.STOWAGE_SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`lmdb ${name}: seed ${seed}`);
  return seed;
}

/** Numbers from 0 to below `bound`, the same for the same seed. */
export function randomIntegers(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}
