import { chmod, copyFile, lstat, mkdir, mkdtemp, readdir, readlink, rename, rm, stat, symlink } from "node:fs/promises";
import path from "node:path";
import { codeOf } from "./error.js";
import { isThere } from "./place.js";

const ABANDONED_AFTER_MS = 3_600_000;

/**
 * Root's readable copy of the binaries, made once per version and used again.
 * @returns its folder, or undefined where a safe copy is impossible
 */
export async function copyBinaries(native: string, parent: string, name: string): Promise<string | undefined> {
  try {
    await mkdir(parent, { recursive: true, mode: 0o755 });
    if (!(await isSafeParent(parent))) return undefined;
    const target = path.join(parent, name);
    if (!(await isThere(target))) await makeCopy(native, target);
    return (await isOursAlone(target)) ? target : undefined;
  } catch {
    // Read-only, full or otherwise unusable: the next candidate may do.
    return undefined;
  }
}

/** Copied under another name and renamed, so that nobody ever sees, or is left with, half a copy. */
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

/** Modes are set anew: under a umask of 077 npm's own files are readable by nobody else. Links stay links. */
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

/** 60 MB for each copy that was killed half-way; one that is younger may still be in the making. */
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

/** Nobody else can rename our folder away and put theirs: ours to write alone, or sticky like /tmp. */
async function isSafeParent(folder: string): Promise<boolean> {
  const { uid, mode } = await stat(folder);
  const sticky = (mode & 0o1000) !== 0;
  return uid === 0 && (sticky || (mode & 0o022) === 0);
}

/** What another user may have put there beforehand, or can write to, is never run. */
async function isOursAlone(folder: string): Promise<boolean> {
  const found = await lstat(folder);
  return found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
}
