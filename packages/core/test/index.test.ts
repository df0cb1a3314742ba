import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import ts from "typescript";
import { describe, expect, it, vi } from "vitest";

const PACKAGE = join(import.meta.dirname, "..");
const SOURCE = join(PACKAGE, "src");
/** Paths below the sources, with slashes on every system. */
const modules = readdirSync(SOURCE, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => name.replaceAll("\\", "/"));
const read = (name: string) => readFileSync(join(SOURCE, name), "utf8");

/** What a module imports at run time, where types are gone: modules as paths below the sources. */
function importsOf(name: string): string[] {
  const { outputText } = ts.transpileModule(read(name), {
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2022,
      verbatimModuleSyntax: true,
    },
  });
  const { importedFiles } = ts.preProcessFile(outputText, true, true);
  return importedFiles.map(({ fileName }) =>
    fileName.startsWith(".") ? posix.join(posix.dirname(name), fileName.replace(/\.js$/, ".ts")) : fileName,
  );
}

describe("the package", () => {
  it("exports these values", async () => {
    const core = await import("../src/index.js");
    expect(Object.keys(core).sort()).toMatchInlineSnapshot(`
      [
        "Atoms",
        "AtomsIO",
        "AtomsIOSync",
        "BlobIO",
        "BlobIOSync",
        "BlobSource",
        "CATALOG",
        "CHEMICAL_SYMBOLS",
        "COLABFIT",
        "ColumnMapping",
        "ColumnView",
        "ColumnViewSync",
        "ColumnsView",
        "ColumnsViewSync",
        "DTYPES",
        "FileLock",
        "FileSource",
        "MemorySource",
        "OPTIMADE",
        "ObjectIO",
        "ObjectIOSync",
        "PER_ATOM_RESULTS",
        "PER_STRUCTURE_RESULTS",
        "RowView",
        "RowViewSync",
        "Sampler",
        "StowageError",
        "TemporaryFile",
        "ValueEncoder",
        "allocate",
        "appendRowValue",
        "atomicNumberOf",
        "atomsToRow",
        "backendByName",
        "blobBytes",
        "blobToObject",
        "blobValue",
        "bytesOf",
        "cachedStore",
        "checkRange",
        "closed",
        "columnFromValues",
        "columnOf",
        "columnOfSync",
        "concat",
        "concatStores",
        "copyArray",
        "decodeNpyData",
        "decodeRowValue",
        "decodeValue",
        "defineBackend",
        "definePlugin",
        "describeArray",
        "describeValue",
        "dtypeOf",
        "elementAt",
        "encodeNpy",
        "encodeRowValue",
        "encodeValue",
        "equalValues",
        "exactIndices",
        "fieldOf",
        "fileError",
        "fileExists",
        "float16ToNumber",
        "float64",
        "getKey",
        "getRow",
        "hillFormula",
        "int64",
        "isCalculatorResult",
        "isDType",
        "isNdArray",
        "isPerAtomKey",
        "isStowageError",
        "isSyncSource",
        "iterateRows",
        "keyFromBytes",
        "keyToBytes",
        "loadNativeAddon",
        "mappedStore",
        "memory",
        "memoryStore",
        "mergeFields",
        "ndarray",
        "nodeFs",
        "nodePath",
        "numberToFloat16",
        "objectToBlob",
        "openAtoms",
        "openBlobs",
        "openObjects",
        "openRegularFile",
        "openStore",
        "parseDTypeCode",
        "parseNpyHeader",
        "pickKeys",
        "plainValue",
        "planReads",
        "progressReporter",
        "publish",
        "quote",
        "readNpy",
        "readOnly",
        "registerPlugin",
        "resolveBackend",
        "resolveBackendSync",
        "resolveIndex",
        "rowToAtoms",
        "scalar",
        "schemaOfBlobs",
        "schemaOfRows",
        "setElements",
        "setKey",
        "sizeOf",
        "slabAllocate",
        "slabAllocateUnset",
        "slabKeepUnset",
        "slabPeekUnset",
        "symbolOf",
        "syncDirectory",
        "temporaryName",
        "toAsync",
        "toAtomicNumbers",
        "unsetBuffer",
        "viewElements",
        "writeFully",
        "writeNpy",
      ]
    `);
  });

  it("exports these types", () => {
    const types = [...read("index.ts").matchAll(/\btype (\w+)/g)].map((match) => match[1]!);
    expect(types.sort()).toMatchInlineSnapshot(`
      [
        "Answer",
        "AtomArray",
        "AtomsInit",
        "BackendMap",
        "BackendSpec",
        "ByteSource",
        "CacheCounts",
        "Capabilities",
        "CatalogEntry",
        "Column",
        "ColumnNames",
        "DType",
        "DTypeInfo",
        "DecodeOptions",
        "EncodeOptions",
        "ErrorCode",
        "ErrorDetails",
        "Field",
        "ImportPackage",
        "LoadedAddon",
        "LossNote",
        "Mode",
        "NativeAddonRequest",
        "NdArray",
        "NpyHeader",
        "OpenOptions",
        "PlannedRead",
        "Plugin",
        "Progress",
        "Row",
        "RowSchema",
        "RowStore",
        "SamplerOptions",
        "SamplerState",
        "SamplerTail",
        "SlabPlace",
        "SlabRoom",
        "SyncByteSource",
        "TaskOptions",
        "TypedArray",
        "TypedArrays",
        "Value",
      ]
    `);
  });

  it("depends on nothing", () => {
    const manifest = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")) as Record<
      string,
      unknown
    >;
    expect(Object.keys(manifest).filter((key) => /dependencies/i.test(key))).toEqual([]);
    expect(manifest.sideEffects).toBe(false);
    expect(modules.length).toBeGreaterThan(20);
    const outside = modules.flatMap(importsOf).filter((from) => !modules.includes(from));
    expect(outside).toEqual([]);
  });

  it("names our optional packages in the catalog only, and never imports their types", () => {
    const naming = modules.filter((name) => /["'`]@stowage\//.test(read(name)));
    expect(naming).toEqual(["catalog.ts"]);
  });

  it("has no cycles among its modules", () => {
    const imports = new Map(modules.map((name) => [name, importsOf(name)]));
    expect(imports.get("registry.ts")).toContain("catalog.ts");
    const reach = (name: string, path: string[] = []): string[] => {
      if (path.includes(name)) return [[...path, name].join(" → ")];
      return imports.get(name)!.flatMap((next) => reach(next, [...path, name]));
    };
    expect(modules.flatMap((name) => reach(name))).toEqual([]);
  });

  it("does nothing when it is imported", async () => {
    const builtin = vi.spyOn(process, "getBuiltinModule");
    const before = new Set(Reflect.ownKeys(globalThis));
    const prototypes = [Object, Array, Error, Function, String, Uint8Array].map(
      ({ prototype }) => prototype as object,
    );
    const members = () => prototypes.map((prototype) => Reflect.ownKeys(prototype).length);
    const membersBefore = members();
    const resources = process.getActiveResourcesInfo().length;
    vi.resetModules();
    await import("../src/index.js");
    expect(builtin).not.toHaveBeenCalled();
    expect(Reflect.ownKeys(globalThis).filter((key) => !before.has(key))).toEqual([]);
    expect(members()).toEqual(membersBefore);
    expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(resources);
    builtin.mockRestore();
  });

  it("can be imported where there is no Node at all", async () => {
    vi.resetModules();
    vi.stubGlobal("process", undefined);
    const core = await import("../src/index.js").finally(() => vi.unstubAllGlobals());
    expect(core.ndarray(new Float64Array(2)).shape).toEqual([2]);
  });
});
