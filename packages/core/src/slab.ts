/** One block of 256 KiB serves many small arrays: allocating each alone costs several times more. */
const SLAB_BYTES = 1 << 18;

/** A place in a block. */
export interface SlabPlace {
  readonly buffer: ArrayBuffer;
  readonly byteOffset: number;
}

/** Hands out places of one block after the other. */
class Slab {
  readonly #newBlock: (byteLength: number) => ArrayBuffer;
  #block = new ArrayBuffer(0);
  #used = SLAB_BYTES;

  constructor(newBlock: (byteLength: number) => ArrayBuffer) {
    this.#newBlock = newBlock;
  }

  take(byteLength: number): SlabPlace {
    if (byteLength > SLAB_BYTES >> 3) return { buffer: this.#newBlock(byteLength), byteOffset: 0 };
    const start = (this.#used + 7) & ~7;
    if (start + byteLength > SLAB_BYTES) {
      this.#block = this.#newBlock(SLAB_BYTES);
      this.#used = byteLength;
      return { buffer: this.#block, byteOffset: 0 };
    }
    this.#used = start + byteLength;
    return { buffer: this.#block, byteOffset: start };
  }
}

const zeroed = new Slab((byteLength) => new ArrayBuffer(byteLength));
const unset = new Slab(unsetBlock);

/**
 * Memory for one small array, aligned to 8 bytes, zeroed, from a shared block.
 *
 * The block stays alive as long as any array in it; large requests get a block of their own. Such a buffer must not be
 * transferred to another thread: its neighbours would go with it.
 */
export function slabAllocate(byteLength: number): SlabPlace {
  return zeroed.take(byteLength);
}

/** As {@link slabAllocate}, but what the memory holds is left over from something else: the caller sets all of it. */
export function slabAllocateUnset(byteLength: number): SlabPlace {
  return unset.take(byteLength);
}

/** Zeroing a block costs as much as filling it. Only Node's Buffer, where there is one, can leave that out. */
function unsetBlock(byteLength: number): ArrayBuffer {
  if (typeof globalThis.Buffer !== "function") return new ArrayBuffer(byteLength);
  const { buffer, byteLength: size } = globalThis.Buffer.allocUnsafeSlow(byteLength);
  // A stand-in for Buffer may put it into something larger.
  return buffer.byteLength === size ? (buffer as ArrayBuffer) : new ArrayBuffer(byteLength);
}
