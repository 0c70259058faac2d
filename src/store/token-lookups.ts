import { run, type Db } from "./open.js";

/** Rows behind tokens in hand, for an operator. What decides about these tokens are the statements that use them. */

interface DeviceCodeRow {
  readonly client_id: string;
  readonly scope: readonly string[];
  readonly expires_at: Date;
  readonly answer: "allowed" | "denied" | null;
  readonly grant_id: string | null;
  readonly is_expired: boolean;
}

const DEVICE_CODE = {
  name: "device_code_lookup",
  text: `
    SELECT client_id, scope, expires_at, answer, grant_id, expires_at <= coalesce($2::timestamptz, now()) AS is_expired
    FROM device_codes WHERE id = $1`,
};

export async function lookUpDeviceCode(db: Db, id: string, now: Date | null): Promise<DeviceCodeRow | undefined> {
  return (await run<DeviceCodeRow & Record<string, unknown>>(db, DEVICE_CODE, [id, now]))[0];
}

interface TicketRow {
  readonly resource_server: string;
  readonly client_id: string | null;
  readonly permissions: readonly { readonly resource_id: string; readonly resource_scopes: readonly string[] }[];
  readonly sub: string | null;
  readonly expires_at: Date;
  readonly is_used: boolean;
  readonly is_expired: boolean;
}

const TICKET = {
  name: "uma_ticket_lookup",
  text: `
    SELECT resource_server, client_id, permissions, sub, expires_at, used_at IS NOT NULL AS is_used,
           expires_at <= coalesce($2::timestamptz, now()) AS is_expired
    FROM uma_tickets WHERE id = $1`,
};

export async function lookUpTicket(db: Db, id: string, now: Date | null): Promise<TicketRow | undefined> {
  return (await run<TicketRow & Record<string, unknown>>(db, TICKET, [id, now]))[0];
}

interface InitialTokenRow {
  readonly uses_left: number;
  readonly created_at: Date;
  readonly expires_at: Date;
  readonly is_expired: boolean;
}

const INITIAL_TOKEN = {
  name: "registration_token_lookup",
  text: `
    SELECT uses_left, created_at, expires_at, expires_at <= coalesce($2::timestamptz, now()) AS is_expired
    FROM registration_tokens WHERE hash = $1`,
};

/** An initial access token for the registration of clients, by its hash. */
export async function lookUpInitialToken(
  db: Db,
  hash: Uint8Array,
  now: Date | null,
): Promise<InitialTokenRow | undefined> {
  return (await run<InitialTokenRow & Record<string, unknown>>(db, INITIAL_TOKEN, [hash, now]))[0];
}
