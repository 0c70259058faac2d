import { run, type Db } from "./open.js";
import { INSERT_TICKET, type NewTicket } from "./uma-tickets.js";

/** Decisions and their reasons: one row for each resource of a decision, kept for a week. */

/** The time for which the reason of a decision is kept. */
export const DECISION_KEPT = "interval '7 days'";

/** The time for which an owner can answer. */
const PENDING_KEPT = "interval '30 days'";

interface DecidedResource {
  readonly resource_id: string;
  readonly owner: string | null;
  readonly asked: readonly string[];
  readonly granted: readonly string[];
  readonly trace: unknown;
}

/** The outcome of a token request. */
interface NewDecision {
  readonly id: string;
  readonly outcome: string;
  readonly client_id: string;
  readonly sub: string | null;
  readonly resources: readonly DecidedResource[];
  /** The questions to owners: one entry for each scope. */
  readonly asks: readonly { readonly resource_id: string; readonly scope: string; readonly owner: string }[];
  /** The sub of the requesting party, or the client itself. */
  readonly party: string;
  /** The next ticket, if there is one. */
  readonly ticket: NewTicket | null;
}

/**
 * An owner is asked a question once. A denial is valid until the owner withdraws it. A resource that is deleted in the meantime
 * causes no question.
 */
const RECORD = {
  name: "uma_decision_record",
  text: `
    WITH t AS (SELECT coalesce($2::timestamptz, now()) AS now), ticket AS (${INSERT_TICKET}), asked AS (
      INSERT INTO uma_approvals (resource_id, client_id, party, scope, owner, state, asked_at, expires_at)
      SELECT x.resource_id, $5, $6, x.scope, x.owner, 'pending', t.now, t.now + ${PENDING_KEPT}
      FROM jsonb_to_recordset($7::jsonb) AS x(resource_id text, scope text, owner text), t
      WHERE (SELECT r.id FROM uma_resources r WHERE r.id = x.resource_id FOR KEY SHARE) IS NOT NULL
      ON CONFLICT (resource_id, client_id, party, scope) DO UPDATE
        SET state = 'pending', asked_at = excluded.asked_at, decided_at = NULL, expires_at = excluded.expires_at
        WHERE uma_approvals.expires_at <= excluded.asked_at
    )
    INSERT INTO uma_decisions (id, resource_id, outcome, client_id, sub, owner, asked, granted, trace, decided_at)
    SELECT $3, x.resource_id, $4, $5, $8, x.owner, x.asked, x.granted, x.trace, t.now
    FROM jsonb_to_recordset($9::jsonb)
           AS x(resource_id text, owner text, asked text[], granted text[], trace jsonb), t`,
};

/** Records a decision with its next ticket and its questions to owners, in one transaction. */
export async function recordDecision(db: Db, decision: NewDecision, now: Date | null): Promise<void> {
  const { id, outcome, client_id, sub, resources, asks, party, ticket } = decision;
  const json = [ticket ?? {}, asks, resources].map((one) => JSON.stringify(one));
  await run(db, RECORD, [json[0], now, id, outcome, client_id, party, json[1], sub, json[2]]);
}

export interface DecisionRow extends DecidedResource {
  readonly id: string;
  readonly outcome: string;
  readonly client_id: string;
  readonly sub: string | null;
  readonly decided_at: Date;
  /** The present name of the resource, if it still exists. */
  readonly resource_name: string | null;
}

const READ = `SELECT d.*, r.name AS resource_name FROM uma_decisions d LEFT JOIN uma_resources r ON r.id = d.resource_id`;

const FIND = { name: "uma_decision_find", text: `${READ} WHERE d.id = $1 ORDER BY d.resource_id` };

/** All rows of one decision. */
export function findDecision(db: Db, id: string): Promise<readonly DecisionRow[]> {
  return run(db, FIND, [id]);
}

const ABOUT = {
  name: "uma_decisions_about",
  text: `${READ} WHERE d.owner = $1 ORDER BY d.decided_at DESC LIMIT $2`,
};

/** The latest decisions about the resources of an owner. */
export function decisionsAbout(db: Db, owner: string, limit: number): Promise<readonly DecisionRow[]> {
  return run(db, ABOUT, [owner, limit]);
}
