/**
 * What a program can learn about each failure, by code.
 * Packages add their own codes by declaration merging.
 */
export interface ErrorDetails {
  /** An index outside a dataset. */
  ERR_INDEX_RANGE: { index: number; length: number };
  /** A range outside a byte source. */
  ERR_SOURCE_BOUNDS: { path: string; byteOffset: number; byteLength: number; sourceLength: number };
  /** A file that became shorter than it was when it was opened. */
  ERR_SOURCE_TRUNCATED: { path: string; byteOffset: number; byteLength: number };
  ERR_FILE_MISSING: { path: string };
  ERR_FILE_EXISTS: { path: string };
  /** The operating system refused: permissions, a full disk, a folder in place of a file. */
  ERR_FILE_ACCESS: { path: string; reason: string };
  /** Another writer holds the file. */
  ERR_LOCKED: { path: string; holder: string };
  /** A write to something opened for reading. */
  ERR_READ_ONLY: { path: string };
  /** Use after `close()`. */
  ERR_CLOSED: { path: string };
  /** No backend knows this path or content. */
  ERR_FORMAT_UNKNOWN: { path: string };
  /** The backend cannot do what was asked. */
  ERR_UNSUPPORTED: { feature: string };
  ERR_PACKAGE_MISSING: { pkg: string };
  ERR_PACKAGE_LOAD: { pkg: string };
  /** An array whose shape or length does not fit. */
  ERR_SHAPE: { expected: string; found: string };
  /** A value of a type that the target cannot hold. */
  ERR_DTYPE: { expected: string; found: string };
  /** An option or argument outside its allowed values. */
  ERR_OPTION: { option: string; value: string };
  /** Rows that cannot be turned into atoms, or the other way round. */
  ERR_ROW: { key: string };
  /** A key that no row of a dataset has. */
  ERR_KEY_MISSING: { path: string; key: string };
  /** A value that the target format would drop or change. */
  ERR_LOSS: { key: string; reason: string };
  /** Bytes that are not a valid `.npy` file. */
  ERR_NPY_FORMAT: { path: string; found: string };
  /** Bytes that are no msgpack value; `byteOffset` is where in them. */
  ERR_MSGPACK: { byteOffset: number; expected: string; found: string };
  /** A pickle, which is a program: never run. */
  ERR_PICKLE: { byteOffset: number };
}

export type ErrorCode = keyof ErrorDetails;

// Two installed copies of this package must recognise each other's errors: a registered symbol, not instanceof.
const BRAND = Symbol.for("stowage.error");

/**
 * The one error class of Stowage: `code` for programs, message and `hint` for people, `details` with the numbers.
 *
 * A `TypeError` is thrown instead where an argument has the wrong type.
 */
export class StowageError<C extends ErrorCode = ErrorCode> extends Error {
  readonly code: C;
  readonly details: ErrorDetails[C];
  /** A command or an option that gets past the problem. */
  readonly hint: string | undefined;

  constructor(
    code: C,
    message: string,
    details: ErrorDetails[C],
    options: { hint?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = details;
    this.hint = options.hint;
    Object.defineProperty(this, BRAND, { value: true });
    // Consoles print the stack: it should begin with the code, as Node's own errors do.
    const stack = this.stack?.replace(/^(?:Stowage)?Error/, `StowageError [${code}]`);
    if (stack !== undefined) this.stack = stack;
  }

  override get name(): string {
    return "StowageError";
  }
}

/**
 * Tells whether a caught value is a {@link StowageError}, of one code where given.
 *
 * @example
 * ```ts
 * try {
 *   store.at(10);
 * } catch (error) {
 *   if (isStowageError(error, "ERR_INDEX_RANGE")) console.log(error.details.length);
 * }
 * ```
 */
export function isStowageError<C extends ErrorCode = ErrorCode>(
  error: unknown,
  code?: C,
): error is StowageError<C> {
  return (
    typeof error === "object" &&
    error !== null &&
    BRAND in error &&
    (code === undefined || (error as { code?: unknown }).code === code)
  );
}

/** The error for a write to a dataset opened for reading. */
export function readOnly(path: string): StowageError<"ERR_READ_ONLY"> {
  return new StowageError(
    "ERR_READ_ONLY",
    `Cannot write ${path}: it is open for reading`,
    { path },
    { hint: 'open it with mode: "r+"' },
  );
}

/** The error for use after `close()`. */
export function closed(path: string): StowageError<"ERR_CLOSED"> {
  return new StowageError("ERR_CLOSED", `Cannot use ${path}: it is closed`, { path });
}

/** Shortens a value for an error message: strings quoted and cut, the rest by `String`. */
export function quote(value: unknown, maxLength = 60): string {
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text;
}
