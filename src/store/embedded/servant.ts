import { chown, open, readFile, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { codeOf, EmbeddedPostgresError } from "./error.js";
import type { Place } from "./place.js";

/** The user PostgreSQL's processes run as. Empty: the same as ours. */
export interface Servant {
  readonly uid?: number;
  readonly gid?: number;
}

/** PostgreSQL refuses to run as root: then the owner of the existing cluster runs it, or `nobody` for a new one. */
export async function servantFor(place: Place): Promise<Servant> {
  const owner = await ownerOf(place.cluster);
  const self = process.getuid?.();
  if (self !== 0) {
    if (self !== undefined && owner !== undefined && owner.uid !== self) {
      throw new EmbeddedPostgresError(
        `${place.cluster} belongs to user ${owner.uid}, but this process runs as user ${self}: run it as that user or root`,
      );
    }
    return {};
  }
  if (owner?.uid === 0) {
    throw new EmbeddedPostgresError(
      `${place.cluster} belongs to root, and PostgreSQL does not run as root: give the folder to another user (chown -R)`,
    );
  }
  return owner ?? (await nobody());
}

async function ownerOf(folder: string): Promise<{ uid: number; gid: number } | undefined> {
  try {
    const { uid, gid } = await stat(folder);
    return { uid, gid };
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function nobody(): Promise<Servant> {
  const users = await readFile("/etc/passwd", "utf8").catch(() => "");
  const [, uid, gid] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(users) ?? [];
  return { uid: Number(uid ?? 65534), gid: Number(gid ?? 65534) };
}

/** Gives a new file or folder to the servant. */
export async function give(servant: Servant, file: string): Promise<void> {
  if (servant.uid !== undefined && servant.gid !== undefined) await chown(file, servant.uid, servant.gid);
}

/** Paths lent to a child process: `names` is what the child calls them, `descriptors` follow its stdio. */
export interface Lent {
  readonly names: readonly string[];
  readonly descriptors: readonly number[];
  close(): Promise<void>;
}

/**
 * Lends paths to a child of the servant. DATA_DIR may lie where only root can go (a clone in /root, a 0700 data folder):
 * on Linux root opens each path and the child inherits it, so that the folders above need not be opened to anybody.
 */
export async function lend(servant: Servant, ...paths: string[]): Promise<Lent> {
  if (servant.uid === undefined || process.platform !== "linux") {
    return { names: paths, descriptors: [], close: async () => {} };
  }
  const handles: FileHandle[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(handles.map((handle) => handle.close()));
  };
  try {
    for (const each of paths) handles.push(await open(each, "r"));
  } catch (error) {
    await close();
    throw error;
  }
  return { names: paths.map((_, i) => `/proc/self/fd/${3 + i}`), descriptors: handles.map(({ fd }) => fd), close };
}

const PASSED_ON = ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "SystemRoot", "TEMP", "TMP"];

/** Few variables: ours may hold secrets, PGPORT and the like would be obeyed, and messages must be in English to be read. */
export function servantEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => PASSED_ON.includes(name) || movesTheDate(name));
  return { ...Object.fromEntries(kept), LC_ALL: "C", TZ: "UTC" };
}

/**
 * libfaketime moves the date of a process by these variables. PostgreSQL must have the same date as this process, because
 * each compares times that the other one wrote. LD_PRELOAD is passed on in this case only.
 */
function movesTheDate(name: string): boolean {
  return process.env.FAKETIME !== undefined && (name === "LD_PRELOAD" || name.startsWith("FAKETIME"));
}
