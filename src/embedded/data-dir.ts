import { lstat, mkdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { newSecret, systemRandom } from "../clock.js";
import { createFile } from "../durable-file.js";
import { codeOf } from "../errors/error-code.js";
import { EmbeddedPostgresError } from "./error.js";

/** The paths in a data folder. All are absolute. */
export interface DataDir {
  readonly path: string;
  readonly cluster: string;
  readonly pidFile: string;
  readonly passwordFile: string;
  readonly logFile: string;
  readonly masterKey: string;
}

/** @param folder DATA_DIR, absolute or relative to the current folder */
export function dataDirAt(folder: string): DataDir {
  const root = path.resolve(folder);
  return {
    path: root,
    cluster: path.join(root, "postgres"),
    pidFile: path.join(root, "postgres", "postmaster.pid"),
    passwordFile: path.join(root, "postgres.password"),
    logFile: path.join(root, "postgres.log"),
    masterKey: path.join(root, "master.key"),
  };
}

/** Makes DATA_DIR with mode 0700, because it will hold the master key. An existing folder keeps its mode. */
export async function makeDataDir(dir: DataDir): Promise<void> {
  await mkdir(dir.path, { recursive: true, mode: 0o700 });
}

/**
 * A name that only this folder has. A copy of the folder (backup, snapshot) has the same postmaster.pid, password and
 * system identifier. It must not be taken for the original, whose postmaster is still running.
 */
export async function clusterName(dir: DataDir): Promise<string> {
  const { dev, ino } = await stat(dir.cluster, { bigint: true });
  return `jeton-${dev}-${ino}`;
}

export async function readPassword(dir: DataDir): Promise<string | undefined> {
  try {
    return (await readFile(dir.passwordFile, "utf8")).trim() || undefined;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Makes the password of a new cluster, unless another process has made one already. */
export async function makePassword(dir: DataDir): Promise<void> {
  await createFile(dir.passwordFile, `${newSecret(systemRandom)}\n`, systemRandom);
  if ((await readPassword(dir)) === undefined)
    throw new EmbeddedPostgresError(`${dir.passwordFile} is empty: remove it and start again`);
}

export function urlOf(database: string, port: number, password: string): string {
  return `postgresql://jeton:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;
}

/** Whether a file, a folder or a link of this name exists. A dangling link counts. */
export async function exists(file: string): Promise<boolean> {
  try {
    await lstat(file);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}
