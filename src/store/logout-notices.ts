import { run, type Db } from "./open.js";

/**
 * Notices of logouts to clients (OpenID Connect Back-Channel Logout 1.0). Triggers write them when a session or everything of a
 * user ends (prisma/migrations). An instance claims a notice before it sends it, and deletes it afterwards. The claim names the
 * time of the next attempt, so a notice survives an instance that dies.
 */

/** A notice that this instance may send. */
export interface LogoutNotice {
  readonly client_id: string;
  readonly sub: string;
  /** Empty for all sessions of the user. */
  readonly sid: string;
  /** The number of this attempt, the first being 1. */
  readonly attempts: number;
}

/** Seconds after each attempt until the next one. A call ends long before the first of them. */
const PAUSES: readonly number[] = [10, 60, 5 * 60, 30 * 60, 2 * 60 * 60, 6 * 60 * 60];

/** Whether no further attempt follows. */
export function isLastAttempt({ attempts }: LogoutNotice): boolean {
  return attempts > PAUSES.length;
}

const CLAIM = {
  name: "logout_notices_claim",
  text: `
    WITH t AS (SELECT coalesce($1::timestamptz, now()) AS now), due AS MATERIALIZED (
      SELECT n.client_id, n.sub, n.sid FROM logout_notices n, t
      WHERE n.due_at <= t.now AND n.client_id <> ALL ($2::text[])
      ORDER BY n.due_at LIMIT $3 FOR UPDATE OF n SKIP LOCKED
    )
    UPDATE logout_notices n SET
      attempts = n.attempts + 1,
      due_at   = t.now + ($4::int[])[least(n.attempts + 1, cardinality($4::int[]))] * interval '1 second'
    FROM due, t WHERE (n.client_id, n.sub, n.sid) = (due.client_id, due.sub, due.sid)
    RETURNING n.client_id, n.sub, n.sid, n.attempts`,
};

/**
 * Claims notices that are due, at most `limit`. No other instance gets them before the time of their next attempt.
 * @param except clients whose notices stay
 */
export async function claimLogoutNotices(
  db: Db,
  limit: number,
  except: readonly string[],
  now: Date | null,
): Promise<readonly LogoutNotice[]> {
  return run<LogoutNotice>(db, CLAIM, [now, except, limit, PAUSES]);
}

const SETTLE = {
  name: "logout_notice_settle",
  text: "DELETE FROM logout_notices WHERE client_id = $1 AND sub = $2 AND sid = $3 AND attempts = $4",
};

/** Deletes a notice that was sent or given up. One that was written again since then stays. */
export async function settleLogoutNotice(db: Db, { client_id, sub, sid, attempts }: LogoutNotice): Promise<void> {
  await run(db, SETTLE, [client_id, sub, sid, attempts]);
}

/** Most notices that are counted. */
const MAX_COUNTED = 10_000;

const COUNT = {
  name: "logout_notices_count",
  text: `SELECT count(*)::int AS notices FROM (SELECT FROM logout_notices LIMIT ${MAX_COUNTED}) n`,
};

/** The notices that were not delivered yet, counted up to 10,000. */
export async function countLogoutNotices(db: Db): Promise<number> {
  const [row] = await run<{ notices: number }>(db, COUNT, []);
  return row!.notices;
}

/** Largest number of clients that one page tells. */
const MAX_FRAMES = 32;

const FRAMES = {
  name: "front_channel_clients",
  text: `
    SELECT DISTINCT c.client_id, g.sid, c.frontchannel_logout_uri, c.frontchannel_logout_session_required,
           c.subject_type, c.sector_identifier_uri, c.redirect_uris
    FROM grants g JOIN clients c ON c.client_id = g.client_id
    WHERE g.sid = ANY ($1::text[]) AND g.code_uses > 0 AND 'openid' = ANY (g.scope)
      AND c.frontchannel_logout_uri IS NOT NULL AND NOT c.disabled
    ORDER BY c.client_id, g.sid LIMIT ${MAX_FRAMES}`,
};

/** A client that is told of a logout by the user's browser (OpenID Connect Front-Channel Logout 1.0). */
interface FrontChannelClient {
  readonly sid: string;
  readonly frontchannel_logout_uri: string;
  /** Whether the client needs `iss` and `sid`. */
  readonly frontchannel_logout_session_required: boolean;
  readonly subject_type: string;
  readonly sector_identifier_uri: string | null;
  readonly redirect_uris: readonly string[];
}

/** The clients with a frontchannel_logout_uri that got an id_token in these sessions. */
export async function frontChannelClients(db: Db, sids: readonly string[]): Promise<readonly FrontChannelClient[]> {
  return sids.length === 0 ? [] : run<FrontChannelClient>(db, FRAMES, [sids]);
}
