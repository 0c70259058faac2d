import type { Clock, Random } from "../clock.js";
import type { MasterKey } from "../keys/master-key.js";
import { forgetConfirmationCode, redeemConfirmationCode, saveConfirmationCode } from "../store/confirmation-codes.js";
import type { Db } from "../store/open.js";

/** The form of a code. Any other text is a password. */
const SIX_DIGITS = /^\d{6}$/;

/** Confirmation codes, which prove that a user has access to a phone or a mailbox. */
export class ConfirmationCodes {
  readonly #db: Db;
  readonly #master: MasterKey;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(db: Db, master: MasterKey, clock: Clock, random: Random) {
    this.#db = db;
    this.#master = master;
    this.#clock = clock;
    this.#random = random;
  }

  /**
   * Issues a code for a normalised phone number or email, which replaces the one before. For an address without an
   * account a row is written too, so that the time is the same, but no code matches it.
   */
  async issue(address: string, exists: boolean): Promise<string> {
    const code = sixDigits(this.#random);
    const hash = this.#hash(address, exists ? code : this.#random(16).toString("hex"));
    await saveConfirmationCode(this.#db, this.#key(address), hash, this.#clock.statement());
    return code;
  }

  /** Whether this is the latest code for the address, unexpired, unused and not guessed too often. */
  async redeem(address: string, text: string): Promise<boolean> {
    if (!SIX_DIGITS.test(text)) return false;
    const hash = this.#hash(address, text);
    return redeemConfirmationCode(this.#db, this.#key(address), hash, this.#clock.statement());
  }

  /** Deletes the code of an address whose account is deleted. */
  async forget(address: string): Promise<void> {
    await forgetConfirmationCode(this.#db, this.#key(address));
  }

  #key(address: string): Buffer {
    return this.#master.mac("confirmation-code", `to\n${address}`);
  }

  /** The hash covers the address, so that equal codes of two addresses have different hashes. */
  #hash(address: string, code: string): Buffer {
    return this.#master.mac("confirmation-code", `code\n${address}\n${code}`);
  }
}

const CODES = 1_000_000;

/** All codes are equally likely: a number beyond the last whole million is drawn again. */
function sixDigits(random: Random): string {
  const bound = 2 ** 32 - (2 ** 32 % CODES);
  let drawn = random(4).readUInt32BE();
  while (drawn >= bound) drawn = random(4).readUInt32BE();
  return String(drawn % CODES).padStart(6, "0");
}
