// What a user's program may look like: compiled, never run, against the declarations of the packed packages.
import * as ase from "@stowage/ase";
import * as atp from "@stowage/atp";
import * as core from "@stowage/core";

export const libraries: readonly object[] = [core, atp, ase];
