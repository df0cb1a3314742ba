import { fileError, nodeFs, nodePath, StowageError } from "@stowage/core";

/** The group of rows where none is named. */
export const DEFAULT_GROUP = "default";

/**
 * The groups of an asebytes store: its folders that hold an LMDB environment, sorted. None where there is no such
 * folder.
 *
 * @throws {StowageError} ERR_FILE_ACCESS
 */
export function listGroups(path: string): string[] {
  const fs = nodeFs();
  const { join } = nodePath();
  if (!fs.existsSync(path)) return [];
  try {
    return fs
      .readdirSync(path)
      .filter((name) => ["data.mdb", "lock.mdb"].some((file) => fs.existsSync(join(path, name, file))))
      .sort();
  } catch (error) {
    throw fileError(error, "list", path);
  }
}

/** The folder of a group, whether or not there is one. @throws {StowageError} ERR_OPTION */
export function groupFolder(path: string, group: string): string {
  if (group === "" || group === "." || group === ".." || /[/\\]/.test(group)) {
    throw new StowageError(
      "ERR_OPTION",
      `Cannot open group ${JSON.stringify(group)} of ${path}: a group is the name of a folder`,
      { option: "group", value: group },
    );
  }
  return nodePath().join(path, group);
}

/** The data file of a group. @throws {StowageError} ERR_FILE_MISSING, ERR_OPTION */
export function groupFile(path: string, group: string): string {
  const file = nodePath().join(groupFolder(path, group), "data.mdb");
  if (nodeFs().existsSync(file)) return file;
  const groups = listGroups(path);
  throw new StowageError(
    "ERR_FILE_MISSING",
    `Cannot open group ${JSON.stringify(group)} of ${path}: there is no ${file}`,
    { path: file },
    {
      hint:
        groups.length > 0 ? `its groups are ${groups.join(", ")}` : "give the folder that holds the groups",
    },
  );
}
