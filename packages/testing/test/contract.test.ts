import {
  type BackendSpec,
  isNdArray,
  memory,
  type OpenOptions,
  type Row,
  type RowStore,
  readOnly,
  StowageError,
  schemaOfRows,
  toAsync,
  type Value,
} from "@stowage/core";
import { describe, expect, it } from "vitest";
import { backendContract, type ContractOptions, runContract } from "../src/index.js";

type Store = RowStore<"sync">;
type Change = (store: Store, path: string, options: OpenOptions) => Partial<Store>;

let datasets = 0;
const freshPath = () => `broken://${datasets++}`;

/** The memory backend under another name, with some methods replaced. */
function changed(
  change: Change,
  spec: Partial<BackendSpec> = {},
  seen: (o: OpenOptions) => OpenOptions = (o) => o,
) {
  const openSync = (path: string, options: OpenOptions = {}): Store => {
    const { capabilities = memory.capabilities } = spec;
    const store: Store = { ...memory.openSync!(path, seen(options)), backend: "broken", capabilities };
    return { ...store, blobs: undefined, ...change(store, path, options) };
  };
  const open = async (path: string, options?: OpenOptions) => toAsync(openSync(path, options));
  const { capabilities, listGroups } = memory;
  return {
    name: "broken",
    extensions: [],
    schemes: ["broken"],
    capabilities,
    listGroups,
    openSync,
    open,
    ...spec,
  };
}

/** What one check says of a backend. */
async function verdict(check: string, backend: BackendSpec, options: Partial<ContractOptions> = {}) {
  const checks = backendContract({ backend, freshPath, seed: 7, ...options });
  const found = checks.find(({ name }) => name === `open: ${check}`);
  if (found === undefined) throw new TypeError(`there is no check "${check}"`);
  await found.run();
}

const mapped = (rows: Row[], change: (value: Value) => Value): Row[] =>
  rows.map((row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, change(value)])));

const asNumber = (value: Value): Value =>
  isNdArray(value) && value.shape.length === 0 && value.dtype === "int64" ? Number(value.data[0]) : value;

const defects: Record<string, Change> = {
  "gives rows in the order asked for, again where asked again": ({ getMany }) => ({
    getMany: (indices, keys) => getMany(Array.from(indices).sort(), keys),
  }),
  "keeps exactly: float64 scalars": ({ getMany }) => ({
    getMany: (indices, keys) => mapped(getMany(indices, keys), (v) => (Object.is(v, -0) ? 0 : v)),
  }),
  "keeps exactly: int64 scalars": ({ getMany }) => ({
    getMany: (indices, keys) => mapped(getMany(indices, keys), asNumber),
  }),
  "keeps exactly: objects": ({ append }) => ({
    append: (rows) =>
      append!(mapped([...rows], (v) => (typeof v === "object" && v && !isNdArray(v) ? String(v) : v))),
  }),
  "gives the keys asked for, and leaves out those that a row has not": ({ getMany }) => ({
    getMany: (indices) => getMany(indices),
  }),
  "refuses indices outside of it": ({ getMany, count }) => ({
    getMany: (indices, keys) =>
      getMany(
        Array.from(indices, (i) => (i < 0 ? i + count() : i)),
        keys,
      ),
  }),
  "gives columns that hold what rows hold": ({ getMany }) => ({
    column: (key, indices) => {
      const values = getMany(indices).map((row) => row[key] ?? null);
      return { key, values, missing: null };
    },
  }),
  "has a schema that says what rows hold": ({ getMany }) => ({ schema: () => schemaOfRows(getMany([0])) }),
  "keeps a dataset without rows": () => ({ schema: () => schemaOfRows([{ a: 1 }]) }),
  "sets keys of rows, and leaves the others": ({ set }) => ({ update: set }),
  "replaces whole rows": ({ update }) => ({ set: update }),
  "removes rows, wherever they are": ({ delete: remove }) => ({
    delete: (indices) => remove!(Array.from(indices).slice(0, 1)),
  }),
  "inserts rows before any row, and at the end": ({ insert, count }) => ({
    insert: (index, rows) => insert!(Math.min(index + 1, count()), rows),
  }),
  "keeps reserved places, and fills them": ({ append }) => ({
    append: (rows) => append!(rows.filter((row) => Object.keys(row).length > 0)),
  }),
  "refuses to be read when it is closed": () => ({ close: () => undefined }),
  "shows appended rows at once": ({ append }) => ({ append: (rows) => append!(rows.slice(0, 1)) }),
  "removes the dataset itself, and is closed then": ({ clear, close }) => ({
    destroy: () => {
      clear!();
      close();
    },
  }),
  "does what a plain list does, over random operations (seed 7)": ({ drop }) => ({
    drop: (keys, indices) => drop!(keys.slice(1), indices),
  }),
};

