import { definePlugin } from "@stowage/core";
import { atp } from "./backend.js";

export type { StackedMolecules } from "./append-arrays.js";
export { Atom } from "./atom.js";
export {
  type AtomsToMoleculeOptions,
  atomsToMolecule,
  type MoleculeToAtomsOptions,
  moleculeToAtoms,
} from "./atoms.js";
export { type AtpCreateOptions, AtpFile, type AtpOpenOptions } from "./atp-file.js";
export { type AtpStoreOptions, atp } from "./backend.js";
export type { CodecName } from "./codec.js";
export type { AtpErrorDetails } from "./errors.js";
export type { FlatBatch } from "./flat-batch.js";
export type { AtpRecovery } from "./header.js";
export { Molecule, type MoleculeInit, type Scope } from "./molecule.js";
export { AtpPool, type AtpPoolOptions, type AtpPoolReadOptions } from "./pool.js";
export type { AtpField, AtpSchema } from "./schema-view.js";

const plugin: { readonly name: "atp"; readonly backends: readonly [typeof atp] } = definePlugin({
  name: "atp",
  backends: [atp],
});
export default plugin;
