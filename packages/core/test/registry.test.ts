import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { BackendSpec, OpenOptions, Plugin } from "../src/index.js";
import { temporaryFolder } from "./temporary-folder.js";

/** Each test gets a registry of its own: registering is for the whole process. */
let core: typeof import("../src/index.js");
beforeEach(async () => {
  vi.resetModules();
  core = await import("../src/index.js");
});

function stowageError(code: string): unknown {
  return expect.objectContaining({ code });
}

function backend(name: string, parts: Partial<BackendSpec> = {}): BackendSpec {
  return {
    name,
    extensions: [],
    capabilities: { create: true, append: true, perAtomExtras: true, nested: true },
    open: async (path) => core.toAsync(core.memoryStore([{ opened: `${name} ${path}` }], path)),
    ...parts,
  };
}

function plugin(...backends: BackendSpec[]): Plugin {
  return core.definePlugin({ name: "test", backends });
}

/** Stands for packages that can be imported, and notes which ones were. */
function packages(modules: Record<string, unknown>) {
  const imported: string[] = [];
  const importPackage = async (name: string) => {
    imported.push(name);
    if (name in modules) return modules[name];
    throw Object.assign(new Error(`Cannot find package '${name}' imported from /app/index.js`), {
      code: "ERR_MODULE_NOT_FOUND",
    });
  };
  return { importPackage, imported };
}

describe("a backend", () => {
  it("is found by scheme before anything else, in any case", async () => {
    const web = backend("web", { schemes: ["demo+web"] });
    core.registerPlugin(plugin(web, backend("xyz", { extensions: [".xyz"] })));
    expect(await core.resolveBackend("demo+web://host/a.xyz")).toBe(web);
    expect(await core.resolveBackend("DEMO+WEB://host/a.xyz")).toBe(web);
    expect(await core.resolveBackend("memory://a.xyz")).toBe(core.memory);
  });

  it("is refused for a scheme that nobody registered, naming those that are", async () => {
    await expect(core.resolveBackend("s3://bucket/a.atp")).rejects.toThrow(
      expect.objectContaining({
        code: "ERR_FORMAT_UNKNOWN",
        message: "Cannot tell the format of s3://bucket/a.atp: no backend is registered for s3://",
        hint: "known schemes: memory://",
        details: { path: "s3://bucket/a.atp" },
      }),
    );
  });

  it.each([
    "a.demo",
    "A.DEMO",
    "/x.y/b.Demo",
    "C:\\data.d\\b.demo",
    "./.hidden.demo",
    "folder.demo/",
    "a b.c.demo",
  ])("is found by the extension of %s", async (path) => {
    const demo = backend("demo", { extensions: [".demo"] });
    core.registerPlugin(plugin(demo));
    expect(await core.resolveBackend(path)).toBe(demo);
  });

  it.each([
    "data.demo/file",
    "data.demo\\file",
    "demo",
    ".demo",
    "x/.demo",
    "x.demo2",
    "x.demo.gz",
    "demo.",
    "",
  ])("is not found by the extension of %j", async (path) => {
    core.registerPlugin(plugin(backend("demo", { extensions: [".demo"] })));
    await expect(core.resolveBackend(path)).rejects.toThrow(
      expect.objectContaining({
        code: "ERR_FORMAT_UNKNOWN",
        message: `Cannot tell the format of ${path}: its extension is unknown and there is no such file`,
        hint: "known extensions: .atp, .xyz, .extxyz, .traj, .lmdb, .aselmdb, .demo",
      }),
    );
  });

  it("is found by the first bytes where the extension tells nothing", async () => {
    const folder = temporaryFolder();
    const heads: Uint8Array[] = [];
    const demo = backend("demo", {
      sniff: (head) => {
        heads.push(head);
        return head[0] === 0x44;
      },
    });
    core.registerPlugin(plugin(demo));
    writeFileSync(join(folder, "data"), "Demo");
    writeFileSync(join(folder, "data.bin"), new Uint8Array(100_000).fill(0x44));
    writeFileSync(join(folder, "empty"), "");
    expect(await core.resolveBackend(join(folder, "data"))).toBe(demo);
    expect(await core.resolveBackend(join(folder, "data.bin"))).toBe(demo);
    await expect(core.resolveBackend(join(folder, "empty"))).rejects.toThrow(
      "neither its extension nor its first bytes are known",
    );
    expect(heads.map((head) => head.length)).toEqual([4, 65_536, 0]);
  });

  it("of a package is found by the magic of its format", async () => {
    const atp = backend("atp", { extensions: [".atp"] });
    const { importPackage, imported } = packages({ "@stowage/atp": { default: plugin(atp) } });
    const path = join(temporaryFolder(), "no-extension");
    writeFileSync(path, "ATPK\0\0\0");
    expect(await core.resolveBackend(path, importPackage)).toBe(atp);
    expect(imported).toEqual(["@stowage/atp"]);
  });

  it("is not looked for in a folder", async () => {
    const folder = join(temporaryFolder(), "plain");
    mkdirSync(folder);
    await expect(core.resolveBackend(folder)).rejects.toThrow(`Cannot open ${folder}: it is a folder`);
  });
});

