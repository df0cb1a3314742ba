import { bytesOf, type NdArray } from "@stowage/core";
import { aligned, HEADER_BYTES, TRAJ_TAG, ULM_MAGIC, ULM_VERSION } from "./ulm-layout.js";

const PADDING = "#".charCodeAt(0);

/** An item as bytes for one place in the file. */
export interface EncodedItem {
  /** What is written from the place on that the item was made for. */
  readonly chunks: readonly Uint8Array[];
  /** Where its text begins: what the table names. */
  readonly byteOffset: number;
  /** Where the next item may begin. */
  readonly end: number;
}

/** Puts an item together: arrays first, then the text that names them. */
export class UlmItemWriter {
  readonly #chunks: Uint8Array[] = [];
  #end: number;

  /** @param byteOffset  Where in the file the item will be. */
  constructor(byteOffset: number) {
    this.#end = byteOffset;
  }

  /** Adds an array. @returns How the text refers to it. */
  array({ dtype, shape, data }: NdArray): string {
    const place = aligned(this.#end);
    this.#push(new Uint8Array(place - this.#end).fill(PADDING));
    this.#push(bytesOf(data));
    return `{"ndarray": [[${shape.join(", ")}], "${dtype}", ${place}]}`;
  }

  finish(text: string): EncodedItem {
    const byteOffset = this.#end;
    const bytes = new TextEncoder().encode(text);
    this.#push(int64Bytes([bytes.length]));
    this.#push(bytes);
    return { chunks: this.#chunks, byteOffset, end: this.#end };
  }

  #push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#end += bytes.length;
  }
}

/** The header and the first table of a file without frames. */
export function emptyTraj(): Uint8Array {
  const mark = new TextEncoder().encode(ULM_MAGIC + TRAJ_TAG);
  // ASE writes -1 into the one place of the first table, too.
  return Uint8Array.from([...mark, ...int64Bytes([ULM_VERSION, 0, HEADER_BYTES, -1])]);
}

/** Integers as the container has them. */
export function int64Bytes(values: readonly number[], length: number = values.length): Uint8Array {
  const bytes = new Uint8Array(length * 8);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    view.setBigInt64(i * 8, BigInt(value), true);
  });
  return bytes;
}
