import { grantColumns, type ListedGrant } from "./grant-state.js";
import { run, type Db } from "./open.js";
import { stateOfSession, type SessionState } from "./session-list.js";

/** Everything about one grant: what it came from, and what came from it. */

export interface GrantLineage extends ListedGrant {
  readonly client_name: string | null;
  readonly auth_time: Date;
  readonly amr: readonly string[];
  readonly acr: string | null;
  readonly idle_expires_at: Date;
  readonly absolute_expires_at: Date;
  /** The generation of its current refresh token, and when the last ones before it were superseded. */
  readonly generation: number;
  readonly rotations: readonly Date[];
  /** How often the generation before was presented again since then. */
  readonly retries: number;
  /** The expiry of its code; null for a grant without one. */
  readonly code_expires_at: Date | null;
  readonly code_uses: number;
  readonly has_challenge: boolean;
  /** Null for the code of a device. */
  readonly redirect_uri: string | null;
  /** The lifetimes of its client, in seconds. */
  readonly access_token_lifetime: number;
  readonly refresh_token_lifetime: number;
  readonly consent_scope: readonly string[] | null;
  readonly consent_given_at: Date | null;
  /** Null if there was no session, or if the sweep has deleted it. */
  readonly session_state: SessionState | null;
}

const NOW = "coalesce($2::timestamptz, now())";

const FIND = {
  name: "grant_lineage",
  text: `
    SELECT ${grantColumns(NOW)},
           c.client_name, g.auth_time, g.amr, g.acr, g.idle_expires_at, g.absolute_expires_at,
           g.generation, coalesce(g.rotations, '{}') AS rotations, g.retries,
           g.code_expires_at, g.code_uses, g.code_challenge IS NOT NULL AS has_challenge, g.redirect_uri,
           greatest(c.access_token_lifetime, a.max_token_lifetime) AS access_token_lifetime, c.refresh_token_lifetime,
           k.scope AS consent_scope, k.given_at AS consent_given_at,
           ${stateOfSession(NOW)} AS session_state
    FROM grants g
    JOIN clients c ON c.client_id = g.client_id
    LEFT JOIN apps a ON a.app_id = g.client_id
    LEFT JOIN consents k ON k.sub = g.sub AND k.client_id = g.client_id
    LEFT JOIN sessions s ON s.sid = g.sid
    WHERE g.id = $1`,
};

/** A grant with its lineage; undefined if there is none, or if the sweep has deleted it. */
export async function grantLineage(db: Db, id: string, now: Date | null): Promise<GrantLineage | undefined> {
  return (await run<GrantLineage>(db, FIND, [id, now]))[0];
}