describe("an optional package", () => {
  it("is loaded when one of its formats is first opened, and once", async () => {
    const atp = backend("atp", { extensions: [".atp"] });
    const { importPackage, imported } = packages({ "@stowage/atp": { default: plugin(atp) } });
    expect(imported).toEqual([]);
    expect(await core.resolveBackend("a.atp", importPackage)).toBe(atp);
    expect(await core.resolveBackend("b.ATP", importPackage)).toBe(atp);
    expect(imported).toEqual(["@stowage/atp"]);
  });

  it("is not loaded where a backend for the format is registered by hand", async () => {
    const own = backend("atp", { extensions: [".atp"] });
    const { importPackage, imported } = packages({});
    core.registerPlugin(plugin(own));
    expect(await core.resolveBackend("a.atp", importPackage)).toBe(own);
    expect(imported).toEqual([]);
  });

  it("that is missing is named with the command that installs it", async () => {
    const opening = core.openStore("a.extxyz", packages({}));
    await expect(opening).rejects.toMatchObject({
      code: "ERR_PACKAGE_MISSING",
      message: 'Cannot open xyz data: package "@stowage/ase" is not installed',
      hint: "npm install @stowage/ase",
      details: { pkg: "@stowage/ase" },
      cause: { code: "ERR_MODULE_NOT_FOUND" },
    });
  });

  it.each([
    [
      "import in Node",
      "ERR_MODULE_NOT_FOUND",
      "Cannot find package '@stowage/atp' imported from /app/index.js",
    ],
    [
      "require in Node",
      "MODULE_NOT_FOUND",
      "Cannot find module '@stowage/atp'\nRequire stack:\n- /app/index.js",
    ],
    ["Deno", "ERR_MODULE_NOT_FOUND", 'Import "@stowage/atp" not a dependency'],
  ])("is known to be missing from what %s says", async (_, code, message) => {
    const importPackage = async () => {
      throw Object.assign(new Error(message), { code });
    };
    await expect(core.resolveBackend("a.atp", importPackage)).rejects.toThrow(
      stowageError("ERR_PACKAGE_MISSING"),
    );
  });

  it.each([
    [
      "misses a dependency of its own",
      "ERR_MODULE_NOT_FOUND",
      "Cannot find package 'lz4js' imported from /app/node_modules/@stowage/atp/dist/index.js",
    ],
    [
      "misses one of its files",
      "ERR_MODULE_NOT_FOUND",
      "Cannot find module '/app/node_modules/@stowage/atp/dist/index.js' imported from /app/index.js",
    ],
    ["throws when it starts", undefined, "the addon '@stowage/atp' was built for another Node"],
    ["is no ES module", "ERR_UNSUPPORTED_DIR_IMPORT", "Directory import '@stowage/atp' is not supported"],
  ])("is called broken, not missing, where it %s", async (_, code, message) => {
    const cause = Object.assign(new Error(message), { code });
    const importPackage = async () => {
      throw cause;
    };
    await expect(core.resolveBackend("a.atp", importPackage)).rejects.toMatchObject({
      code: "ERR_PACKAGE_LOAD",
      message: 'Cannot load "@stowage/atp": the package is installed but failed to start',
      details: { pkg: "@stowage/atp" },
      cause,
    });
  });

  it.each([[{}], [{ default: {} }], [{ default: 5 }], [{ default: undefined }]])(
    "is called broken where it exports no plugin: %j",
    async (module) => {
      const { importPackage } = packages({ "@stowage/atp": module });
      await expect(core.resolveBackend("a.atp", importPackage)).rejects.toThrow(
        stowageError("ERR_PACKAGE_LOAD"),
      );
    },
  );

  it("is called too old where its plugin has no such backend", async () => {
    const { importPackage } = packages({ "@stowage/atp": { default: plugin(backend("other")) } });
    await expect(core.resolveBackend("a.atp", importPackage)).rejects.toMatchObject({
      code: "ERR_PACKAGE_LOAD",
      message: 'Cannot load "@stowage/atp": it has no backend "atp"',
      hint: "npm install @stowage/atp@latest",
    });
  });
});

