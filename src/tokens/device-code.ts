import type { MasterKey } from "../keys/master-key.js";

/**
 * The two codes of a device authorization (RFC 8628 section 3.2). The device code, `jdc_<id>.<MAC>`, names its row, and the MAC
 * proves that this server wrote it. The user code is derived from the same id, so no code is stored in any form.
 */
const PATTERN = /^jdc_([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/;

/** Consonants, which form no words and are hard to confuse (RFC 8628 section 6.1). */
const LETTERS = "BCDFGHJKLMNPQRSTVWXZ";

/** Letters of a user code: 20^8 codes, about 34 bits. */
const LENGTH = 8;

const FOREIGN = new RegExp(`[^${LETTERS}]`, "gi");

/** The device code of an id. */
export function writeDeviceCode(master: MasterKey, id: string): string {
  return `jdc_${id}.${master.mac("device-code", id).toString("base64url")}`;
}

/** The id of a device code; undefined if this server did not write it. */
export function readDeviceCode(master: MasterKey, text: string): string | undefined {
  const [, id, mac] = PATTERN.exec(text) ?? [];
  if (id === undefined || mac === undefined) return undefined;
  return master.checkMacText("device-code", id, mac) ? id : undefined;
}

/** The user code of an id, as people read it: `WDJB-MJHT`. */
export function userCodeOf(master: MasterKey, id: string): string {
  // 256 bits over 20^8 codes: no code is measurably more frequent than another.
  let rest = BigInt(`0x${master.mac("user-code", `id ${id}`).toString("hex")}`);
  let letters = "";
  for (let count = 0; count < LENGTH; count += 1) {
    letters += LETTERS[Number(rest % BigInt(LETTERS.length))];
    rest /= BigInt(LETTERS.length);
  }
  return withDash(letters);
}

/** The user code that a person typed. Case, separators and other characters do not count; undefined if it cannot be one. */
export function readUserCode(typed: string): string | undefined {
  const letters = typed.replace(FOREIGN, "").toUpperCase();
  return letters.length === LENGTH ? withDash(letters) : undefined;
}

/** The hash under which the store finds a user code. */
export function userCodeHash(master: MasterKey, code: string): Buffer<ArrayBuffer> {
  return master.mac("user-code", `code ${code}`);
}

function withDash(letters: string): string {
  return `${letters.slice(0, LENGTH / 2)}-${letters.slice(LENGTH / 2)}`;
}
