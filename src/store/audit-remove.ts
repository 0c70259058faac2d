import { run, type Transaction } from "./open.js";

/** Takes contents and entries out of the audit log. What remains can be verified. */

/** Records of one statement. */
const BATCH = 1_000;

const ERASE = {
  name: "audit_erase",
  text: `
    WITH erased AS (
      UPDATE audit_log SET salt = NULL, record = NULL, caller = NULL, sub = NULL, client_id = NULL
      WHERE (tree, index) IN (
        (SELECT tree, index FROM audit_log WHERE sub = $1 LIMIT ${BATCH})
        UNION (SELECT tree, index FROM audit_log WHERE caller = 'person:' || $1 LIMIT ${BATCH})
        LIMIT ${BATCH})
      RETURNING tree, index
    ), listed AS (
      SELECT jsonb_agg(tree || '-' || index ORDER BY tree, index) AS ids, count(*)::int AS records FROM erased
    )
    SELECT records, CASE WHEN records > 0
      THEN jeton_audit_event('audit_log', '', 'erased', NULL, NULL, jsonb_build_object('ids', ids)) END AS recorded
    FROM listed`,
};

/** Erases records of a person, as subject or as caller, and records which. @returns their number; 0 if none are left */
export async function eraseSome(tx: Transaction, sub: string): Promise<number> {
  return (await run<{ records: number }>(tx, ERASE, [sub]))[0]!.records;
}

const CUT_TO = {
  name: "audit_cut_to",
  text: `
    SELECT max(b.until)::float8 AS first FROM (
      SELECT n.from, least(n.from + $4, $3) AS until FROM generate_series($2::bigint, $3::bigint - 1, $4::bigint) AS n ("from")
      LIMIT $5
    ) b
    WHERE NOT EXISTS (
      SELECT FROM audit_log l WHERE l.tree = $1 AND l.index >= $2 AND l.index < b.until
        AND l.at >= coalesce($7::timestamptz, now()) - $6 * interval '1 second')`,
};

/** A part of a tree, in entries. */
interface Range {
  readonly tree: number;
  readonly first: number;
  readonly end: number;
}

/** Bundles of entries that are looked at in one round. */
const MAX_BUNDLES = 20;

/**
 * Up to which entry a tree may be cut: all before it are older. They are looked at in bundles.
 * @param kept seconds
 * @returns undefined if no bundle is old enough
 */
export async function cutOf(
  tx: Transaction,
  { tree, first, end }: Range,
  { bundle, kept, now }: { readonly bundle: number; readonly kept: number; readonly now: Date | null },
): Promise<number | undefined> {
  const values = [tree, first, end, bundle, MAX_BUNDLES, kept, now];
  return (await run<{ first: number | null }>(tx, CUT_TO, values))[0]?.first ?? undefined;
}

const CUT = {
  name: "audit_cut",
  text: `
    WITH entries AS (DELETE FROM audit_log WHERE tree = $1 AND index < $2),
    tiles AS (DELETE FROM audit_tiles WHERE tree = $1 AND level = 0 AND (index + 1) * $4 <= $2),
    trees AS (UPDATE audit_trees SET first = $2, cut = $3 WHERE tree = $1)
    SELECT jeton_audit_event('audit_log', '', 'cut', NULL, NULL, jsonb_build_object('tree', $1::int, 'first', $2::bigint))`,
};

/**
 * Deletes the entries of a tree before one of them, and records it.
 * @param note the signed checkpoint of the deleted ones
 * @param bundle entries of a tile
 */
export async function cutEntries(
  tx: Transaction,
  { tree, first }: Pick<Range, "tree" | "first">,
  note: string,
  bundle: number,
): Promise<void> {
  await run(tx, CUT, [tree, first, note, bundle]);
}
