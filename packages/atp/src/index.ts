export type { StackedMolecules } from "./append-arrays.js";
export { Atom } from "./atom.js";
export { type AtpCreateOptions, AtpFile, type AtpOpenOptions } from "./atp-file.js";
export type { CodecName } from "./codec.js";
export type { FlatBatch } from "./flat-batch.js";
export type { AtpRecovery } from "./header.js";
export { Molecule, type MoleculeInit, type Scope } from "./molecule.js";
export type { AtpField, AtpSchema } from "./schema-view.js";
