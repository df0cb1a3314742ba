/** One block of 512 KiB serves many small arrays: allocating each alone costs several times more. */
const SLAB_BYTES = 1 << 19;

/** A place in a block. */
export interface SlabPlace {
  readonly buffer: ArrayBuffer;
  /** All bytes of the buffer. */
  readonly block: Uint8Array;
  readonly byteOffset: number;
}

/** Hands out places of one block after the other. */
class Slab {
  readonly #newBuffer: (byteLength: number) => ArrayBuffer;
  #buffer = new ArrayBuffer(0);
  #block = new Uint8Array(this.#buffer);
  #used = SLAB_BYTES;

  constructor(newBuffer: (byteLength: number) => ArrayBuffer) {
    this.#newBuffer = newBuffer;
  }

  /** Room for `byteLength` bytes or more, none of it taken yet. */
  peek(byteLength: number): SlabRoom {
    const byteOffset = (this.#used + 7) & ~7;
    const room = this.#block.length - byteOffset;
    if (room >= byteLength) return { buffer: this.#buffer, byteOffset, room };
    this.#renew(Math.max(byteLength, SLAB_BYTES));
    return { buffer: this.#buffer, byteOffset: 0, room: this.#block.length };
  }

  /** Takes the first bytes of what `peek` has shown. */
  keep({ byteOffset }: SlabRoom, byteLength: number): void {
    this.#used = byteOffset + byteLength;
  }

  take(byteLength: number): SlabPlace {
    if (byteLength > SLAB_BYTES >> 3) {
      const buffer = this.#newBuffer(byteLength);
      return { buffer, block: new Uint8Array(buffer), byteOffset: 0 };
    }
    let byteOffset = (this.#used + 7) & ~7;
    if (byteOffset + byteLength > this.#block.length) {
      this.#renew(SLAB_BYTES);
      byteOffset = 0;
    }
    this.#used = byteOffset + byteLength;
    return { buffer: this.#buffer, block: this.#block, byteOffset };
  }

  #renew(byteLength: number): void {
    this.#buffer = this.#newBuffer(byteLength);
    this.#block = new Uint8Array(this.#buffer);
    this.#used = 0;
  }
}

const zeroed = new Slab((byteLength) => new ArrayBuffer(byteLength));
const unset = new Slab(unsetBuffer);

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

/** Unset memory whose first bytes somebody may take, once it is known how many. */
export interface SlabRoom {
  readonly buffer: ArrayBuffer;
  readonly byteOffset: number;
  /** Bytes from there on. */
  readonly room: number;
}

/** Shows memory of at least so many bytes, as {@link slabAllocateUnset} would give it; {@link slabKeepUnset} takes it. */
export function slabPeekUnset(byteLength: number): SlabRoom {
  return unset.peek(byteLength);
}

/** Takes the first bytes of what {@link slabPeekUnset} has just shown. */
export function slabKeepUnset(room: SlabRoom, byteLength: number): void {
  unset.keep(room, byteLength);
}

/**
 * A buffer of its own whose bytes are left over from something else: the caller sets all of them.
 *
 * Zeroing memory costs as much as filling it. Only Node's Buffer, where there is one, can leave that out.
 */
export function unsetBuffer(byteLength: number): ArrayBuffer {
  if (typeof globalThis.Buffer !== "function") return new ArrayBuffer(byteLength);
  const { buffer, byteLength: size } = globalThis.Buffer.allocUnsafeSlow(byteLength);
  // A stand-in for Buffer may put it into something larger.
  return buffer.byteLength === size ? (buffer as ArrayBuffer) : new ArrayBuffer(byteLength);
}
