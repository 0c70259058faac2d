import { run, type Db, type Transaction, type Tx } from "./open.js";
import { pageStatement, readPage, rowsToRead, type RowPage, type ReadRow } from "./pages.js";

/** Lists of users, and one user as administrators see them. */

/** A user in the form of a list. */
export interface ListedUser {
  readonly sub: string;
  readonly preferred_username: string;
  readonly email: string | null;
  readonly phone_number: string | null;
  readonly roles: readonly string[];
  readonly disabled: boolean;
}

const COLUMNS = ["sub", "preferred_username", "email", "phone_number", "roles", "disabled"];

/** The users of a list. An absent filter is no restriction. */
interface UserFilter {
  readonly disabled?: boolean | undefined;
  readonly role?: string | undefined;
}

interface From {
  readonly limit: number;
  /** The last user of the page before. */
  readonly after?: { readonly name: string; readonly sub: string } | undefined;
}

const FITS = "($3::boolean IS NULL OR s.disabled = $3) AND ($4::text IS NULL OR $4 = ANY (s.roles))";

const LIST_USERS = {
  name: "users_list",
  text: pageStatement([...COLUMNS, "preferred_username AS name"], {
    source: `SELECT * FROM users WHERE (preferred_username, sub) > ($5, $6) ORDER BY preferred_username, sub`,
    order: "preferred_username, sub",
    fits: FITS,
  }),
};

/** The order of bytes, in which the names with one beginning follow each other in any database. */
const LIST_USERS_BY_PREFIX = {
  name: "users_list_by_prefix",
  text: pageStatement([...COLUMNS, "name"], {
    source: `
      SELECT u.*, i.value AS name FROM user_identifiers i JOIN users u USING (sub)
      WHERE i.kind = 'login' AND i.value COLLATE "C" > $5 AND i.value COLLATE "C" >= $6 AND i.value COLLATE "C" < $7
      ORDER BY i.value COLLATE "C"`,
    order: 'name COLLATE "C"',
    fits: FITS,
  }),
};

/** The character after which no other one comes. */
const LAST_CHARACTER = "\u{10ffff}";

/** A listed user, with the name by which the list is ordered. */
type NamedUser = ListedUser & { readonly name: string };

/** A page of users, by the name that they show. */
export async function listUsers(
  db: Db,
  { disabled, role }: UserFilter,
  { after = { name: "", sub: "" }, limit }: From,
): Promise<RowPage<NamedUser>> {
  const read = rowsToRead(limit, [disabled, role]);
  const values = [limit, read, disabled, role, after.name, after.sub];
  return readPage(await run<ReadRow<NamedUser>>(db, LIST_USERS, values), limit, read);
}

/** A page of the users whose login name begins so. @param prefix in the form of a stored login name */
export async function listUsersByPrefix(
  db: Db,
  prefix: string,
  { disabled, role }: UserFilter,
  { after, limit }: From,
): Promise<RowPage<NamedUser>> {
  const read = rowsToRead(limit, [disabled, role]);
  const values = [limit, read, disabled, role, after?.name ?? "", prefix, prefix + LAST_CHARACTER];
  return readPage(await run<ReadRow<NamedUser>>(db, LIST_USERS_BY_PREFIX, values), limit, read);
}

/** A user as administrators see them: without the hash of the password. */
export interface ShownUser extends ListedUser {
  readonly email_verified: boolean;
  readonly phone_number_verified: boolean;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly has_password: boolean;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly identifiers: readonly { readonly kind: "login" | "email" | "phone"; readonly value: string }[];
  /** The app and the name of a thing; null for a person. */
  readonly app_id: string | null;
  readonly vendor_thing_id: string | null;
}

const SHOW = {
  name: "user_show",
  text: `
    SELECT u.sub, u.preferred_username, u.email, u.email_verified, u.phone_number, u.phone_number_verified, u.roles, u.claims,
           u.disabled, u.password_hash IS NOT NULL AS has_password, u.created_at, u.updated_at,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', i.kind, 'value', i.value) ORDER BY i.kind, i.value), '[]')
            FROM user_identifiers i WHERE i.sub = u.sub) AS identifiers,
           t.app_id, t.vendor_thing_id
    FROM users u LEFT JOIN things t ON t.sub = u.sub WHERE u.sub = $1`,
};

/** The user with this `sub`. */
export async function showUser(where: Db | Transaction | Tx, sub: string): Promise<ShownUser | undefined> {
  return (await run<ShownUser>(where, SHOW, [sub]))[0];
}
