import { spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { syncFolder } from "../durable-file.js";
import { codeOf } from "../errors/error-code.js";
import type { Binaries } from "./binaries.js";
import { exists, type DataDir } from "./data-dir.js";
import { EmbeddedPostgresError } from "./error.js";
import { chownTo, inheritPaths, type ChildOptions } from "./os-user.js";

/** PostgreSQL always writes pg_control whole, padded to this size (PG_CONTROL_FILE_SIZE). */
const CONTROL_FILE_BYTES = 8192;

/**
 * Inspects DATA_DIR/postgres and changes nothing.
 * @throws EmbeddedPostgresError if the cluster is not usable, or if it is missing beside its master key
 */
export async function inspectCluster(dir: DataDir, restoring = false): Promise<"usable" | "missing"> {
  // The order matters. A first start makes the key after the cluster, so a key seen first means that a cluster existed.
  const hasKey = await exists(dir.masterKey);
  if (!(await exists(dir.cluster))) {
    if (!hasKey || restoring) return "missing";
    throw new EmbeddedPostgresError(
      `the database is gone but its master key is there: ${dir.cluster} does not exist beside ${dir.masterKey}; ` +
        "restore the folder, or a backup (jeton restore FILE), or move the key away to start afresh",
    );
  }
  const flaw = await flawOf(dir.cluster);
  if (flaw !== undefined) throw unusable(dir, flaw);
  if (!(await exists(dir.passwordFile))) throw unusable(dir, `its password file ${dir.passwordFile} is missing`);
  return "usable";
}

/** @throws EmbeddedPostgresError if another major version of PostgreSQL made the cluster */
export async function checkVersion(dir: DataDir, binaries: Binaries): Promise<void> {
  const version = (await readFile(path.join(dir.cluster, "PG_VERSION"), "utf8")).trim();
  if (version !== binaries.major) {
    throw unusable(dir, `it was made by PostgreSQL ${version}, this installation brings PostgreSQL ${binaries.major}`);
  }
}

export function unusable(dir: DataDir, reason: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(`the database in ${dir.cluster} cannot be used, and nothing was changed: ${reason}`);
}

async function flawOf(cluster: string): Promise<string | undefined> {
  try {
    if ((await readdir(cluster)).length === 0) return "the folder is empty";
    const version = await readFile(path.join(cluster, "PG_VERSION"), "utf8");
    if (!/^\d{1,3}\n?$/.test(version)) return "its PG_VERSION is garbled";
    const { size } = await stat(path.join(cluster, "global", "pg_control"));
    if (size !== CONTROL_FILE_BYTES) return `its global/pg_control has ${size} bytes instead of ${CONTROL_FILE_BYTES}`;
    return undefined;
  } catch (error) {
    if (codeOf(error) === "ENOTDIR") return "it is not a folder";
    if (codeOf(error) === "ENOENT" && error instanceof Error && "path" in error)
      return `${String(error.path)} is missing`;
    throw error;
  }
}

/**
 * Makes the cluster under a draft name and renames it once it is complete: a kill in the middle leaves no half cluster.
 * @returns false if another process was faster, whose cluster is used then
 */
export async function createCluster(dir: DataDir, options: ChildOptions, binaries: Binaries): Promise<boolean> {
  const draft = await mkdtemp(path.join(dir.path, "postgres.new-"));
  try {
    const data = path.join(draft, "data");
    const password = path.join(draft, "password");
    await mkdir(data, { mode: 0o700 });
    // initdb reads the password from a file, and its user may not read the one of root.
    await copyFile(dir.passwordFile, password);
    await chownTo(options, data);
    await chownTo(options, password);
    await initdb(data, password, options, binaries);
    await rename(data, dir.cluster);
    await syncFolder(dir.path);
    return true;
  } catch (error) {
    // Another process may also have swept this draft away under initdb, which it does only once its own cluster exists.
    if (await exists(dir.cluster)) return false;
    throw error;
  } finally {
    await rm(draft, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Removes the drafts of interrupted starts. Only for the owner of the lock, whose cluster makes every draft useless. */
export async function sweepDrafts(dir: DataDir): Promise<void> {
  for (const name of await readdir(dir.path)) {
    if (!name.startsWith("postgres.new-") && !name.startsWith("postgres.password.new-")) continue;
    await rm(path.join(dir.path, name), { recursive: true, force: true }).catch(() => {});
  }
}

async function initdb(data: string, password: string, options: ChildOptions, binaries: Binaries): Promise<void> {
  const paths = await inheritPaths(options, data, password);
  try {
    const args = [`--pgdata=${paths.names[0]}`, `--pwfile=${paths.names[1]}`, "--username=jeton"];
    args.push("--auth=scram-sha-256", "--no-instructions", "--encoding=UTF8");
    // Collation by code point, and Unicode case rules from PostgreSQL itself: the same on every machine.
    args.push("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8");
    const child = spawn(binaries.initdb, args, {
      ...options,
      windowsHide: true,
      stdio: ["ignore", "ignore", "pipe", ...paths.descriptors],
    });
    let stderr = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const code = await new Promise<number | null>((resolve, reject) =>
      child.once("error", reject).once("close", resolve),
    );
    if (code !== 0)
      throw new EmbeddedPostgresError(
        `initdb could not make a database in ${path.dirname(data)}: ${lastComplaint(stderr)}`,
      );
  } finally {
    await paths.close();
  }
}

function lastComplaint(stderr: string): string {
  const lines = stderr.trim().split("\n");
  return lines.findLast((line) => /error:|FATAL|PANIC/.test(line)) ?? lines.at(-1) ?? "";
}
