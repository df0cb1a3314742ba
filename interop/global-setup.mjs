import { preparePeers } from "../scripts/peers.mjs";

/** Tells the tests where the peers are, unless whoever started vitest did. See `peer.ts`. */
export async function setup() {
  process.env.STOWAGE_PEERS ??= JSON.stringify(await preparePeers());
}
