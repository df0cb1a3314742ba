import { type LossNote, StowageError } from "@stowage/core";

/** A value that the format cannot hold, before it is decided whether that is an error. */
export class Unwritable extends Error {
  readonly reason: string;
  readonly hint: string;

  constructor(reason: string, hint: string = 'pass unsupported: "drop" to leave it out') {
    super(reason);
    this.reason = reason;
    this.hint = hint;
  }
}

/** The error for a value that cannot be written. */
export function lossError(
  key: string,
  { reason, hint }: Unwritable,
  format = "XYZ",
): StowageError<"ERR_LOSS"> {
  return new StowageError(
    "ERR_LOSS",
    `Cannot write "${key}" as ${format}: ${reason}`,
    { key, reason },
    { hint },
  );
}

/** What writing changes or leaves out: one note for each key and reason. */
export class LossLog {
  readonly #drop: boolean;
  readonly #format: string;
  readonly #notes = new Map<string, LossNote>();
  /** Keys written as integers, as floats. */
  readonly #integral = new Set<string>();
  readonly #fractional = new Set<string>();

  /**
   * @param drop    Whether values that cannot be written are left out, and noted. Otherwise they are refused.
   * @param format  For messages.
   */
  constructor(drop: boolean, format = "XYZ") {
    this.#drop = drop;
    this.#format = format;
  }

  get notes(): LossNote[] {
    return [...this.#notes.values()];
  }

  note(key: string, kind: LossNote["kind"], reason: string): void {
    this.#notes.set(`${key}\n${kind}\n${reason}`, { key, kind, reason });
  }

  /** Remembers that a key was written as this type: readers see one that is both as float64 in all frames. */
  wrote(key: string, type: "integer" | "float"): void {
    const [own, other] =
      type === "integer" ? [this.#integral, this.#fractional] : [this.#fractional, this.#integral];
    own.add(key);
    if (other.has(key)) this.note(key, "widened", "integers and floats under one key are read as float64");
  }

  /**
   * Runs what writes the value of a key.
   *
   * @returns Its result, `undefined` if the value was left out.
   * @throws {StowageError} ERR_LOSS
   */
  attempt<T>(key: string, write: () => T): T | undefined {
    try {
      return write();
    } catch (error) {
      if (!(error instanceof Unwritable)) throw error;
      if (!this.#drop) throw lossError(key, error, this.#format);
      this.note(key, "dropped", error.reason);
      return undefined;
    }
  }
}
