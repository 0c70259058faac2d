import { run, type Db } from "./open.js";

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
}

const STATUS = {
  name: "access_token_status",
  text: `
    SELECT u.preferred_username AS username
    FROM clients c
    LEFT JOIN users u ON u.sub = $4 AND NOT u.disabled AND u.token_epoch = $5::int
    LEFT JOIN refresh_families f ON f.id = $6 AND f.ended_at IS NULL
    WHERE c.client_id = $2 AND NOT c.disabled AND c.token_epoch = $3::int
      AND ($4::text IS NULL OR u.sub IS NOT NULL)
      AND ($6::text IS NULL OR f.id IS NOT NULL)
      AND NOT EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.jti = $1)`,
};

/** Whether the token is in force, and the login name of whom it speaks for. Signature and expiry are the caller's. */
export async function lookAtToken(
  db: Db,
  { jti, client_id, client_epoch, sub, user_epoch, grant_id }: TokenSubject,
): Promise<{ readonly username: string | null } | undefined> {
  const [found] = await run<{ username: string | null }>(db, STATUS, [
    jti,
    client_id,
    client_epoch,
    sub,
    user_epoch,
    grant_id,
  ]);
  return found;
}

const REVOKE = {
  name: "access_token_revoke",
  text: `
    INSERT INTO revoked_tokens (jti, expires_at) VALUES ($1, $2)
    ON CONFLICT (jti) DO NOTHING RETURNING jti`,
};

/** Revokes one token, known by its `jti`, never by its text: a signed text has several spellings (RFC 7515). */
export async function revokeToken(db: Db, jti: string, expiresAt: Date): Promise<"revoked" | "revoked_before"> {
  const rows = await run(db, REVOKE, [jti, expiresAt]);
  return rows.length === 1 ? "revoked" : "revoked_before";
}
