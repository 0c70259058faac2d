import { run, type Db } from "./open.js";

/**
 * Authorizations in progress: the request, and the steps so far. The result of `lookAtInteraction` decides whether a step is
 * allowed; the answer itself is one conditional statement.
 */

/** Seconds from the request to the answer, in which the user may have to look for a password. */
export const INTERACTION_LIFETIME = 15 * 60;

/** An id comes back in a path, which can contain anything, even U+0000, which PostgreSQL refuses. */
const ID = /^[A-Za-z0-9_-]{22}$/;

export interface Interaction {
  readonly id: string;
  /** What was asked, as browser/authorize/request.ts read it. */
  readonly request: unknown;
  readonly login_sid: string | null;
  readonly consent: "allowed" | "denied" | null;
  /** The session in which consent was given. A user who logs in later has not consented yet. */
  readonly consent_sid: string | null;
  readonly cancelled: boolean;
  /** The name typed in the last failed attempt, sealed. */
  readonly failed_username: string | null;
}

const OPEN = {
  name: "interaction_open",
  text: `
    INSERT INTO interactions (id, browser_hash, request, expires_at)
    SELECT $1, $2, $3::jsonb, t.now + ${INTERACTION_LIFETIME} * interval '1 second'
    FROM (SELECT coalesce($4::timestamptz, now()) AS now) t`,
};

/** Stores a request; without a browser it belongs to the first one that shows it. */
export async function openInteraction(
  db: Db,
  { id, browser_hash, request }: { id: string; browser_hash: Uint8Array | null; request: object },
  now: Date | null,
): Promise<void> {
  await run(db, OPEN, [id, browser_hash, JSON.stringify(request), now]);
}

const LOOK = {
  name: "interaction_look",
  text: `
    UPDATE interactions i SET browser_hash = coalesce(i.browser_hash, $2)
    FROM (SELECT coalesce($3::timestamptz, now()) AS now) t
    WHERE i.id = $1 AND i.finished_at IS NULL AND i.expires_at > t.now
    RETURNING i.id, i.request, i.login_sid, i.consent, i.consent_sid, i.cancelled, i.failed_username, i.browser_hash = $2 AS mine`,
};

/** The interaction, or the reason why this browser has none. */
export async function lookAtInteraction(
  db: Db,
  id: string,
  browser_hash: Uint8Array,
  now: Date | null,
): Promise<Interaction | "unknown" | "foreign"> {
  if (!ID.test(id)) return "unknown";
  const [found] = await run<Interaction & { mine: boolean }>(db, LOOK, [id, browser_hash, now]);
  if (found === undefined) return "unknown";
  return found.mine ? found : "foreign";
}

const START = {
  name: "interaction_start",
  text: `
    SELECT request ->> 'again' AS again, request -> 'request' ->> 'redirect_uri' AS redirect_uri,
           request -> 'request' ->> 'client_id' AS client_id, request -> 'request' ->> 'pushed' AS pushed,
           coalesce(browser_hash = $2, false) AS mine,
           CASE WHEN finished_at IS NULL THEN NULL
                WHEN cancelled OR consent = 'denied' THEN 'declined' ELSE 'answered' END AS outcome
    FROM interactions WHERE id = $1`,
};

/** The beginning of an interaction, and its outcome. */
export interface InteractionStart {
  /** Whether this browser started it. */
  readonly mine: boolean;
  /** The address at which it can start again. */
  readonly again: string;
  /** The id of the client that sent the user; null for a page of the user's own. */
  readonly client_id: string | null;
  readonly redirect_uri: string | null;
  /** The id of the pushed request that it answers; null if the request was not pushed. */
  readonly pushed: string | null;
  /** Null if it was not answered. */
  readonly outcome: "answered" | "declined" | null;
}

/** The beginning of an interaction, also after its end. */
export async function startOf(db: Db, id: string, browser_hash: Uint8Array): Promise<InteractionStart | undefined> {
  return ID.test(id) ? (await run<InteractionStart>(db, START, [id, browser_hash]))[0] : undefined;
}

/** The columns that a step changes; the others stay. */
interface Progress {
  readonly login_sid?: string;
  readonly consent?: "allowed" | "denied";
  readonly consent_sid?: string;
  readonly cancelled?: boolean;
  readonly failed_username?: string | null;
}

const PROGRESS = {
  name: "interaction_progress",
  text: `
    UPDATE interactions SET
      login_sid = coalesce($2, login_sid),
      consent = coalesce($3, consent),
      cancelled = coalesce($4, cancelled),
      failed_username = $5,
      consent_sid = coalesce($6, consent_sid)
    WHERE id = $1 AND finished_at IS NULL RETURNING id`,
};

/** Records a step. */
export async function recordProgress(db: Db, id: string, progress: Progress): Promise<void> {
  const { login_sid, consent, consent_sid, cancelled, failed_username } = progress;
  await run(db, PROGRESS, [id, login_sid, consent, cancelled, failed_username, consent_sid]);
}

const FINISH = {
  name: "interaction_finish",
  text: `
    UPDATE interactions SET finished_at = coalesce($2::timestamptz, now())
    WHERE id = $1 AND finished_at IS NULL RETURNING id`,
};

/** Whether this call is the one that answers the interaction: a second click gets no second code. */
export async function finishInteraction(db: Db, id: string, now: Date | null): Promise<boolean> {
  return (await run(db, FINISH, [id, now])).length === 1;
}
