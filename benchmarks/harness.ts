// Times our code beside a Python peer's, in one run.
//
// benchmarks/sum.ts, run with `npm run bench -- sum [--runs 15] [--case float64]`:
//
//   import { memcpy, runBenchmark } from "./harness.js";
//
//   const n = 1_000_000;
//   const values = Float64Array.from({ length: n }, (_, i) => i);
//   await runBenchmark("sum", [
//     {
//       name: "float64",
//       units: n,
//       unit: "values",
//       ours: () => values.reduce((total, value) => total + value, 0),
//       peer: { case: "sum_float64", n },
//       agrees: (total, answer) => total === answer.total,
//       limit: memcpy(values.byteLength),
//     },
//   ]);
//
// benchmarks/python/sum.py, the peer's side of it:
//
//   from functools import cache
//   import numpy as np
//   from bench_peer import serve, timed
//
//   @cache
//   def values(n):
//       return np.arange(n, dtype=np.float64)
//
//   def sum_float64(n):
//       array = values(n)  # not timed
//       seconds, total = timed(array.sum)
//       return {"seconds": seconds, "total": float(total)}
//
//   serve(sum_float64)
//
// Both sides prepare outside the timed part. The peer is one long-lived process that times itself, so that neither
// its start nor the exchange of requests is counted. Runs alternate (ours, peer, limit; then the other way round), so
// that whatever else the machine does meets all of them alike.

import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { type PeerName, PythonServer } from "../interop/python-process.js";
import { formatTable } from "./table.js";

/** What the peer answers: its time, and whatever `agrees` wants to compare. */
export interface PeerAnswer {
  readonly seconds: number;
  readonly [key: string]: unknown;
}

/** Something that no implementation can beat, timed in the same rounds. */
export interface PhysicalLimit {
  readonly name: string;
  run(): unknown;
}

/**
 * One comparison.
 *
 * @typeParam S  What `prepare` makes for each run.
 * @typeParam R  What our code returns.
 */
export interface BenchmarkCase<S = unknown, R = unknown> {
  readonly name: string;
  /** How many of `unit` one run handles. */
  readonly units: number;
  /** In the plural: "molecules", "bytes". */
  readonly unit: string;
  /** Runs before each of our runs and is not timed: removes the file to write, opens the one to read. */
  prepare?(): S | Promise<S>;
  /** Our code; what it returns is kept, so that the work cannot be optimised away. */
  ours(prepared: S): R | Promise<R>;
  /** Runs after each of our runs and is not timed. */
  dispose?(prepared: S): void | Promise<void>;
  /** The request to the peer: which function of python/<benchmark>.py, and its parameters by name. */
  readonly peer?: { readonly case: string; readonly [parameter: string]: unknown };
  /** Whether both did the same work. Asked once, before any run that counts. */
  agrees?(ours: R, peer: PeerAnswer): boolean;
  readonly limit?: PhysicalLimit;
}

/** Seconds. */
interface Timing {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly runs: readonly number[];
}

interface CaseResult {
  readonly name: string;
  readonly units: number;
  readonly unit: string;
  readonly ours: Timing;
  readonly peer?: Timing;
  /** How many times as fast as the peer we are. */
  readonly ratio?: number;
  readonly limit?: Timing & { readonly name: string };
  /** Which part of the limit's speed we reach. */
  readonly limitShare?: number;
}

/** As many as the compiler of JavaScript takes until it has seen enough. */
const WARM_UP_ROUNDS = 6;
const LEAST_RUNS = 9;

/** Makes a case of its types known to the compiler, for lists of cases that differ in them. */
export function benchmarkCase<S, R>(benchmark: BenchmarkCase<S, R>): BenchmarkCase {
  return benchmark as BenchmarkCase;
}

