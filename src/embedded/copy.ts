import { chmod, copyFile, lstat, mkdir, mkdtemp, readdir, readlink, rename, rm, stat, symlink } from "node:fs/promises";
import path from "node:path";
import { codeOf } from "../errors/error-code.js";
import { exists } from "./data-dir.js";

const ABANDONED_AFTER_MS = 3_600_000;

/**
 * Makes a copy of the programs that every user can read, once per version, and reuses it.
 * @returns the folder of the copy, or undefined if `parent` is no safe place for one
 */
export async function copyBinaries(native: string, parent: string, name: string): Promise<string | undefined> {
  try {
    await mkdir(parent, { recursive: true, mode: 0o755 });
    if (!(await isSafeParent(parent))) return undefined;
    const target = path.join(parent, name);
    if (!(await exists(target))) await makeCopy(native, target);
    return (await isOursAlone(target)) ? target : undefined;
  } catch {
    // The folder is read-only, full or unusable for another reason: the caller goes on to the next one.
    return undefined;
  }
}

/** Copies under a draft name and renames, so that a kill in the middle leaves no half copy under the final name. */
async function makeCopy(native: string, target: string): Promise<void> {
  await removeAbandoned(target);
  const draft = await mkdtemp(`${target}.new-`);
  try {
    await copyTree(native, draft);
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    const otherWasFaster = codeOf(error) === "ENOTEMPTY" || codeOf(error) === "EEXIST";
    if (!otherWasFaster) throw error;
  }
}

/** Sets every mode itself: under a umask of 077, only the owner can read the files that npm installed. Links stay links. */
async function copyTree(from: string, to: string): Promise<void> {
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, copy] = [path.join(from, entry.name), path.join(to, entry.name)];
    if (entry.isSymbolicLink()) await symlink(await readlink(source), copy);
    else if (entry.isDirectory()) {
      await mkdir(copy);
      await copyTree(source, copy);
    } else {
      await copyFile(source, copy);
      await chmod(copy, (await stat(source)).mode & 0o100 ? 0o755 : 0o644);
    }
  }
}

/** Each killed copy leaves 60 MB. A young draft is kept, because another process may still be writing it. */
async function removeAbandoned(target: string): Promise<void> {
  const parent = path.dirname(target);
  for (const name of await readdir(parent)) {
    const draft = path.join(parent, name);
    if (!draft.startsWith(`${target}.new-`)) continue;
    const { uid, mtimeMs } = await lstat(draft);
    if (uid === process.getuid?.() && Date.now() - mtimeMs > ABANDONED_AFTER_MS)
      await rm(draft, { recursive: true, force: true });
  }
}

/** No other user can replace a folder in here: root alone writes to it, or it is sticky like /tmp. */
async function isSafeParent(folder: string): Promise<boolean> {
  const { uid, mode } = await stat(folder);
  const sticky = (mode & 0o1000) !== 0;
  return uid === 0 && (sticky || (mode & 0o022) === 0);
}

/** Refuses a folder that another user owns or can write to: its programs are never run. */
async function isOursAlone(folder: string): Promise<boolean> {
  const found = await lstat(folder);
  return found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
}
