import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Clock, Random } from "../clock.js";
import { deliver } from "../outbound/webhook.js";

/** A message with a confirmation code, as the webhook receives it and as it is written into the outbox. */
interface CodeMessage {
  readonly channel: "sms" | "email";
  readonly to: string;
  readonly code: string;
  /** Seconds. */
  readonly expires_in: number;
}

/** Delivers one message. */
type CodeDelivery = (message: CodeMessage, signal: AbortSignal) => Promise<void>;

/** POSTs the message to the operator's webhook, signed. */
export function byWebhook(url: string, secret: string | undefined): CodeDelivery {
  return (message, signal) => deliver(url, message, secret, { signal });
}

/** Writes the message into a file of its own, for local trials without a webhook. */
export function intoOutbox(folder: string, clock: Clock, random: Random): CodeDelivery {
  return async (message) => {
    const time = new Date(clock.now()).toISOString().replaceAll(":", "-");
    const path = join(folder, `${time}-${random(8).toString("hex")}.json`);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(path, `${JSON.stringify(message)}\n`, { flag: "wx", mode: 0o600 });
  };
}

/** Receives failed deliveries. A line holds no recipient and no code. */
interface Log {
  warn(line: object, message: string): void;
}

/**
 * Milliseconds before a message is sent. The request is answered first, so that its duration does not reveal the
 * sending.
 */
const SEND_DELAY = 50;

/** Milliseconds that deliveries in progress still have when the server stops. */
const CLOSE_TIMEOUT = 5_000;

/** Sends codes in the background. */
export class CodeSender {
  readonly #delivery: CodeDelivery;
  readonly #log: Log;
  readonly #underWay = new Set<Promise<void>>();
  /**
   * Aborts the delivery to a recipient. There is one for each recipient, because a new code replaces the one before.
   */
  readonly #aborts = new Map<string, AbortController>();
  #isGivenUp = false;

  constructor(delivery: CodeDelivery, log: Log) {
    this.#delivery = delivery;
    this.#log = log;
  }

  send(message: CodeMessage): void {
    const end = new AbortController();
    const key = `${message.channel} ${message.to}`;
    // The earlier code is no longer valid, and a retry of it could arrive after the new one.
    this.#aborts.get(key)?.abort();
    this.#aborts.set(key, end);
    const sending = this.#send(message, end.signal).finally(() => {
      this.#underWay.delete(sending);
      if (this.#aborts.get(key) === end) this.#aborts.delete(key);
    });
    this.#underWay.add(sending);
  }

  /** Deliveries in progress. */
  get waiting(): number {
    return this.#underWay.size;
  }

  /** Waits for deliveries in progress, and aborts them after a while. */
  async close(): Promise<void> {
    const deadline = setTimeout(() => {
      this.#isGivenUp = true;
      for (const end of this.#aborts.values()) end.abort();
    }, CLOSE_TIMEOUT);
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
    clearTimeout(deadline);
  }

  async #send(message: CodeMessage, end: AbortSignal): Promise<void> {
    await pause(SEND_DELAY);
    if (end.aborted && !this.#isGivenUp) return;
    await this.#delivery(message, end).catch((error: unknown) => {
      // Replaced by a newer code: nothing is lost.
      if (end.aborted && !this.#isGivenUp) return;
      const { reason } = error as { reason?: string };
      this.#log.warn({ type: "code_delivery", err: error, reason }, "a confirmation code could not be delivered");
    });
  }
}
