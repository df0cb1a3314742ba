import { prepareChromium } from "../scripts/chromium.mjs";
import { preparePeers } from "../scripts/peers.mjs";

/** Tells the tests where the peers and the browser are, unless whoever started vitest did. See `peer.ts`. */
export async function setup() {
  process.env.STOWAGE_PEERS ??= JSON.stringify(await preparePeers());
  process.env.STOWAGE_BROWSER ??= JSON.stringify(await prepareChromium());
}
