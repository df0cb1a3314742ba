import { describe, expect, expectTypeOf, it } from "vitest";
import {
  columnOf,
  columnOfSync,
  defineBackend,
  getRow,
  int64,
  iterateRows,
  memoryStore,
  type Row,
  type RowStore,
  toAsync,
} from "../src/index.js";

function numbered(count: number): Row[] {
  return Array.from({ length: count }, (_, i) => ({ i, name: `row ${i}` }));
}

async function collect(rows: AsyncIterable<Row[]>): Promise<Row[][]> {
  const batches: Row[][] = [];
  for await (const batch of rows) batches.push(batch);
  return batches;
}

function stowageError(code: string): unknown {
  return expect.objectContaining({ code });
}

/** A store whose methods need their `this`, as those of a class do. */
class OwnStore implements RowStore<"sync"> {
  readonly name = "own";
  readonly backend = "own";
  readonly capabilities = { create: true, append: true, perAtomExtras: false, nested: false };
  readonly warnings = ["repaired"];
  readonly calls: string[] = [];
  readonly #rows = numbered(3);

  count(): number {
    return this.#rows.length;
  }
  getMany(indices: ArrayLike<number>, keys?: readonly string[]): Row[] {
    this.calls.push(`getMany ${keys?.join() ?? "all"}`);
    return Array.from(indices, (i) => this.#rows[i]!);
  }
  schema() {
    return { i: { dtype: "float64" as const, shape: [], perAtom: false } };
  }
  column(key: string, indices: ArrayLike<number>) {
    this.calls.push(`column ${key}`);
    return { key, values: Array.from(indices, (i) => this.#rows[i]![key]!), missing: null };
  }
  append(rows: readonly Row[]): void {
    this.#rows.push(...rows);
  }
  flush(): void {
    this.calls.push("flush");
  }
  losses() {
    return this.calls.map((reason) => ({ key: "x", kind: "widened" as const, reason }));
  }
  discard(): void {
    this.calls.push("discard");
  }
  close(): void {
    this.calls.push("close");
  }
}

describe("toAsync", () => {
  it("keeps every method bound to its store", async () => {
    const own = new OwnStore();
    const { name, backend, capabilities, warnings, ...store } = toAsync(own);
    expect({ name, backend, capabilities, warnings }).toEqual({
      name: "own",
      backend: "own",
      capabilities: own.capabilities,
      warnings: ["repaired"],
    });
    await store.append!([{ i: 3 }]);
    expect(await store.count()).toBe(4);
    expect(await store.getMany([3], ["i"])).toEqual([{ i: 3 }]);
    expect(await store.schema()).toEqual(own.schema());
    expect((await store.column!("i", [1])).values).toEqual([1]);
    await store.flush!();
    await store.discard!();
    await store.close();
    expect(own.calls).toEqual(["getMany i", "column i", "flush", "discard", "close"]);
    expect(store.losses!()).toHaveLength(5);
  });

  it("has no writing methods where the store has none", async () => {
    const { count, getMany, schema, close, name, backend, capabilities, warnings } = memoryStore(numbered(2));
    const store = toAsync({ count, getMany, schema, close, name, backend, capabilities, warnings });
    expect(store.append).toBeUndefined();
    expect(store.flush).toBeUndefined();
    expect(store.discard).toBeUndefined();
    expect(store.losses!()).toEqual([]);
    expect((await store.column!("i", [1, 0])).values).toMatchObject({ data: Float64Array.of(1, 0) });
  });

  it("turns what the store throws into rejections", async () => {
    const store = toAsync(memoryStore([], "m", false));
    await expect(store.getMany([0])).rejects.toThrow(stowageError("ERR_INDEX_RANGE"));
    await expect(store.append!([{}])).rejects.toThrow(stowageError("ERR_READ_ONLY"));
    await store.close();
    await expect(store.count()).rejects.toThrow(stowageError("ERR_CLOSED"));
    await expect(store.column!("i", [])).rejects.toThrow(stowageError("ERR_CLOSED"));
  });
});

describe("columnOf", () => {
  it("uses the store's own method where it has one", async () => {
    const own = new OwnStore();
    expect(columnOfSync(own, "i", [2]).values).toEqual([2]);
    expect((await columnOf(toAsync(own), "i", [2])).values).toEqual([2]);
    expect(own.calls).toEqual(["column i", "column i"]);
  });

  it("defines what such a method returns: the default gives the same, reading one key", async () => {
    const rows: Row[] = [{ a: 1, b: "x" }, { b: "y" }, { a: 3, b: int64(3) }];
    const store = memoryStore(rows);
    const asked: unknown[] = [];
    const counting: RowStore = {
      ...toAsync(store),
      column: undefined,
      getMany: async (indices, keys) => {
        asked.push(keys);
        return store.getMany(indices, keys);
      },
    };
    for (const key of ["a", "b", "absent"]) {
      const column = await columnOf(counting, key, [2, 1, 0, 1]);
      expect(column).toEqual(columnOfSync(store, key, [2, 1, 0, 1]));
      expect(column.missing).toEqual(
        key === "b" ? null : Uint8Array.of(...(key === "a" ? [0, 1, 0, 1] : [1, 1, 1, 1])),
      );
    }
    expect(asked).toEqual([["a"], ["b"], ["absent"]]);
  });

  it("finds no value under a name that objects inherit", async () => {
    const store = toAsync(memoryStore([{}, {}]));
    const careless: RowStore = {
      ...store,
      column: undefined,
      getMany: async (indices) => store.getMany(indices),
    };
    for (const key of ["constructor", "__proto__", "toString"]) {
      expect((await columnOf(careless, key, [0, 1])).missing).toEqual(Uint8Array.of(1, 1));
    }
  });
});

describe("getRow", () => {
  const store = toAsync(memoryStore(numbered(3), "three"));

  it("counts from the end where the index is negative", async () => {
    expect(await getRow(store, 0)).toEqual({ i: 0, name: "row 0" });
    expect(await getRow(store, -1, ["i"])).toEqual({ i: 2 });
    expect(await getRow(store, -3, ["i"])).toEqual({ i: 0 });
  });

  it("refuses what is no row", async () => {
    for (const index of [3, -4])
      await expect(getRow(store, index)).rejects.toThrow(stowageError("ERR_INDEX_RANGE"));
    await expect(getRow(store, 0.5)).rejects.toThrow(TypeError);
  });
});

describe("iterateRows", () => {
  const store = toAsync(memoryStore(numbered(10), "ten"));
  const sizes = async (options: Parameters<typeof iterateRows>[1]) =>
    (await collect(iterateRows(store, options))).map((batch) => batch.map((row) => row.i));

  it("reads every row once, in order, in batches", async () => {
    expect(await sizes({ batchSize: 4 })).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    expect(await sizes({})).toEqual([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]);
    expect(await sizes({ batchSize: 5 })).toHaveLength(2);
    expect(await sizes({ batchSize: 1 })).toHaveLength(10);
  });

  it("stays in its range and in the dataset", async () => {
    expect(await sizes({ start: 3, stop: 6, batchSize: 2 })).toEqual([[3, 4], [5]]);
    expect(await sizes({ start: 8, stop: 100 })).toEqual([[8, 9]]);
    expect(await sizes({ start: 10 })).toEqual([]);
    expect(await sizes({ start: 6, stop: 3 })).toEqual([]);
    expect(await sizes({ stop: 0 })).toEqual([]);
  });

  it("asks for the keys it was given", async () => {
    const [batch] = await collect(iterateRows(store, { keys: ["name"], stop: 1 }));
    expect(batch).toEqual([{ name: "row 0" }]);
  });

  it("reads a batch only when it is asked for", async () => {
    let reads = 0;
    const counting: RowStore = {
      ...store,
      getMany: (indices, keys) => {
        reads++;
        return store.getMany(indices, keys);
      },
    };
    const batches = iterateRows(counting, { batchSize: 2 });
    expect(reads).toBe(0);
    await batches.next();
    await batches.next();
    expect(reads).toBe(2);
    await batches.return();
    expect(reads).toBe(2);
  });

  it("stops at a batch boundary when the signal aborts, with its reason", async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const run = async () => {
      for await (const batch of iterateRows(store, { batchSize: 3, signal: controller.signal })) {
        seen.push(batch.length);
        if (seen.length === 2) controller.abort(new Error("enough"));
      }
    };
    await expect(run()).rejects.toThrow("enough");
    expect(seen).toEqual([3, 3]);
  });

  it.each([
    { batchSize: 0 },
    { batchSize: -1 },
    { batchSize: 1.5 },
    { batchSize: Number.NaN },
    { start: -1 },
    { start: 0.5 },
    { stop: -1 },
    { stop: Number.NaN },
  ])("refuses %o, which would never end or skip rows", async (options) => {
    await expect(collect(iterateRows(store, options))).rejects.toThrow(stowageError("ERR_OPTION"));
  });
});

describe("defineBackend", () => {
  it("keeps names and extensions as literal types", () => {
    const backend = defineBackend({
      name: "demo",
      extensions: [".demo"],
      capabilities: { create: false, append: false, perAtomExtras: true, nested: true },
      open: async (path: string) => toAsync(memoryStore([], path)),
    });
    expectTypeOf(backend.name).toEqualTypeOf<"demo">();
    expectTypeOf(backend.extensions).toEqualTypeOf<readonly [".demo"]>();
    expect(backend.extensions).toEqual([".demo"]);
  });
});
