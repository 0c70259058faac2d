import { inBatches, MAX_ROWS, type Part } from "./batches.js";
import { openGrants } from "./ending.js";
import { isGone } from "./failure.js";
import { run, type Db } from "./open.js";

/** Consents: one row for each pair of user and client. */

const FIND = { name: "consent_find", text: `SELECT scope FROM consents WHERE sub = $1 AND client_id = $2` };

/** The scopes that this user allowed this client. */
export async function consentedScope(db: Db, sub: string, client_id: string): Promise<readonly string[]> {
  const [found] = await run<{ scope: string[] }>(db, FIND, [sub, client_id]);
  return found?.scope ?? [];
}

/** A client that registered itself is kept from now on: a person uses it. */
const RECORD = {
  name: "consent_record",
  text: `
    WITH used AS (
      UPDATE client_registrations SET expires_at = NULL WHERE client_id = $2 AND expires_at IS NOT NULL
    )
    INSERT INTO consents (sub, client_id, scope, given_at) VALUES ($1, $2, $3, coalesce($4::timestamptz, now()))
    ON CONFLICT (sub, client_id) DO UPDATE SET
      scope = ARRAY(SELECT DISTINCT unnest(consents.scope || excluded.scope)), given_at = excluded.given_at`,
};

/**
 * Adds scopes to a consent.
 * @returns false if the user or the client is deleted at this moment
 */
export async function recordConsent(
  db: Db,
  { sub, client_id, scope }: { sub: string; client_id: string; scope: readonly string[] },
  now: Date | null,
): Promise<boolean> {
  try {
    await run(db, RECORD, [sub, client_id, scope, now]);
    return true;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

/** The consent is deleted with the last batch of its grants: until then the user can revoke it again. */
const LAST = `(SELECT count(*) FROM batch) < ${MAX_ROWS}`;

const WITHDRAW = {
  name: "consent_withdraw",
  text: `
    WITH batch AS MATERIALIZED (
      SELECT id FROM grants WHERE sub = $1 AND client_id = $2 AND ended_at IS NULL
      LIMIT ${MAX_ROWS} FOR NO KEY UPDATE
    ), ended AS (
      UPDATE grants g SET ended_at = coalesce($3::timestamptz, now()), ended_because = 'consent_withdrawn'
      FROM batch b WHERE g.id = b.id
    ), withdrawn AS (
      DELETE FROM consents WHERE sub = $1 AND client_id = $2 AND ${LAST}
    )
    SELECT NOT ${LAST} AS more`,
};

const END = {
  name: "consent_end_grants",
  text: `
    UPDATE grants SET ended_at = coalesce($2::timestamptz, now()), ended_because = 'consent_withdrawn'
    WHERE id IN (SELECT id FROM grants WHERE id = ANY($1::text[]) AND ended_at IS NULL ORDER BY id FOR NO KEY UPDATE)`,
};

/**
 * Revokes a consent, and ends every grant that rests on it. If one statement does not end them all, a cursor reads each grant
 * once. Repeated searches for the next open ones would cost the square of their number.
 */
export async function withdrawConsent(
  db: Db,
  { sub, client_id }: { readonly sub: string; readonly client_id: string },
  now: Date | null,
  part: Part = (work) => work(db),
): Promise<void> {
  const withdraw = async () =>
    (await part((where) => run<{ more: boolean }>(where, WITHDRAW, [sub, client_id, now])))[0];
  if ((await withdraw())?.more !== true) return;
  for await (const ids of openGrants(db, { sub, client_id })) await part((where) => run(where, END, [ids, now]));
  // The grants that were opened in the meantime, and the consent.
  await inBatches(withdraw);
}

interface GivenConsent {
  readonly client_id: string;
  readonly client_name: string | null;
  readonly redirect_uris: string[];
  readonly scope: string[];
  readonly given_at: Date;
}

const OF_USER = {
  name: "consents_of_user",
  text: `
    SELECT c.client_id, k.client_name, k.redirect_uris, c.scope, c.given_at
    FROM consents c JOIN clients k USING (client_id)
    WHERE c.sub = $1 ORDER BY c.given_at DESC`,
};

/** All consents of this user, the latest first. */
export async function consentsOf(db: Db, sub: string): Promise<readonly GivenConsent[]> {
  return run<GivenConsent>(db, OF_USER, [sub]);
}

/** A consent, as administrators see it. */
interface ListedConsent {
  readonly sub: string;
  readonly preferred_username: string;
  readonly client_id: string;
  readonly client_name: string | null;
  readonly scope: readonly string[];
  readonly given_at: Date;
}

const LIST_CONSENTS = {
  name: "consents_list",
  text: `
    SELECT c.sub, u.preferred_username, c.client_id, k.client_name, c.scope, c.given_at
    FROM consents c JOIN users u ON u.sub = c.sub JOIN clients k ON k.client_id = c.client_id
    WHERE c.sub = $1 AND c.client_id > $2 ORDER BY c.client_id LIMIT $3`,
};

/** Consents of a user by client, behind one of them. */
export async function consentsBehind(
  db: Db,
  { sub, client_id }: Pick<ListedConsent, "sub" | "client_id">,
  take: number,
): Promise<readonly ListedConsent[]> {
  return run<ListedConsent>(db, LIST_CONSENTS, [sub, client_id, take]);
}
