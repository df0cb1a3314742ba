import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type LoadedAddon, loadNativeAddon } from "../src/native-addon.js";
import { temporaryFolder } from "./temporary-folder.js";

interface Addon {
  readonly ABI: number;
  readonly from: string;
}

const platform = `${process.platform}-${process.arch}`;
/** The targets of this platform, in the order in which they are tried. */
const targets =
  process.platform === "linux"
    ? [`${platform}-gnu`, `${platform}-musl`]
    : [process.platform === "win32" ? `${platform}-msvc` : platform];
const [first = ""] = targets;
const last = targets.at(-1)!;

// What is tested here is how an addon is looked for; the run without addons looks for none.
beforeEach(() => {
  vi.stubEnv("STOWAGE_NATIVE", undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});

/** The folder of the package @stowage/thing, without an addon. */
function packageFolder(): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "dist"));
  return folder;
}

/** Installs a platform package; a JavaScript module stands for the addon. */
function install(folder: string, target: string, source: string): void {
  const installed = join(folder, "node_modules/@stowage", `thing-${target}`);
  mkdirSync(installed, { recursive: true });
  writeFileSync(join(installed, "index.js"), source);
}

function load(folder: string, tryOut?: (addon: Addon) => void): LoadedAddon<Addon> {
  const moduleUrl = pathToFileURL(join(folder, "dist/index.js")).href;
  return loadNativeAddon<Addon>({
    packageName: "@stowage/thing",
    moduleUrl,
    abi: 3,
    ...(tryOut && { tryOut }),
  });
}

const none = (reason: unknown) => ({ addon: null, reason });

describe("what is looked for", () => {
  it("is nothing else where nothing is there", () => {
    expect(load(packageFolder())).toEqual(none(`there is no addon for ${platform}`));
  });

  it("is the package of this platform, whatever its C library", () => {
    const folder = packageFolder();
    install(folder, last, `module.exports = { ABI: 3, from: "the last" }`);
    expect(load(folder)).toEqual({
      addon: { ABI: 3, from: "the last" },
      reason: `@stowage/thing-${last} is loaded`,
    });
    install(folder, first, `module.exports = { ABI: 3, from: "the first" }`);
    expect(load(folder).addon).toEqual({ ABI: 3, from: "the first" });
  });

  it("is a local build first, and a broken one is the reason if nothing else loads", () => {
    const folder = packageFolder();
    mkdirSync(join(folder, "native"));
    const file = `stowage-thing.${platform}.node`;
    writeFileSync(join(folder, "native", file), "no library\n");
    expect(load(folder)).toEqual(
      none(expect.stringMatching(new RegExp(`^\\.\\./native/${file} does not load: [^\\n]+$`))),
    );
    install(folder, first, "module.exports = { ABI: 3 }");
    expect(load(folder).reason).toBe(`@stowage/thing-${first} is loaded`);
  });
});

describe("an addon that is not used", () => {
  it("is one of another version", () => {
    const folder = packageFolder();
    install(folder, first, "module.exports = { ABI: 2 }");
    expect(load(folder)).toEqual(none(`@stowage/thing-${first} is of another version`));
  });

  it("is one that does not load, and the first line of its error says why", () => {
    const folder = packageFolder();
    install(folder, first, `throw new Error("GLIBC_2.99 is needed\\nfar away")`);
    expect(load(folder)).toEqual(none(`@stowage/thing-${first} does not load: GLIBC_2.99 is needed`));
  });

  it("is one that does not work here", () => {
    const folder = packageFolder();
    install(folder, first, "module.exports = { ABI: 3 }");
    const refuse = () => {
      throw new Error("no external buffers");
    };
    expect(load(folder, refuse)).toEqual(none(`@stowage/thing-${first} does not load: no external buffers`));
  });

  it("is any, with STOWAGE_NATIVE=0", () => {
    const folder = packageFolder();
    install(folder, first, "module.exports = { ABI: 3 }");
    vi.stubEnv("STOWAGE_NATIVE", "0");
    expect(load(folder)).toEqual(none("STOWAGE_NATIVE=0 is set"));
    vi.stubEnv("STOWAGE_NATIVE", "1");
    expect(load(folder).addon).not.toBe(null);
  });

  it("is any, where Deno does not allow it; a variable that Deno would ask for does not count", () => {
    const folder = packageFolder();
    install(folder, first, "module.exports = { ABI: 3 }");
    vi.stubEnv("STOWAGE_NATIVE", "0");
    const grant = (...granted: string[]) =>
      vi.stubGlobal("Deno", {
        permissions: {
          querySync: ({ name }: { name: string }) => ({
            state: granted.includes(name) ? "granted" : "prompt",
          }),
        },
      });
    grant("env");
    expect(load(folder).reason).toBe("STOWAGE_NATIVE=0 is set");
    grant();
    expect(load(folder)).toEqual(none("Deno runs without --allow-ffi"));
    grant("ffi");
    expect(load(folder).addon).not.toBe(null);
  });

  it("is any, in a browser", () => {
    const folder = packageFolder();
    vi.stubGlobal("process", undefined);
    expect(load(folder)).toEqual(none("this runtime has no native addons"));
  });
});
