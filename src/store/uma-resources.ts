import type { UmaResource } from "./generated/client.js";
import { deleteInBatches, MAX_ROWS } from "./batches.js";
import type { Db } from "./open.js";

/** Protected resources. Every search has a reach, and resources outside it count as missing. */

export type { UmaResource };

/** The reach of a protection API token: the resources of its client, and of these only those of its user, if it has one. */
export interface Reach {
  readonly client_id: string;
  readonly owner?: string;
}

/** A resource description (Federated Authorization for UMA 2.0 section 3.1). */
export type Description = Pick<UmaResource, "name" | "type" | "uri" | "icon_uri" | "description" | "scopes">;

export async function createResource(
  db: Db,
  resource: Description & Pick<UmaResource, "id" | "client_id" | "owner">,
): Promise<UmaResource> {
  return db.prisma.umaResource.create({ data: { ...resource, scopes: [...resource.scopes] } });
}

export async function findResource(db: Db, reach: Reach, id: string): Promise<UmaResource | null> {
  return db.prisma.umaResource.findFirst({ where: { ...reach, id } });
}

/** The given resources, as far as they are within reach. */
export async function findResources(db: Db, reach: Reach, ids: readonly string[]): Promise<readonly UmaResource[]> {
  return db.prisma.umaResource.findMany({ where: { ...reach, id: { in: [...ids] } } });
}

/** The ids within reach after the given one, in their order. */
export async function resourceIds(db: Db, reach: Reach, after: string, limit: number): Promise<readonly string[]> {
  const rows = await db.prisma.umaResource.findMany({
    where: { ...reach, id: { gt: after } },
    select: { id: true },
    orderBy: { id: "asc" },
    take: limit,
  });
  return rows.map(({ id }) => id);
}

/** Replaces the description of a resource. Owner and server stay. @returns whether it existed */
export async function describeResource(db: Db, reach: Reach, id: string, description: Description): Promise<boolean> {
  const data = { ...description, scopes: [...description.scopes] };
  return (await db.prisma.umaResource.updateMany({ where: { ...reach, id }, data })).count === 1;
}

const DELETE = {
  name: "uma_resource_delete",
  text: `
    WITH resource AS (
      SELECT id FROM uma_resources WHERE id = $1 AND client_id = $2 AND ($3::text IS NULL OR owner = $3)
    ), batch AS MATERIALIZED (
      SELECT a.ctid FROM uma_approvals a JOIN resource r ON r.id = a.resource_id LIMIT ${MAX_ROWS} FOR UPDATE OF a
    ), forgotten AS (
      DELETE FROM uma_approvals WHERE ctid = ANY (ARRAY(SELECT ctid FROM batch))
    ), deleted AS (
      DELETE FROM uma_resources WHERE id IN (SELECT id FROM resource) AND (SELECT count(*) FROM batch) < ${MAX_ROWS}
      RETURNING 1
    )
    SELECT (SELECT count(*) FROM batch) = ${MAX_ROWS} AS more, EXISTS (SELECT 1 FROM deleted) AS deleted`,
};

/** Deletes a resource with its place in policies and the decisions of its owner. @returns whether it existed */
export function deleteResource(db: Db, { client_id, owner }: Reach, id: string): Promise<boolean> {
  return deleteInBatches(db, DELETE, [id, client_id, owner]);
}

/** A search for resources. An absent list is no restriction. */
interface ResourceSearch {
  readonly ids?: readonly string[] | undefined;
  readonly names?: readonly string[] | undefined;
  readonly types?: readonly string[] | undefined;
  readonly start: number;
  readonly count: number;
}

export async function searchResources(
  db: Db,
  reach: Reach,
  { ids, names, types, start, count }: ResourceSearch,
): Promise<{ readonly found: readonly UmaResource[]; readonly total: number }> {
  const where = {
    ...reach,
    ...(ids === undefined ? {} : { id: { in: [...ids] } }),
    ...(names === undefined ? {} : { name: { in: [...names] } }),
    ...(types === undefined ? {} : { type: { in: [...types] } }),
  };
  const found = await db.prisma.umaResource.findMany({ where, orderBy: { id: "asc" }, skip: start, take: count });
  return { found, total: await db.prisma.umaResource.count({ where }) };
}
