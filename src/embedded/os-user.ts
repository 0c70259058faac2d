import { chown, open, readFile, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { codeOf } from "../errors/error-code.js";
import type { DataDir } from "./data-dir.js";
import { EmbeddedPostgresError } from "./error.js";

/** The user that PostgreSQL's processes run as. Empty: the same as this process. */
interface OsUser {
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/** The part of node's spawn options that all processes of PostgreSQL share. */
export interface ChildOptions {
  readonly uid?: number;
  readonly gid?: number;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** PostgreSQL refuses to run as root. The owner of an existing cluster runs it, and the user `nobody` a new one. */
export async function osUserFor(dir: DataDir): Promise<OsUser> {
  const owner = await ownerOf(dir.cluster);
  const self = process.getuid?.();
  if (self !== 0) {
    if (self !== undefined && owner !== undefined && owner.uid !== self) {
      throw new EmbeddedPostgresError(
        `${dir.cluster} belongs to user ${owner.uid}, but this process runs as user ${self}: run it as that user or root`,
      );
    }
    return {};
  }
  if (owner?.uid === 0) {
    throw new EmbeddedPostgresError(
      `${dir.cluster} belongs to root, and PostgreSQL does not run as root: give the folder to another user (chown -R)`,
    );
  }
  return owner ?? (await unprivilegedUser());
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

async function unprivilegedUser(): Promise<OsUser> {
  const users = await readFile("/etc/passwd", "utf8").catch(() => "");
  const [, uid, gid] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(users) ?? [];
  return { uid: Number(uid ?? 65534), gid: Number(gid ?? 65534) };
}

/** Makes the user the owner of a new file or folder. */
export async function chownTo({ uid, gid }: OsUser, file: string): Promise<void> {
  if (uid !== undefined && gid !== undefined) await chown(file, uid, gid);
}

/** Paths that a child process inherits: `names` are its names for them, `descriptors` follow its stdio. */
interface InheritedPaths {
  readonly names: readonly string[];
  readonly descriptors: readonly number[];
  close(): Promise<void>;
}

/**
 * Passes paths to a child that runs as another user. DATA_DIR may lie in a folder that only root can enter (a clone in /root,
 * a data folder of mode 0700). On Linux root opens each path and the child inherits it, so no folder above has to be opened.
 */
export async function inheritPaths({ uid }: OsUser, ...paths: string[]): Promise<InheritedPaths> {
  if (uid === undefined || process.platform !== "linux") {
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

const INHERITED = ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "SystemRoot", "TEMP", "TMP"];

/**
 * How PostgreSQL's programs run. They inherit few variables, because the others may hold secrets and PostgreSQL would obey
 * PGPORT and its like. Their messages are in English, because they are parsed.
 * @param environment the variables of this process
 */
export function childOptions({ uid, gid }: OsUser, environment: NodeJS.ProcessEnv): ChildOptions {
  const isFaked = environment.FAKETIME !== undefined;
  const kept = Object.entries(environment).filter(
    ([name]) => INHERITED.includes(name) || (isFaked && movesTheDate(name)),
  );
  const user = uid === undefined || gid === undefined ? {} : { uid, gid };
  return { ...user, cwd: "/", env: { ...Object.fromEntries(kept), LC_ALL: "C", TZ: "UTC" } };
}

/**
 * Whether libfaketime reads this variable. PostgreSQL must have the same date as this process, because each compares times
 * that the other wrote. LD_PRELOAD is inherited only where FAKETIME is set.
 */
function movesTheDate(name: string): boolean {
  return name === "LD_PRELOAD" || name.startsWith("FAKETIME");
}
