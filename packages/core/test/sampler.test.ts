import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isStowageError, Sampler, type SamplerOptions, type SamplerState } from "../src/index.js";
import { Permutation } from "../src/sampler-permutation.js";

const range = (length: number) => Array.from({ length }, (_, i) => i);
const sorted = (values: Iterable<number>) => [...values].sort((a, b) => a - b);
const order = (options: SamplerOptions) => [...new Sampler(options)];

describe("the order", () => {
  it("has every index once, for each length up to 2000 and some that are computed", () => {
    const computed = [65_537, 65_792, 66_049, 99_999, 2 ** 17];
    for (const length of [...range(2000).map((i) => i + 1), ...computed]) {
      const permutation = new Permutation(length, length * 31, 3);
      const seen = new Uint8Array(length);
      for (let i = 0; i < length; i++) seen[permutation.at(i)]! += 1;
      expect(seen.every((count) => count === 1)).toBe(true);
    }
  });

  it.each([2 ** 31 - 1, 2 ** 32, 2 ** 32 + 1, 10 ** 12, 2 ** 52 + 1, 2 ** 53 - 1])(
    "of %d indices stays in range and never repeats one",
    (length) => {
      const permutation = new Permutation(length, 5, 0);
      const seen = new Set<number>();
      const step = Math.floor(length / 20_000);
      const places = range(10_000).flatMap((i) => [
        i,
        length - 1 - i,
        i * step + 10_000,
        i * step * 2 + 10_001,
      ]);
      const unique = [...new Set(places)].filter((place) => place >= 0 && place < length);
      for (const place of unique) {
        const index = permutation.at(place);
        expect(Number.isSafeInteger(index) && index >= 0 && index < length).toBe(true);
        seen.add(index);
      }
      expect(seen.size).toBe(unique.length);
      expect(unique.length).toBeGreaterThan(30_000);
    },
  );

  it("stays the same from version to version", () => {
    expect(order({ length: 10, seed: 0 })).toMatchInlineSnapshot(`
      [
        0,
        1,
        7,
        8,
        5,
        2,
        9,
        4,
        6,
        3,
      ]
    `);
    expect(order({ length: 10, seed: 42, epoch: 1 })).toMatchInlineSnapshot(`
      [
        0,
        9,
        5,
        8,
        6,
        1,
        2,
        7,
        4,
        3,
      ]
    `);
    expect(new Sampler({ length: 2 ** 40, seed: 2 ** 50 + 1, epoch: 2 ** 33 }).at(0)).toMatchInlineSnapshot(
      `422562251443`,
    );
  });

  it("differs by seed and by epoch, high bits included", () => {
    const orders = [0, 1, 2, 2 ** 32, 2 ** 33, 2 ** 52].flatMap((seed) =>
      [0, 1, 2, 2 ** 32, 2 ** 40].map((epoch) => order({ length: 40, seed, epoch }).join()),
    );
    expect(new Set(orders).size).toBe(orders.length);
  });

  it("is that of the rows without shuffle", () => {
    expect(order({ length: 5, shuffle: false, seed: 3 })).toEqual([0, 1, 2, 3, 4]);
  });

  // Seeds are fixed: the sums below are always the same. Bounds are the mean and ten standard deviations, so that they
  // say what an order must be like and not what this one happens to give.
  const bound = (freedom: number) => freedom + 10 * Math.sqrt(2 * freedom);
  const chiSquare = (counts: Float64Array) => {
    const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
    return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  };

  it.each([2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 64, 100])(
    "of %d indices has each at each place alike",
    (length) => {
      const counts = new Float64Array(length * length);
      for (let seed = 0; seed < 200 * length; seed++) {
        const permutation = new Permutation(length, seed, seed % 7);
        for (let i = 0; i < length; i++) counts[i * length + permutation.at(i)]! += 1;
      }
      expect(chiSquare(counts)).toBeLessThan(bound((length - 1) ** 2));
    },
  );

  it.each([3, 4, 5])("of %d indices takes every possible form alike", (length) => {
    const forms = new Map<string, number>();
    let possible = 1;
    for (let i = 2; i <= length; i++) possible *= i;
    for (let epoch = 0; epoch < 200 * possible; epoch++) {
      const form = order({ length, seed: 1, epoch }).join();
      forms.set(form, (forms.get(form) ?? 0) + 1);
    }
    expect(forms.size).toBe(possible);
    expect(chiSquare(Float64Array.from(forms.values()))).toBeLessThan(bound(possible - 1));
  });

  it.each([40_000, 65_536, 70_000, 10 ** 6, 2 ** 40, 2 ** 53 - 1])(
    "of %d indices leaves no trace of neighbours",
    (length) => {
      const permutation = new Permutation(length, 11, 0);
      const steps = new Float64Array(64);
      const places = new Float64Array(64);
      let before = permutation.at(0);
      for (let i = 1; i < 40_000; i++) {
        const index = permutation.at(i);
        places[Math.floor((index / length) * 64)]! += 1;
        steps[Math.floor((((index - before + length) % length) / length) * 64)]! += 1;
        before = index;
      }
      expect(chiSquare(steps)).toBeLessThan(bound(63));
      expect(chiSquare(places)).toBeLessThan(bound(63));
    },
  );
});

