import { XyzFrame, type XyzKernel } from "@stowage/mmap";
import type { ByteTask } from "./byte-requests.js";
import type { FrameIndexBuilder } from "./frame-index-builder.js";
import { textBlock } from "./text-block.js";

/** Frames found by one call. */
const MAX_FRAMES = 4096;
/** Bytes after which a call comes back, to report progress. */
const STEP_BYTES = 1 << 24;
/** Comments of frames that begin within so many bytes are looked at through one view. */
const VIEW_BYTES = 1 << 28;
/** Bytes behind a comment that its reader may read at once with it. */
const MARGIN = 64;

/** Lets the kernel find frames from the start of an input on, up to the first one that needs a closer look. */
export function* findFrames(
  kernel: XyzKernel,
  builder: FrameIndexBuilder,
  byteLength: number,
  report: (done: number) => void,
): ByteTask<void> {
  const found = new Float64Array(MAX_FRAMES * XyzFrame.size);
  let start = builder.index.end;
  while (start < byteLength && !builder.mustRestart) {
    const count = kernel.scan(start, start + STEP_BYTES, found);
    if (count === 0) return;
    for (let first = 0; first < count && !builder.mustRestart; ) {
      const viewStart = found[first * XyzFrame.size]!;
      let last = first;
      while (last + 1 < count && found[(last + 1) * XyzFrame.size]! - viewStart < VIEW_BYTES) last++;
      const commentEnd = found[last * XyzFrame.size + XyzFrame.commentEnd]!;
      const viewEnd = Math.min(commentEnd + MARGIN, byteLength);
      const text = textBlock(yield { byteOffset: viewStart, byteLength: viewEnd - viewStart });
      builder.pushFound(text, viewStart, found.subarray(first * XyzFrame.size, (last + 1) * XyzFrame.size));
      first = last + 1;
    }
    start = builder.index.end;
    report(start);
  }
}
