import type { KeptDecision } from "./decisions.js";
import { run, type Db, type Transaction } from "./open.js";

/** Lists of kept decisions. Each filter has an index in which the rows are in the order of their time. */

/** The decisions of a client, of a user, or with a code. At most one of the three is set. */
interface DecisionFilter {
  readonly client_id?: string | undefined;
  readonly sub?: string | undefined;
  readonly code?: string | undefined;
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
}

/** The place of a decision in a list. */
export interface DecisionPlace {
  readonly decided_at: Date;
  readonly id: string;
}

const COLUMNS = "id, decided_at, code, client_id, sub, facts";

const BY = { client_id: "client_id = $6", sub: "sub = $6", code: "code = $6", time: "$6::text IS NULL" } as const;

function listBy(by: keyof typeof BY) {
  return {
    name: `decisions_by_${by}`,
    text: `
      SELECT ${COLUMNS} FROM decisions
      WHERE ${BY[by]} AND decided_at <= coalesce($1::timestamptz, 'infinity')
        AND (decided_at, id) < (coalesce($1::timestamptz, 'infinity'), coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
        AND decided_at >= coalesce($3::timestamptz, '-infinity') AND decided_at < coalesce($4::timestamptz, 'infinity')
      ORDER BY decided_at DESC, id DESC LIMIT $5`,
  };
}

const LISTS = {
  client_id: listBy("client_id"),
  sub: listBy("sub"),
  code: listBy("code"),
  time: listBy("time"),
} as const;

/** The decisions behind a place, the latest first. */
export async function listDecisions(
  db: Db,
  { client_id, sub, code, since, until }: DecisionFilter,
  after: DecisionPlace | undefined,
  limit: number,
): Promise<readonly KeptDecision[]> {
  const by = client_id !== undefined ? "client_id" : sub !== undefined ? "sub" : code !== undefined ? "code" : "time";
  const value = client_id ?? sub ?? code ?? null;
  const before = after?.decided_at ?? until ?? null;
  return run(db, LISTS[by], [before, after?.id ?? null, since ?? null, until ?? null, limit, value]);
}

const FORWARD = {
  name: "decisions_forward",
  text: `
    SELECT ${COLUMNS} FROM decisions
    WHERE decided_at >= $1::timestamptz AND (decided_at, id) > ($1::timestamptz, $2::uuid)
    ORDER BY decided_at, id LIMIT $3`,
};

const FIRST_ID = "00000000-0000-0000-0000-000000000000";

/** The decisions behind a place, the oldest first. */
export async function decisionsFrom(
  where: Db | Transaction,
  { decided_at, id = FIRST_ID }: { readonly decided_at: Date; readonly id?: string },
  limit: number,
): Promise<readonly KeptDecision[]> {
  return run(where, FORWARD, [decided_at, id, limit]);
}
