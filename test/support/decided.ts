import { setTimeout as delay } from "node:timers/promises";

/** Milliseconds until a client that was turned away asks again: the first time, and at most. */
const FIRST_PAUSE = 50;
const MAX_PAUSE = 2_000;

/**
 * A server's answer once it has decided. One of many requests at once may be turned away with 503 before anything is done for
 * it (docs/decisions/0014); then its client asks again. It waits longer each time, so that a busy machine catches up.
 */
export async function decided<Reply extends { readonly status: number }>(ask: () => Promise<Reply>): Promise<Reply> {
  for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, MAX_PAUSE)) {
    const reply = await ask();
    if (reply.status !== 503) return reply;
    await delay(pause);
  }
}
