import { setTimeout as delay } from "node:timers/promises";
import { sql } from "./database.js";

/**
 * The variables by which libfaketime moves a process's date. A server of a test has the test's date; the browser cannot
 * have it, because Chromium does not start with another library preloaded.
 */
function movesTheDate(name: string): boolean {
  return name === "LD_PRELOAD" || name.startsWith("FAKETIME");
}

/** What gives a process with an environment of its own the date and the time zone of this one. */
export function withDate(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => name === "TZ" || movesTheDate(name)));
}

/** The environment of this process, with the machine's own date. */
export function withoutDate(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !movesTheDate(name)));
}

/**
 * Waits while statements on a database run into their lock_timeout. Under libfaketime PostgreSQL does not notice it: a signal
 * handler that interrupts a wait reads the machine's own date there. Then this function cancels what has waited too long.
 * @param limit the lock_timeout, in milliseconds
 */
export async function pauseWithLockTimeout(url: string, limit: number, milliseconds: number): Promise<void> {
  const isMoved = process.env.FAKETIME !== undefined;
  const end = performance.now() + milliseconds;
  while (performance.now() < end) {
    await delay(50);
    if (isMoved) await sql(url, CANCEL, [limit]);
  }
}

const CANCEL = `
  SELECT pg_cancel_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND wait_event_type = 'Lock'
    AND clock_timestamp() - query_start > $1 * interval '1 millisecond'`;