describe("a backend by name", () => {
  it("is one that is registered, or one of a package that is loaded for it", async () => {
    const [demo, atp] = [backend("demo"), backend("atp")];
    core.registerPlugin(plugin(demo));
    const { importPackage, imported } = packages({ "@stowage/atp": { default: plugin(atp) } });
    expect(await core.backendByName("demo", importPackage)).toBe(demo);
    expect(imported).toEqual([]);
    expect(await core.backendByName("atp", importPackage)).toBe(atp);
    expect(imported).toEqual(["@stowage/atp"]);
  });

  it("is refused where nobody knows the name, naming those that are known", async () => {
    core.registerPlugin(plugin(backend("demo")));
    await expect(core.backendByName("zip")).rejects.toMatchObject({
      code: "ERR_OPTION",
      message: 'Cannot use format "zip": it is not known',
      hint: "known formats: atp, xyz, traj, lmdb, aselmdb, memory, demo",
      details: { option: "format", value: "zip" },
    });
  });
});

describe("registerPlugin", () => {
  it("replaces a backend of the same name and adds others", async () => {
    const [first, second, other] = ["demo", "demo", "other"].map((name) =>
      backend(name, { extensions: [`.${name}`] }),
    ) as [BackendSpec, BackendSpec, BackendSpec];
    core.registerPlugin(plugin(first));
    core.registerPlugin(plugin(second, other));
    expect(await core.resolveBackend("a.demo")).toBe(second);
    expect(await core.resolveBackend("a.other")).toBe(other);
    const own = backend("memory", { schemes: ["memory"] });
    core.registerPlugin(plugin(own));
    expect(await core.resolveBackend("memory://x")).toBe(own);
  });

  it("keeps a plugin as it is given", () => {
    const own = { name: "own", backends: [] };
    expect(core.definePlugin(own)).toBe(own);
  });
});

describe("openStore", () => {
  it("opens with the backend that fits and hands it path and options, and nothing of its own", async () => {
    const calls: unknown[] = [];
    const demo = backend("demo", {
      extensions: [".demo"],
      open: async (path: string, options?: OpenOptions) => {
        calls.push([path, options]);
        return core.toAsync(core.memoryStore([], path));
      },
    });
    core.registerPlugin(plugin(demo));
    const signal = new AbortController().signal;
    const { importPackage } = packages({});
    const store = await core.openStore("a.demo", { mode: "r+", unsupported: "drop", signal, importPackage });
    await core.openStore("b.demo");
    expect(store.name).toBe("a.demo");
    expect(calls).toEqual([
      ["a.demo", { mode: "r+", unsupported: "drop", signal }],
      ["b.demo", {}],
    ]);
  });

  it("uses the backend it is given, whatever the path says", async () => {
    const own = backend("own");
    const store = await core.openStore("s3://x/a.atp", { backend: own });
    expect(await store.getMany([0])).toEqual([{ opened: "own s3://x/a.atp" }]);
  });

  it("throws what the backend throws", async () => {
    await expect(core.openStore("memory://none")).rejects.toThrow(stowageError("ERR_FILE_MISSING"));
  });

  it("really imports the package where nothing else is said", async () => {
    const opening = core.openStore(join(temporaryFolder(), "none.atp"));
    // Here the package may be there or not; either way it was looked for by its name.
    await expect(opening).rejects.toThrow(/@stowage\/atp|none\.atp/);
  });
});
