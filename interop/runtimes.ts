import { beforeAll } from "vitest";

/** Where a program can be run. */
export interface Runtime {
  readonly name: string;
  readonly executable: string;
  readonly arguments: readonly string[];
}

/** As tests call them. */
export const runtimeNames = ["the Node that runs this", "the current Node", "Bun", "Deno"] as const;

/** All runtimes, by these names, once the tests of the calling file begin. */
export function runtimesOfTests(
  adapt: (runtime: Runtime) => Runtime = (runtime) => runtime,
): Map<string, Runtime> {
  const runtimes = new Map<string, Runtime>();
  beforeAll(async () => {
    const { prepareRuntimes, thisNode } = (await import(
      new URL("../scripts/runtimes.mjs", import.meta.url).href
    )) as { thisNode(): Runtime; prepareRuntimes(): Promise<Runtime[]> };
    for (const [i, runtime] of [thisNode(), ...(await prepareRuntimes())].entries())
      runtimes.set(runtimeNames[i]!, adapt(runtime));
  });
  return runtimes;
}
