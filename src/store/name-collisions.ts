import type pg from "pg";

/** Names that an earlier version allowed two accounts to share (docs/decisions/0016). */

/** Largest number of names in the message. */
const MAX_LISTED = 5;

const COLLISIONS = `
  SELECT format('%s of the user %s is the sub of another user', i.value, i.sub) AS line
  FROM user_identifiers i JOIN users u ON lower(u.sub COLLATE "C") = i.value AND u.sub <> i.sub
  UNION ALL
  SELECT format('%s of the user %s is a client_id', i.value, i.sub)
  FROM user_identifiers i JOIN clients c ON lower(c.client_id COLLATE "C") = i.value
  ORDER BY line LIMIT ${MAX_LISTED + 1}`;

/** The colliding names in one line; undefined if there are none. Changes nothing. */
export async function nameCollisions(pool: pg.Pool): Promise<string | undefined> {
  const { rows: tables } = await pool.query<{ found: string | null }>(
    "SELECT to_regclass('user_identifiers') AS found",
  );
  if (tables[0]?.found === null) return undefined;
  const { rows } = await pool.query<{ line: string }>(COLLISIONS);
  if (rows.length === 0) return undefined;
  const listed = rows.slice(0, MAX_LISTED).map(({ line }) => line);
  const more = rows.length > MAX_LISTED ? ["there are more"] : [];
  return `a name means two accounts: ${[...listed, ...more].join("; ")}: rename them with the version that ran before`;
}
