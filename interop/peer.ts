import { once } from "node:events";
import { text } from "node:stream/consumers";
import { decodeExchange, encodeExchange } from "./exchange.js";
import { type PeerName, PythonServer, startPython } from "./python-process.js";

export type { PeerName } from "./python-process.js";

const SCRIPTS = new URL("python/", import.meta.url);

/**
 * Runs a Python file of interop/python once.
 *
 * @param script  File name, such as `"echo_input.py"`. It reads with `exchange.read_input()` and answers with
 *                `exchange.print_result(value)`.
 * @param input   Given as JSON on stdin; see exchange.ts for arrays, bytes, NaN and integers.
 * @returns What the script printed.
 * @throws {Error} with the traceback if the script fails.
 *
 * @example
 * ```ts
 * const energies = await runPeer("current", "read_energies.py", { path });
 * ```
 */
export async function runPeer(peer: PeerName, script: string, input: unknown = null): Promise<unknown> {
  const child = startPython(peer, new URL(script, SCRIPTS));
  child.stdin.end(encodeExchange(input));
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  if (code !== 0) throw new Error(`${script} failed with ${code ?? signal} (${peer})\n${stderr}`);
  try {
    return decodeExchange(stdout);
  } catch (cause) {
    throw new Error(`${script} printed no JSON (${peer}): ${stdout.slice(0, 1000)}\n${stderr}`, { cause });
  }
}

/**
 * Starts a Python process that answers many calls, for tests that ask a peer often.
 *
 * @example
 * ```ts
 * await using peer = openPeer("current");
 * const frames = await peer.call("ase_read", "read_frames", { path, index: ":" });
 * ```
 */
export function openPeer(peer: PeerName): Peer {
  return new Peer(new PythonServer(peer, new URL("peer_server.py", SCRIPTS)));
}

/** A running Python process. See {@link openPeer}. */
export class Peer implements AsyncDisposable {
  constructor(private readonly server: PythonServer) {}

  /**
   * Calls a function of a module in interop/python. Calls may overlap; Python serves them one after the other.
   *
   * @param module      File name without its ending.
   * @param parameters  Passed by name; see exchange.ts for arrays, bytes, NaN and integers.
   * @returns What the function returned.
   * @throws {Error} with the traceback if the function raises, or if Python dies.
   */
  async call(
    module: string,
    functionName: string,
    parameters: Record<string, unknown> = {},
  ): Promise<unknown> {
    const request = { module, function: functionName, arguments: parameters };
    const answer = decodeExchange(await this.server.request(encodeExchange(request)));
    const { result, error } = answer as { result?: unknown; error?: string };
    if (error !== undefined)
      throw new Error(`${module}.${functionName} failed (${this.server.peer})\n${error}`);
    return result;
  }

  /** Ends the process, after the calls that are under way. */
  close(): Promise<void> {
    return this.server.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
