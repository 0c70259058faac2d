import { attribute } from "./audit-actor.js";
import { pieces } from "./batches.js";
import { insertRows, upsertRows, type BulkTarget } from "./bulk.js";
import { endEverythingOf, epochOf } from "./epochs.js";
import { IdentifierInUseError, isConflict } from "./failure.js";
import type { Prisma } from "./generated/client.js";
import { LOCKS, run, type Db, type Transaction, type Tx } from "./open.js";

/** The claims of a user in tokens and responses. */
export interface Person {
  readonly sub: string;
  readonly preferred_username: string;
  readonly email: string | null;
  readonly email_verified: boolean;
  readonly phone_number: string | null;
  readonly phone_number_verified: boolean;
  readonly roles: readonly string[];
  readonly claims: Readonly<Record<string, unknown>>;
  readonly token_epoch: number;
}

/** A user with the columns for a password check. */
export interface Account extends Person {
  readonly password_hash: string | null;
  readonly disabled: boolean;
}

const PERSON = [
  "sub",
  "preferred_username",
  "email",
  "email_verified",
  "phone_number",
  "phone_number_verified",
  "roles",
  "claims",
];

/** The columns of a Person, for a statement that reads them from the table called `alias`. */
export function personColumns(alias: string): string {
  return [...PERSON.map((column) => `${alias}.${column}`), `${epochOf(alias)} AS token_epoch`].join(", ");
}

const FIND = {
  name: "user_by_identifier",
  text: `
    SELECT ${personColumns("u")}, u.password_hash, u.disabled
    FROM user_identifiers i JOIN users u ON u.sub = i.sub
    WHERE i.value = $1`,
};

/** The account that logs in with this normalised identifier (accounts/identifiers.ts). */
export async function findByIdentifier(db: Db, identifier: string): Promise<Account | undefined> {
  const [account] = await run<Account>(db, FIND, [identifier]);
  return account;
}

/** A login identifier. */
export interface Identifier {
  readonly value: string;
  readonly kind: "login" | "email" | "phone";
  /** The skeleton of a login name: equal for names that look alike. */
  readonly skeleton?: string;
}

type NewUser = Omit<
  Prisma.UserUncheckedCreateInput,
  "identifiers" | "grants" | "sessions" | "consents" | "thing" | "token_epoch"
> & {
  readonly sub: string;
  readonly roles: string[];
  readonly disabled: boolean;
};

/** The columns of a user to write, and their login identifiers. */
export interface UserToSave {
  readonly user: NewUser;
  readonly identifiers: readonly Identifier[];
}

/** Optional columns of a user. */
const ABSENT = {
  ...{ email: null, email_verified: false, phone_number: null, phone_number_verified: false },
  ...{ password_hash: null, claims: {} },
} as const;

const USERS: BulkTarget = {
  table: "users",
  key: ["sub"],
  columns: ["sub", "preferred_username", "roles", "disabled", ...Object.keys(ABSENT)],
  update: {
    password_hash: "coalesce(excluded.password_hash, stored.password_hash)",
    // If this disables a user, all their tokens are revoked.
    token_epoch: "stored.token_epoch + CASE WHEN excluded.disabled THEN 1 ELSE 0 END",
    updated_at: "now()",
  },
};

/** The table of login identifiers. */
export const USER_IDENTIFIERS = { table: "user_identifiers", columns: ["value", "kind", "sub", "skeleton"] } as const;

const RELEASE = { name: "user_identifiers_release", text: "DELETE FROM user_identifiers WHERE sub = ANY ($1)" };

/** Removes the identifiers of users who are about to be written, so that two of them can swap theirs. */
export async function releaseIdentifiers(tx: Transaction, subs: readonly string[]): Promise<void> {
  for (const piece of pieces(subs)) await run(tx, RELEASE, [piece]);
}

/**
 * Writes new or existing users. A user without a password here keeps the present one.
 * @throws Error that isConflict recognises, if an identifier belongs to another account
 */
export async function saveUsers(tx: Transaction, people: readonly UserToSave[]): Promise<void> {
  await releaseIdentifiers(
    tx,
    people.map(({ user }) => user.sub),
  );
  await upsertRows(
    tx,
    USERS,
    people.map(({ user }) => ({ ...ABSENT, ...user })),
  );
  const identifiers = people.flatMap(({ user, identifiers }) => identifiers.map((one) => ({ ...one, sub: user.sub })));
  await insertRows(tx, USER_IDENTIFIERS, identifiers);
}

