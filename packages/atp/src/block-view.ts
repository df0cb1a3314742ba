/** Larger blocks are not kept: what looked at one record would keep them in memory. */
const MAX_KEPT_BYTES = 1 << 20;

let block: ArrayBufferLike = new ArrayBuffer(0);
let view: DataView = new DataView(block);

/**
 * A view of all bytes of a block of memory.
 *
 * Small arrays and records lie in shared blocks, so the view made last mostly serves the next call: making one costs
 * more than the few numbers that are read by it.
 */
export function blockView(buffer: ArrayBufferLike): DataView {
  if (buffer === block) return view;
  const made = new DataView(buffer);
  if (buffer.byteLength <= MAX_KEPT_BYTES) {
    block = buffer;
    view = made;
  }
  return made;
}
