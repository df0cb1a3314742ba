/** A package of ours that has a native addon, and what it asks of it. */
export interface NativeAddonRequest<Addon> {
  /** Its name, after which the addon is named: `<name>-<target>` are packages, `stowage-….<platform>.node` is a file. */
  readonly packageName: string;
  /** The package's own `import.meta.url`: the addon is looked for from there, a module in `src` or `dist`. */
  readonly moduleUrl: string;
  /** The version of the addon's interface that the package speaks. */
  readonly abi: number;
  /** Throws if the addon is of no use in this runtime. */
  readonly tryOut?: (addon: Addon) => void;
}

/** An addon, or `null`, and one line for people: what is used, or why nothing is. */
export interface LoadedAddon<Addon> {
  readonly addon: Addon | null;
  readonly reason: string;
}

/**
 * Looks for the native addon of one of our packages: a local build beside the package's crate first, then the
 * packages for this platform. For our own packages; each asks once and keeps the answer.
 *
 * It never throws: an addon that is not there, that is of another version or that the runtime does not allow is a
 * reason. `STOWAGE_NATIVE=0` is one for all of them.
 */
export function loadNativeAddon<Addon extends { readonly ABI: number }>(
  request: NativeAddonRequest<Addon>,
): LoadedAddon<Addon> {
  const { packageName, moduleUrl, abi, tryOut } = request;
  const none = (reason: string) => ({ addon: null, reason });
  const { process } = globalThis;
  const module = process?.getBuiltinModule?.("node:module");
  if (module === undefined) return none("this runtime has no native addons");
  if (isSwitchedOff()) return none("STOWAGE_NATIVE=0 is set");
  if (!denoAllows("ffi")) return none("Deno runs without --allow-ffi");
  if (isBigEndian()) return none("the machine is big-endian");
  const platform = `${process.platform}-${process.arch}`;
  const require = module.createRequire(moduleUrl);
  let broken: string | null = null;
  for (const candidate of candidates(packageName, platform)) {
    try {
      const addon = require(candidate) as Addon;
      if (addon.ABI === abi) {
        tryOut?.(addon);
        return { addon, reason: `${candidate.startsWith("@") ? candidate : "a local build"} is loaded` };
      }
      broken ??= `${candidate} is of another version`;
    } catch (error) {
      if (!isMissing(error, candidate)) broken ??= `${candidate} does not load: ${firstLine(error)}`;
    }
  }
  return none(broken ?? `there is no addon for ${platform}`);
}

/** A local build first, then the packages for this platform; npm installs the one that fits its C library. */
function candidates(packageName: string, platform: string): string[] {
  const [system] = platform.split("-");
  const targets = system === "linux" ? [`${platform}-gnu`, `${platform}-musl`] : [platform];
  if (system === "win32") targets[0] += "-msvc";
  const fileName = `${packageName.slice(1).replace("/", "-")}.${platform}.node`;
  return [`../native/${fileName}`, ...targets.map((target) => `${packageName}-${target}`)];
}

function isMissing(error: unknown, candidate: string): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  const missing = code === "MODULE_NOT_FOUND" || code === "ERR_MODULE_NOT_FOUND";
  // Bun and Deno word it each in their own way, but name what they looked for.
  return missing || (/cannot find|not found/i.test(String(message)) && String(message).includes(candidate));
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n", 1)[0]!;
}

/** Deno asks its user before it reveals a variable: without the permission the variable does not count. */
function isSwitchedOff(): boolean {
  return denoAllows("env", "STOWAGE_NATIVE") && globalThis.process.env.STOWAGE_NATIVE === "0";
}

function denoAllows(name: "env" | "ffi", variable?: string): boolean {
  const { Deno } = globalThis as { Deno?: { permissions: DenoPermissions } };
  if (Deno === undefined) return true;
  return Deno.permissions.querySync({ name, variable }).state === "granted";
}

interface DenoPermissions {
  querySync(descriptor: { name: string; variable?: string }): { state: string };
}

function isBigEndian(): boolean {
  return new Uint8Array(Uint16Array.of(1).buffer)[0] === 0;
}
