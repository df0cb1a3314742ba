/** One block of 256 KiB serves many small arrays: allocating each alone costs several times more. */
const SLAB_BYTES = 1 << 18;

let slab = new ArrayBuffer(0);
let used = 0;

/**
 * Memory for one small array, aligned to 8 bytes, zeroed, from a shared block.
 *
 * The block stays alive as long as any array in it; large requests get a block of their own. Such a buffer must not be
 * transferred to another thread: its neighbours would go with it.
 */
export function slabAllocate(byteLength: number): { buffer: ArrayBuffer; byteOffset: number } {
  if (byteLength > SLAB_BYTES >> 3) return { buffer: new ArrayBuffer(byteLength), byteOffset: 0 };
  const start = (used + 7) & ~7;
  if (start + byteLength > slab.byteLength) {
    slab = new ArrayBuffer(SLAB_BYTES);
    used = byteLength;
    return { buffer: slab, byteOffset: 0 };
  }
  used = start + byteLength;
  return { buffer: slab, byteOffset: start };
}