/** Copying bytes from one place in memory to another. */
export function memcpy(bytes: number): PhysicalLimit {
  let source: Uint8Array | undefined;
  let target: Uint8Array | undefined;
  return {
    name: "memcpy",
    run() {
      // Filled, because untouched pages of a new buffer are all one page of zeros.
      source ??= new Uint8Array(bytes).fill(1);
      target ??= new Uint8Array(bytes).fill(2);
      target.set(source);
      return target;
    },
  };
}

/**
 * Runs cases, prints a table and writes the results to `.cache/bench/results/<name>.json`.
 *
 * @param name     Also the name of the peer's file in benchmarks/python.
 * @param options  `peer`: whose Python packages; default "current".
 * @throws {Error} if the two sides disagree, or the peer fails.
 */
export async function runBenchmark(
  name: string,
  cases: readonly BenchmarkCase[],
  options: { peer?: PeerName } = {},
): Promise<void> {
  const { values: flags } = parseArgs({
    options: { runs: { type: "string", default: String(LEAST_RUNS) }, case: { type: "string", default: "" } },
  });
  const runs = Math.max(LEAST_RUNS, Number(flags.runs));
  const chosen = cases.filter((candidate) => candidate.name.includes(flags.case));
  if (chosen.length === 0) throw new Error(`No case of ${name} has "${flags.case}" in its name`);

  const needsPeer = chosen.some((candidate) => candidate.peer !== undefined);
  const peer = needsPeer ? await openBenchPeer(options.peer ?? "current", name) : undefined;
  const machine = {
    cpu: cpus()[0]?.model.trim() ?? process.arch,
    cores: availableParallelism(),
    platform: `${process.platform}-${process.arch}`,
    node: process.versions.node,
  };
  console.log(`${name}: ${machine.cpu}, ${machine.cores} cores, ${machine.platform}, Node ${machine.node}`);
  if (peer) console.log(`peer: ${Object.entries(peer.versions).flat().join(" ")}`);
  console.log(`medians of ${runs} runs (fastest–slowest), after ${WARM_UP_ROUNDS} that do not count\n`);

  const results: CaseResult[] = [];
  try {
    for (const benchmark of chosen) results.push(await runCase(benchmark, runs, peer));
  } finally {
    await peer?.close();
  }
  console.log(formatTable(HEADER, results.map(tableRow)));
  const compared = results.filter((result) => result.ratio !== undefined);
  const slowest = compared.sort((a, b) => (a.ratio ?? 0) - (b.ratio ?? 0))[0];
  if (slowest) console.log(`\nslowest against the peer: ${slowest.name}, ${slowest.ratio?.toFixed(2)}×`);

  const folder = new URL("../.cache/bench/results/", benchmarksFolder());
  mkdirSync(folder, { recursive: true });
  const report = { name, date: new Date().toISOString(), machine, peer: peer?.versions, results };
  writeFileSync(new URL(`${name}.json`, folder), `${JSON.stringify(report, null, 2)}\n`);
}

/** This module is bundled into .cache/bench and cannot tell from its own place: scripts/bench.mjs says it. */
function benchmarksFolder(): string {
  const folder = process.env.STOWAGE_BENCHMARKS;
  if (folder === undefined) throw new Error("Start benchmarks with npm run bench");
  return folder;
}

interface BenchPeer {
  readonly versions: Record<string, string>;
  run(request: object): Promise<PeerAnswer>;
  close(): Promise<void>;
}

/** Typed arrays go as lists. They are kept as arrays until then: a heap full of lists would cost our side time. */
function listed(_: string, value: unknown): unknown {
  return ArrayBuffer.isView(value) ? Array.from(value as Uint32Array) : value;
}

async function openBenchPeer(peer: PeerName, name: string): Promise<BenchPeer> {
  const server = new PythonServer(peer, new URL(`python/${name}.py`, benchmarksFolder()));
  const ask = async (request: object): Promise<Record<string, unknown>> => {
    const answer = JSON.parse(await server.request(JSON.stringify(request, listed)));
    if (answer.error !== undefined) throw new Error(`The peer's side of ${name} failed\n${answer.error}`);
    return answer;
  };
  return {
    versions: (await ask({ case: "versions" })) as Record<string, string>,
    run: async (request) => (await ask(request)) as PeerAnswer,
    close: () => server.close(),
  };
}

