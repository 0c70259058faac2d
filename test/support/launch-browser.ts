import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { chromium, type Browser, type LaunchOptions } from "playwright-core";
import { withoutDate } from "./date.js";

/** Starts CHROME_PATH, or the Chromium that comes from npm (Linux on x64), or the Chrome that is installed. */
export async function launchBrowser(): Promise<Browser> {
  const path = process.env.CHROME_PATH;
  if (path) return chromium.launch({ executablePath: path, env: withoutDate() });
  if (process.platform !== "linux" || process.arch !== "x64") {
    return chromium.launch({ channel: "chrome", env: withoutDate() });
  }
  return chromium.launch(await packed());
}

const run = promisify(execFile);

/**
 * The packed Chromium, unpacked once for each version. It goes into a folder that gets its name when it is complete. So
 * test files that start together, or were interrupted, never meet half of it. Its own arguments are not used: they
 * switch off what is tested here (`--disable-web-security`).
 */
async function packed(): Promise<LaunchOptions> {
  const manifest = createRequire(import.meta.url)
    .resolve("@sparticuz/chromium")
    .replace(/build[/\\].*$/, "package.json");
  const { version } = JSON.parse(await readFile(manifest, "utf8")) as { version: string };
  const folder = join(tmpdir(), `jeton-chromium-${version}-${process.getuid?.()}`);
  if (!existsSync(folder)) await unpack(folder);
  return {
    executablePath: join(folder, "chromium"),
    // The libraries and the fonts that it brings, for machines that have none.
    env: {
      ...withoutDate(),
      LD_LIBRARY_PATH: join(folder, "al2023", "lib"),
      FONTCONFIG_FILE: join(folder, "fonts.conf"),
    },
  };
}

async function unpack(folder: string): Promise<void> {
  const parts = await mkdtemp(`${folder}-`);
  const program = 'import chromium from "@sparticuz/chromium"; await chromium.executablePath();';
  await run(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: dirname(import.meta.filename),
    env: { ...withoutDate(), TMPDIR: parts, AWS_LAMBDA_JS_RUNTIME: "nodejs20.x", NODE_OPTIONS: "" },
  });
  await writeFile(
    join(parts, "fonts.conf"),
    `<fontconfig><dir>/usr/share/fonts</dir><dir>${folder}/fonts</dir><cachedir>${folder}/font-cache</cachedir></fontconfig>`,
  );
  // Who comes second finds the place taken by the same.
  await rename(parts, folder).catch(() => rm(parts, { recursive: true }));
}
