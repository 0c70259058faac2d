import { run, type Db } from "./open.js";

/** Confirmation codes, one for each address. Address and code are stored as keyed hashes. */

/** The lifetime of a code in seconds, and the number of attempts. */
export const CONFIRMATION_CODE = { lifetime: 5 * 60, tries: 5 } as const;

const SAVE = {
  name: "confirmation_code_save",
  text: `
    INSERT INTO confirmation_codes (key, code_hash, tries, used, expires_at)
    SELECT $1, $2, 0, false, t.now + ${CONFIRMATION_CODE.lifetime} * interval '1 second'
    FROM (SELECT coalesce($3::timestamptz, now()) AS now) t
    ON CONFLICT (key) DO UPDATE SET
      code_hash = excluded.code_hash, tries = 0, used = false, expires_at = excluded.expires_at`,
};

/** Stores a code, which replaces any earlier one for the same address. */
export async function saveConfirmationCode(
  db: Db,
  key: Uint8Array,
  code_hash: Uint8Array,
  now: Date | null,
): Promise<void> {
  await run(db, SAVE, [key, code_hash, now]);
}

const REDEEM = {
  name: "confirmation_code_redeem",
  text: `
    UPDATE confirmation_codes SET tries = tries + 1, used = (code_hash = $2)
    WHERE key = $1 AND NOT used AND tries < ${CONFIRMATION_CODE.tries}
      AND expires_at > coalesce($3::timestamptz, now())
    RETURNING used`,
};

/** Checks a code. The right one can be used once. */
export async function redeemConfirmationCode(
  db: Db,
  key: Uint8Array,
  code_hash: Uint8Array,
  now: Date | null,
): Promise<boolean> {
  const [tried] = await run<{ used: boolean }>(db, REDEEM, [key, code_hash, now]);
  return tried?.used ?? false;
}

const FORGET = { name: "confirmation_code_forget", text: "DELETE FROM confirmation_codes WHERE key = $1" };

/** Forgets the code of an address. */
export async function forgetConfirmationCode(db: Db, key: Uint8Array): Promise<void> {
  await run(db, FORGET, [key]);
}
