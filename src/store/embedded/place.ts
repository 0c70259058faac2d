import { randomBytes } from "node:crypto";
import { link, lstat, mkdir, open, readFile, rm, stat } from "node:fs/promises";
import path from "node:path";
import { codeOf, EmbeddedPostgresError } from "./error.js";

/** Where everything of the embedded database lies. All paths are absolute. */
export interface Place {
  readonly dataDir: string;
  readonly cluster: string;
  readonly pidFile: string;
  readonly passwordFile: string;
  readonly logFile: string;
  readonly masterKey: string;
}

export function placeOf(dataDir: string): Place {
  const root = path.resolve(dataDir);
  return {
    dataDir: root,
    cluster: path.join(root, "postgres"),
    pidFile: path.join(root, "postgres", "postmaster.pid"),
    passwordFile: path.join(root, "postgres.password"),
    logFile: path.join(root, "postgres.log"),
    masterKey: path.join(root, "master.key"),
  };
}

/** Makes DATA_DIR, closed to everybody else: the master key will lie there. An existing folder keeps its mode. */
export async function makeDataDir(place: Place): Promise<void> {
  await mkdir(place.dataDir, { recursive: true, mode: 0o700 });
}

/**
 * A name only this very folder has. A copy of it (backup, snapshot) brings along the same postmaster.pid, password and
 * system identifier, and must not be taken for the original whose postmaster is still running.
 */
export async function clusterName(place: Place): Promise<string> {
  const { dev, ino } = await stat(place.cluster, { bigint: true });
  return `jeton-${dev}-${ino}`;
}

export async function readPassword(place: Place): Promise<string | undefined> {
  try {
    return (await readFile(place.passwordFile, "utf8")).trim() || undefined;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Reads the password or makes one. Linked into place complete, so that two starters agree and nobody reads half of it. */
export async function makePassword(place: Place): Promise<string> {
  const draft = `${place.passwordFile}.new-${randomBytes(6).toString("hex")}`;
  try {
    await writeDurably(draft, `${randomBytes(32).toString("base64url")}\n`);
    await link(draft, place.passwordFile);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  } finally {
    await rm(draft, { force: true });
  }
  const password = await readPassword(place);
  if (password === undefined)
    throw new EmbeddedPostgresError(`${place.passwordFile} is empty: remove it and start again`);
  return password;
}

async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(file, "wx", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function urlOf(database: string, port: number, password: string): string {
  return `postgresql://jeton:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;
}

/** Whether there is anything by this name, be it a dangling link. */
export async function isThere(file: string): Promise<boolean> {
  try {
    await lstat(file);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}
