import { attribute } from "./audit-actor.js";
import { IdentifierInUseError, isConflict } from "./failure.js";
import { run, type Db } from "./open.js";
import { refuseLookAlike, type Identifier } from "./users.js";

/** Changes that users of an application make to their own accounts (Kii Cloud). */

/** Largest claims of a user as JSON, in characters. */
const MAX_CLAIMS = 32_768;

const CHANGE = {
  name: "app_user_change",
  text: `
    WITH changed AS (
      SELECT u.sub, jsonb_set(u.claims || $2::jsonb, '{app_fields}', coalesce(u.claims -> 'app_fields', '{}')
               || jsonb_build_object($3::text, jsonb_strip_nulls(CASE WHEN $5 THEN '{}'::jsonb
                    ELSE coalesce(u.claims -> 'app_fields' -> $3::text, '{}') END || $4::jsonb))) AS claims
      FROM users u WHERE u.sub = $1 FOR NO KEY UPDATE
    )
    UPDATE users u SET claims = c.claims, updated_at = coalesce($6::timestamptz, now())
    FROM changed c WHERE u.sub = c.sub AND length(c.claims::text) <= ${MAX_CLAIMS}
    RETURNING u.updated_at`,
};

/** A change of claims, and of the fields that an application keeps with a user. */
interface ClaimsChange {
  readonly app_id: string;
  readonly claims: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Whether the other fields of the application are removed. */
  readonly replaces: boolean;
}

/** Changes claims of a user. @returns the time of the change; undefined if the claims would become too large */
export async function changeAppUser(
  db: Db,
  sub: string,
  { app_id, claims, fields, replaces }: ClaimsChange,
  now: Date | null,
): Promise<Date | undefined> {
  const values = [sub, JSON.stringify(claims), app_id, JSON.stringify(fields), replaces, now];
  return (await run<{ updated_at: Date }>(db, CHANGE, values))[0]?.updated_at;
}

/**
 * Gives a name and a password to a user who has neither. Of several requests at once, one succeeds.
 * @returns whether the user has them now; false if the name is in use, or if the user has a password already
 */
export async function giveIdentity(
  db: Db,
  sub: string,
  user: { readonly preferred_username: string; readonly password_hash: string },
  { value, kind, skeleton }: Identifier,
): Promise<boolean> {
  try {
    await db.prisma.$transaction(async (tx) => {
      await attribute(tx, db);
      if (skeleton !== undefined) await refuseLookAlike(tx, skeleton);
      const { count } = await tx.user.updateMany({ where: { sub, password_hash: null }, data: user });
      if (count === 0) throw new IdentifierInUseError();
      await tx.userIdentifier.create({ data: { value, kind, sub, skeleton: skeleton ?? null } });
    });
    return true;
  } catch (error) {
    if (isConflict(error)) return false;
    throw error;
  }
}

const REPLACE_PASSWORD = {
  name: "app_user_password",
  text: `
    UPDATE users SET password_hash = $3, token_epoch = token_epoch + 1 WHERE sub = $1 AND password_hash = $2 RETURNING 1`,
};

const HASH = { name: "app_user_hash", text: "SELECT password_hash FROM users WHERE sub = $1" };

/** The stored hash of a user's password; null if there is none. */
export async function passwordHashOf(db: Db, sub: string): Promise<string | null> {
  return (await run<{ password_hash: string | null }>(db, HASH, [sub]))[0]?.password_hash ?? null;
}

/** Replaces a password and ends all tokens of the user, unless the password has changed in between. */
export async function changePassword(db: Db, sub: string, before: string, after: string): Promise<boolean> {
  return (await run(db, REPLACE_PASSWORD, [sub, before, after])).length === 1;
}

/** An address of a user, and the identifier that it becomes. */
interface VerifiedAddress {
  readonly kind: "email" | "phone_number";
  readonly address: string;
  readonly identifier: string;
}

/**
 * Marks an address as verified, so that its user can log in with it.
 * @returns whether it is verified now; false if it belongs to another account, or the user has another address
 */
export async function verifyAddress(
  db: Db,
  sub: string,
  { kind, address, identifier }: VerifiedAddress,
): Promise<boolean> {
  try {
    await db.prisma.$transaction(async (tx) => {
      await attribute(tx, db);
      const data = { [`${kind}_verified`]: true };
      const { count } = await tx.user.updateMany({ where: { sub, [kind]: address }, data });
      if (count === 0) throw new IdentifierInUseError();
      const value = { value: identifier, kind: kind === "email" ? "email" : "phone", sub };
      await tx.userIdentifier.create({ data: value });
    });
    return true;
  } catch (error) {
    if (isConflict(error)) return false;
    throw error;
  }
}
