import { run } from "./command.mjs";

/**
 * Runs npm and collects what it prints.
 *
 * @param {readonly string[]} args
 * @param {{ cwd: string }} options
 */
export function npm(args, { cwd }) {
  // Under `npm run`, npm says where it is and what it runs for; a nested npm must take its folder from cwd instead.
  const cli = process.env.npm_execpath;
  const env = { npm_config_local_prefix: undefined, npm_config_workspace: undefined, INIT_CWD: undefined };
  if (cli?.endsWith(".js")) return run(process.execPath, [cli, ...args], { cwd, env });
  return run(process.platform === "win32" ? "npm.cmd" : "npm", args, { cwd, env });
}
