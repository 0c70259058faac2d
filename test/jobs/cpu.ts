import { readFileSync } from "node:fs";

/** Milliseconds of one tick, in which Linux counts the CPU time of a process (USER_HZ, which is 100 on every platform). */
const TICK = 10;

/**
 * Milliseconds of CPU that a process and its descendants have used so far. It includes each child that has ended and that its
 * parent has waited for, so the backends of a postmaster never get lost.
 */
export function cpuOf(pid: number): number {
  const own = ticksOf(pid) * TICK;
  return childrenOf(pid).reduce((sum, child) => sum + cpuOf(child), own);
}

/** Bytes of memory that a process and its descendants have in RAM. Pages that they share count once for each. */
export function residentMemoryOf(pid: number): number {
  return childrenOf(pid).reduce((sum, child) => sum + residentMemoryOf(child), ownMemoryOf(pid));
}

/** Bytes of memory that a process has in RAM, without its descendants. */
export function ownMemoryOf(pid: number): number {
  const [, kilobytes = "0"] = /^VmRSS:\s+(\d+) kB$/m.exec(fileOf(pid, "status")) ?? [];
  return Number(kilobytes) * 1_024;
}

/** The fields utime, stime, cutime and cstime of proc_pid_stat(5). A name may contain spaces, so they are counted after it. */
function ticksOf(pid: number): number {
  const fields = fileOf(pid, "stat").split(") ").at(-1)!.split(" ");
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0);
}

function childrenOf(pid: number): readonly number[] {
  return fileOf(pid, `task/${pid}/children`)
    .split(" ")
    .filter((child) => child !== "")
    .map(Number);
}

/** A file of a process below /proc. A process that has just ended counts as one without any entries. */
function fileOf(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH")) return "";
    throw error;
  }
}
