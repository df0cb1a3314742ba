import { existsSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { run } from "./command.mjs";
import { cacheFolder, root, toolPath } from "./repository.mjs";

/**
 * Runs a project of vitest.config.ts and counts its tests.
 *
 * A file that does not load counts as a failed test, and so does a run that fails without a failed test, or finds
 * none. A test that was skipped has shown nothing and counts as failed, unless skipping is in order.
 *
 * @param {string} project
 * @param {object} [options]
 * @param {NodeJS.ProcessEnv} [options.env]
 * @param {readonly string[]} [options.files]  Only test files whose paths contain one of these.
 * @param {boolean} [options.maySkip]
 * @returns {Promise<import("./steps.mjs").StepResult>}
 */
export async function runVitest(project, { env, files = [], maySkip = false } = {}) {
  const report = path.join(cacheFolder, "vitest", `${project}.json`);
  rmSync(report, { force: true });
  const args = ["run", ...files, "--project", project, "--no-color", "--reporter=default", "--reporter=json"];
  const { code, output } = await run(
    process.execPath,
    [toolPath("vitest"), ...args, `--outputFile.json=${report}`],
    { cwd: root, env },
  );
  if (!existsSync(report)) return { passed: 0, failed: 1, output };

  /** @type {{ testResults: TestFile[] }} */
  const { testResults } = JSON.parse(readFileSync(report, "utf8"));
  const statuses = testResults
    .flatMap((file) =>
      file.status !== "passed" && file.assertionResults.every((test) => test.status !== "failed")
        ? [...file.assertionResults.map((test) => test.status), "failed"]
        : file.assertionResults.map((test) => test.status),
    )
    .filter((status) => !maySkip || status === "passed" || status === "failed");
  const passed = statuses.filter((status) => status === "passed").length;
  let failed = statuses.length - passed;
  if (failed === 0 && (code !== 0 || passed === 0)) failed = 1;
  const skipped = statuses.filter((status) => status !== "passed" && status !== "failed").length;
  return {
    passed,
    failed,
    // What failed comes first: whoever keeps only the beginning of what we print keeps that.
    output: [
      ...testResults.flatMap(failuresOf),
      ...(skipped > 0 ? [`${skipped} skipped, which counts as failed`] : []),
      output,
    ].join("\n"),
  };
}

/**
 * @typedef {object} TestFile
 * @property {string} name     Absolute path.
 * @property {string} status
 * @property {string} message  Why the file did not load, if it did not.
 * @property {{ status: string, fullName: string, failureMessages: string[] }[]} assertionResults
 *
 * @param {TestFile} file
 */
function failuresOf({ name, message, assertionResults }) {
  const file = path.relative(root, name);
  const failures = assertionResults
    .filter((test) => test.status === "failed")
    .map((test) => `failed: ${file}: ${test.fullName}\n${test.failureMessages.join("\n").slice(0, 1000)}`);
  return message === "" ? failures : [`failed: ${file}\n${message.slice(0, 1000)}`, ...failures];
}
