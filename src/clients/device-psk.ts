import type { Random } from "../clock.js";
import type { MasterKey } from "../keys/master-key.js";
import { findDevicePsk } from "../store/device-psks.js";
import type { Db } from "../store/open.js";

/** Bytes of a pre-shared key. RFC 4279 section 5.3 lets an identity have 128 bytes, and a key 64. */
export const MIN_PSK_BYTES = 16;
export const MAX_PSK_BYTES = 64;
export const MAX_PSK_IDENTITY_BYTES = 128;

/** RFC 4279 section 5.4: keys are entered as texts, and in hexadecimal digits. */
const HEXADECIMAL = /^0x((?:[0-9a-f]{2})+)$/i;

/** The bytes of a pre-shared key in its written form: hexadecimal digits behind `0x`, or else a text. */
export function readPsk(written: string): Buffer {
  const digits = HEXADECIMAL.exec(written)?.[1];
  return digits === undefined ? Buffer.from(written, "utf8") : Buffer.from(digits, "hex");
}

/** A pre-shared key in its stored form. */
export function sealPsk(master: MasterKey, written: string): Buffer {
  return master.seal("device-psk", readPsk(written));
}

interface PskParts {
  readonly db: Db;
  readonly master: MasterKey;
  readonly random: Random;
}

/**
 * Looks up keys by identity. An unknown identity and one of a disabled device get a random key, by the same work as a known one. So a
 * stranger cannot tell which identities exist.
 */
export function devicePsks({ db, master, random }: PskParts): (identity: Buffer) => Promise<Buffer> {
  const decoy = master.seal("device-psk", random(MIN_PSK_BYTES));
  return async (identity) => {
    const psk = master.open("device-psk", (await findDevicePsk(db, identity)) ?? decoy);
    if (psk === undefined) throw new Error("no accepted master key opens the pre-shared key of a device");
    return psk;
  };
}
