import { run, type Db } from "./open.js";

/** Ends everything in a restored database that may have been ended since the backup (docs/decisions/0012). */

/**
 * Everything in these tables was given, or is under way, and has to be given again. `uma_approvals` holds what owners
 * said. A denial goes too, because it only says that the owner was asked, and they are asked again.
 */
const FORGOTTEN = [
  "grants",
  "sessions",
  "interactions",
  "confirmation_codes",
  "consents",
  "uma_tickets",
  "uma_approvals",
] as const;

/** Empties the tables at once, however large they are. @returns their names */
export async function forgetWhatWasGiven(db: Db): Promise<readonly string[]> {
  await run(db, { name: "after_restore_forget", text: `TRUNCATE ${FORGOTTEN.join(", ")}` }, []);
  return FORGOTTEN;
}

/** A client or a person as the backup has them; how they were at the end, nobody knows. */
interface OldState {
  readonly clients: readonly object[];
  readonly users: readonly object[];
  /** People beyond those that are listed. */
  readonly more_users: number;
}

/** People that are listed at most; `jeton user list` has the rest. */
const MAX_LISTED = 10_000;

const CLIENT_STATES = {
  name: "after_restore_list_clients",
  text: `
    SELECT client_id, token_endpoint_auth_method, disabled, updated_at,
           (SELECT count(*)::int FROM client_secrets s WHERE s.client_id = c.client_id) AS secrets,
           (SELECT count(*)::int FROM uma_policies p WHERE p.client_id = c.client_id) AS uma_policies
    FROM clients c ORDER BY client_id`,
};

const USER_STATES = {
  name: "after_restore_list_users",
  text: `
    SELECT sub, preferred_username, disabled, password_hash IS NOT NULL AS has_password, updated_at
    FROM users ORDER BY updated_at DESC, sub LIMIT ${MAX_LISTED}`,
};

/** Whose state may be old: disabled or not, secrets, keys, passwords, addresses, roles. */
export async function oldStates(db: Db): Promise<OldState> {
  const clients = await run(db, CLIENT_STATES, []);
  const users = await run(db, USER_STATES, []);
  return { clients, users, more_users: (await db.prisma.user.count()) - users.length };
}
