import { runPlanned, type Db } from "./open.js";

/** Access tokens leave no rows. Those of a grant are known from the decisions that are kept (decisions.ts). */

/** Decisions of a user that are read at most, and tokens that are returned. */
const MAX_READ = 1_000;
const MAX_TOKENS = 100;

/** An access token that was issued for a grant. */
interface KnownToken {
  readonly jti: string;
  readonly issued_at: Date;
  /** The decision that issued it. */
  readonly decision_id: string;
  /** Whether it was revoked by itself. */
  readonly is_revoked: boolean;
}

const KNOWN = {
  text: `
    SELECT d.facts ->> 'jti' AS jti, d.decided_at AS issued_at, d.id AS decision_id,
           EXISTS (SELECT FROM revoked_tokens r WHERE r.jti = d.facts ->> 'jti') AS is_revoked
    FROM (
      SELECT * FROM decisions WHERE sub = $1 AND decided_at >= $2::timestamptz - interval '1 minute'
      ORDER BY decided_at DESC LIMIT ${MAX_READ}
    ) d
    WHERE d.code IS NULL AND d.facts ->> 'grant_id' = $3 AND d.facts ->> 'jti' IS NOT NULL
      AND d.facts -> 'scope_granted' IS NOT NULL
    LIMIT ${MAX_TOKENS}`,
};

/** The access tokens of a grant whose decisions are kept, the latest first. */
export async function knownTokens(
  db: Db,
  { sub, created_at, id }: { readonly sub: string; readonly created_at: Date; readonly id: string },
): Promise<readonly KnownToken[]> {
  return runPlanned<KnownToken & Record<string, unknown>>(db, KNOWN, [sub, created_at, id]);
}
