import { inBatches, MAX_ROWS } from "./batches.js";
import { endEverythingOf, endEverythingOfClient } from "./epochs.js";
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

async function deleteAll(db: Db, of: "user" | "client", id: string): Promise<void> {
  for (const statement of DELETIONS.filter((one) => one.of === of)) {
    await inBatches(async () => (await run<{ more: boolean }>(db, statement, [id]))[0]);
  }
}

/** Looks at a row before it is deleted, in the transaction that ends everything of it. What it throws stops the deletion. */
type Check = (tx: Tx) => Promise<unknown>;

/** Deletes a user. Their sub stays in `account_names` and is never reused. @returns whether this call deleted them */
export async function deleteUser(db: Db, sub: string, check?: Check): Promise<boolean> {
  const exists = await db.prisma.$transaction(async (tx) => {
    await check?.(tx);
    const { count } = await tx.user.updateMany({ where: { sub }, data: { disabled: true } });
    if (count === 1) await endEverythingOf(tx, sub);
    return count === 1;
  });
  if (!exists) return false;
  await deleteAll(db, "user", sub);
  return (await db.prisma.user.deleteMany({ where: { sub } })).count === 1;
}

/** Deletes a client; an app with its administrator and its things. @returns whether this call deleted it */
export async function deleteClient(db: Db, client_id: string, check?: Check): Promise<boolean> {
  const exists = await db.prisma.$transaction(async (tx) => {
    await check?.(tx);
    const { count } = await tx.client.updateMany({ where: { client_id }, data: { disabled: true } });
    if (count === 1) await endEverythingOfClient(tx, client_id);
    return count === 1;
  });
  if (!exists) return false;
  await deleteAll(db, "client", client_id);
  // Both clients of an app are deleted with it (docs/decisions/0009).
  const apps = await db.prisma.app.deleteMany({ where: { app_id: client_id } });
  const clients = await db.prisma.client.deleteMany({ where: { client_id } });
  return apps.count + clients.count > 0;
}
