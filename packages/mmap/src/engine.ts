/** How a {@link MmapFile} comes by its bytes: by a map, or by reads. Offsets count from the start of its range. */
export interface Engine {
  readonly kind: "mmap" | "buffered";
  /** Bytes of the file that are shown. */
  readonly byteLength: number;
  /** A view: the same memory for the same range each time, until `close`. */
  view(byteOffset: number, byteLength: number): Uint8Array;
  /** A copy, checked to be what the file held. */
  readInto(target: Uint8Array, byteOffset: number): void;
  /** Throws ERR_MAPPING_TRUNCATED if views before `end` may have shown zeros in place of the file's bytes. */
  verify(end: number): void;
  /** Takes up the file's new length; views of before may end with it. */
  refresh(): void;
  advise(advice: Advice, byteOffset: number, byteLength: number): void;
  populate(byteOffset: number, byteLength: number): void;
  flush(byteOffset: number, byteLength: number): void;
  /** Views have length 0 from here on. */
  close(): void;
}

/** How a range will be used, for the system's read-ahead. */
export type Advice = "normal" | "sequential" | "random" | "willneed" | "hugepage";

/** `"r"`: to read. `"r+"`: stores go to the file. `"c"`: stores stay in memory. */
export type MapMode = "r" | "r+" | "c";

/** A range of an open file. */
export interface FileRange {
  readonly path: string;
  readonly mode: MapMode;
  readonly byteOffset: number;
  /** `null`: to the end of the file, and further as it grows. */
  readonly byteLength: number | null;
}
