import type { Stats } from "node:fs";

/** The mode bits of the group and of all others. */
const FOR_OTHERS = 0o077;

/** The group's read bit, which libpq accepts on a key file of root. */
const READ_BY_GROUP = 0o040;

/**
 * Why the mode of a file is unsafe for a secret, by the rules of `ssh` for private keys; undefined if it is safe. Windows has no
 * such modes.
 * @param stats of the file itself, not of a link to it
 * @param rootsGroup whether the group may read a file of root
 */
export function fileModeProblem({ mode, uid }: Pick<Stats, "mode" | "uid">, rootsGroup = false): string | undefined {
  if (process.platform === "win32") return undefined;
  const given = mode & FOR_OTHERS;
  if (given === 0 || (rootsGroup && uid === 0 && given === READ_BY_GROUP)) return undefined;
  return `is open to others (mode ${(mode & 0o777).toString(8).padStart(4, "0")}): run chmod 600 on it`;
}
