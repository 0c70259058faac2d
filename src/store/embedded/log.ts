import { open, rename, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { codeOf } from "./error.js";
import type { Place } from "./place.js";

const ROTATE_AT_BYTES = 10 * 1024 * 1024;
const TAIL_BYTES = 64 * 1024;

/**
 * Opens PostgreSQL's log for a new postmaster. A file and not a pipe: a postmaster that outlives us must not block on, or
 * die of, a pipe nobody reads.
 */
export async function openLog(place: Place): Promise<{ handle: FileHandle; start: number }> {
  await rotate(place);
  const handle = await open(place.logFile, "a", 0o600);
  return { handle, start: (await handle.stat()).size };
}

async function rotate(place: Place): Promise<void> {
  try {
    if ((await stat(place.logFile)).size > ROTATE_AT_BYTES) await rename(place.logFile, `${place.logFile}.1`);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

/** Why a postmaster gave up, from what the log says since it was started: its complaint, with DETAIL and HINT. */
export async function complaintIn(place: Place, start: number): Promise<string> {
  const lines = (await readFrom(place, start)).replaceAll("/proc/self/fd/3", place.cluster).trim().split("\n");
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

async function readFrom(place: Place, start: number): Promise<string> {
  const handle = await open(place.logFile, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, start);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await handle.close();
  }
}
