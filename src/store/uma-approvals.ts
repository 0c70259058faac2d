import { run, type Db } from "./open.js";

/** Questions to owners and their decisions: one row for each requesting party, resource and scope. */

/** The decision of an owner, and its expiry; null is valid until the owner withdraws it. */
export type OwnerDecision =
  | { readonly state: "approved"; readonly lifetime: number | null }
  | { readonly state: "denied"; readonly lifetime: null };

/** The requesting party, the resource and the scopes of a question. A decision covers only the scopes that the owner saw. */
export interface Question {
  readonly owner: string;
  readonly resource_id: string;
  readonly client_id: string;
  readonly party: string;
  readonly scopes: readonly string[];
}

const ANSWER = {
  name: "uma_approval_answer",
  text: `
    UPDATE uma_approvals SET state = $6, decided_at = t.now, expires_at = t.now + $7::int * interval '1 second'
    FROM (SELECT coalesce($8::timestamptz, now()) AS now) t
    WHERE owner = $1 AND resource_id = $2 AND client_id = $3 AND party = $4 AND scope = ANY($5::text[])
      AND state = 'pending' AND expires_at > t.now`,
};

/** Records the decision of an owner. */
export async function answerQuestion(
  db: Db,
  question: Question,
  answer: OwnerDecision,
  now: Date | null,
): Promise<void> {
  const { owner, resource_id, client_id, party, scopes } = question;
  await run(db, ANSWER, [owner, resource_id, client_id, party, scopes, answer.state, answer.lifetime, now]);
}

const TAKE_BACK = {
  name: "uma_approval_take_back",
  text: `
    DELETE FROM uma_approvals
    WHERE owner = $1 AND resource_id = $2 AND client_id = $3 AND party = $4 AND scope = ANY($5::text[])
      AND state <> 'pending'`,
};

/** Withdraws a decision. The next request ignores it, and the owner may be asked again. */
export async function takeBackAnswer(db: Db, question: Question): Promise<void> {
  const { owner, resource_id, client_id, party, scopes } = question;
  await run(db, TAKE_BACK, [owner, resource_id, client_id, party, scopes]);
}

interface QuestionRow {
  readonly resource_id: string;
  readonly resource_name: string | null;
  readonly client_id: string;
  readonly client_name: string | null;
  readonly party: string;
  /** The login name of the requesting party; null if the client asks for itself. */
  readonly username: string | null;
  readonly scopes: string[];
  readonly state: "pending" | "approved" | "denied";
  readonly asked_at: Date;
  readonly expires_at: Date | null;
  /** Its position, from 1, among the open or the answered questions. */
  readonly place: number;
}

/** Largest number of rows per state that are read for an owner, the latest first. A question has one for each scope. */
const MAX_LOOKED_THROUGH = 5_000;

const LATEST = ["pending", "approved", "denied"]
  .map(
    (state) => `
      (SELECT * FROM uma_approvals
       WHERE owner = $1 AND state = '${state}' AND (expires_at IS NULL OR expires_at > coalesce($2::timestamptz, now()))
       ORDER BY asked_at DESC LIMIT ${MAX_LOOKED_THROUGH})`,
  )
  .join(" UNION ALL ");

const OF_OWNER = {
  name: "uma_approvals_of_owner",
  text: `
    SELECT q.*, r.name AS resource_name, c.client_name, u.preferred_username AS username
    FROM (
      SELECT resource_id, client_id, party, array_agg(scope ORDER BY scope) AS scopes, state, expires_at,
             max(asked_at) AS asked_at,
             row_number() OVER (
               PARTITION BY state = 'pending' ORDER BY max(asked_at) DESC, resource_id, client_id, party, state, expires_at
             )::int AS place
      FROM (${LATEST}) latest
      GROUP BY resource_id, client_id, party, state, expires_at
    ) q
    JOIN uma_resources r ON r.id = q.resource_id
    LEFT JOIN clients c ON c.client_id = q.client_id
    LEFT JOIN users u ON u.sub = q.party
    WHERE q.place > $3 AND q.place <= $4
    ORDER BY q.place`,
};

/**
 * The questions to an owner, the latest first, with the scopes of a question in one row. Open and answered ones are counted
 * separately, and a range of each is returned. For an owner with very many, only the latest rows are read.
 */
export async function questionsTo(
  db: Db,
  owner: string,
  { after, last }: { readonly after: number; readonly last: number },
  now: Date | null,
): Promise<readonly QuestionRow[]> {
  return run<QuestionRow>(db, OF_OWNER, [owner, now, after, last]);
}
