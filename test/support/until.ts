import { setTimeout as delay } from "node:timers/promises";

/** Milliseconds for which `until` looks at each turn of the event loop, and those between two looks afterwards. */
const CLOSELY = 20;
const SELDOM = 5;

/** Milliseconds after which a test fails. A busy machine needs much longer than an idle one, and a passing test never waits so long. */
const MAX_WAIT = 60_000;

/**
 * Waits until a condition holds: turn by turn of the event loop at first, then every few milliseconds.
 * @param what the condition as a sentence, for the error
 * @throws Error when the condition does not hold within a minute
 */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limit: number = MAX_WAIT,
): Promise<void> {
  const begun = performance.now();
  while (!(await holds())) {
    const waited = performance.now() - begun;
    if (waited > limit) throw new Error(`not within ${limit / 1_000} seconds: ${what}`);
    await (waited < CLOSELY ? new Promise((resolve) => setImmediate(resolve)) : delay(SELDOM));
  }
}
