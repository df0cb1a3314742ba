import { Buffer } from "node:buffer";
import { existsSync, readFileSync } from "node:fs";
import * as core from "@stowage/core";

const capabilities = { create: true, append: true, perAtomExtras: true, nested: true };

/** What JSON lacks is text with a mark: `$` .npy in base64, `#` big integers, `=` numbers, `'` text like these. */
function toJson(_key: string, value: core.Value): core.Value {
  if (core.isNdArray(value)) return `$${Buffer.from(core.encodeNpy(value)).toString("base64")}`;
  if (typeof value === "bigint") return `#${value}`;
  if (Object.is(value, -0)) return "=-0";
  if (typeof value === "number" && !Number.isFinite(value)) return `=${value}`;
  return typeof value === "string" && /^[$#=']/.test(value) ? `'${value}` : value;
}

function fromJson(_key: string, value: core.Value): core.Value {
  const [, mark, text = ""] = (typeof value === "string" && /^([$#='])(.*)$/s.exec(value)) || [];
  if (mark === undefined) return value;
  if (mark !== "$") return mark === "#" ? BigInt(text) : mark === "=" ? Number(text) : text;
  const bytes = Buffer.from(text, "base64");
  const header = core.parseNpyHeader(bytes) as core.NpyHeader;
  return core.decodeNpyData(header, bytes.subarray(header.dataOffset));
}

/** Rows are in memory while the file is open, and written as a whole. */
function openSync(path: string, options: core.OpenOptions = {}): core.RowStore<"sync"> {
  const { mode = "r", overwrite = false } = options;
  const isThere = existsSync(path);
  if (mode === "w" && isThere && !overwrite) throw core.fileExists(path);
  if (mode === "r" && !isThere) throw core.fileError({ code: "ENOENT" }, "open", path);
  const lines = isThere && mode !== "w" ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
  const rows = lines.map((line) => JSON.parse(line, fromJson) as core.Row);
  const { count, getMany, schema, append, flush, close } = core.memoryStore(rows, path, mode !== "r");
  let writable = mode !== "r";
  const save = (): void => {
    flush!(); // refuses when closed
    const file = core.TemporaryFile.create(path, { overwrite: true });
    file.write(Buffer.from(rows.map((row) => `${JSON.stringify(row, toJson)}\n`).join("")));
    file.commit();
  };
  const saveAndClose = (): void => {
    if (writable) save();
    writable = false;
    close();
  };
  const reading = { name: path, backend: "jsonl", capabilities, warnings: [], count, getMany, schema };
  return { ...reading, append, flush: writable ? save : flush, close: saveAndClose };
}

export const jsonLines = core.defineBackend({
  name: "jsonl",
  extensions: [".jsonl"],
  capabilities,
  openSync,
  open: async (path: string, options?: core.OpenOptions) => core.toAsync(openSync(path, options)),
});

const plugin = core.definePlugin({ name: "jsonl", backends: [jsonLines] });
export default plugin;
