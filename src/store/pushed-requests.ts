import { INTERACTION_LIFETIME } from "./interactions.js";
import { run, type Db } from "./open.js";

/**
 * Authorization requests that clients pushed (RFC 9126). A request is answered once, and until then it may be opened again: a
 * user reloads a page, or goes back to it.
 */

/** Seconds in which a browser has to open a pushed request (RFC 9126 section 2.2: "relatively short"). */
export const PUSHED_REQUEST_LIFETIME = 90;

/** An id comes back in a request_uri, which can contain anything. */
const ID = /^[A-Za-z0-9_-]{22}$/;

type Pushed = Readonly<Record<string, string>>;

const PUSH = {
  name: "pushed_request_push",
  text: `
    INSERT INTO pushed_requests (id, client_id, parameters, expires_at)
    SELECT $1, $2, $3::jsonb, t.now + ${PUSHED_REQUEST_LIFETIME} * interval '1 second'
    FROM (SELECT coalesce($4::timestamptz, now()) AS now) t`,
};

/** Stores the parameters of a request. */
export async function pushRequest(
  db: Db,
  { id, client_id, parameters }: { readonly id: string; readonly client_id: string; readonly parameters: Pushed },
  now: Date | null,
): Promise<void> {
  await run(db, PUSH, [id, client_id, JSON.stringify(parameters), now]);
}

/** The first visit in time gives the request the lifetime of an interaction, once: later visits do not move it. */
const OPEN = {
  name: "pushed_request_open",
  text: `
    UPDATE pushed_requests p SET
      opened_at = coalesce(p.opened_at, t.now),
      expires_at = CASE WHEN p.opened_at IS NULL THEN t.now + ${INTERACTION_LIFETIME} * interval '1 second'
                        ELSE p.expires_at END
    FROM (SELECT coalesce($3::timestamptz, now()) AS now) t
    WHERE p.id = $1 AND p.client_id = $2 AND p.expires_at > t.now
    RETURNING p.parameters, p.answered_at IS NOT NULL AS answered`,
};

/** The parameters of a request of this client, or the reason why it has none under this id. */
export async function openPushedRequest(
  db: Db,
  id: string,
  client_id: string,
  now: Date | null,
): Promise<Pushed | "unknown" | "answered"> {
  if (!ID.test(id)) return "unknown";
  const [found] = await run<{ parameters: Pushed; answered: boolean }>(db, OPEN, [id, client_id, now]);
  if (found === undefined) return "unknown";
  return found.answered ? "answered" : found.parameters;
}

const ANSWER = {
  name: "pushed_request_answer",
  text: `
    UPDATE pushed_requests SET answered_at = coalesce($2::timestamptz, now())
    WHERE id = $1 AND answered_at IS NULL RETURNING id`,
};

/** Whether this call is the one that answers the request: two tabs of one request get one answer. */
export async function answerPushedRequest(db: Db, id: string, now: Date | null): Promise<boolean> {
  return (await run(db, ANSWER, [id, now])).length === 1;
}
