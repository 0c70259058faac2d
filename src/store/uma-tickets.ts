import { run, type Db } from "./open.js";

/** Permission tickets: one row each. One conditional statement marks a ticket as used (UMA 2.0 Grant section 3.3.1). */

/** The lifetime of a ticket in seconds. */
const TICKET_LIFETIME = 5 * 60;

/** The content of a ticket. */
export interface TicketTerms {
  readonly resource_server: string;
  readonly permissions: readonly { readonly resource_id: string; readonly resource_scopes: readonly string[] }[];
  /** The requesting party, if an earlier step has identified it, and its epoch at that time. */
  readonly sub: string | null;
  readonly user_epoch: number | null;
}

export interface NewTicket extends TicketTerms {
  readonly id: string;
  /** The client of the ticket, if one has used its predecessor. */
  readonly client_id: string | null;
}

/** The statement that writes a ticket, also used as a part of other statements. */
export const INSERT_TICKET = `
  INSERT INTO uma_tickets (id, resource_server, client_id, permissions, sub, user_epoch, expires_at)
  SELECT x.id, x.resource_server, x.client_id, x.permissions, x.sub, x.user_epoch,
         t.now + ${TICKET_LIFETIME} * interval '1 second'
  FROM jsonb_to_record($1::jsonb)
         AS x(id text, resource_server text, client_id text, permissions jsonb, sub text, user_epoch int),
       (SELECT coalesce($2::timestamptz, now()) AS now) t
  WHERE x.id IS NOT NULL`;

const OPEN = { name: "uma_ticket_open", text: INSERT_TICKET };

/** Writes a ticket. */
export async function openTicket(db: Db, ticket: NewTicket, now: Date | null): Promise<void> {
  await run(db, OPEN, [JSON.stringify(ticket), now]);
}

const TAKE = `
    WITH t AS (SELECT coalesce($3::timestamptz, now()) AS now), taken AS (
      UPDATE uma_tickets k SET used_at = t.now, client_id = $2
      FROM t
      WHERE k.id = $1 AND k.used_at IS NULL AND k.expires_at > t.now AND coalesce(k.client_id, $2) = $2
      RETURNING k.id
    )`;

const USE = {
  name: "uma_ticket_use",
  text: `${TAKE}
    SELECT k.resource_server, k.permissions, k.sub, k.user_epoch,
           EXISTS (SELECT 1 FROM taken) AS won,
           k.used_at IS NULL AND k.expires_at <= t.now AND coalesce(k.client_id, $2) = $2 AS expired
    FROM uma_tickets k, t WHERE k.id = $1`,
};

type Used = TicketTerms & { readonly won: boolean; readonly expired: boolean };

/**
 * Marks a ticket as used by a client, with any outcome. A ticket of another client, or one already used, reads as unknown.
 */
export async function useTicket(
  db: Db,
  id: string,
  client_id: string,
  now: Date | null,
): Promise<TicketTerms | "unknown" | "expired"> {
  const [found] = await run<Used>(db, USE, [id, client_id, now]);
  if (found?.won) return found;
  return found?.expired ? "expired" : "unknown";
}

const LOOK = {
  name: "uma_ticket_look",
  text: `
    SELECT 1 FROM uma_tickets
    WHERE id = $1 AND used_at IS NULL AND coalesce(client_id, $2) = $2
      AND expires_at > coalesce($3::timestamptz, now())`,
};

/** Whether the client could use a ticket now. */
export async function isUsable(db: Db, id: string, client_id: string, now: Date | null): Promise<boolean> {
  return (await run(db, LOOK, [id, client_id, now])).length === 1;
}

const REPLACE = {
  name: "uma_ticket_replace",
  text: `${TAKE}
    INSERT INTO uma_tickets (id, resource_server, client_id, permissions, sub, user_epoch, expires_at)
    SELECT $4, k.resource_server, $2, k.permissions, $5, $6, t.now + ${TICKET_LIFETIME} * interval '1 second'
    FROM uma_tickets k JOIN taken USING (id), t
    RETURNING id`,
};

/** Marks a ticket as used and writes its successor, which knows the user. @returns whether this call did so */
export async function replaceTicket(
  db: Db,
  id: string,
  client_id: string,
  successor: { readonly id: string; readonly sub: string; readonly user_epoch: number },
  now: Date | null,
): Promise<boolean> {
  return (await run(db, REPLACE, [id, client_id, now, successor.id, successor.sub, successor.user_epoch])).length === 1;
}
