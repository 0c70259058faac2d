import { epochOf } from "./epochs.js";
import { run, type Db, type Transaction } from "./open.js";
import { KEPT } from "./sweep-time.js";
import { personColumns, type Person } from "./users.js";

/**
 * Access tokens have no rows while they are in force. A token is rejected once it has expired by the database's clock, its `jti`
 * was revoked, or its grant ended. It is also rejected if its client or user was disabled or had everything revoked since.
 */

/** The claims of a token that decide whether it is in force. */
export interface TokenSubject {
  readonly jti: string;
  /** Its expiry, in seconds since the epoch. */
  readonly exp: number;
  readonly client_id: string;
  readonly client_epoch: number;
  /** The `sub` of its user; absent for a client's own token. */
  readonly sub: string | undefined;
  readonly user_epoch: number | undefined;
  readonly grant_id: string | undefined;
  /** The generation that the refresh token of the grant must have; any if absent. */
  readonly grant_generation: number | undefined;
  /** The tokens that it was exchanged from (RFC 8693): it is in force as long as all of them are. */
  readonly exchanged_from?: readonly EarlierToken[] | undefined;
}

/** A token that another one was exchanged from. Its expiry does not matter, because the other one expires first. */
interface EarlierToken {
  readonly jti: string;
  readonly client_id: string;
  readonly client_epoch: number;
  readonly sub?: string | undefined;
  readonly user_epoch?: number | undefined;
  readonly grant_id?: string | undefined;
  readonly grant_generation?: number | undefined;
}

/**
 * SQL: the conditions for a token in force. Its client, user and grant have the same epochs as at its issue, and it is neither
 * expired nor revoked. Instances agree on its expiry, because the database's clock judges it.
 */
export const IN_FORCE = `
    FROM clients c
    LEFT JOIN users u ON u.sub = $4 AND NOT u.disabled AND ${epochOf("u")} = $5::int
    LEFT JOIN grants g ON g.id = $6 AND g.ended_at IS NULL AND g.generation = coalesce($7::int, g.generation)
    WHERE c.client_id = $2 AND NOT c.disabled AND ${epochOf("c")} = $3::int
      AND ($4::text IS NULL OR u.sub IS NOT NULL)
      AND ($6::text IS NULL OR g.id IS NOT NULL)
      AND to_timestamp($8) > coalesce($9::timestamptz, now())
      AND NOT EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.jti = $1)`;

/** The first nine parameters of every statement over `IN_FORCE`; the tenth is the list of an exchanged token. */
export function tokenParameters(subject: TokenSubject, now: Date | null): unknown[] {
  const { jti, exp, client_id, client_epoch, sub, user_epoch, grant_id, grant_generation, exchanged_from } = subject;
  const parameters = [jti, client_id, client_epoch, sub, user_epoch, grant_id, grant_generation, exp, now];
  return exchanged_from === undefined ? parameters : [...parameters, JSON.stringify(exchanged_from)];
}

/** SQL: none of the tokens in a list has ended, by the conditions above. */
const EARLIER_IN_FORCE = `
      AND NOT EXISTS (
        SELECT 1 FROM jsonb_to_recordset($10::jsonb) AS t (jti text, client_id text, client_epoch int, sub text,
          user_epoch int, grant_id text, grant_generation int)
        LEFT JOIN clients c ON c.client_id = t.client_id AND NOT c.disabled AND ${epochOf("c")} = t.client_epoch
        LEFT JOIN users u ON u.sub = t.sub AND NOT u.disabled AND ${epochOf("u")} = t.user_epoch
        LEFT JOIN grants g ON g.id = t.grant_id AND g.ended_at IS NULL
          AND g.generation = coalesce(t.grant_generation, g.generation)
        WHERE c.client_id IS NULL OR t.sub IS NOT NULL AND u.sub IS NULL OR t.grant_id IS NOT NULL AND g.id IS NULL
          OR EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.jti = t.jti))`;

