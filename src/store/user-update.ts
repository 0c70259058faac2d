import { insertRows } from "./bulk.js";
import { run, type Transaction, type Tx } from "./open.js";
import { releaseIdentifiers, USER_IDENTIFIERS, type Identifier } from "./users.js";

/** Changes of one user by an administrator. */

const LOCK = { name: "user_lock", text: "SELECT sub FROM users WHERE sub = $1 FOR NO KEY UPDATE" };

/** Locks a user until the transaction ends. @returns whether there is one */
export async function lockUser(tx: Transaction | Tx, sub: string): Promise<boolean> {
  return (await run(tx, LOCK, [sub])).length === 1;
}

/** The columns that an administrator may change. */
export interface UserColumns {
  readonly sub: string;
  readonly preferred_username: string;
  readonly email: string | null;
  readonly email_verified: boolean;
  readonly phone_number: string | null;
  readonly phone_number_verified: boolean;
  readonly roles: readonly string[];
  readonly claims: object;
  readonly disabled: boolean;
}

/** SQL: the time of a change, later than that of the one before. */
const CHANGED_AT = "greatest(now(), updated_at + interval '1 millisecond')";

/** A user who becomes disabled loses everything that was issued, as by `setUserDisabled`. */
const UPDATE = {
  name: "user_update",
  text: `
    UPDATE users SET preferred_username = $2, email = $3, email_verified = $4, phone_number = $5, phone_number_verified = $6,
      roles = $7, claims = $8, disabled = $9, updated_at = ${CHANGED_AT},
      token_epoch = token_epoch + CASE WHEN $9 AND NOT disabled THEN 1 ELSE 0 END
    WHERE sub = $1`,
};

/**
 * Writes a locked user.
 * @param identifiers undefined if the login identifiers stay as they are
 * @throws Error that isConflict recognises, if an identifier belongs to another account
 */
export async function updateUser(
  tx: Transaction,
  user: UserColumns,
  identifiers: readonly Identifier[] | undefined,
): Promise<void> {
  const { sub, preferred_username, email, email_verified, phone_number, phone_number_verified } = user;
  await run(tx, UPDATE, [
    ...[sub, preferred_username, email, email_verified, phone_number, phone_number_verified],
    ...[user.roles, JSON.stringify(user.claims), user.disabled],
  ]);
  if (identifiers === undefined) return;
  await releaseIdentifiers(tx, [sub]);
  await insertRows(
    tx,
    USER_IDENTIFIERS,
    identifiers.map((one) => ({ ...one, sub })),
  );
}
