import { recordEnd } from "./audit-events.js";
import { epochOf } from "./epochs.js";
import type { GrantTerms } from "./grants.js";
import { run, type Db } from "./open.js";
import { personColumns, type Person } from "./users.js";

/**
 * Redeems an authorization code. The code belongs to the row of its grant. So one statement by primary key marks it as
 * used, and distinguishes the first use from later ones. The second use ends the grant (RFC 6749 section 4.1.2).
 */

/** The parameters that a code is bound to, and the content of the tokens of its grant. */
export interface CodeBinding extends GrantTerms {
  readonly client_id: string;
  readonly redirect_uri: string;
  readonly redirect_uri_given: boolean;
  readonly code_challenge: string | null;
  readonly nonce: string | null;
  /** Whether the code had expired. */
  readonly obsolete: boolean;
}

export interface RedeemedCode {
  readonly binding: CodeBinding;
  readonly user: Person;
}

const REDEEM = {
  name: "code_redeem",
  text: `
    WITH redeemed AS (
      UPDATE grants g SET
        code_uses     = g.code_uses + 1,
        idle_expires_at     = CASE WHEN g.code_uses = 0 THEN t.now + $3 * interval '1 second' ELSE g.idle_expires_at END,
        absolute_expires_at = CASE WHEN g.code_uses = 0 THEN t.now + $4 * interval '1 second' ELSE g.absolute_expires_at END,
        dialect       = coalesce(g.dialect, $5),
        ended_at      = CASE WHEN g.code_uses > 0 THEN coalesce(g.ended_at, t.now) ELSE g.ended_at END,
        ended_because = CASE WHEN g.code_uses > 0 THEN coalesce(g.ended_because, 'code_replayed') ELSE g.ended_because END
      FROM (SELECT coalesce($2::timestamptz, now()) AS now) t
      WHERE g.id = $1 AND g.code_expires_at IS NOT NULL
      RETURNING g.*, g.code_expires_at <= t.now AS obsolete
    )
    SELECT r.client_id, r.redirect_uri, r.redirect_uri_given, r.code_challenge, r.obsolete, r.scope, r.auth_time, r.amr,
           r.acr, r.nonce, r.sid, r.id_token_claims, r.claims_locales,
           r.code_uses > 1 AS replayed, ${personColumns("u")},
           CASE WHEN r.code_uses = 2 THEN ${recordEnd("r", "code_replayed")} END AS is_recorded,
           r.ended_at IS NOT NULL OR u.disabled
             OR ${epochOf("u")} <> r.user_epoch OR ${epochOf("c")} <> r.client_epoch AS ended
    FROM redeemed r JOIN users u ON u.sub = r.sub JOIN clients c ON c.client_id = r.client_id`,
};

type Row = CodeBinding & Person & { readonly replayed: boolean; readonly ended: boolean };

/**
 * Marks the code of a grant as used, with any outcome.
 * @param dialect counts for the grant of a device, which was made in none
 * @param lifetimes seconds for which the grant lives from now on; the row of an abandoned code is kept for a day only
 */
export async function redeemCode(
  db: Db,
  grant_id: string,
  lifetimes: { readonly idle: number; readonly absolute: number },
  dialect: string,
  now: Date | null,
): Promise<RedeemedCode | "unknown" | "replayed" | "ended"> {
  const [found] = await run<Row>(db, REDEEM, [grant_id, now, lifetimes.idle, lifetimes.absolute, dialect]);
  if (found === undefined) return "unknown";
  if (found.replayed) return "replayed";
  return found.ended ? "ended" : { binding: found, user: found };
}
