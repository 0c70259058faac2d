import { readFile, rm, stat } from "node:fs/promises";
import { codeOf } from "../errors/error-code.js";
import { clusterName, type DataDir } from "./data-dir.js";

/** The content of postmaster.pid. `status` is `starting`, `ready`, `stopping`, or empty while PostgreSQL writes the file. */
interface PidFile {
  readonly text: string;
  readonly pid: number;
  readonly port: number;
  readonly status: string;
}

export async function readPidFile(dir: DataDir): Promise<PidFile | undefined> {
  try {
    const text = await readFile(dir.pidFile, "utf8");
    const lines = text.split("\n").map((line) => line.trim());
    return { text, pid: Number(lines[0]), port: Number(lines[3]), status: lines[7] ?? "" };
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

/** The pid file of a postmaster that runs on this folder; undefined if the file is stale or missing. */
export async function livingPostmaster(dir: DataDir): Promise<PidFile | undefined> {
  const file = await readPidFile(dir);
  return file !== undefined && (await runsHere(dir, file.pid)) ? file : undefined;
}

/**
 * Whether this process is the postmaster of this folder. After a reboot a process id alone proves nothing. Root in a container
 * may not follow /proc/<pid>/cwd, but every user may read a command line, which names the cluster; a zombie has none. Without
 * /proc, `verifyIdentity` decides after connecting.
 */
export async function runsHere(dir: DataDir, pid: number): Promise<boolean> {
  if (!(await isAlive(pid))) return false;
  if (process.platform !== "linux") return true;
  return (await commandLine(pid)).split("\0").includes(`cluster_name=${await clusterName(dir)}`);
}

/** Whether a process has this id. A zombie does not count: in many containers no init reaps it. */
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
 * Removes a postmaster.pid that would keep PostgreSQL from starting for ever. Its process id now belongs to a zombie or
 * to another process of the same user. The file of a possible postmaster of this folder, started by hand, is kept. If a
 * file is removed wrongly, the shared memory block still keeps a second postmaster out.
 */
export async function removeStalePidFile(dir: DataDir): Promise<void> {
  const file = await readPidFile(dir);
  if (file === undefined || process.platform !== "linux" || (await runsHere(dir, file.pid))) return;
  if (file.text === "" && (await isYoung(dir.pidFile))) return;
  const line = await commandLine(file.pid);
  const mayBeByHand = line.includes("postgres") && !/jeton-\d+-\d+/.test(line);
  const unchanged = (await readPidFile(dir))?.text === file.text;
  if (!mayBeByHand && unchanged) await rm(dir.pidFile, { force: true });
}

/** Milliseconds within which a new postmaster fills its empty pid file. */
const WRITTEN_WITHIN_MS = 5_000;

async function isYoung(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found === undefined || Date.now() - found.mtimeMs < WRITTEN_WITHIN_MS;
}
