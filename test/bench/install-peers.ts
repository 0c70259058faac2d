import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../support/root.js";

const SOURCES = join(ROOT, "test", "bench", "peers");

/** Where the peers run: a copy of their sources with dependencies of its own. An installation of the project has none of them. */
export const PEERS = join(ROOT, "build", "bench", "peers");

/** Copies the peers, and installs what their lock file names, unless an earlier run has done so. */
export function installPeers(): void {
  const [wanted, found] = [SOURCES, PEERS].map((folder) => join(folder, "package-lock.json"));
  // npm writes this file when it has installed everything else.
  const isComplete = existsSync(join(PEERS, "node_modules", ".package-lock.json"));
  const isInstalled = isComplete && readFileSync(found!, "utf8") === readFileSync(wanted!, "utf8");
  cpSync(SOURCES, PEERS, { recursive: true });
  if (isInstalled) return;
  const words = ["ci", "--prefix", PEERS, "--ignore-scripts", "--no-audit", "--no-fund"];
  const { status } = spawnSync("npm", words, { stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) throw new Error(`npm ci --prefix ${PEERS} ended with ${status}`);
}

/** The version of a package that a peer uses. */
export function versionOfPeer(name: string): string {
  const manifest = readFileSync(join(PEERS, "node_modules", name, "package.json"), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}
