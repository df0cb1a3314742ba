import type { AtpCommit } from "@stowage/mmap";
import { codecOf } from "./codec.js";
import { committedEnd, type Header } from "./header.js";

/** The index block begins with its count. */
const COUNT_BYTES = 8;

/** What native kernels have to know of a commit. */
export function commitOf(header: Header): AtpCommit {
  const { codec, level, indexOffset, nMolecules, dataStart } = header;
  return {
    codec,
    indexOffset: indexOffset + COUNT_BYTES,
    nMolecules,
    dataStart,
    dataEnd: committedEnd(header),
    maxExpansion: codecOf(codec, level).maxExpansion,
  };
}
