import { run, type Db } from "./open.js";

/** Revokes everything in a restored database that may have been revoked since the backup (docs/decisions/0012). */

/**
 * Tables of permissions and of work in progress, all of which has to be granted or begun again. `uma_approvals` holds the
 * decisions of owners. Denials are deleted too: the owner is asked again.
 */
const FORGOTTEN = [
  "grants",
  "sessions",
  "interactions",
  "pushed_requests",
  "device_codes",
  "logout_notices",
  "jobs",
  "confirmation_codes",
  "admin_answers",
  "consents",
  "uma_tickets",
  "uma_approvals",
] as const;

/** Empties the tables in one statement, however large they are. @returns their names */
export async function forgetWhatWasGiven(db: Db): Promise<readonly string[]> {
  await run(db, { name: "after_restore_forget", text: `TRUNCATE ${FORGOTTEN.join(", ")}` }, []);
  return FORGOTTEN;
}

/** The state of a client or a user in the backup. Their last state before the loss is unknown. */
interface OldState {
  readonly clients: readonly object[];
  readonly users: readonly object[];
  /** The number of users beyond the listed ones. */
  readonly more_users: number;
}

/** Largest number of listed users; `jeton user list` has the rest. */
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

/** The clients and users whose state may be outdated: disabled or not, secrets, keys, passwords, addresses, roles. */
export async function oldStates(db: Db): Promise<OldState> {
  const clients = await run(db, CLIENT_STATES, []);
  const users = await run(db, USER_STATES, []);
  return { clients, users, more_users: (await db.prisma.user.count()) - users.length };
}
