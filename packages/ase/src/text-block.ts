/** Bytes of text, with a view of them for reading several at once. */
export interface TextBlock {
  readonly bytes: Uint8Array;
  /** Over the same bytes. */
  readonly view: DataView;
}

/** Wraps bytes without copying them. */
export function textBlock(bytes: Uint8Array): TextBlock {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

/** Where the line after this one begins. */
export function nextLine(bytes: Uint8Array, position: number): number {
  const at = endOfLine(bytes, position);
  return bytes[at] === 13 && bytes[at + 1] === 10 ? at + 2 : at + 1;
}

/** The place of the next line end; there must be one. */
export function endOfLine(bytes: Uint8Array, position: number): number {
  let at = position;
  for (let byte = bytes[at]!; byte !== 10 && byte !== 13; byte = bytes[at]!) at++;
  return at;
}

/** The place of the next byte below 14, which both line ends are; the length if there is none. */
export function findControl({ bytes, view }: TextBlock, position: number): number {
  let at = position;
  // Sixteen bytes at a time: the sign bit of each byte tells whether subtracting 14 borrowed.
  for (; at + 16 <= bytes.length; at += 16) {
    const a = view.getInt32(at, true);
    const b = view.getInt32(at + 4, true);
    const c = view.getInt32(at + 8, true);
    const d = view.getInt32(at + 12, true);
    const upper = ((a - 0x0e0e0e0e) & ~a) | ((b - 0x0e0e0e0e) & ~b);
    const lower = ((c - 0x0e0e0e0e) & ~c) | ((d - 0x0e0e0e0e) & ~d);
    if (((upper | lower) & 0x80808080) !== 0) break;
  }
  for (; at + 4 <= bytes.length; at += 4) {
    const word = view.getInt32(at, true);
    if (((word - 0x0e0e0e0e) & ~word & 0x80808080) !== 0) break;
  }
  while (at < bytes.length && bytes[at]! > 13) at++;
  return at;
}

/** A line of text, in nearly all cases ASCII; `undefined` if it is not UTF-8. */
export function lineText(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = "";
  for (let i = start; i < end; i++) {
    if (bytes[i]! > 127) return decodeUtf8(bytes.subarray(start, end));
    text += String.fromCharCode(bytes[i]!);
  }
  return text;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text of any script; `undefined` for bytes that are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Text of bytes known to be ASCII. */
export function asciiText(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}
