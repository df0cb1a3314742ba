import { definePlugin, FileSource, nodeFs, openStore, registerPlugin, resolveBackend } from "@stowage/core";
import type { Check } from "../contract.js";
import { expectSame, expectThat } from "../expectations.js";
import { structureRows } from "../structure-row.js";

/** What a backend says of itself, and how it is found. */
export const descriptionChecks: readonly Check[] = [
  {
    name: "describes itself, and its stores",
    run: async (subject) => {
      const { backend } = subject.contract;
      const { name, extensions, schemes = [], capabilities } = backend;
      expectThat(/^\S+$/.test(name), "its name is one word");
      expectThat(extensions.length + schemes.length > 0, "it has extensions or schemes");
      for (const extension of extensions) {
        expectThat(/^\.[^./\\A-Z]+$/.test(extension), `extension ${extension} is a dot and lower case`);
      }
      for (const scheme of schemes) {
        expectThat(/^[a-z][a-z0-9+.-]*$/.test(scheme), `scheme ${scheme} is lower case, without ://`);
      }
      const path = await subject.dataset(structureRows(2));
      const store = await subject.open(path);
      expectSame("name of a store", store.name, path);
      expectSame("backend of a store", store.backend, name);
      expectSame(
        "capabilities of a store",
        Object.entries(store.capabilities).sort(),
        Object.entries(capabilities).sort(),
      );
      expectSame("warnings of a sound dataset", store.warnings, []);
    },
  },
  {
    name: "is found by its paths, once it is registered",
    run: async (subject) => {
      const { backend } = subject.contract;
      registerPlugin(definePlugin({ name: backend.name, backends: [backend] }));
      const path = await subject.dataset(structureRows(3));
      expectSame("the backend of a path", (await resolveBackend(path)).name, backend.name);
      const store = await openStore(path, subject.contract.options);
      expectSame("number of rows", await store.count(), 3);
      await store.close();
    },
  },
  {
    name: "recognises its files, and no others, by their first bytes",
    appliesTo: ({ backend }) => backend.sniff !== undefined,
    run: async (subject) => {
      const sniff = subject.contract.backend.sniff!;
      const path = await subject.dataset(structureRows(3));
      const isFile = nodeFs().statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
      if (isFile) expectThat(sniff(headOf(path)), "a file of its own is recognised");
      for (const text of ["", "\0", "PK\u0003\u0004 is a ZIP file", "%PDF-1.7\n"]) {
        expectSame(`sniff of ${JSON.stringify(text)}`, sniff(new TextEncoder().encode(text)), false);
      }
    },
  },
];

function headOf(path: string): Uint8Array {
  const source = FileSource.open(path);
  try {
    return source.readSync(0, Math.min(source.byteLength, 1 << 16));
  } finally {
    source.close();
  }
}