async function runCase(benchmark: BenchmarkCase, runs: number, peer?: BenchPeer): Promise<CaseResult> {
  const seconds = { ours: [] as number[], peer: [] as number[], limit: [] as number[] };
  for (let round = -WARM_UP_ROUNDS; round < runs; round++) {
    let ours: unknown;
    let answer: PeerAnswer | undefined;
    const steps = [
      async () => {
        const prepared = await benchmark.prepare?.();
        const timed = await time(() => benchmark.ours(prepared));
        ours = timed.result;
        if (round >= 0) seconds.ours.push(timed.seconds);
        await benchmark.dispose?.(prepared);
      },
      async () => {
        if (!peer || !benchmark.peer) return;
        answer = await peer.run(benchmark.peer);
        if (round >= 0) seconds.peer.push(answer.seconds);
      },
      async () => {
        if (!benchmark.limit) return;
        const { limit } = benchmark;
        const timed = await time(() => limit.run());
        if (round >= 0) seconds.limit.push(timed.seconds);
      },
    ];
    if (round % 2 !== 0) steps.reverse();
    for (const step of steps) await step();
    if (round === -WARM_UP_ROUNDS && answer && benchmark.agrees && !benchmark.agrees(ours, answer)) {
      throw new Error(`${benchmark.name}: the two sides disagree, the peer says ${JSON.stringify(answer)}`);
    }
  }
  const ours = summarise(seconds.ours);
  const theirs = seconds.peer.length > 0 ? summarise(seconds.peer) : undefined;
  const limit = seconds.limit.length > 0 ? summarise(seconds.limit) : undefined;
  return {
    name: benchmark.name,
    units: benchmark.units,
    unit: benchmark.unit,
    ours,
    ...(theirs && { peer: theirs, ratio: theirs.median / ours.median }),
    ...(limit && {
      limit: { name: benchmark.limit?.name ?? "", ...limit },
      limitShare: limit.median / ours.median,
    }),
  };
}

async function time(work: () => unknown): Promise<{ seconds: number; result: unknown }> {
  const start = process.hrtime.bigint();
  const pending = work();
  // Waiting for what is there already would count a turn of the event loop's queue.
  const result = pending instanceof Promise ? await pending : pending;
  return { seconds: Number(process.hrtime.bigint() - start) / 1e9, result };
}

function summarise(runs: readonly number[]): Timing {
  const sorted = [...runs].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1 ? at(sorted, middle) : (at(sorted, middle - 1) + at(sorted, middle)) / 2;
  return { median, min: at(sorted, 0), max: at(sorted, sorted.length - 1), runs };
}

function at(values: readonly number[], index: number): number {
  return values[index] ?? Number.NaN;
}

const HEADER = [
  "case",
  "ours, ms",
  "peer, ms",
  "ratio",
  "ours, per second",
  "limit, ms",
  "of limit",
] as const;

function tableRow(result: CaseResult): string[] {
  const { ours, peer, ratio, limit, limitShare } = result;
  return [
    result.name,
    milliseconds(ours),
    peer ? milliseconds(peer) : "",
    ratio === undefined ? "" : `${ratio.toFixed(2)}×`,
    `${Math.round(result.units / ours.median).toLocaleString("en")} ${result.unit}`,
    limit ? `${limit.name} ${milliseconds(limit)}` : "",
    limitShare === undefined ? "" : `${(limitShare * 100).toFixed(0)} %`,
  ];
}

function milliseconds({ median, min, max }: Timing): string {
  const format = (seconds: number): string => {
    const ms = seconds * 1000;
    return ms.toFixed(ms < 1 ? 4 : ms < 100 ? 2 : 0);
  };
  return `${format(median)} (${format(min)}–${format(max)})`;
}
