import type { Prisma } from "./generated/client.js";
import type { Db } from "./open.js";
import type { Reach } from "./uma-resources.js";

/** Policies, and which resources each is about. A policy is looked for within the same reach as a resource. */

export interface Policy {
  readonly id: string;
  readonly owner: string | null;
  readonly rules: unknown;
  readonly resource_ids: readonly string[];
}

const WITH_RESOURCES = { resources: { select: { resource_id: true }, orderBy: { resource_id: "asc" } } } as const;

type Row = { id: string; owner: string | null; rules: unknown; resources: { resource_id: string }[] };

function policyOf({ id, owner, rules, resources }: Row): Policy {
  return { id, owner, rules, resource_ids: resources.map(({ resource_id }) => resource_id) };
}

export async function createPolicy(db: Db, policy: Policy & { readonly client_id: string }): Promise<void> {
  const { resource_ids, rules, ...row } = policy;
  await db.prisma.umaPolicy.create({
    data: {
      ...row,
      rules: rules as Prisma.InputJsonValue,
      resources: { create: resource_ids.map((resource_id) => ({ resource_id })) },
    },
  });
}

export async function findPolicy(db: Db, reach: Reach, id: string): Promise<Policy | undefined> {
  const found = await db.prisma.umaPolicy.findFirst({ where: { ...reach, id }, include: WITH_RESOURCES });
  return found === null ? undefined : policyOf(found);
}

/** The ids within reach that come after another one, in their order. */
export async function policyIds(db: Db, reach: Reach, after: string, limit: number): Promise<readonly string[]> {
  const rows = await db.prisma.umaPolicy.findMany({
    where: { ...reach, id: { gt: after } },
    select: { id: true },
    orderBy: { id: "asc" },
    take: limit,
  });
  return rows.map(({ id }) => id);
}

/** Gives a policy that is within reach other rules, and other resources where they are named. */
export async function changePolicy(
  db: Db,
  id: string,
  { rules, resource_ids }: { readonly rules: unknown; readonly resource_ids?: readonly string[] | undefined },
): Promise<void> {
  const resources =
    resource_ids === undefined
      ? {}
      : { resources: { deleteMany: {}, create: resource_ids.map((resource_id) => ({ resource_id })) } };
  await db.prisma.umaPolicy.update({ where: { id }, data: { rules: rules as Prisma.InputJsonValue, ...resources } });
}

export async function addPolicyResources(db: Db, policy_id: string, resource_ids: readonly string[]): Promise<void> {
  const data = resource_ids.map((resource_id) => ({ policy_id, resource_id }));
  await db.prisma.umaPolicyResource.createMany({ data, skipDuplicates: true });
}

/** Takes a resource out of a policy; whether it was in it. */
export async function removePolicyResource(db: Db, policy_id: string, resource_id: string): Promise<boolean> {
  return (await db.prisma.umaPolicyResource.deleteMany({ where: { policy_id, resource_id } })).count === 1;
}

/** Deletes a policy; whether there was one. What it gave is gone with the next request. */
export async function deletePolicy(db: Db, reach: Reach, id: string): Promise<boolean> {
  return (await db.prisma.umaPolicy.deleteMany({ where: { ...reach, id } })).count === 1;
}

/** How many policies speak of the resource, of several, that most speak of; `except` is not counted. */
export async function mostPolicies(db: Db, resource_ids: readonly string[], except = ""): Promise<number> {
  const counted = await db.prisma.umaPolicyResource.groupBy({
    by: ["resource_id"],
    where: { resource_id: { in: [...resource_ids] }, policy_id: { not: except } },
    _count: true,
  });
  return Math.max(0, ...counted.map(({ _count }) => _count));
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
