import { inBatches, MAX_ROWS, type Part } from "./batches.js";
import { run, type Db, type Tx } from "./open.js";

/**
 * Deletes a user or a client with all rows that refer to them. Their tokens are rejected from the first statement on. The rows
 * are deleted in batches, so that no statement reaches its time limit, and the account itself comes last. An interrupted
 * deletion leaves a disabled account and can be run again.
 */

/** Tables with a condition on their rows, with the id as $1. Referring rows come before the rows they refer to. */
type Rows = readonly [table: string, where: string, batch?: number];

/** Policies and resources of the id in a column, after the rows that refer to them. */
function umaOf(column: "owner" | "client_id"): readonly Rows[] {
  const of = (table: string) => `IN (SELECT id FROM ${table} WHERE ${column} = $1)`;
  return [
    ["uma_policy_resources", `policy_id ${of("uma_policies")}`],
    ["uma_policy_resources", `resource_id ${of("uma_resources")}`],
    ["uma_approvals", `resource_id ${of("uma_resources")}`],
    ["uma_policies", `${column} = $1`],
    ["uma_resources", `${column} = $1`],
  ];
}

const OF_USER: readonly Rows[] = [
  ["sessions", "sub = $1"],
  ["grants", "sub = $1"],
  ["consents", "sub = $1"],
  ["uma_approvals", "owner = $1"],
  ["uma_approvals", "party = $1"],
  ["uma_decisions", "owner = $1"],
  ["decisions", "sub = $1"],
  ...umaOf("owner"),
];

const OF_CLIENT: readonly Rows[] = [
  ["grants", "client_id = $1"],
  ["consents", "client_id = $1"],
  ["uma_approvals", "client_id = $1"],
  ["uma_approvals", "party = $1"],
  ...umaOf("client_id"),
  // Each is deleted together with its account and its tokens.
  ["things", "app_id = $1", 50],
];

/** Every statement. A test checks their plans. */
export const DELETIONS = [...statements("user", OF_USER), ...statements("client", OF_CLIENT)];

function statements(of: "user" | "client", kinds: readonly Rows[]) {
  return kinds.map(([table, where, batch = MAX_ROWS], index) => ({
    of,
    name: `delete_${of}_${index}_${table}`,
    text: `
      WITH deleted AS (
        DELETE FROM ${table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM ${table} WHERE ${where} LIMIT ${batch} FOR UPDATE))
        RETURNING 1
      )
      SELECT count(*) = ${batch} AS more FROM deleted`,
  }));
}

async function deleteAll(part: Part, of: "user" | "client", id: string): Promise<void> {
  for (const statement of DELETIONS.filter((one) => one.of === of)) {
    await inBatches(async () => (await part((where) => run<{ more: boolean }>(where, statement, [id])))[0]);
  }
}

/** Everything of an account ends before its rows are deleted. */
const CLOSE = {
  user: {
    name: "user_close",
    text: `
      UPDATE users SET disabled = true, token_epoch = token_epoch + 1, updated_at = now() WHERE sub = $1 RETURNING 1`,
  },
  client: {
    name: "client_close",
    text: `
      UPDATE clients SET disabled = true, token_epoch = token_epoch + 1, updated_at = now() WHERE client_id = $1
      RETURNING 1`,
  },
} as const;

const REMOVE = {
  user: [{ name: "user_remove", text: "DELETE FROM users WHERE sub = $1 RETURNING 1" }],
  client: [
    // Both clients of an app are deleted with it (docs/decisions/0009).
    { name: "app_remove", text: "DELETE FROM apps WHERE app_id = $1 RETURNING 1" },
    { name: "client_remove", text: "DELETE FROM clients WHERE client_id = $1 RETURNING 1" },
  ],
} as const;

/** A deletion by an administrator. */
interface Attended {
  /** Runs one part of it in a transaction that is attributed to the administrator. */
  readonly part: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;
  /** Looks at the row in the transaction that ends everything of it. What it throws stops the deletion. */
  readonly check: (tx: Tx) => Promise<unknown>;
}

/** Deletes a user. Their sub stays in `account_names` and is never reused. @returns whether this call deleted them */
export function deleteUser(db: Db, sub: string, attended?: Attended): Promise<boolean> {
  return deleteAccount(db, "user", sub, attended);
}

/** Deletes a client; an app with its administrator and its things. @returns whether this call deleted it */
export function deleteClient(db: Db, client_id: string, attended?: Attended): Promise<boolean> {
  return deleteAccount(db, "client", client_id, attended);
}

async function deleteAccount(db: Db, kind: "user" | "client", id: string, attended?: Attended): Promise<boolean> {
  const part: Part = attended?.part ?? ((work) => work(db));
  const close = async (tx: Tx) => {
    await attended?.check(tx);
    return run(tx, CLOSE[kind], [id]);
  };
  const closed = await (attended === undefined ? run(db, CLOSE[kind], [id]) : attended.part(close));
  if (closed.length === 0) return false;
  await deleteAll(part, kind, id);
  let removed = 0;
  for (const statement of REMOVE[kind]) removed += (await part((where) => run(where, statement, [id]))).length;
  return removed > 0;
}
