import { grantColumns, stateOfGrant, type GrantState, type ListedGrant } from "./grant-state.js";
import {
  FITS,
  filterParameters,
  ofEachWalk,
  walkOf,
  walkParameters,
  walkSql,
  type GrantFilter,
  type GrantPlace,
} from "./grant-walk.js";
import { runPlanned, type Db } from "./open.js";

/** Lists and counts grants for operators. */

/** Grants that are read for one page at most. A page of a rare kind of grant may be short, and go on. */
const MAX_READ = 1_000;

/** Grants that are read for a count at most: as many as a disk gives within the limit of a statement. */
const MAX_COUNTED = 10_000;

const NOW = "coalesce($10::timestamptz, now())";

/** A page of a walk. `next` is where the next one begins; undefined after the last. */
interface GrantPage {
  readonly grants: readonly ListedGrant[];
  readonly next: GrantPlace | undefined;
}

interface Listing {
  readonly filter: GrantFilter;
  readonly state?: GrantState | undefined;
  readonly after?: GrantPlace | undefined;
  /** Grants on a page at most. */
  readonly limit: number;
}

/** Reads the walk as far as necessary: PostgreSQL stops at the inner limit or at the outer one, whichever comes first. */
const PAGES = ofEachWalk((walk) => ({
  name: `grants_page_of_${walk}`,
  text: `
    SELECT ${grantColumns(NOW)}
    FROM (${walkSql(walk, "newest first", `LIMIT ${MAX_READ}`)}) g
    WHERE ${FITS} AND ($11::text IS NULL OR ${stateOfGrant(NOW)} = $11) LIMIT $12`,
}));

/** The last grant that is read for a page with less than its limit. */
const ENDS = ofEachWalk((walk) => ({
  name: `grants_end_of_page_of_${walk}`,
  text: `SELECT g.created_at, g.id FROM (${walkSql(walk, "newest first", `OFFSET ${MAX_READ - 1} LIMIT 1`)}) g`,
}));

/** A page of grants, the newest first. Those of all users and clients come in the order of their ids. */
export async function listGrants(
  db: Db,
  { filter, state, after, limit }: Listing,
  now: Date | null,
): Promise<GrantPage> {
  const walk = walkOf(filter);
  const place = walkParameters(filter, "newest first", after);
  const values = [...place, ...filterParameters(filter), now, state, limit];
  const grants = await runPlanned<ListedGrant>(db, PAGES[walk], values);
  if (grants.length === limit) return { grants, next: grants.at(-1) };
  const [end] = await runPlanned<GrantPlace>(db, ENDS[walk], place);
  const isBelow = walk !== "id" && filter.made_after !== undefined && end !== undefined;
  return { grants, next: isBelow && end.created_at < filter.made_after ? undefined : end };
}

const COUNTS = ofEachWalk((walk) => ({
  name: `grants_count_of_${walk}`,
  text: `
    SELECT count(*) FILTER (WHERE g.ended_at IS NULL AND ${FITS})::int AS counted,
           count(*) < ${MAX_COUNTED} ${walk === "id" ? "" : "OR coalesce(min(g.created_at) < $8, false)"} AS is_all
    FROM (${walkSql(walk, "newest first", `LIMIT ${MAX_COUNTED}`)}) g`,
}));

/**
 * Counts the grants that are not marked as ended.
 * @returns `is_all` is false if there may be more, because more grants would have to be read than a statement can
 */
export async function countGrants(
  db: Db,
  filter: GrantFilter,
): Promise<{ readonly counted: number; readonly is_all: boolean }> {
  const walk = walkOf(filter);
  const values = [...walkParameters(filter, "newest first", undefined), ...filterParameters(filter)];
  const [count] = await runPlanned<{ counted: number; is_all: boolean }>(db, COUNTS[walk], values);
  return count!;
}
