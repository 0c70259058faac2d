import type { Clock, Random } from "../clock.js";
import type { MasterKey } from "../keys/master-key.js";
import { forgetConfirmationCode, redeemConfirmationCode, saveConfirmationCode } from "../store/confirmation-codes.js";
import type { Db } from "../store/open.js";

/** What a code looks like: whatever else is typed as a password is none. */
const SIX_DIGITS = /^\d{6}$/;

/** Codes that prove that a person has the phone or the mailbox they log in with. */
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
   * A new code for a normalised phone number or email, in the place of the one before. For an address that nobody may
   * log in with the same is done and stored, but no code is the one.
   */
  async issue(address: string, exists: boolean): Promise<string> {
    const code = sixDigits(this.#random);
    const hash = this.#hash(address, exists ? code : this.#random(16).toString("hex"));
    await saveConfirmationCode(this.#db, this.#key(address), hash, this.#clock.statement());
    return code;
  }

  /** Whether this is the code that was sent there last, in its time and not used or tried too often before. */
  async redeem(address: string, text: string): Promise<boolean> {
    if (!SIX_DIGITS.test(text)) return false;
    const hash = this.#hash(address, text);
    return redeemConfirmationCode(this.#db, this.#key(address), hash, this.#clock.statement());
  }

  /** Forgets the code of an address whose person is gone. */
  async forget(address: string): Promise<void> {
    await forgetConfirmationCode(this.#db, this.#key(address));
  }

  #key(address: string): Buffer {
    return this.#master.mac("confirmation-code", `to\n${address}`);
  }

  /** Bound to the address, so that equal codes do not look equal. */
  #hash(address: string, code: string): Buffer {
    return this.#master.mac("confirmation-code", `code\n${address}\n${code}`);
  }
}

const CODES = 1_000_000;

/** All of a million codes are equally likely: a number beyond the last whole million is drawn again. */
function sixDigits(random: Random): string {
  const bound = 2 ** 32 - (2 ** 32 % CODES);
  let drawn = random(4).readUInt32BE();
  while (drawn >= bound) drawn = random(4).readUInt32BE();
  return String(drawn % CODES).padStart(6, "0");
}