describe("the contract", () => {
  it("is kept by the memory backend under another name", async () => {
    const { passed, failed } = await runContract({ backend: changed(() => ({})), freshPath });
    expect(failed).toEqual([]);
    expect(passed.length).toBeGreaterThan(200);
  });

  it.each(Object.entries(defects))("finds what is wrong: %s", async (check, change) => {
    await expect(verdict(check, changed(change))).rejects.toMatchObject({ code: "ERR_CONTRACT" });
  });

  it("finds rows that can be changed though they are open for reading", async () => {
    const backend = changed(
      () => ({}),
      {},
      (options) => ({ ...options, mode: "r+" }),
    );
    for (const check of ["changes nothing that is open for reading", "refuses to read what is not there"]) {
      await expect(verdict(check, backend)).rejects.toMatchObject({ code: "ERR_CONTRACT" });
    }
  });

  it("finds datasets that are replaced without a word", async () => {
    const backend = changed(
      () => ({}),
      {},
      (options) => ({ ...options, overwrite: true }),
    );
    const check = 'makes a dataset with "w", and replaces one only if told to';
    await expect(verdict(check, backend)).rejects.toMatchObject({ code: "ERR_CONTRACT" });
  });

  it("finds groups that are one", async () => {
    const backend = changed(
      () => ({}),
      {},
      (options) => ({ ...options, overwrite: true, group: "default" }),
    );
    await expect(verdict("keeps groups apart, and lists them", backend)).rejects.toMatchObject({
      code: "ERR_CONTRACT",
    });
  });

  it("finds what is done though it is not claimed", async () => {
    const backend = changed(() => ({}), { capabilities: { ...memory.capabilities, edit: false } });
    const check = "refuses changes, which it does not claim";
    await expect(verdict(check, backend)).rejects.toMatchObject({ code: "ERR_CONTRACT" });
  });

  it("finds a sniff that takes everything for its own", async () => {
    const backend = changed(() => ({}), { sniff: () => true });
    await expect(
      verdict("recognises its files, and no others, by their first bytes", backend),
    ).rejects.toMatchObject({ code: "ERR_CONTRACT" });
  });

  it("finds twins that differ", async () => {
    const backend = changed(() => ({}));
    const open = async (path: string, options?: OpenOptions) => {
      const store = await backend.open(path, options);
      return { ...store, warnings: ["of one twin only"] };
    };
    await expect(
      verdict("says the same by open and by openSync", { ...backend, open }),
    ).rejects.toMatchObject({
      code: "ERR_CONTRACT",
    });
  });

  it("finds a list that goes in by half", async () => {
    const oneByOne: Change = ({ append }) => ({
      append: (rows) => {
        for (const row of rows) {
          if (Object.values(row).includes(true)) throw loss();
          append!([row]);
        }
      },
    });
    const check = "refuses, and goes on: booleans";
    await expect(
      verdict(check, changed(oneByOne), { exceptions: { booleans: "refused" } }),
    ).rejects.toMatchObject({ code: "ERR_CONTRACT" });
  });

  it("wants what is declared to be so, and notes where values change", async () => {
    const exceptions = { null: "noted" } as const;
    const check = "keeps under another type, and notes it: null";
    const notes = [{ key: "info.value", kind: "widened", reason: "null kept as text" }] as const;
    const asText: Change = ({ append }) => ({
      append: (rows) => append!(mapped([...rows], (value) => value ?? "null")),
    });
    const silent = changed(asText);
    const noting = changed((...given) => ({ ...asText(...given), losses: () => notes }));
    await expect(
      verdict(
        check,
        changed(() => ({})),
        { exceptions },
      ),
    ).rejects.toThrow(/noted in losses/);
    await expect(verdict(check, silent, { exceptions })).rejects.toThrow(/noted in losses/);
    await expect(verdict(check, noting, { exceptions })).rejects.toThrow(/row 0 but for what is noted/);
  });

  it("refuses to begin with exceptions of no rows, or without any datasets", () => {
    const backend = changed(() => ({}));
    expect(() => backendContract({ backend, freshPath, exceptions: { nulls: "noted" } })).toThrow(
      expect.objectContaining({ code: "ERR_OPTION", hint: expect.stringContaining("null;") }),
    );
    const reader = changed(() => ({}), { capabilities: { ...memory.capabilities, create: false } });
    expect(() => backendContract({ backend: reader, freshPath })).toThrow(
      expect.objectContaining({ code: "ERR_OPTION", hint: expect.stringContaining("prepare") }),
    );
  });

  it("tries a backend that only reads, over datasets that are prepared", async () => {
    const capabilities = { create: false, append: false, perAtomExtras: true, nested: true };
    const writing = changed(() => ({}));
    const reading = changed(
      ({ count, getMany, schema, close }, path) => ({
        ...{ insert: undefined, set: undefined, update: undefined, delete: undefined, drop: undefined },
        ...{ clear: undefined, destroy: undefined, flush: undefined, count, getMany, schema, close },
        append: () => {
          throw readOnly(path);
        },
      }),
      { capabilities },
    );
    const openSync = (path: string, options: OpenOptions = {}): Store => {
      if ((options.mode ?? "r") === "r") return reading.openSync(path, options);
      throw new StowageError("ERR_UNSUPPORTED", `Cannot write ${path}`, { feature: "mode" });
    };
    const backend = {
      ...reading,
      openSync,
      open: async (path: string, options?: OpenOptions) => toAsync(openSync(path, options)),
    };
    const prepare = (path: string, rows: readonly Row[], group?: string) => {
      const store = writing.openSync(path, { mode: "w", group });
      store.append!(rows);
      store.close();
    };
    const { passed, failed } = await runContract({ backend, freshPath, prepare });
    expect(failed).toEqual([]);
    expect(passed).toContain('open: refuses mode "w", as it makes no datasets');
    expect(passed).toContain("openSync: keeps exactly: constraints");
  });

  it("reports what fails, and goes on", async () => {
    const { passed, failed } = await runContract({
      backend: changed(() => ({ count: () => -1 })),
      freshPath,
    });
    expect(failed.length).toBeGreaterThan(10);
    expect(passed.length).toBeGreaterThan(2);
    expect(failed.map(({ name }) => name)).toContain("open: keeps a dataset without rows");
  });
});

function loss(): StowageError<"ERR_LOSS"> {
  return new StowageError("ERR_LOSS", "Cannot keep true", { key: "info.value", reason: "no booleans" });
}
