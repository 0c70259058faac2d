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
