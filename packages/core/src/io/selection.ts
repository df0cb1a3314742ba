import { StowageError } from "../errors.js";
import { resolveIndex } from "../task.js";

/** Indices in a definite order, kept as three numbers where they are evenly spaced. */
export interface Indices {
  readonly length: number;
  at(position: number): number;
  /** The indices from one position to another (exclusive), one after the other. */
  part(start: number, stop: number): number[];
}

/** A narrowing: `slice` counts as Python's slices do, `pick` names positions. */
type Step =
  | { readonly start: number | undefined; readonly stop: number | undefined; readonly step: number }
  | { readonly picked: readonly number[] };

/**
 * Which rows a view shows, as narrowings of "all": they are applied when rows are asked for, to as many as there are
 * then.
 */
export class Selection {
  static readonly all: Selection = new Selection([]);
  readonly #steps: readonly Step[];

  private constructor(steps: readonly Step[]) {
    this.#steps = steps;
  }

  /** @throws {StowageError} ERR_OPTION */
  slice(start?: number, stop?: number, step = 1): Selection {
    for (const [option, value] of Object.entries({ start, stop, step })) {
      if (value !== undefined && !Number.isSafeInteger(value))
        throw badBound(option, value, "a whole number");
    }
    if (step === 0) throw badBound("step", step, "a whole number other than 0");
    return new Selection([...this.#steps, { start, stop, step }]);
  }

  pick(indices: ArrayLike<number>): Selection {
    return new Selection([...this.#steps, { picked: Array.from(indices) }]);
  }

  /** @throws {StowageError} ERR_INDEX_RANGE for a picked position that is not there. */
  resolve(count: number, name: string): Indices {
    let indices: Indices = new Progression(0, 1, count);
    for (const step of this.#steps) {
      indices = "picked" in step ? pickFrom(indices, step.picked, name) : sliceOf(indices, step);
    }
    return indices;
  }
}

/** `start`, `start + step`, … */
class Progression implements Indices {
  readonly start: number;
  readonly step: number;
  readonly length: number;

  constructor(start: number, step: number, length: number) {
    this.start = start;
    this.step = step;
    this.length = length;
  }

  at(position: number): number {
    return this.start + position * this.step;
  }

  part(start: number, stop: number): number[] {
    const { length } = this;
    return Array.from({ length: Math.max(0, Math.min(stop, length) - start) }, (_, i) => this.at(start + i));
  }
}

class Listed implements Indices {
  readonly #list: readonly number[];

  constructor(list: readonly number[]) {
    this.#list = list;
  }

  get length(): number {
    return this.#list.length;
  }

  at(position: number): number {
    return this.#list[position]!;
  }

  part(start: number, stop: number): number[] {
    return this.#list.slice(start, stop);
  }
}

function pickFrom(indices: Indices, picked: readonly number[], name: string): Indices {
  return new Listed(picked.map((index) => indices.at(resolveIndex(index, indices.length, name))));
}

function sliceOf(indices: Indices, { start, stop, step }: Exclude<Step, { picked: unknown }>): Indices {
  const { length } = indices;
  const clamp = (bound: number, least: number, most: number): number =>
    Math.min(Math.max(bound < 0 ? bound + length : bound, least), most);
  const up = step > 0;
  const first =
    start === undefined ? (up ? 0 : length - 1) : clamp(start, up ? 0 : -1, up ? length : length - 1);
  const end = stop === undefined ? (up ? length : -1) : clamp(stop, up ? 0 : -1, up ? length : length - 1);
  const count = Math.max(0, Math.ceil((end - first) / step));
  if (indices instanceof Progression) {
    return new Progression(indices.at(first), indices.step * step, count);
  }
  return new Listed(Array.from({ length: count }, (_, i) => indices.at(first + i * step)));
}

function badBound(option: string, value: unknown, expected: string): StowageError<"ERR_OPTION"> {
  return new StowageError(
    "ERR_OPTION",
    `Cannot slice with ${option} ${String(value)}: it must be ${expected}`,
    { option, value: String(value) },
  );
}
