import type { Prisma } from "./generated/client.js";
import { deleteInBatches, MAX_ROWS } from "./batches.js";
import type { Db, Tx } from "./open.js";
import type { Reach } from "./uma-resources.js";

/** Policies and their resources. A policy is searched within the same reach as a resource. */

export interface Policy {
  readonly id: string;
  readonly owner: string | null;
  readonly rules: unknown;
  readonly resource_ids: readonly string[];
}

const WITH_RESOURCES = { resources: { select: { resource_id: true }, orderBy: { resource_id: "asc" } } } as const;

interface Row {
  id: string;
  owner: string | null;
  rules: unknown;
  resources: { resource_id: string }[];
}

function policyOf({ id, owner, rules, resources }: Row): Policy {
  return { id, owner, rules, resource_ids: resources.map(({ resource_id }) => resource_id) };
}

/** Largest number of policies of one resource, because each decision about it evaluates all of them. */
export const MAX_POLICIES = 10;

/**
 * Adds a policy to resources, within the limit. A lock makes two concurrent calls count one after the other.
 * @param policy_id the policy, which is not counted if it is one of theirs already
 * @returns whether each resource had room
 */
async function withRoom(
  { prisma }: Db,
  policy_id: string,
  resource_ids: readonly string[],
  write: (tx: Tx) => Promise<unknown>,
): Promise<boolean> {
  return prisma.$transaction(async (tx) => {
    await tx.$queryRaw`
      SELECT id FROM uma_resources WHERE id = ANY(${[...resource_ids]}::text[]) ORDER BY id FOR NO KEY UPDATE`;
    const counted = await tx.umaPolicyResource.groupBy({
      by: ["resource_id"],
      where: { resource_id: { in: [...resource_ids] }, policy_id: { not: policy_id } },
      _count: true,
    });
    if (counted.some(({ _count }) => _count >= MAX_POLICIES)) return false;
    await write(tx);
    return true;
  });
}

/** Writes a policy. @returns whether each of its resources had room for one more */
export async function createPolicy(db: Db, policy: Policy & { readonly client_id: string }): Promise<boolean> {
  const { resource_ids, rules, ...row } = policy;
  const data = {
    ...row,
    rules: rules as Prisma.InputJsonValue,
    resources: { create: resource_ids.map((resource_id) => ({ resource_id })) },
  };
  return withRoom(db, policy.id, resource_ids, (tx) => tx.umaPolicy.create({ data }));
}

export async function findPolicy(db: Db, reach: Reach, id: string): Promise<Policy | undefined> {
  const found = await db.prisma.umaPolicy.findFirst({ where: { ...reach, id }, include: WITH_RESOURCES });
  return found === null ? undefined : policyOf(found);
}

/** The ids within reach after the given one, in their order. */
export async function policyIds(db: Db, reach: Reach, after: string, limit: number): Promise<readonly string[]> {
  const rows = await db.prisma.umaPolicy.findMany({
    where: { ...reach, id: { gt: after } },
    select: { id: true },
    orderBy: { id: "asc" },
    take: limit,
  });
  return rows.map(({ id }) => id);
}

/**
 * Replaces the rules of a policy within reach, and its resources if they are given.
 * @returns whether each of those had room for it
 */
export async function changePolicy(
  db: Db,
  id: string,
  { rules, resource_ids }: { readonly rules: unknown; readonly resource_ids?: readonly string[] | undefined },
): Promise<boolean> {
  const resources =
    resource_ids === undefined
      ? {}
      : { resources: { deleteMany: {}, create: resource_ids.map((resource_id) => ({ resource_id })) } };
  const data = { rules: rules as Prisma.InputJsonValue, ...resources };
  return withRoom(db, id, resource_ids ?? [], (tx) => tx.umaPolicy.update({ where: { id }, data }));
}

/** Adds resources to a policy. @returns whether each of them had room for it */
export async function addPolicyResources(db: Db, policy_id: string, resource_ids: readonly string[]): Promise<boolean> {
  const data = resource_ids.map((resource_id) => ({ policy_id, resource_id }));
  return withRoom(db, policy_id, resource_ids, (tx) => tx.umaPolicyResource.createMany({ data, skipDuplicates: true }));
}

/** Removes a resource from a policy. @returns whether the policy had it */
export async function removePolicyResource(db: Db, policy_id: string, resource_id: string): Promise<boolean> {
  return (await db.prisma.umaPolicyResource.deleteMany({ where: { policy_id, resource_id } })).count === 1;
}

const DELETE = {
  name: "uma_policy_delete",
  text: `
    WITH policy AS (
      SELECT id FROM uma_policies WHERE id = $1 AND client_id = $2 AND ($3::text IS NULL OR owner = $3)
    ), batch AS MATERIALIZED (
      SELECT pr.ctid FROM uma_policy_resources pr JOIN policy p ON p.id = pr.policy_id LIMIT ${MAX_ROWS} FOR UPDATE OF pr
    ), taken_out AS (
      DELETE FROM uma_policy_resources WHERE ctid = ANY (ARRAY(SELECT ctid FROM batch))
    ), deleted AS (
      DELETE FROM uma_policies WHERE id IN (SELECT id FROM policy) AND (SELECT count(*) FROM batch) < ${MAX_ROWS}
      RETURNING 1
    )
    SELECT (SELECT count(*) FROM batch) = ${MAX_ROWS} AS more, EXISTS (SELECT 1 FROM deleted) AS deleted`,
};

/** Deletes a policy. The next request no longer has its permissions. @returns whether it existed */
export function deletePolicy(db: Db, { client_id, owner }: Reach, id: string): Promise<boolean> {
  return deleteInBatches(db, DELETE, [id, client_id, owner]);
}

export async function searchPolicies(
  db: Db,
  reach: Reach,
  search: {
    readonly ids?: readonly string[] | undefined;
    readonly resource_ids?: readonly string[] | undefined;
    readonly start: number;
    readonly count: number;
  },
): Promise<{ readonly found: readonly Policy[]; readonly total: number }> {
  const { ids, resource_ids, start: skip, count: take } = search;
  const where = {
    ...reach,
    ...(ids === undefined ? {} : { id: { in: [...ids] } }),
    ...(resource_ids === undefined ? {} : { resources: { some: { resource_id: { in: [...resource_ids] } } } }),
  };
  const page = { where, include: WITH_RESOURCES, orderBy: { id: "asc" }, skip, take } as const;
  const found = await db.prisma.umaPolicy.findMany(page);
  return { found: found.map(policyOf), total: await db.prisma.umaPolicy.count({ where }) };
}
