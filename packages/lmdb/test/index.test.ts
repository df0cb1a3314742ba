import { expect, it } from "vitest";
import * as lmdb from "../src/index.js";

it("exports what users need, and nothing else", () => {
  expect(Object.keys(lmdb).sort()).toEqual([
    "LmdbReader",
    "LmdbRows",
    "RemoteLmdb",
    "RemoteLmdbRows",
    "aselmdb",
    "default",
    "listGroups",
    "lmdb",
    "nativeStatus",
    "openAseLmdbStore",
    "openLmdb",
    "openLmdbRows",
    "openLmdbStore",
  ]);
});
