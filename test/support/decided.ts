import { setTimeout as delay } from "node:timers/promises";
import type { Reply } from "./instance.js";

/** Milliseconds until a client that was turned away asks again. */
const PAUSE = 50;

/**
 * A server's answer once it has decided. On a busy machine, one of many requests at once may be turned away with 503 before
 * anything is done for it (docs/decisions/0014); then its client asks again.
 */
export async function decided(ask: () => Promise<Reply>): Promise<Reply> {
  for (;;) {
    const reply = await ask();
    if (reply.status !== 503) return reply;
    await delay(PAUSE);
  }
}
