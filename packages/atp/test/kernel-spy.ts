import { MapKernels, nativeStatus } from "@stowage/mmap";
import { onTestFinished, vi } from "vitest";

/** Whether files opened by path are mapped here. Switched off by STOWAGE_NATIVE=0 and only then: see CONTRIBUTING. */
export const isNative: boolean = nativeStatus().available;

/** How often kernels were asked, and how often they left the work to TypeScript. */
export interface KernelCount {
  flat: number;
  flatLeft: number;
  decompressed: number;
  decompressLeft: number;
  records: number;
  recordsLeft: number;
  reset(): void;
}

/** Counts what kernels do while the running test lasts. */
export function countKernels(): KernelCount {
  const count: KernelCount = {
    flat: 0,
    flatLeft: 0,
    decompressed: 0,
    decompressLeft: 0,
    records: 0,
    recordsLeft: 0,
    reset: () => {
      for (const key of [
        "flat",
        "flatLeft",
        "decompressed",
        "decompressLeft",
        "records",
        "recordsLeft",
      ] as const) {
        count[key] = 0;
      }
    },
  };
  const { atpPlan, atpReader, decompress, decompressMany } = MapKernels.prototype;
  vi.spyOn(MapKernels.prototype, "atpReader").mockImplementation(function (this: MapKernels, ...args) {
    const reader = atpReader.apply(this, args);
    const read = reader.read.bind(reader);
    reader.read = (...given) => {
      const size = read(...given);
      if (size >= -1) count[size === -1 ? "recordsLeft" : "records"]++; // else it asks for more room
      return size;
    };
    return reader;
  });
  vi.spyOn(MapKernels.prototype, "atpPlan").mockImplementation(function (this: MapKernels, ...args) {
    const plan = atpPlan.apply(this, args);
    const [find, flat] = [plan.find.bind(plan), plan.flat.bind(plan)];
    plan.find = (...given) => {
      const found = find(...given);
      if (found === null) count.flatLeft++;
      return found;
    };
    plan.flat = (...given) => {
      const read = flat(...given);
      count[read === null ? "flatLeft" : "flat"]++;
      return read;
    };
    return plan;
  });
  vi.spyOn(MapKernels.prototype, "decompress").mockImplementation(function (this: MapKernels, ...args) {
    const done = decompress.apply(this, args);
    count[done ? "decompressed" : "decompressLeft"]++;
    return done;
  });
  vi.spyOn(MapKernels.prototype, "decompressMany").mockImplementation(function (this: MapKernels, ...args) {
    const done = decompressMany.apply(this, args);
    count[done ? "decompressed" : "decompressLeft"]++;
    return done;
  });
  onTestFinished(() => {
    vi.restoreAllMocks();
  });
  return count;
}
