/**
 * @typedef {object} StepResult
 * @property {number} passed
 * @property {number} failed
 * @property {string} output  Shown if something failed.
 */

/** Runs steps, prints a line for each, and adds up what passed and failed. */
export class Steps {
  passed = 0;
  failed = 0;

  /**
   * Runs a step that counts its own tests.
   *
   * @param {string} name
   * @param {() => Promise<StepResult>} work  If it throws, that is one failed test.
   */
  async count(name, work) {
    const start = performance.now();
    const { passed, failed, output } = await resultOf(work);
    this.passed += passed;
    this.failed += failed;
    const seconds = `${((performance.now() - start) / 1000).toFixed(1)} s`.padStart(8);
    const counts = passed + failed > 1 ? ` (${passed} passed, ${failed} failed)` : "";
    console.log(`${failed === 0 ? "ok  " : "FAIL"} ${seconds}  ${name}${counts}`);
    if (failed > 0) console.log(output.trimEnd().replaceAll(/^/gm, "  | "));
  }

  /**
   * Runs a step that is one test: it fails if it throws.
   *
   * @template T
   * @param {string} name
   * @param {() => T | Promise<T>} work
   * @returns {Promise<T | undefined>}  What the step returned, if it passed.
   */
  async one(name, work) {
    /** @type {T | undefined} */
    let result;
    await this.count(name, async () => {
      result = await work();
      return { passed: 1, failed: 0, output: "" };
    });
    return result;
  }

  /**
   * Runs a command that is one test: it fails with any exit code but 0.
   *
   * @param {string} name
   * @param {() => Promise<import("./command.mjs").CommandResult>} work
   */
  async command(name, work) {
    await this.count(name, async () => {
      const { code, output } = await work();
      return code === 0
        ? { passed: 1, failed: 0, output }
        : { passed: 0, failed: 1, output: `${output}\nexit code ${code}` };
    });
  }

  /**
   * Runs a check that returns what is wrong, a line each.
   *
   * @param {string} name
   * @param {() => string[] | Promise<string[]>} work
   */
  async problems(name, work) {
    await this.count(name, async () => {
      const problems = await work();
      return problems.length === 0
        ? { passed: 1, failed: 0, output: "" }
        : { passed: 0, failed: 1, output: problems.join("\n") };
    });
  }
}

/**
 * @param {() => Promise<StepResult>} work
 * @returns {Promise<StepResult>}
 */
async function resultOf(work) {
  try {
    return await work();
  } catch (error) {
    // What the scripts throw is a plain Error that says enough; anything else is a mistake in them.
    const output = error instanceof Error && error.constructor !== Error ? error.stack : undefined;
    return {
      passed: 0,
      failed: 1,
      output: output ?? (error instanceof Error ? error.message : String(error)),
    };
  }
}
