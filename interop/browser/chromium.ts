import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { buffer, text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";

/** What a page may load: its path, such as `/data.mdb`, to content. `/page.js` is the page's script. */
export type Served = Readonly<Record<string, string | Uint8Array>>;

/** What the page's script does not catch is posted for it. */
const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>Stowage</title>
<script>
  const post = (text) => fetch("/error", { method: "POST", body: String(text) });
  addEventListener("error", ({ error, message }) => post(error?.stack ?? message));
  addEventListener("unhandledrejection", ({ reason }) => post(reason?.stack ?? reason));
</script>
<script type="module" src="/page.js" onerror="post('page.js does not load')"></script>`;

/** A page takes a second or two: after this it hangs. */
const PATIENCE_MS = 60_000;

/** How long the browser may take to end by itself. */
const GRACE_MS = 5000;

/**
 * Opens a page in Chromium without a window, and waits for what its script posts to `/result`.
 *
 * Everything that was started has ended when this returns or throws.
 *
 * @throws {Error} with what the script throws or posts to `/error`, or if the browser ends before anything is posted.
 */
export async function runPage(served: Served): Promise<Uint8Array> {
  const profile = mkdtempSync(path.join(tmpdir(), "stowage-chromium-"));
  const { server, answer } = await serve(served);
  const waiting = new AbortController();
  let browser: ChildProcess | undefined;
  try {
    const { port } = server.address() as AddressInfo;
    browser = spawn(
      executable(),
      [
        ...["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        ...["--no-first-run", "--disable-extensions", "--disable-background-networking"],
        ...[`--user-data-dir=${profile}`, `http://127.0.0.1:${port}/`],
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    return await Promise.race([answer, failure(browser), patience(waiting.signal)]);
  } finally {
    waiting.abort();
    if (browser !== undefined) await end(browser);
    server.closeAllConnections();
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** See scripts/chromium.mjs. */
function executable(): string {
  const prepared: { executable: string } | { problem: string } = JSON.parse(
    process.env.STOWAGE_BROWSER ?? '{"problem":"STOWAGE_BROWSER does not name it"}',
  );
  if ("problem" in prepared) throw new Error(`The browser is missing. ${prepared.problem}`);
  return prepared.executable;
}

async function serve(served: Served): Promise<{ server: Server; answer: Promise<Uint8Array> }> {
  let succeed: (result: Uint8Array) => void;
  let fail: (error: Error) => void;
  const answer = new Promise<Uint8Array>((resolve, reject) => {
    succeed = resolve;
    fail = reject;
  });
  // Whoever waits for it sees the failure; it may come before anybody does.
  answer.catch(() => {});
  const server = createServer(async (request: IncomingMessage, response) => {
    const url = request.url ?? "";
    if (url === "/result") succeed(await buffer(request));
    if (url === "/error") fail(new Error(`The page failed: ${await text(request)}`));
    const content = url === "/" ? PAGE : Object.hasOwn(served, url) ? served[url] : undefined;
    const type =
      url === "/" ? "text/html" : url.endsWith(".js") ? "text/javascript" : "application/octet-stream";
    response.writeHead(content === undefined && request.method === "GET" ? 404 : 200, {
      "content-type": type,
    });
    response.end(content);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, answer };
}

/** Rejects if the browser does not start, or ends. */
async function failure(browser: ChildProcess): Promise<never> {
  const stderr = text(browser.stderr!);
  const [code, signal] = await once(browser, "close");
  throw new Error(`Chromium ended with ${code ?? signal}\n${(await stderr).slice(-4000)}`);
}

/** Rejects when the page has had its time. */
async function patience(signal: AbortSignal): Promise<never> {
  await setTimeout(PATIENCE_MS, undefined, { signal });
  throw new Error(`The page has posted nothing for ${PATIENCE_MS / 1000} s`);
}

async function end(browser: ChildProcess): Promise<void> {
  if (browser.pid === undefined || browser.exitCode !== null || browser.signalCode !== null) return;
  const ended = once(browser, "close");
  browser.kill("SIGTERM");
  const grace = setTimeout(GRACE_MS, "running" as const);
  if ((await Promise.race([ended, grace])) === "running") browser.kill("SIGKILL");
  await ended;
}
