import type { Stats } from "node:fs";

/** What others may do with a file: its group, and everybody. */
const FOR_OTHERS = 0o077;

/** Group's right to read, which libpq lets a key have that belongs to root. */
const READ_BY_GROUP = 0o040;

/**
 * Why a file is no place for a secret, as `ssh` judges a private key; undefined where it is one. Windows has no such modes.
 * @param stats of the file itself, not of a link to it
 * @param rootsGroup whether the group may read what belongs to root
 */
export function fileModeProblem({ mode, uid }: Pick<Stats, "mode" | "uid">, rootsGroup = false): string | undefined {
  if (process.platform === "win32") return undefined;
  const given = mode & FOR_OTHERS;
  if (given === 0 || (rootsGroup && uid === 0 && given === READ_BY_GROUP)) return undefined;
  return `is open to others (mode ${(mode & 0o777).toString(8).padStart(4, "0")}): run chmod 600 on it`;
}
