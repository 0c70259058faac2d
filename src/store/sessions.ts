import { epochOf } from "./epochs.js";
import { run, type Db } from "./open.js";

/** Logins of browsers. The cookie's value is stored only as a keyed hash. */

/** Seconds of not being seen, and in all, after which a session ends. */
export const SESSION_LIFETIMES = { idle: 30 * 60, absolute: 12 * 60 * 60 } as const;

export interface NewSession {
  readonly id_hash: Uint8Array;
  /** Its public name: `sid` in id_tokens and on the grants made in it. */
  readonly sid: string;
  readonly sub: string;
  readonly user_epoch: number;
  readonly auth_time: Date;
  readonly amr: readonly string[];
}

const OPEN = {
  name: "session_open",
  text: `
    INSERT INTO sessions (id_hash, sid, sub, user_epoch, auth_time, amr, seen_at, expires_at)
    SELECT $1, $2, $3, $4, $5, $6, t.now, t.now + $7 * interval '1 second'
    FROM (SELECT coalesce($8::timestamptz, now()) AS now) t`,
};

/** Records a login. */
export async function openSession(db: Db, session: NewSession, now: Date | null): Promise<void> {
  const { id_hash, sid, sub, user_epoch, auth_time, amr } = session;
  await run(db, OPEN, [id_hash, sid, sub, user_epoch, auth_time, amr, SESSION_LIFETIMES.absolute, now]);
}

export interface LiveSession {
  readonly sid: string;
  readonly sub: string;
  readonly user_epoch: number;
  readonly auth_time: Date;
  readonly amr: string[];
  readonly preferred_username: string;
  readonly name: string | null;
}

const SEE = {
  name: "session_see",
  text: `
    UPDATE sessions s SET seen_at = t.now
    FROM (SELECT coalesce($2::timestamptz, now()) AS now) t, users u
    WHERE s.id_hash = $1 AND s.ended_at IS NULL AND s.expires_at > t.now
      AND s.seen_at > t.now - ${SESSION_LIFETIMES.idle} * interval '1 second'
      AND u.sub = s.sub AND NOT u.disabled AND ${epochOf("u")} = s.user_epoch
    RETURNING s.sid, s.sub, s.user_epoch, s.auth_time, s.amr, u.preferred_username, u.claims ->> 'name' AS name`,
};

/** The session of a cookie if it is alive, which being seen keeps it. */
export async function seeSession(db: Db, id_hash: Uint8Array, now: Date | null): Promise<LiveSession | undefined> {
  const [found] = await run<LiveSession>(db, SEE, [id_hash, now]);
  return found;
}

const END = {
  name: "session_end",
  text: `
    WITH ended AS (
      UPDATE sessions SET ended_at = coalesce($2::timestamptz, now())
      WHERE (id_hash = $1 OR sid = $3) AND ended_at IS NULL RETURNING sid
    )
    UPDATE grants g SET ended_at = coalesce($2::timestamptz, now()), ended_because = 'logout'
    FROM ended WHERE g.sid = ended.sid AND g.ended_at IS NULL AND NOT 'offline_access' = ANY (g.scope)`,
};

/**
 * Ends sessions, alive or idle: the one of a cookie, the one an id_token names, or both; and with them the grants that
 * were made in them, but for those that were given `offline_access`.
 */
export async function endSession(
  db: Db,
  { id_hash, sid }: { readonly id_hash?: Uint8Array | undefined; readonly sid?: string | undefined },
  now: Date | null,
): Promise<void> {
  await run(db, END, [id_hash, now, sid]);
}

const REPLACE = {
  name: "session_replace",
  text: `
    WITH replaced AS (
      UPDATE sessions SET ended_at = coalesce($4::timestamptz, now())
      WHERE id_hash = $1 AND ended_at IS NULL RETURNING sid, sub
    )
    UPDATE grants g SET
      sid           = CASE WHEN r.sub = $3 THEN $2 ELSE g.sid END,
      ended_at      = CASE WHEN r.sub = $3 THEN NULL ELSE coalesce($4::timestamptz, now()) END,
      ended_because = CASE WHEN r.sub = $3 THEN NULL ELSE 'logout' END
    FROM replaced r
    WHERE g.sid = r.sid AND g.ended_at IS NULL AND (r.sub = $3 OR NOT 'offline_access' = ANY (g.scope))`,
};

/**
 * Ends the session that a new login takes the place of. The grants of the same person go on in the new one, so that its
 * logout finds them; somebody else's end as at a logout.
 */
export async function replaceSession(
  db: Db,
  before: Uint8Array,
  by: { readonly sid: string; readonly sub: string },
  now: Date | null,
): Promise<void> {
  await run(db, REPLACE, [before, by.sid, by.sub, now]);
}
