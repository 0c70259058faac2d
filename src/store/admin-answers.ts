import { run, type Db } from "./open.js";

/**
 * Answers of the Admin API to requests with an Idempotency-Key. The answer is sealed, because it may have a secret that is shown
 * once.
 */

/** How long an answer is given again. */
const LASTS = "interval '24 hours'";

/** How long an attempt without an answer counts as one in progress. */
const ATTEMPT = "interval '1 minute'";

const BEGIN = {
  name: "admin_answer_begin",
  text: `
    INSERT INTO admin_answers AS a (id, request, begun_at, expires_at)
    SELECT $1, $2, t.now, t.now + ${LASTS} FROM (SELECT coalesce($3::timestamptz, now()) AS now) t
    ON CONFLICT (id) DO UPDATE SET
      request = excluded.request, sealed = NULL, begun_at = excluded.begun_at, expires_at = excluded.expires_at
    WHERE a.expires_at <= excluded.begun_at
      OR a.sealed IS NULL AND a.request = excluded.request AND a.begun_at <= excluded.begun_at - ${ATTEMPT}
    RETURNING begun_at`,
};

/** An attempt that may run. */
export interface Attempt {
  readonly id: Uint8Array;
  readonly begun_at: Date;
}

/**
 * Begins an attempt, unless there is an answer or another attempt in progress. Of several at once, on any instance, one begins.
 * @param id identifies the caller and its key
 * @param request identifies the request
 */
export async function beginAttempt(
  db: Db,
  id: Uint8Array,
  request: Uint8Array,
  now: Date | null,
): Promise<Attempt | undefined> {
  const [row] = await run<{ begun_at: Date }>(db, BEGIN, [id, request, now]);
  return row === undefined ? undefined : { id, begun_at: row.begun_at };
}

const FIND = { name: "admin_answer_find", text: "SELECT request, sealed FROM admin_answers WHERE id = $1" };

/** The request of an earlier attempt, and its answer if it has one. */
interface EarlierAttempt {
  readonly request: Buffer;
  readonly sealed: Buffer | null;
}

export async function findAttempt(db: Db, id: Uint8Array): Promise<EarlierAttempt | undefined> {
  return (await run<EarlierAttempt & Record<string, unknown>>(db, FIND, [id]))[0];
}

const FINISH = {
  name: "admin_answer_finish",
  text: "UPDATE admin_answers SET sealed = $3 WHERE id = $1 AND begun_at = $2 AND sealed IS NULL",
};

/** Records the answer of an attempt. */
export async function finishAttempt(db: Db, { id, begun_at }: Attempt, sealed: Uint8Array): Promise<void> {
  await run(db, FINISH, [id, begun_at, sealed]);
}

const ABANDON = {
  name: "admin_answer_abandon",
  text: "DELETE FROM admin_answers WHERE id = $1 AND begun_at = $2 AND sealed IS NULL",
};

/** Forgets an attempt that changed nothing. */
export async function abandonAttempt(db: Db, { id, begun_at }: Attempt): Promise<void> {
  await run(db, ABANDON, [id, begun_at]);
}
