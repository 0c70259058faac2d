import { spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import type { Binaries } from "./binaries.js";
import { codeOf, EmbeddedPostgresError } from "./error.js";
import { isThere } from "./place.js";
import type { Place } from "./place.js";
import { give, lend, servantEnvironment } from "./servant.js";
import type { Servant } from "./servant.js";

/** pg_control is always written whole, padded to this size (PG_CONTROL_FILE_SIZE). */
const CONTROL_FILE_BYTES = 8192;

/**
 * Looks at DATA_DIR/postgres without touching it.
 * @throws EmbeddedPostgresError when something is there that is no usable cluster, or nothing is there but should be
 */
export async function inspectCluster(place: Place, restoring = false): Promise<"usable" | "missing"> {
  // In this order: a first start makes the key after the cluster, so a key seen first means the cluster was there once.
  const hasKey = await isThere(place.masterKey);
  if (!(await isThere(place.cluster))) {
    if (!hasKey || restoring) return "missing";
    throw new EmbeddedPostgresError(
      `the database is gone but its master key is there: ${place.cluster} does not exist beside ${place.masterKey}; ` +
        "restore the folder, or a backup (jeton restore FILE), or move the key away to start anew",
    );
  }
  const flaw = await flawOf(place.cluster);
  if (flaw !== undefined) throw unusable(place, flaw);
  if (!(await isThere(place.passwordFile))) throw unusable(place, `its password file ${place.passwordFile} is missing`);
  return "usable";
}

/** @throws EmbeddedPostgresError when the cluster was made by another major version of PostgreSQL */
export async function checkVersion(place: Place, binaries: Binaries): Promise<void> {
  const version = (await readFile(path.join(place.cluster, "PG_VERSION"), "utf8")).trim();
  if (version !== binaries.major) {
    throw unusable(
      place,
      `it was made by PostgreSQL ${version}, this installation brings PostgreSQL ${binaries.major}`,
    );
  }
}

export function unusable(place: Place, reason: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `the database in ${place.cluster} cannot be used, and nothing was changed: ${reason}`,
  );
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
 * Makes the cluster beside its place and renames it when complete: a kill in the middle leaves no half cluster.
 * @returns false when another process was faster, whose cluster then stands
 */
export async function createCluster(place: Place, servant: Servant, binaries: Binaries): Promise<boolean> {
  const draft = await mkdtemp(path.join(place.dataDir, "postgres.new-"));
  try {
    const data = path.join(draft, "data");
    const password = path.join(draft, "password");
    await mkdir(data, { mode: 0o700 });
    // The servant may not read root's own password file, and initdb asks for one.
    await copyFile(place.passwordFile, password);
    await give(servant, data);
    await give(servant, password);
    await initdb(data, password, servant, binaries);
    await rename(data, place.cluster);
    await syncFolder(place.dataDir);
    return true;
  } catch (error) {
    // Also when our draft was swept away under initdb: that only happens after the other one's cluster stands.
    if (await isThere(place.cluster)) return false;
    throw error;
  } finally {
    await rm(draft, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Removes what interrupted tries left. Only for who holds the cluster's lock: by then every other try has lost anyway. */
export async function sweepDrafts(place: Place): Promise<void> {
  for (const name of await readdir(place.dataDir)) {
    if (!name.startsWith("postgres.new-") && !name.startsWith("postgres.password.new-")) continue;
    await rm(path.join(place.dataDir, name), { recursive: true, force: true }).catch(() => {});
  }
}

async function initdb(data: string, password: string, servant: Servant, binaries: Binaries): Promise<void> {
  const lent = await lend(servant, data, password);
  try {
    const args = [`--pgdata=${lent.names[0]}`, `--pwfile=${lent.names[1]}`, "--username=jeton", "--auth=scram-sha-256"];
    // Collation by code point and Unicode case rules from PostgreSQL itself: the same on every machine.
    args.push(
      "--encoding=UTF8",
      "--locale=C",
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      "--no-instructions",
    );
    const stdio = ["ignore", "ignore", "pipe", ...lent.descriptors] as const;
    const child = spawn(binaries.initdb, args, {
      ...servant,
      cwd: "/",
      env: servantEnvironment(),
      windowsHide: true,
      stdio: [...stdio],
    });
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (said += text));
    const code = await new Promise<number | null>((resolve, reject) =>
      child.once("error", reject).once("close", resolve),
    );
    if (code !== 0)
      throw new EmbeddedPostgresError(
        `initdb could not make a database in ${path.dirname(data)}: ${lastComplaint(said)}`,
      );
  } finally {
    await lent.close();
  }
}

function lastComplaint(said: string): string {
  const lines = said.trim().split("\n");
  return lines.findLast((line) => /error:|FATAL|PANIC/.test(line)) ?? lines.at(-1) ?? "";
}

async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder; there the rename has to do.
  const handle = await open(folder, "r").catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}