/**
 * A statement about a token in force. An exchanged token gets one of its own: a plan for both would cost all others more.
 */
function aboutToken(name: string, columns: string): (subject: TokenSubject) => { name: string; text: string } {
  const plain = { name, text: `SELECT ${columns} ${IN_FORCE}` };
  const exchanged = { name: `${name}_exchanged`, text: plain.text + EARLIER_IN_FORCE };
  return ({ exchanged_from }) => (exchanged_from === undefined ? plain : exchanged);
}

const statusOf = aboutToken("access_token_status", "u.preferred_username AS username");

/** Whether the token is in force, and the login name of its user. The caller checks the signature. */
export async function lookAtToken(
  db: Db,
  subject: TokenSubject,
  now: Date | null,
): Promise<{ readonly username: string | null } | undefined> {
  const [found] = await run<{ username: string | null }>(db, statusOf(subject), tokenParameters(subject, now));
  return found;
}

const actorsOf = aboutToken("access_token_may_act", "u.claims -> 'may_act' AS may_act");

/** What the user of a token says of those who may act for them, if the token is in force (RFC 8693 section 4.4). */
export async function lookAtActors(
  db: Db,
  subject: TokenSubject,
  now: Date | null,
): Promise<{ readonly may_act: unknown } | undefined> {
  const [found] = await run<{ may_act: unknown }>(db, actorsOf(subject), tokenParameters(subject, now));
  return found;
}

const personOf = aboutToken(
  "access_token_person",
  `${personColumns("u")}, coalesce(g.userinfo_claims, '{}') AS userinfo_claims,
   coalesce(g.claims_locales, '{}') AS claims_locales`,
);

interface TokenPerson {
  readonly person: Person;
  /** The claims requested by name when the grant was made, and their languages. */
  readonly userinfo_claims: readonly string[];
  readonly claims_locales: readonly string[];
}

/** The user of a token, if it is in force. */
export async function lookAtPerson(db: Db, subject: TokenSubject, now: Date | null): Promise<TokenPerson | undefined> {
  const [found] = await run<Person & Omit<TokenPerson, "person">>(db, personOf(subject), tokenParameters(subject, now));
  return found === undefined || found.sub === null ? undefined : { ...found, person: found };
}

// An expired token is recorded too, because instances may disagree on whether it has expired.
const REVOKE = {
  name: "access_token_revoke",
  text: `
    INSERT INTO revoked_tokens (jti, expires_at)
    SELECT $1, to_timestamp($2) WHERE to_timestamp($2) > coalesce($3::timestamptz, now()) - ${KEPT}
    ON CONFLICT (jti) DO NOTHING RETURNING expires_at > coalesce($3::timestamptz, now()) AS was_valid`,
};

const SPEND = {
  name: "access_token_spend",
  text: `
    INSERT INTO revoked_tokens (jti, expires_at) SELECT $1, to_timestamp($8) ${IN_FORCE}
    ON CONFLICT (jti) DO NOTHING RETURNING jti`,
};

/** Revokes a token that is in force. Of several calls at once, exactly one returns true. */
export async function spendToken(db: Db, subject: TokenSubject, now: Date | null): Promise<boolean> {
  return (await run(db, SPEND, tokenParameters(subject, now))).length === 1;
}

/**
 * Revokes one token by its `jti`, never by its text: a signed text has several encodings (RFC 7515). An expired token is recorded
 * until a day after its expiry, because an instance whose clock is behind may still accept it.
 * @param exp its expiry, in seconds since the epoch
 */
export async function revokeToken(
  where: Db | Transaction,
  jti: string,
  exp: number,
  now: Date | null,
): Promise<"revoked" | "not_in_force"> {
  const [row] = await run<{ was_valid: boolean }>(where, REVOKE, [jti, exp, now]);
  return row?.was_valid === true ? "revoked" : "not_in_force";
}
