import { allPages } from "./batches.js";
import { endEverythingOf, epochOf } from "./epochs.js";
import { IdentifierInUseError, isConflict } from "./failure.js";
import type { Prisma } from "./generated/client.js";
import { LOCKS, run, type Db, type Tx } from "./open.js";

/** What tokens and answers say of a person. */
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

/** What checking a password needs besides. */
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

/** One thing a person logs in with. */
export interface Identifier {
  readonly value: string;
  readonly kind: "login" | "email" | "phone";
  /** Of a login name: equal for names that look alike. */
  readonly skeleton?: string;
}

export type NewUser = Omit<
  Prisma.UserUncheckedCreateInput,
  "identifiers" | "grants" | "sessions" | "consents" | "thing" | "token_epoch"
> & {
  readonly sub: string;
  readonly roles: string[];
  readonly disabled: boolean;
};

/**
 * Writes a person whole, new or not. Whoever is disabled by it loses what was issued to them.
 * @throws a unique violation (Prisma P2002) when an identifier belongs to somebody else
 */
export async function saveUser(tx: Tx, user: NewUser, identifiers: readonly Identifier[]): Promise<void> {
  await tx.user.upsert({ where: { sub: user.sub }, create: user, update: user });
  await tx.userIdentifier.deleteMany({ where: { sub: user.sub } });
  await tx.userIdentifier.createMany({ data: identifiers.map((one) => ({ ...one, sub: user.sub })) });
  if (user.disabled) await endEverythingOf(tx, user.sub);
}

/**
 * Writes a new person, and never over one that is there.
 * @throws Error that isConflict knows, where the sub or an identifier is in use
 */
export async function createUser(tx: Tx, user: NewUser, identifiers: readonly Identifier[]): Promise<void> {
  await tx.user.create({ data: user, select: { sub: true } });
  await tx.userIdentifier.createMany({ data: identifiers.map((one) => ({ ...one, sub: user.sub })) });
}

/**
 * Writes a person who registers themselves. Whether their identifiers were free and look like no other login name; nothing
 * is written where they were not.
 */
export async function registerUser(db: Db, user: NewUser, identifiers: readonly Identifier[]): Promise<boolean> {
  const skeletons = identifiers.flatMap(({ skeleton }) => skeleton ?? []);
  try {
    await db.prisma.$transaction(async (tx) => {
      for (const skeleton of skeletons) await refuseLookAlike(tx, skeleton);
      await createUser(tx, user, identifiers);
    });
    return true;
  } catch (error) {
    if (isConflict(error)) return false;
    throw error;
  }
}

/** Names that look alike are registered one after the other, so the second one finds the first. */
async function refuseLookAlike(tx: Tx, skeleton: string): Promise<void> {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(${LOCKS.lookAlikes}::int, hashtext(${skeleton}))`;
  if ((await tx.userIdentifier.findFirst({ where: { skeleton }, select: { sub: true } })) !== null) {
    throw new IdentifierInUseError();
  }
}

/** Switches a person off or on. Switching off ends what was issued; switching on brings none of it back. */
export async function setUserDisabled(tx: Tx, sub: string, disabled: boolean): Promise<void> {
  await tx.user.update({ where: { sub }, data: { disabled } });
  if (disabled) await endEverythingOf(tx, sub);
}

/** Disables a person who is enabled and has this name, as `setUserDisabled` does. @returns whether there is one */
export async function disableUserNamed(db: Db, { sub, name }: { readonly sub: string; readonly name: string }): Promise<boolean> {
  return db.prisma.$transaction(async (tx) => {
    const where = { sub, disabled: false, claims: { path: ["name"], equals: name } };
    const { count } = await tx.user.updateMany({ where, data: { disabled: true } });
    if (count > 0) await endEverythingOf(tx, sub);
    return count > 0;
  });
}

/** Gives a person a new password and ends what was issued under the old one. */
export async function setPassword(tx: Tx, sub: string, password_hash: string): Promise<void> {
  await tx.user.update({ where: { sub }, data: { password_hash } });
  await endEverythingOf(tx, sub);
}

const REPLACE_HASH = {
  name: "user_replace_password_hash",
  text: "UPDATE users SET password_hash = $3 WHERE sub = $1 AND password_hash = $2 RETURNING sub",
};

/**
 * Stores another hash of the same password. A password that was changed since `before` was read stays.
 * @returns whether it was stored
 */
export async function replacePasswordHash(db: Db, sub: string, before: string, after: string): Promise<boolean> {
  return (await run(db, REPLACE_HASH, [sub, before, after])).length === 1;
}

/** Pages of the table that are read for a sample at most. */
const SAMPLED_PAGES = 64;

/** Always the same pages, so that two samples of one table are alike. */
const SAMPLE = {
  name: "users_sample_password_hashes",
  text: `
    SELECT password_hash FROM users
    TABLESAMPLE SYSTEM (least(100, 100.0 * ${SAMPLED_PAGES} * 8192 / greatest(1, pg_relation_size('users')))) REPEATABLE (1)
    WHERE password_hash IS NOT NULL`,
};

/** Hashes of some people, as they are stored. */
export async function samplePasswordHashes(db: Db): Promise<readonly string[]> {
  const rows = await run<{ password_hash: string }>(db, SAMPLE, []);
  return rows.map(({ password_hash }) => password_hash);
}

const LISTED = {
  name: "users_listed",
  text: `
    SELECT sub, preferred_username, email, phone_number, roles, disabled FROM users
    WHERE (preferred_username, sub) > ($1, $2) ORDER BY preferred_username, sub LIMIT $3`,
};

/** A person as a list shows them. */
export interface ListedUser {
  readonly sub: string;
  readonly preferred_username: string;
  readonly email: string | null;
  readonly phone_number: string | null;
  readonly roles: readonly string[];
  readonly disabled: boolean;
}

/** Everybody, by login name. */
export async function allUsers(db: Db): Promise<readonly ListedUser[]> {
  return allPages((after, take) => run<ListedUser>(db, LISTED, [after?.preferred_username ?? "", after?.sub ?? "", take]));
}

/** What a person logs in with. */
export async function identifiersOfUser(db: Db, sub: string): Promise<readonly { readonly value: string }[]> {
  return db.prisma.userIdentifier.findMany({ where: { sub }, select: { value: true } });
}

const FIND_SUBS = {
  name: "users_named",
  text: "SELECT sub FROM users WHERE sub = $1 UNION SELECT sub FROM user_identifiers WHERE value = $2 ORDER BY sub",
};

/** The subs of everybody whose sub this is, or who logs in with this normalised identifier. */
export async function findSubs(db: Db, sub: string, identifier: string): Promise<readonly string[]> {
  return (await run<{ sub: string }>(db, FIND_SUBS, [sub, identifier])).map((found) => found.sub);
}
