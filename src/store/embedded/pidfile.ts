import { readFile, rm, stat } from "node:fs/promises";
import { codeOf } from "./error.js";
import { clusterName } from "./place.js";
import type { Place } from "./place.js";

/** What postmaster.pid says. `status` is `starting`, `ready`, `stopping`, or empty while the file is being written. */
export interface PidFile {
  readonly text: string;
  readonly pid: number;
  readonly port: number;
  readonly status: string;
}

export async function readPidFile(place: Place): Promise<PidFile | undefined> {
  try {
    const text = await readFile(place.pidFile, "utf8");
    const lines = text.split("\n").map((line) => line.trim());
    return { text, pid: Number(lines[0]), port: Number(lines[3]), status: lines[7] ?? "" };
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

/** The file of a postmaster that runs on this very folder; undefined when it is stale or missing. */
export async function livingPostmaster(place: Place): Promise<PidFile | undefined> {
  const file = await readPidFile(place);
  return file !== undefined && (await runsHere(place, file.pid)) ? file : undefined;
}

/**
 * A pid alone proves nothing after a reboot. Root in a container may not follow /proc/<pid>/cwd, but anybody may read a
 * command line, which names the folder; a zombie has none. Without /proc, asking for cluster_name after connecting decides.
 */
export async function runsHere(place: Place, pid: number): Promise<boolean> {
  if (!(await isAlive(pid))) return false;
  if (process.platform !== "linux") return true;
  return (await commandLine(pid)).split("\0").includes(`cluster_name=${await clusterName(place)}`);
}

/** Whether a process has this id. A zombie, which no init reaps in many a container, does not count. */
export async function isAlive(pid: number): Promise<boolean> {
  if (!Number.isInteger(pid) || pid < 1) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) !== "EPERM") return false;
  }
  return process.platform !== "linux" || (await commandLine(pid)) !== "";
}

async function commandLine(pid: number): Promise<string> {
  return readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
}

/**
 * Removes a postmaster.pid PostgreSQL itself would trip over for ever: its pid now belongs to a zombie or to a foreign
 * process of the same user. Whatever may be a postmaster of this folder, started by hand, keeps its file. Should a file be
 * lost wrongly nevertheless, the shared memory block still keeps a second postmaster out.
 */
export async function removeStalePidFile(place: Place): Promise<void> {
  const file = await readPidFile(place);
  if (file === undefined || process.platform !== "linux" || (await runsHere(place, file.pid))) return;
  if (file.text === "" && (await isYoung(place.pidFile))) return;
  const line = await commandLine(file.pid);
  const mayBeByHand = line.includes("postgres") && !/jeton-\d+-\d+/.test(line);
  const unchanged = (await readPidFile(place))?.text === file.text;
  if (!mayBeByHand && unchanged) await rm(place.pidFile, { force: true });
}

/** Milliseconds after which an empty pid file is no longer that of a postmaster that is about to write it. */
const WRITTEN_WITHIN_MS = 5_000;

async function isYoung(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found === undefined || Date.now() - found.mtimeMs < WRITTEN_WITHIN_MS;
}
