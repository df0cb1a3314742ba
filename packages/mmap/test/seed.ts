/**
 * The seed of this run's random input: printed, so that a failure can be repeated with `STOWAGE_SEED=<seed>`.
 */
export function freshSeed(what: string): number {
  const seed = Number(process.env.STOWAGE_SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`${what}: seed ${seed}`);
  return seed;
}
