import { elementAt, isNdArray, type NdArray, StowageError, type Value } from "@stowage/core";

/**
 * Forces as a relaxation sees them: zero where a constraint holds an atom.
 *
 * @param forces       Shape (nAtoms, 3).
 * @param constraints  As ASE's `todict` gives them.
 * @throws {StowageError} ERR_UNSUPPORTED for constraints other than FixAtoms and FixCartesian.
 * @see ase 3.29 `ase/db/row.py` (`constrained_forces`)
 */
export function constrainedForces(forces: NdArray, constraints: Value | undefined): number[] {
  const constrained = Array.from({ length: forces.data.length }, (_, i) => Number(elementAt(forces, i)));
  if (!Array.isArray(constraints)) return constrained;
  for (const constraint of constraints) {
    const { name, kwargs = {} } = objectOf(constraint);
    const { indices, a, mask } = objectOf(kwargs);
    const fixed = name === "FixCartesian" ? numbersOf(mask ?? [1, 1, 1]).map(Boolean) : [true, true, true];
    if (name !== "FixAtoms" && name !== "FixCartesian") throw unknownConstraint(name);
    for (const atom of numbersOf(name === "FixAtoms" ? indices : a)) {
      const start = 3 * (atom < 0 ? atom + forces.data.length / 3 : atom);
      for (const axis of [0, 1, 2]) {
        // As ASE: FixCartesian multiplies, so NaN stays.
        if (fixed[axis]) constrained[start + axis] = name === "FixAtoms" ? 0 : constrained[start + axis]! * 0;
      }
    }
  }
  return constrained;
}

function objectOf(value: Value): { readonly [key: string]: Value } {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isNdArray(value)
    ? value
    : {};
}

function numbersOf(value: Value | undefined): number[] {
  if (value === undefined) return [];
  if (isNdArray(value)) return Array.from(value.data, Number);
  return (Array.isArray(value) ? value : [value]).flatMap((item) =>
    isNdArray(item) ? Array.from(item.data, Number) : [Number(item)],
  );
}

function unknownConstraint(name: Value | undefined): StowageError<"ERR_UNSUPPORTED"> {
  const shown = typeof name === "string" ? name : "without a name";
  return new StowageError(
    "ERR_UNSUPPORTED",
    `Cannot compute fmax: what the constraint ${shown} does to forces is not known`,
    { feature: shown },
    { hint: "drop it first: stowage convert INPUT OUTPUT --drop constraints" },
  );
}