describe("ranks", () => {
  const shared = fc.record({
    length: fc.nat(300),
    worldSize: fc.integer({ min: 1, max: 20 }),
    seed: fc.maxSafeNat(),
    shuffle: fc.boolean(),
  });
  const shards = (options: SamplerOptions & { worldSize: number }) =>
    range(options.worldSize).map((rank) => order({ ...options, rank }));

  it("have equal counts and together every row when the tail wraps", () => {
    fc.assert(
      fc.property(shared, (options) => {
        const parts = shards({ ...options, tail: "wrap" });
        const share = Math.ceil(options.length / options.worldSize);
        expect(parts.every((part) => part.length === share)).toBe(true);
        const counts = new Map<number, number>();
        for (const row of parts.flat()) counts.set(row, (counts.get(row) ?? 0) + 1);
        expect(sorted(counts.keys())).toEqual(range(options.length));
        const most = Math.ceil((share * options.worldSize) / Math.max(1, options.length));
        expect([...counts.values()].every((count) => count <= most)).toBe(true);
      }),
    );
  });

  it("have equal counts and no row twice when the tail is dropped", () => {
    fc.assert(
      fc.property(shared, (options) => {
        const parts = shards({ ...options, tail: "drop" });
        const share = Math.floor(options.length / options.worldSize);
        expect(parts.every((part) => part.length === share)).toBe(true);
        expect(new Set(parts.flat()).size).toBe(share * options.worldSize);
      }),
    );
  });

  it("have each row exactly once when they may be uneven", () => {
    fc.assert(
      fc.property(shared, (options) => {
        const parts = shards({ ...options, tail: "uneven" });
        expect(sorted(parts.flat())).toEqual(range(options.length));
        const counts = parts.map((part) => part.length);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("take turns in one common order", () => {
    const common = order({ length: 10, seed: 9 });
    expect(order({ length: 10, seed: 9, rank: 1, worldSize: 4 })).toEqual([common[1], common[5], common[9]]);
    expect(order({ length: 10, seed: 9, rank: 3, worldSize: 4 })).toEqual([common[3], common[7], common[1]]);
  });
});

describe("a place in the order", () => {
  it("is reached at random without moving", () => {
    const sampler = new Sampler({ length: 100, seed: 1, rank: 1, worldSize: 3 });
    const places = range(sampler.length).map((place) => sampler.at(place));
    expect(sampler.position).toBe(0);
    expect(sampler.at(-1)).toBe(places.at(-1));
    expect([...sampler]).toEqual(places);
    expect(() => sampler.at(34)).toThrow(/it has 34 rows/);
  });

  it("is where a sampler goes on, through JSON, in the middle of an epoch and over its end", () => {
    const options = fc.record({
      length: fc.integer({ min: 1, max: 50 }),
      worldSize: fc.integer({ min: 1, max: 4 }),
      seed: fc.maxSafeNat(),
      epoch: fc.nat(5),
      tail: fc.constantFrom("wrap" as const, "drop" as const, "uneven" as const),
      batchSize: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
      dropLast: fc.boolean(),
    });
    fc.assert(
      fc.property(options, fc.nat(60), (given, stop) => {
        const visit = (sampler: Sampler, taken: number[], most: number) => {
          for (let epochs = 0; epochs < 4; epochs++) {
            const steps = given.batchSize === undefined ? sampler : sampler.batches();
            for (const step of steps) {
              taken.push(...[step].flat());
              if (taken.length >= most) return;
            }
          }
        };
        const { batchSize, ...others } = given;
        const make = () => new Sampler(batchSize === undefined ? others : { ...others, batchSize });
        const whole: number[] = [];
        visit(make(), whole, 90);
        const first = make();
        const parts: number[] = [];
        visit(first, parts, stop);
        const state = JSON.parse(JSON.stringify(first.state)) as SamplerState;
        const resumed = Sampler.resume(state);
        expect(resumed.state).toEqual(first.state);
        visit(resumed, parts, 90);
        const common = Math.min(whole.length, parts.length);
        expect(parts.slice(0, common)).toEqual(whole.slice(0, common));
      }),
    );
  });

  it("is kept by setEpoch of the same epoch, and left by that of another", () => {
    const sampler = new Sampler({ length: 10, seed: 4 });
    for (const _ of sampler) if (sampler.position === 3) break;
    sampler.setEpoch(0);
    expect(sampler.position).toBe(3);
    expect([...sampler].length).toBe(7);
    expect([sampler.epoch, sampler.position]).toEqual([1, 0]);
    sampler.setEpoch(0);
    expect([...sampler]).toEqual(order({ length: 10, seed: 4 }));
  });
});

describe("batches", () => {
  it("have batchSize indices, the last perhaps fewer", () => {
    const sampler = new Sampler({ length: 10, seed: 2, batchSize: 4 });
    expect([...sampler.batches()].map((batch) => batch.length)).toEqual([4, 4, 2]);
    expect([...sampler.batches()].flat()).toEqual(order({ length: 10, seed: 2, epoch: 1 }));
    const full = new Sampler({ length: 10, batchSize: 4, dropLast: true });
    expect([...full.batches()].map((batch) => batch.length)).toEqual([4, 4]);
    expect([full.epoch, full.position]).toEqual([1, 0]);
  });

  it("of no rows are none", () => {
    expect([...new Sampler({ length: 0, batchSize: 4 }).batches()]).toEqual([]);
    expect(order({ length: 0, worldSize: 3 })).toEqual([]);
  });
});

it("options outside their values are refused by name", () => {
  const refused = (options: object) => {
    try {
      [...new Sampler({ length: 1, ...options }).batches()];
    } catch (error) {
      if (isStowageError(error, "ERR_OPTION")) return error.details.option;
    }
    return null;
  };
  expect(refused({ length: -1 })).toBe("length");
  expect(refused({ length: 1.5 })).toBe("length");
  expect(refused({ length: 2 ** 53 })).toBe("length");
  expect(refused({ seed: -1 })).toBe("seed");
  expect(refused({ seed: Number.NaN })).toBe("seed");
  expect(refused({ epoch: "1" })).toBe("epoch");
  expect(refused({ worldSize: 0 })).toBe("worldSize");
  expect(refused({ rank: 2, worldSize: 2 })).toBe("rank");
  expect(refused({ tail: "cut" })).toBe("tail");
  expect(refused({ batchSize: 0 })).toBe("batchSize");
  expect(refused({})).toBe("batchSize");
  const { state } = new Sampler({ length: 3 });
  expect(() => Sampler.resume({ ...state, position: 4 })).toThrow(/from 0 to 3/);
});