const REMOVE_PASSWORDS = {
  name: "user_passwords_remove",
  text: "UPDATE users SET password_hash = NULL, updated_at = now() WHERE sub = ANY ($1)",
};

/** Removes the passwords of users. */
export async function removePasswords(tx: Transaction, subs: readonly string[]): Promise<void> {
  if (subs.length > 0) await run(tx, REMOVE_PASSWORDS, [subs]);
}

const CONFLICTING = {
  name: "users_conflicting",
  text: `
    SELECT asked.sub FROM unnest($1::text[], $2::text[]) AS asked (sub, value)
      JOIN user_identifiers i USING (value) WHERE i.sub <> ALL ($3::text[])
    UNION SELECT client_id FROM clients WHERE client_id = ANY ($3::text[])`,
};

/**
 * The users that cannot be written. Their sub is that of a client, or an identifier belongs to a user who is not among
 * them.
 * @returns their subs
 */
export async function findConflictingUsers(tx: Transaction, people: readonly UserToSave[]): Promise<readonly string[]> {
  const pairs = people.flatMap(({ user, identifiers }) => identifiers.map(({ value }) => [user.sub, value] as const));
  const [subs, values] = [pairs.map(([sub]) => sub), pairs.map(([, value]) => value)];
  const all = people.map(({ user }) => user.sub);
  const rows = await run<{ sub: string }>(tx, CONFLICTING, [subs, values, all]);
  return rows.map(({ sub }) => sub);
}

/**
 * Writes a new user, and never over an existing one.
 * @throws Error that isConflict recognises, if the sub or an identifier is in use
 */
export async function createUser(tx: Tx, user: NewUser, identifiers: readonly Identifier[]): Promise<void> {
  await tx.user.create({ data: user, select: { sub: true } });
  await tx.userIdentifier.createMany({ data: identifiers.map((one) => ({ ...one, sub: user.sub })) });
}

/**
 * Writes a user who registers themselves, if their identifiers are free and their login name does not look like another one.
 * @returns whether the user was written
 */
export async function registerUser(db: Db, user: NewUser, identifiers: readonly Identifier[]): Promise<boolean> {
  const skeletons = identifiers.flatMap(({ skeleton }) => skeleton ?? []);
  try {
    await db.prisma.$transaction(async (tx) => {
      await attribute(tx, db);
      for (const skeleton of skeletons) await refuseLookAlike(tx, skeleton);
      await createUser(tx, user, identifiers);
    });
    return true;
  } catch (error) {
    if (isConflict(error)) return false;
    throw error;
  }
}

/** A lock makes registrations of look-alike names run one after the other, so that the second one sees the first. */
export async function refuseLookAlike(tx: Tx, skeleton: string): Promise<void> {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(${LOCKS.lookAlikes}::int, hashtext(${skeleton}))`;
  if ((await tx.userIdentifier.findFirst({ where: { skeleton }, select: { sub: true } })) !== null) {
    throw new IdentifierInUseError();
  }
}

/** Disables or enables a user. Disabling revokes all their tokens; enabling does not restore them. */
export async function setUserDisabled(tx: Tx, sub: string, disabled: boolean): Promise<void> {
  await tx.user.update({ where: { sub }, data: { disabled } });
  if (disabled) await endEverythingOf(tx, sub);
}

/** Sets a new password and revokes all tokens issued under the old one. */
export async function setPassword(tx: Tx, sub: string, password_hash: string): Promise<void> {
  await tx.user.update({ where: { sub }, data: { password_hash } });
  await endEverythingOf(tx, sub);
}

/** The login identifiers of a user. */
export async function identifiersOfUser(db: Db, sub: string): Promise<readonly { readonly value: string }[]> {
  return db.prisma.userIdentifier.findMany({ where: { sub }, select: { value: true } });
}

const ROLES = { name: "user_roles", text: "SELECT roles FROM users WHERE sub = $1" };

/** The roles of a user; none if there is no such user. */
export async function rolesOf(db: Db, sub: string): Promise<readonly string[]> {
  return (await run<{ roles: string[] }>(db, ROLES, [sub]))[0]?.roles ?? [];
}

const FIND_SUBS = {
  name: "users_named",
  text: "SELECT sub FROM users WHERE sub = $1 UNION SELECT sub FROM user_identifiers WHERE value = $2 ORDER BY sub",
};

/** The subs of all users with this sub or this normalised login identifier. */
export async function findSubs(db: Db, sub: string, identifier: string): Promise<readonly string[]> {
  return (await run<{ sub: string }>(db, FIND_SUBS, [sub, identifier])).map((found) => found.sub);
}
