import { CLOCK_TOLERANCE, type Clock } from "../clock.js";
import type { MasterKey } from "../keys/master-key.js";

/** Seconds for which one nonce is handed out. */
const ISSUED_FOR = 30;

/** Seconds for which a nonce is accepted. */
const ACCEPTED_FOR = 300;

/** Seconds since the epoch, and a MAC. */
const PATTERN = /^(\d{1,12})\.([A-Za-z0-9_-]{43})$/;

/**
 * Nonces of the server for DPoP proofs (RFC 9449 sections 8 and 9). A nonce is its time with a MAC, so nothing is stored, and
 * every instance accepts those of the others.
 */
export class DpopNonces {
  readonly #master: MasterKey;
  readonly #clock: Clock;

  constructor(master: MasterKey, clock: Clock) {
    this.#master = master;
    this.#clock = clock;
  }

  /** The nonce of this moment. */
  current(): string {
    const time = String(this.#seconds() - (this.#seconds() % ISSUED_FOR));
    return `${time}.${this.#master.mac("dpop-nonce", time).toString("base64url")}`;
  }

  /** When an accepted nonce expires, in milliseconds since the epoch; undefined for any other text. */
  expiryOf(nonce: unknown): number | undefined {
    const [, time, mac] = typeof nonce === "string" ? (PATTERN.exec(nonce) ?? []) : [];
    if (time === undefined || mac === undefined) return undefined;
    const age = this.#seconds() - Number(time);
    // Another instance, whose clock is ahead, may have made it.
    const isFresh = age > -CLOCK_TOLERANCE && age < ACCEPTED_FOR;
    if (!isFresh || !this.#master.checkMacText("dpop-nonce", time, mac)) return undefined;
    return (Number(time) + ACCEPTED_FOR) * 1000;
  }

  #seconds(): number {
    return Math.floor(this.#clock.now() / 1000);
  }
}
