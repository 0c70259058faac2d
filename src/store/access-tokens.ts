import { epochOf } from "./epochs.js";
import { run, type Db } from "./open.js";
import { personColumns, type Person } from "./users.js";

/**
 * What the store knows of access tokens: nothing while they are in force. A token is refused because its `jti` was
 * revoked, its grant ended, or its client or user was switched off or had everything revoked since it was issued.
 */

/** What decides over a token, read from its own claims. */
export interface TokenSubject {
  readonly jti: string;
  readonly client_id: string;
  readonly client_epoch: number;
  /** The person it speaks for; absent for a client's own token. */
  readonly sub: string | undefined;
  readonly user_epoch: number | undefined;
  readonly grant_id: string | undefined;
  /** Which refresh token of the grant has to be the current one; any, where it is not said. */
  readonly grant_generation: number | undefined;
}

/**
 * What has to hold of a token: its client, and its person and grant where it has them, as they were when it was issued,
 * and itself not revoked.
 */
export const IN_FORCE = `
    FROM clients c
    LEFT JOIN users u ON u.sub = $4 AND NOT u.disabled AND ${epochOf("u")} = $5::int
    LEFT JOIN grants g ON g.id = $6 AND g.ended_at IS NULL AND g.generation = coalesce($7::int, g.generation)
    WHERE c.client_id = $2 AND NOT c.disabled AND ${epochOf("c")} = $3::int
      AND ($4::text IS NULL OR u.sub IS NOT NULL)
      AND ($6::text IS NULL OR g.id IS NOT NULL)
      AND NOT EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.jti = $1)`;

/** The first seven parameters of every statement over `IN_FORCE`. */
export function tokenParameters(subject: TokenSubject): unknown[] {
  const { jti, client_id, client_epoch, sub, user_epoch, grant_id, grant_generation } = subject;
  return [jti, client_id, client_epoch, sub, user_epoch, grant_id, grant_generation];
}

const STATUS = { name: "access_token_status", text: `SELECT u.preferred_username AS username ${IN_FORCE}` };

/** Whether the token is in force, and the login name of whom it speaks for. Signature and expiry are the caller's. */
export async function lookAtToken(
  db: Db,
  subject: TokenSubject,
): Promise<{ readonly username: string | null } | undefined> {
  const [found] = await run<{ username: string | null }>(db, STATUS, tokenParameters(subject));
  return found;
}

const PERSON = {
  name: "access_token_person",
  text: `
    SELECT ${personColumns("u")}, coalesce(g.userinfo_claims, '{}') AS userinfo_claims,
           coalesce(g.claims_locales, '{}') AS claims_locales
    ${IN_FORCE}`,
};

export interface TokenPerson {
  readonly person: Person;
  /** Claims asked for by name when the grant was made, and their languages. */
  readonly userinfo_claims: readonly string[];
  readonly claims_locales: readonly string[];
}

/** The person a token speaks for, if it is in force. */
export async function lookAtPerson(db: Db, subject: TokenSubject): Promise<TokenPerson | undefined> {
  const [found] = await run<Person & Omit<TokenPerson, "person">>(db, PERSON, tokenParameters(subject));
  return found === undefined || found.sub === null ? undefined : { ...found, person: found };
}

const REVOKE = {
  name: "access_token_revoke",
  text: `
    INSERT INTO revoked_tokens (jti, expires_at) VALUES ($1, $2)
    ON CONFLICT (jti) DO NOTHING RETURNING jti`,
};

const SPEND = {
  name: "access_token_spend",
  text: `
    INSERT INTO revoked_tokens (jti, expires_at) SELECT $1, $8 ${IN_FORCE}
    ON CONFLICT (jti) DO NOTHING RETURNING jti`,
};

/** Ends a token that is in force; of all who do it at once, one is told that it did. */
export async function spendToken(db: Db, subject: TokenSubject, expiresAt: Date): Promise<boolean> {
  return (await run(db, SPEND, [...tokenParameters(subject), expiresAt])).length === 1;
}

/** Revokes one token, known by its `jti`, never by its text: a signed text has several spellings (RFC 7515). */
export async function revokeToken(db: Db, jti: string, expiresAt: Date): Promise<"revoked" | "revoked_before"> {
  const rows = await run(db, REVOKE, [jti, expiresAt]);
  return rows.length === 1 ? "revoked" : "revoked_before";
}
