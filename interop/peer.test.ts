import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { ExchangedArray, ExchangedDType } from "./exchange.js";
import { openPeer, type Peer, type PeerName, runPeer } from "./peer.js";
import { temporaryFolder } from "./temporary-folder.js";

const float64Bits = [0n, 0x8000000000000000n, 0x7ff8000000000000n, 0xfff8000000000123n, 0x7ff0000000000000n];
const int64Extremes = [-(2n ** 63n), -1n, 0n, 2n ** 53n + 1n, 2n ** 63n - 1n];

const arrays: Record<string, { array: ExchangedArray; bits: bigint[] }> = {
  "float64 with -0, NaN and a NaN payload": {
    array: { dtype: "float64", shape: [5], data: new Float64Array(BigUint64Array.from(float64Bits).buffer) },
    bits: float64Bits,
  },
  "int64 extremes in two dimensions": {
    array: { dtype: "int64", shape: [5, 1], data: BigInt64Array.from(int64Extremes) },
    bits: int64Extremes.map((value) => BigInt.asUintN(64, value)),
  },
  "float32 with -0 and NaN": {
    array: { dtype: "float32", shape: [1, 2, 1], data: Float32Array.of(-0, Number.NaN) },
    bits: [0x80000000n, 0x7fc00000n],
  },
  "float16 bit patterns": {
    array: { dtype: "float16", shape: [3], data: Uint16Array.of(0x8000, 0x7e01, 0x3c00) },
    bits: [0x8000n, 0x7e01n, 0x3c00n],
  },
  "a bool scalar": { array: { dtype: "bool", shape: [], data: Uint8Array.of(1) }, bits: [1n] },
  "no elements": { array: { dtype: "uint8", shape: [0, 3], data: new Uint8Array(0) }, bits: [] },
};

let peer: Peer;
beforeAll(() => {
  peer = openPeer("current");
});
afterAll(() => peer?.close());

describe.each(Object.entries(arrays))("%s", (_, { array, bits }) => {
  test("is in Python what it is here", async () => {
    const seen = (await peer.call("echo", "describe", { array })) as { bits: (number | bigint)[] };
    expect({ ...seen, bits: seen.bits.map(BigInt) }).toEqual({
      dtype: array.dtype,
      shape: array.shape,
      bits,
    });
  });

  test("comes back bit-equal", async () => {
    const back = (await peer.call("echo", "echo", { value: array })) as ExchangedArray;
    expect({ dtype: back.dtype, shape: back.shape, data: bytesOf(back) }).toEqual({
      dtype: array.dtype,
      shape: array.shape,
      data: bytesOf(array),
    });
    expect(back.data.constructor).toBe(array.data.constructor);
  });
});

const scalars = [
  null,
  true,
  "é\n",
  1.5,
  -0,
  Number.NaN,
  Infinity,
  -Infinity,
  2n ** 63n - 1n,
  [{ a: [] }, {}],
];

test.each(scalars.map((value) => [value]))("%s comes back equal", async (value) => {
  expect(await peer.call("echo", "echo", { value })).toStrictEqual(value);
  expect(await runPeer("current", "echo_input.py", value)).toStrictEqual(value);
});

test("bytes come back equal", async () => {
  const value = Uint8Array.of(0, 255, 128);
  expect(await peer.call("echo", "echo", { value })).toStrictEqual(value);
});

test("calls that overlap get their own answers", async () => {
  const values = Array.from({ length: 50 }, (_, i) => i);
  expect(await Promise.all(values.map((value) => peer.call("echo", "echo", { value })))).toEqual(values);
});

test("what a function prints is not taken for its answer", async () => {
  expect(await peer.call("echo", "shout", { text: "quiet" })).toBe("QUIET");
});

test("a function that raises rejects with its traceback, and the peer goes on", async () => {
  await expect(peer.call("echo", "fail", { message: "no such luck" })).rejects.toThrow(
    /echo\.fail failed \(current\)\nTraceback[\s\S]*in fail\n[\s\S]*ValueError: no such luck/,
  );
  await expect(peer.call("no_such_module", "fail")).rejects.toThrow("No module named 'no_such_module'");
  expect(await peer.call("echo", "echo", { value: 1 })).toBe(1);
});

test("a script that raises rejects with its traceback", async () => {
  await expect(runPeer("current", "echo_input.py", "fail")).rejects.toThrow(
    /echo_input\.py failed with 1 \(current\)\nTraceback[\s\S]*ValueError: asked to fail/,
  );
});

test("calls to a peer that has ended reject", async () => {
  const ended = openPeer("current");
  await ended.close();
  await expect(ended.call("echo", "echo", { value: 1 })).rejects.toThrow("ended with 0");
});

test("a missing peer is an error that says why", () => {
  const peers = process.env.STOWAGE_PEERS;
  onTestFinished(() => {
    process.env.STOWAGE_PEERS = peers;
  });
  process.env.STOWAGE_PEERS = JSON.stringify({ current: { problem: "python3 is absent" } });
  expect(() => openPeer("current")).toThrow('The peer "current" is missing. python3 is absent');
});

const temporary: string[] = [];

test("a temporary folder is there during the test", () => {
  temporary.push(temporaryFolder());
  expect(existsSync(temporary[0])).toBe(true);
});

test("and gone after it", () => {
  expect(temporary.map((folder) => existsSync(folder))).toEqual([false]);
});

const requirements = new URL("requirements/", import.meta.url);

describe.each(readdirSync(requirements).map((file) => path.basename(file, ".txt") as PeerName))(
  "%s",
  (name) => {
    test("has the versions that its requirements pin", async () => {
      const pinned = Object.fromEntries(
        readFileSync(new URL(`${name}.txt`, requirements), "utf8")
          .split("\n")
          .filter((line) => /^\w/.test(line))
          .map((line) => line.trim().split("==")),
      );
      await using python = openPeer(name);
      expect(await python.call("echo", "versions", { names: Object.keys(pinned) })).toEqual(pinned);
      expect(pinned).toHaveProperty("atompack-db");
    });
  },
);

function bytesOf({ data }: ExchangedArray<ExchangedDType>): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
