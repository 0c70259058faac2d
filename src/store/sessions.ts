import { inBatches, MAX_ROWS } from "./batches.js";
import { epochOf } from "./epochs.js";
import { run, type Db, type Transaction } from "./open.js";

/** Browser sessions. The value of the cookie is stored only as a keyed hash. */

/** Seconds after which a session ends: without use, and in any case. */
export const SESSION_LIFETIMES = { idle: 30 * 60, absolute: 12 * 60 * 60 } as const;

interface NewSession {
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

/** Stores a new session. */
export async function openSession(db: Db, session: NewSession, now: Date | null): Promise<void> {
  const { id_hash, sid, sub, user_epoch, auth_time, amr } = session;
  await run(db, OPEN, [id_hash, sid, sub, user_epoch, auth_time, amr, SESSION_LIFETIMES.absolute, now]);
}

const RENEW = {
  name: "session_renew",
  text: `
    UPDATE sessions s SET
      id_hash = $2, user_epoch = $4, auth_time = $5, amr = $6, seen_at = t.now, expires_at = t.now + $7 * interval '1 second'
    FROM (SELECT coalesce($8::timestamptz, now()) AS now) t
    WHERE s.id_hash = $1 AND s.sub = $3 AND s.ended_at IS NULL
    RETURNING s.sid`,
};

/**
 * Continues the session of a user who logs in again, under the id of a new cookie. Clients know the session by its `sid`, so
 * that name stays.
 * @returns the `sid`; undefined if the cookie's session belongs to another user, or has ended
 */
export async function renewSession(
  db: Db,
  before: Uint8Array,
  session: Omit<NewSession, "sid">,
  now: Date | null,
): Promise<string | undefined> {
  const { id_hash, sub, user_epoch, auth_time, amr } = session;
  const values = [before, id_hash, sub, user_epoch, auth_time, amr, SESSION_LIFETIMES.absolute, now];
  return (await run<{ sid: string }>(db, RENEW, values))[0]?.sid;
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

/** The live session of a cookie. Each use extends it. */
export async function seeSession(db: Db, id_hash: Uint8Array, now: Date | null): Promise<LiveSession | undefined> {
  const [found] = await run<LiveSession>(db, SEE, [id_hash, now]);
  return found;
}

/** The session ends with the last batch of its grants, so a logout that was interrupted can be repeated. */
const LAST = `(SELECT count(*) FROM batch) < ${MAX_ROWS}`;

const END = {
  name: "session_end",
  text: `
    WITH ending AS (
      SELECT sid FROM sessions WHERE (id_hash = $1 OR sid = $3) AND ended_at IS NULL
    ), batch AS MATERIALIZED (
      SELECT g.id FROM grants g JOIN ending e ON e.sid = g.sid
      WHERE g.ended_at IS NULL AND NOT 'offline_access' = ANY (g.scope)
      LIMIT ${MAX_ROWS} FOR NO KEY UPDATE OF g
    ), ended AS (
      UPDATE grants g SET ended_at = coalesce($2::timestamptz, now()), ended_because = 'logout'
      FROM batch b WHERE g.id = b.id
    ), closed AS (
      UPDATE sessions s SET ended_at = coalesce($2::timestamptz, now())
      FROM ending e WHERE s.sid = e.sid AND s.ended_at IS NULL AND ${LAST}
    )
    SELECT NOT ${LAST} AS more`,
};

/**
 * Ends sessions, live or idle: that of a cookie, that of an id_token, or both. The grants made in them end too, except those
 * with `offline_access`.
 */
export async function endSession(
  where: Db | Transaction,
  { id_hash, sid }: { readonly id_hash?: Uint8Array | undefined; readonly sid?: string | undefined },
  now: Date | null,
): Promise<void> {
  await inBatches(async () => (await run<{ more: boolean }>(where, END, [id_hash, now, sid]))[0]);
}
