import type { Client } from "./generated/client.js";
import { run, type Db } from "./open.js";
import { pageStatement, readPage, rowsToRead, type RowPage, type ReadRow } from "./pages.js";

/** Lists of clients, by id. */

const COLUMNS = [
  ...["client_id", "client_name", "grant_types", "scope", "dialects", "token_endpoint_auth_method"],
  ...["disabled", "registered_by", "created_at", "updated_at"],
] as const;

/** A client in the form of a list. */
export type ListedClient = Pick<Client, (typeof COLUMNS)[number]>;

/** The clients of a list. An absent filter is no restriction. */
export interface ClientFilter {
  /** A part of the id or of the name, in any case of its letters. */
  readonly search?: string | undefined;
  readonly disabled?: boolean | undefined;
  /** Whether clients that registered themselves are listed, or the others. */
  readonly registered?: boolean | undefined;
  readonly dialect?: string | undefined;
  readonly grant_type?: string | undefined;
  readonly scope?: string | undefined;
  /** The audience of tokens that the client may introspect. */
  readonly audience?: string | undefined;
  /** Any of these scopes. */
  readonly scopes?: readonly string[] | undefined;
}

const FITS = `
  ($4::text IS NULL OR position(lower($4) IN lower(s.client_id)) > 0
    OR position(lower($4) IN lower(coalesce(s.client_name, ''))) > 0)
  AND ($5::boolean IS NULL OR s.disabled = $5)
  AND ($6::boolean IS NULL OR (s.registered_by IS NOT NULL) = $6)
  AND ($7::text IS NULL OR $7 = ANY (s.dialects))
  AND ($8::text IS NULL OR $8 = ANY (s.grant_types))
  AND ($9::text IS NULL OR $9 = ANY (s.scope))
  AND ($10::text IS NULL OR $10 = ANY (s.audiences))
  AND ($11::text[] IS NULL OR s.scope && $11)`;

const LIST_CLIENTS = {
  name: "clients_list",
  text: pageStatement(COLUMNS, {
    source: "SELECT * FROM clients WHERE client_id > $3 ORDER BY client_id",
    order: "client_id",
    fits: FITS,
  }),
};

/** A page of clients. @param after the id after which it begins */
export async function listClients(
  db: Db,
  { search, disabled, registered, dialect, grant_type, scope, audience, scopes }: ClientFilter,
  { after = "", limit }: { readonly after?: string | undefined; readonly limit: number },
): Promise<RowPage<ListedClient>> {
  const filters = [search, disabled, registered, dialect, grant_type, scope, audience, scopes];
  const read = rowsToRead(limit, filters);
  const rows = await run<ReadRow<ListedClient>>(db, LIST_CLIENTS, [limit, read, after, ...filters]);
  return readPage(rows, limit, read);
}
