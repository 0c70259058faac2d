import { link, open, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import type { Random } from "./clock.js";
import { codeOf } from "./errors/error-code.js";

/**
 * Files that a crash leaves either complete or absent. Each is written under a draft name (`PATH.new-…`) and synced. Then it
 * gets its own name, and the folder is synced. Only the owner may read it.
 */

/**
 * Creates a file, unless one with this name exists already.
 * @returns false if it existed; it is unchanged then
 */
export async function createFile(path: string, text: string, random: Random): Promise<boolean> {
  const { draft } = await writeDraft(path, (file) => file.writeFile(text), random);
  try {
    const isCreated = await linkUnlessExists(draft, path);
    // Also if another process created the file: it may not have synced the folder yet.
    await syncFolder(dirname(path));
    return isCreated;
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Writes a file that takes the place of any earlier one of this name.
 * @returns what `write` returns
 */
export async function replaceFile<T>(
  path: string,
  write: (file: FileHandle) => Promise<T>,
  random: Random,
): Promise<T> {
  const { draft, written } = await writeDraft(path, write, random);
  try {
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
  return written;
}

async function linkUnlessExists(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Makes a rename or a link in this folder durable. Windows cannot open a folder, so there the rename has to do. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}

/** Writes and syncs the draft of a file. It is removed if that fails. */
async function writeDraft<T>(path: string, write: (file: FileHandle) => Promise<T>, random: Random) {
  const draft = `${path}.new-${random(6).toString("hex")}`;
  const file = await open(draft, "wx", 0o600);
  try {
    const written = await write(file);
    await file.sync();
    await file.close();
    return { draft, written };
  } catch (error) {
    await file.close().catch(() => {});
    await rm(draft, { force: true });
    throw error;
  }
}
