import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import tap, { type Test } from "tap";
import { launchBrowser } from "./launch-browser.js";

/** A person's browser in a test: a window that shares nothing with any other, closed when its test ends. */
export interface Window {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the browser had to say against any page: violated policies, failing scripts, warnings. */
  readonly complaints: readonly string[];
}

let browser: Promise<Browser> | undefined;

/** Opens a window; the browser behind it is started once for a test file. */
export async function openWindow(t: Test, options: BrowserContextOptions = {}): Promise<Window> {
  if (browser === undefined) {
    const launched = (browser = launchBrowser());
    tap.teardown(async () => {
      browser = undefined;
      await (await launched).close();
    });
  }
  const context = await (await browser).newContext({ locale: "en-GB", reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(15_000);
  t.teardown(() => context.close());
  const complaints: string[] = [];
  context.on("console", (message) => {
    const text = message.text();
    // That an answer was no 2xx is said of every error page: what it stands for is looked at, not that it is said.
    const isStatus = /^Failed to load resource: the server responded with a status of \d{3}/.test(text);
    if (["error", "warning"].includes(message.type()) && !isStatus) complaints.push(text);
  });
  context.on("weberror", (error) => complaints.push(`${error.error()}`));
  return { context, page: await context.newPage(), complaints };
}
