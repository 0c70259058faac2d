import { run, type Db } from "./open.js";

/**
 * Authorizations under way: what was asked, and what happened so far. Whether a step may
 * be taken is decided on what `lookAtInteraction` says; the answer itself is one conditional statement.
 */

/** Seconds from the request to the answer; a person may look for a password meanwhile. */
const INTERACTION_LIFETIME = 15 * 60;

/** An id comes back in a path, where anything can stand: U+0000 too, which Postgres would not take. */
const ID = /^[A-Za-z0-9_-]{22}$/;

export interface Interaction {
  readonly id: string;
  /** What was asked, as browser/authorize/request.ts read it. */
  readonly request: unknown;
  readonly login_sid: string | null;
  readonly consent: "allowed" | "denied" | null;
  /** The session in which consent was given: whoever logs in later has said nothing yet. */
  readonly consent_sid: string | null;
  readonly cancelled: boolean;
  /** What was typed as a name at the last try that failed, sealed. */
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

/** The interaction, or why there is none for this browser. */
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
           request -> 'request' ->> 'client_id' AS client_id, coalesce(browser_hash = $2, false) AS mine,
           CASE WHEN finished_at IS NULL THEN NULL
                WHEN cancelled OR consent = 'denied' THEN 'declined' ELSE 'answered' END AS outcome
    FROM interactions WHERE id = $1`,
};

/** How an interaction began, and what became of it. */
export interface InteractionStart {
  /** Whether this browser began it. */
  readonly mine: boolean;
  /** Where it can begin again. */
  readonly again: string;
  /** Of the client that sent the person; null for a page of the person's own. */
  readonly client_id: string | null;
  readonly redirect_uri: string | null;
  /** Null where it was not answered. */
  readonly outcome: "answered" | "declined" | null;
}

/** How an interaction began, also after it is over. */
export async function startOf(db: Db, id: string, browser_hash: Uint8Array): Promise<InteractionStart | undefined> {
  return ID.test(id) ? (await run<InteractionStart>(db, START, [id, browser_hash]))[0] : undefined;
}

/** What a step has to say; what it leaves out stays. */
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
