import type pg from "pg";
import { epochOf } from "./epochs.js";
import { run, type Db } from "./open.js";

/**
 * Marks the grants that a raised epoch has ended (epochs.ts). No token depends on the mark. It informs operators, and lets the
 * sweep delete the rows early. So it may take long, be stopped at any point, and run again.
 */

/** The owner of the grants: a user, a client, or all. */
export type GrantsOf = { readonly client_id?: string; readonly sub?: string } | "everybody";

/** Receives the number of marked grants after each batch. */
type Progress = (ended: number) => void;

/** Grants per statement: a fraction of a second even if each is read from the disk. */
const BATCH = 500;

/**
 * SQL: the part of a statement that tells the clients of the grants in `marked`. For a single user a trigger does so at once. If
 * everything of all users has ended, it is done a batch at a time.
 * @param tells SQL: whether they are told
 */
export function noticed(tells: string): string {
  return `noticed AS (
      INSERT INTO logout_notices (client_id, sub, sid)
      SELECT DISTINCT g.client_id, g.sub, CASE WHEN c.backchannel_logout_session_required THEN g.sid ELSE '' END
      FROM marked g JOIN clients c USING (client_id)
      WHERE ${tells} AND (g.code_expires_at IS NULL OR g.code_uses > 0) AND 'openid' = ANY (g.scope)
        AND c.backchannel_logout_uri IS NOT NULL AND NOT c.disabled
        AND (g.sid IS NOT NULL OR NOT c.backchannel_logout_session_required)
      ON CONFLICT DO NOTHING
    )`;
}

/** Rows are locked in one order, so that two commands do not deadlock. A grant of the current epochs stays. */
const MARK = {
  name: "grants_mark_ended",
  text: `
    WITH marked AS (
      UPDATE grants SET ended_at = coalesce($2::timestamptz, now()), ended_because = 'revoked'
      WHERE id IN (
        SELECT g.id FROM grants g JOIN clients c USING (client_id) JOIN users u USING (sub)
        WHERE g.id = ANY($1::text[]) AND g.ended_at IS NULL
          AND (g.client_epoch <> ${epochOf("c")} OR g.user_epoch <> ${epochOf("u")})
        ORDER BY g.id FOR NO KEY UPDATE OF g)
      RETURNING client_id, sub, sid, scope, code_uses, code_expires_at
    ), ${noticed("$3")}
    SELECT 1 FROM marked`,
};

/**
 * Marks all grants as ended whose client or user is in a later epoch than the grant.
 * @param progress is called after each batch
 * @returns the number of marked grants
 */
export async function markEnded(
  db: Db,
  whose: GrantsOf,
  now: Date | null,
  progress: Progress = () => {},
): Promise<number> {
  let ended = 0;
  for await (const ids of openGrants(db, whose)) {
    ended += (await run(db, MARK, [ids, now, whose === "everybody"])).length;
    progress(ended);
  }
  return ended;
}

/**
 * The ids of grants that are not ended, a batch at a time. A cursor reads each row once, in the order that costs least.
 * It reads ended grants too, so that no FETCH has to search a large table for the few that are open.
 */
export async function* openGrants(db: Db, whose: GrantsOf): AsyncGenerator<readonly string[]> {
  const connection = await db.pool.connect();
  let finished = false;
  try {
    await connection.query("BEGIN READ ONLY");
    await connection.query(walk(whose));
    for (;;) {
      const { rows } = await connection.query<{ id: string; open: boolean }>(`FETCH ${BATCH} FROM walk`);
      if (rows.length === 0) break;
      yield rows.filter(({ open }) => open).map(({ id }) => id);
    }
    await connection.query("COMMIT");
    finished = true;
  } finally {
    // After a failure the connection may still be in its transaction, so it is not reused.
    connection.release(!finished);
  }
}

function walk(whose: GrantsOf): pg.QueryConfig {
  const entries = whose === "everybody" ? [] : Object.entries(whose);
  const conditions = entries.map(([column], index) => `${column} = $${index + 1}`);
  const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
  return {
    text: `DECLARE walk NO SCROLL CURSOR FOR SELECT id, ended_at IS NULL AS open FROM grants ${where}`,
    values: entries.map(([, value]) => value),
  };
}
