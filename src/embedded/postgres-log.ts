import { open, rename, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { codeOf } from "../errors/error-code.js";
import type { DataDir } from "./data-dir.js";

const ROTATE_AT_BYTES = 10 * 1024 * 1024;
const TAIL_BYTES = 64 * 1024;

/**
 * Opens PostgreSQL's log for a new postmaster. It is a file, because a postmaster that outlives this process would block on
 * a pipe without a reader, or die of it.
 */
export async function openLog(dir: DataDir): Promise<{ handle: FileHandle; start: number }> {
  await rotate(dir);
  const handle = await open(dir.logFile, "a", 0o600);
  return { handle, start: (await handle.stat()).size };
}

async function rotate(dir: DataDir): Promise<void> {
  try {
    if ((await stat(dir.logFile)).size > ROTATE_AT_BYTES) await rename(dir.logFile, `${dir.logFile}.1`);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

/** Why a postmaster gave up: its first FATAL or PANIC line in the log since its start, with DETAIL and HINT. */
export async function complaintIn(dir: DataDir, start: number): Promise<string> {
  const lines = (await readFrom(dir, start)).replaceAll("/proc/self/fd/3", dir.cluster).trim().split("\n");
  const isComplaint = (line: string): boolean =>
    /(FATAL|PANIC): /.test(line) && !line.includes("the database system is ");
  const at = lines.findIndex(isComplaint);
  if (at < 0) return lines.at(-1)?.trim() || "it ended without a word";
  const [complaint, ...more] = lines.slice(at);
  const notes = more.slice(0, 4).filter((line) => /(DETAIL|HINT): /.test(line));
  return [complaint ?? "", ...notes]
    .map((line) => line.replace(/^.*?(FATAL|PANIC|DETAIL|HINT): +/, "").trim())
    .join(" ");
}

async function readFrom(dir: DataDir, start: number): Promise<string> {
  const handle = await open(dir.logFile, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, start);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await handle.close();
  }
}
