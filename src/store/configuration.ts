import type { App } from "./apps.js";
import type { Client } from "./generated/client.js";
import { run, type Db } from "./open.js";
import { pageStatement, readPage, rowsToRead, type RowPage, type ReadRow } from "./pages.js";
import type { UserColumns } from "./user-update.js";

/** The rows of the entries of a provisioning file: in pages, or those of some keys. None has a secret. */

/** A client, as an entry of `clients`. */
type StoredClient = Omit<Client, "token_epoch" | "created_at" | "updated_at">;

/** A device: its client, and the identity of its PSK. */
interface StoredDevice extends Pick<Client, "client_id" | "jwks" | "scope" | "max_renewals" | "disabled"> {
  readonly psk_identity: Uint8Array | null;
}

interface StoredApp extends App {
  readonly grant_types: readonly string[];
  readonly disabled: boolean;
}

interface StoredThing {
  readonly app_id: string;
  readonly vendor_thing_id: string;
  readonly disabled: boolean;
}

/** The rows of each section that may have many. */
export interface StoredRows {
  readonly clients: StoredClient;
  readonly users: UserColumns;
  readonly devices: StoredDevice;
  readonly apps: StoredApp;
  readonly things: StoredThing;
}

export type LongSection = keyof StoredRows;

interface Rows {
  /** SQL: the rows, with their key as `key1` and `key2`. */
  readonly from: string;
  /** SQL: the columns of the key, in the order of an index. */
  readonly key: readonly [string] | readonly [string, string];
  /** A condition on a row, which is called `s`. Rows that do not meet it belong to another section. */
  readonly fits?: string;
}

const DEVICE = "coalesce(s.token_endpoint_auth_method, '') = 'device_jwt'";

/** SQL: whether a client is an app or the administrator of one. */
const OF_APP = `(EXISTS (SELECT FROM apps a WHERE a.app_id = s.client_id)
    OR EXISTS (SELECT FROM apps a WHERE a.client_id = s.client_id))`;

const ROWS: Readonly<Record<LongSection, Rows>> = {
  clients: {
    from: "SELECT c.* FROM clients c",
    key: ["c.client_id"],
    fits: `NOT ${DEVICE} AND s.registered_by IS NULL AND NOT ${OF_APP}`,
  },
  users: {
    from: `
      SELECT u.sub, u.preferred_username, u.email, u.email_verified, u.phone_number, u.phone_number_verified, u.roles, u.claims,
             u.disabled FROM users u`,
    key: ["u.sub"],
    fits: "NOT EXISTS (SELECT FROM things t WHERE t.sub = s.sub)",
  },
  devices: {
    from: `
      SELECT c.client_id, c.token_endpoint_auth_method, c.jwks, c.scope, c.max_renewals, c.disabled, p.identity AS psk_identity
      FROM clients c LEFT JOIN device_psks p ON p.device_id = c.client_id`,
    key: ["c.client_id"],
    fits: DEVICE,
  },
  apps: {
    from: "SELECT a.*, c.grant_types, c.disabled FROM apps a JOIN clients c ON c.client_id = a.app_id",
    key: ["a.app_id"],
  },
  things: {
    from: "SELECT t.app_id, t.vendor_thing_id, u.disabled FROM things t JOIN users u ON u.sub = t.sub",
    key: ["t.app_id", "t.vendor_thing_id"],
  },
};

function pagesOf(section: LongSection) {
  const { from, key, fits } = ROWS[section];
  const names = key.map((column) => column.slice(column.indexOf(".") + 1));
  const given = key.length === 1 ? "$3" : "$3, $4";
  const source = `${from} WHERE (${key.join(", ")}) > (${given}) ORDER BY ${key.join(", ")}`;
  return { name: `configuration_${section}`, text: pageStatement(["r.*"], { source, order: names.join(", "), fits }) };
}

function someOf(section: LongSection) {
  const { from, key, fits = "true" } = ROWS[section];
  const asked = key.length === 1 ? "unnest($1::text[]) AS k (one)" : "unnest($1::text[], $2::text[]) AS k (one, two)";
  const matches = key.map((column, index) => `${column} = k.${index === 0 ? "one" : "two"}`);
  const text = `SELECT s.* FROM ${asked} CROSS JOIN LATERAL (${from} WHERE ${matches.join(" AND ")}) s WHERE ${fits}`;
  return { name: `configuration_some_${section}`, text };
}

const SECTIONS = Object.keys(ROWS) as LongSection[];

/** The statement of a page of each section. */
const CONFIGURATION_PAGES = Object.fromEntries(SECTIONS.map((section) => [section, pagesOf(section)])) as Readonly<
  Record<LongSection, { readonly name: string; readonly text: string }>
>;
const SOME = Object.fromEntries(SECTIONS.map((section) => [section, someOf(section)])) as typeof CONFIGURATION_PAGES;

/** The key of a row: one text, or two of a thing. */
export type RowKey = readonly string[];

/** A page of the rows of a section. @param after the key after which it begins */
export async function configurationPage<S extends LongSection>(
  db: Db,
  section: S,
  { after, limit }: { readonly after: RowKey | undefined; readonly limit: number },
): Promise<RowPage<StoredRows[S]>> {
  const { key, fits } = ROWS[section];
  const read = rowsToRead(limit, [fits]);
  const values = [limit, read, ...key.map((_column, index) => after?.[index] ?? "")];
  return readPage(await run<ReadRow<StoredRows[S]>>(db, CONFIGURATION_PAGES[section], values), limit, read);
}

/** The rows of a section with these keys. */
export async function configurationRows<S extends LongSection>(
  db: Db,
  section: S,
  keys: readonly RowKey[],
): Promise<readonly StoredRows[S][]> {
  const values = ROWS[section].key.map((_column, index) => keys.map((key) => key[index]));
  return run<StoredRows[S] & object>(db, SOME[section], values);
}
