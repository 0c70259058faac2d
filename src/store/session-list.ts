import { epochOf } from "./epochs.js";
import type { GrantPlace } from "./grant-walk.js";
import { walkSql } from "./grant-walk.js";
import { runPlanned, run, type Db } from "./open.js";
import { SESSION_LIFETIMES } from "./sessions.js";

/** Lists browser sessions for operators. */

/** expired: it was not used for too long, or is too old. ended: by a logout, a revocation, or because its user is disabled. */
export const SESSION_STATES = ["in_force", "expired", "ended"] as const;
export type SessionState = (typeof SESSION_STATES)[number];

/** A session, as operators see it. */
export interface ListedSession {
  readonly sid: string;
  readonly sub: string;
  readonly preferred_username: string;
  readonly auth_time: Date;
  readonly amr: readonly string[];
  readonly seen_at: Date;
  readonly expires_at: Date;
  readonly ended_at: Date | null;
  readonly state: SessionState;
}

const ofUser = (value: string) => `(SELECT ${value} FROM users u WHERE u.sub = s.sub)`;

/** SQL: the state of the session `s`. @param now SQL: the present */
export function stateOfSession(now: string): string {
  return `CASE WHEN s.sid IS NULL THEN NULL
       WHEN s.ended_at IS NOT NULL OR ${ofUser(`u.disabled OR ${epochOf("u")} <> s.user_epoch`)} THEN 'ended'
       WHEN least(s.expires_at, s.seen_at + ${SESSION_LIFETIMES.idle} * interval '1 second') <= ${now} THEN 'expired'
       ELSE 'in_force' END`;
}

const columns = (
  now: string,
) => `s.sid, s.sub, ${ofUser("u.preferred_username")} AS preferred_username, s.auth_time, s.amr,
       s.seen_at, s.expires_at, s.ended_at, ${stateOfSession(now)} AS state`;

const FIND = {
  name: "session_find",
  text: `SELECT ${columns("coalesce($2::timestamptz, now())")} FROM sessions s WHERE s.sid = $1`,
};

/** One session; undefined if there is none, or if the sweep has deleted it. */
export async function findSession(db: Db, sid: string, now: Date | null): Promise<ListedSession | undefined> {
  return (await run<ListedSession>(db, FIND, [sid, now]))[0];
}

const OF_USER = {
  text: `
    SELECT ${columns("coalesce($4::timestamptz, now())")} FROM sessions s
    WHERE s.sub = $1 AND (s.auth_time, s.sid) < ($2::timestamptz, $3)
    ORDER BY s.auth_time DESC, s.sid DESC LIMIT $5`,
};

/** The place of a session in a list of those of a user. */
interface SessionPlace {
  readonly auth_time: Date;
  readonly sid: string;
}

/** Sessions of a user, the last login first. */
export async function sessionsOfUser(
  db: Db,
  sub: string,
  after: SessionPlace | undefined,
  limit: number,
  now: Date | null,
): Promise<readonly ListedSession[]> {
  return runPlanned<ListedSession>(db, OF_USER, [sub, after?.auth_time ?? "infinity", after?.sid ?? "", now, limit]);
}

/** Grants that are read for a page of the sessions of a client. */
const MAX_READ = 1_000;

/** Grants of a session among which a newer one of the same client is looked for. */
const MAX_COMPARED = 200;

/** A session is listed at its newest grant for the client, so that it is listed once. */
const OF_CLIENT = {
  text: `
    WITH read AS MATERIALIZED (${walkSql("client_id", "newest first", `LIMIT ${MAX_READ}`)}), first AS (
      SELECT DISTINCT ON (r.sid) r.sid, r.created_at, r.id FROM read r WHERE r.sid IS NOT NULL
      ORDER BY r.sid, r.created_at DESC, r.id DESC
    )
    SELECT ${columns("coalesce($4::timestamptz, now())")}, f.created_at, f.id
    FROM first f JOIN sessions s ON s.sid = f.sid
    WHERE NOT EXISTS (
      SELECT FROM (SELECT * FROM grants WHERE sid = f.sid LIMIT ${MAX_COMPARED}) n
      WHERE n.client_id = $1 AND (n.created_at, n.id) > (f.created_at, f.id))
    ORDER BY f.created_at DESC, f.id DESC LIMIT $5`,
};

const END_OF_READ = {
  text: `SELECT created_at, id FROM (${walkSql("client_id", "newest first", `OFFSET ${MAX_READ - 1} LIMIT 1`)}) g`,
};

/**
 * Sessions in which a client got a grant, the newest grant first. One with very many grants may be listed again.
 * @returns the place where the next page begins; undefined after the last
 */
export async function sessionsOfClient(
  db: Db,
  client_id: string,
  after: GrantPlace | undefined,
  limit: number,
  now: Date | null,
): Promise<{ readonly sessions: readonly ListedSession[]; readonly next: GrantPlace | undefined }> {
  const place = [client_id, after?.created_at ?? "infinity", after?.id ?? ""];
  const sessions = await runPlanned<ListedSession & GrantPlace>(db, OF_CLIENT, [...place, now, limit]);
  const next = sessions.length === limit ? sessions.at(-1) : (await runPlanned<GrantPlace>(db, END_OF_READ, place))[0];
  return { sessions, next };
}
