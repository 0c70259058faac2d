import type { UmaApproval, UmaResource } from "./generated/client.js";
import { run, type Db } from "./open.js";
import { pageStatement, readPage, rowsToRead, type RowPage, type ReadRow } from "./pages.js";
import type { Statement } from "./prepared-query.js";
import type { DecisionRow } from "./uma-decisions.js";

/** Resources, policies, questions to owners and decisions of UMA, as administrators list them. */

/** Whose resources or policies are listed; all of them if both are absent. */
interface UmaFilter {
  /** The resource server. */
  readonly client_id?: string | undefined;
  readonly owner?: string | undefined;
}

/** One statement for each set of filters, because each set has an index of its own. */
function byFilter(table: "uma_resources" | "uma_policies", columns: readonly string[]) {
  const statement = (name: string, where: string) => ({
    name: `${table}_list${name}`,
    text: `SELECT ${columns.join(", ")} FROM ${table} WHERE id > $1 ${where} ORDER BY id LIMIT $2`,
  });
  return {
    all: statement("", ""),
    server: statement("_of_server", "AND client_id = $3"),
    owner: statement("_of_owner", "AND owner = $3"),
    both: statement("_of_both", "AND client_id = $3 AND owner = $4"),
  };
}

const RESOURCE = ["id", "client_id", "owner", "name", "type", "scopes", "created_at"] as const;
const POLICY = ["id", "client_id", "owner", "rules", "created_at"] as const;

const LIST_RESOURCES = byFilter("uma_resources", RESOURCE);
const LIST_POLICIES = byFilter("uma_policies", POLICY);

type ListedResource = Pick<UmaResource, (typeof RESOURCE)[number]>;

/** A policy in the form of a list. */
interface ListedPolicy {
  readonly id: string;
  readonly client_id: string;
  readonly owner: string | null;
  readonly rules: unknown;
  readonly created_at: Date;
}

/** Resources by id, behind one of them. */
export function resourcesBehind(db: Db, filter: UmaFilter, id: string, take: number): Promise<ListedResource[]> {
  return run<ListedResource>(db, ...withFilter(LIST_RESOURCES, filter, [id, take]));
}

/** Policies by id, behind one of them. */
export function policiesBehind(db: Db, filter: UmaFilter, id: string, take: number): Promise<ListedPolicy[]> {
  return run<ListedPolicy>(db, ...withFilter(LIST_POLICIES, filter, [id, take]));
}

function withFilter(
  statements: ReturnType<typeof byFilter>,
  { client_id, owner }: UmaFilter,
  values: readonly unknown[],
): readonly [statement: Statement, values: readonly unknown[]] {
  if (client_id === undefined)
    return owner === undefined ? [statements.all, values] : [statements.owner, [...values, owner]];
  return owner === undefined
    ? [statements.server, [...values, client_id]]
    : [statements.both, [...values, client_id, owner]];
}

const RESOURCE_SHOWN = { name: "uma_resource_show", text: "SELECT * FROM uma_resources WHERE id = $1" };

const RESOURCE_POLICIES = {
  name: "uma_resource_policies",
  text: "SELECT policy_id FROM uma_policy_resources WHERE resource_id = $1 ORDER BY policy_id",
};

/** A resource with the ids of its policies, of which it has few. */
export async function showResource(
  db: Db,
  id: string,
): Promise<(UmaResource & { readonly policies: readonly string[] }) | undefined> {
  const [resource] = await run<UmaResource>(db, RESOURCE_SHOWN, [id]);
  if (resource === undefined) return undefined;
  const policies = await run<{ policy_id: string }>(db, RESOURCE_POLICIES, [id]);
  return { ...resource, policies: policies.map(({ policy_id }) => policy_id) };
}

const POLICY_SHOWN = {
  name: "uma_policy_show",
  text: "SELECT id, client_id, owner, rules, created_at FROM uma_policies WHERE id = $1",
};

/** A policy may have any number of resources. */
const MAX_SHOWN = 1_000;

const POLICY_RESOURCES = {
  name: "uma_policy_resources",
  text: `SELECT resource_id FROM uma_policy_resources WHERE policy_id = $1 ORDER BY resource_id LIMIT ${MAX_SHOWN}`,
};

/** A policy with the ids of its first thousand resources. */
export async function showPolicy(
  db: Db,
  id: string,
): Promise<(ListedPolicy & { readonly resources: readonly string[] }) | undefined> {
  const [policy] = await run<ListedPolicy>(db, POLICY_SHOWN, [id]);
  if (policy === undefined) return undefined;
  const resources = await run<{ resource_id: string }>(db, POLICY_RESOURCES, [id]);
  return { ...policy, resources: resources.map(({ resource_id }) => resource_id) };
}

const APPROVAL = [
  ...["owner", "resource_id", "client_id", "party", "scope"],
  ...["state", "asked_at", "decided_at", "expires_at"],
];

const LIST_APPROVALS = {
  owner: {
    name: "uma_approvals_list_of_owner",
    text: pageStatement(APPROVAL, {
      source: `
        SELECT * FROM uma_approvals WHERE owner = $3 AND state = $4
          AND ($5::timestamptz IS NULL OR (asked_at, resource_id, client_id, party, scope) < ($5, $6, $7, $8, $9))
          AND asked_at <= coalesce($5::timestamptz, 'infinity')
        ORDER BY asked_at DESC, resource_id DESC, client_id DESC, party DESC, scope DESC`,
      order: "asked_at DESC, resource_id DESC, client_id DESC, party DESC, scope DESC",
    }),
  },
  resource: {
    name: "uma_approvals_list_of_resource",
    text: pageStatement(APPROVAL, {
      source: `
        SELECT * FROM uma_approvals WHERE resource_id = $3 AND (client_id, party, scope) > ($5, $6, $7)
        ORDER BY client_id, party, scope`,
      order: "client_id, party, scope",
      fits: "$4::text IS NULL OR s.state = $4",
    }),
  },
} as const;

type ApprovalPlace = Pick<UmaApproval, "asked_at" | "resource_id" | "client_id" | "party" | "scope">;

/** The questions to an owner in one state, the latest first. */
export async function approvalsOfOwner(
  db: Db,
  { owner, state }: { readonly owner: string; readonly state: string },
  after: ApprovalPlace | undefined,
  limit: number,
): Promise<RowPage<UmaApproval>> {
  const place = [after?.asked_at, after?.resource_id, after?.client_id, after?.party, after?.scope];
  const rows = await run<ReadRow<UmaApproval>>(db, LIST_APPROVALS.owner, [limit, limit + 1, owner, state, ...place]);
  return readPage(rows, limit, limit + 1);
}

/** The questions about a resource, by the client that asks. @param state any if undefined */
export async function approvalsOfResource(
  db: Db,
  { resource_id, state }: { readonly resource_id: string; readonly state: string | undefined },
  after: ApprovalPlace | undefined,
  limit: number,
): Promise<RowPage<UmaApproval>> {
  const read = rowsToRead(limit, [state]);
  const place = [after?.client_id ?? "", after?.party ?? "", after?.scope ?? ""];
  const rows = await run<ReadRow<UmaApproval>>(db, LIST_APPROVALS.resource, [
    limit,
    read,
    resource_id,
    state,
    ...place,
  ]);
  return readPage(rows, limit, read);
}

const DECISION = [
  "id",
  "resource_id",
  "outcome",
  "client_id",
  "sub",
  "owner",
  "asked",
  "granted",
  "decided_at",
] as const;

type ListedDecision = Omit<DecisionRow, "trace" | "resource_name">;

const decisions = (where: string, fits?: string) =>
  pageStatement(DECISION, {
    source: `
      SELECT * FROM uma_decisions WHERE ${where}
        AND ($4::timestamptz IS NULL OR (decided_at, id, resource_id) < ($4, $5, $6))
        AND decided_at <= coalesce($4::timestamptz, 'infinity')
      ORDER BY decided_at DESC, id DESC, resource_id DESC`,
    order: "decided_at DESC, id DESC, resource_id DESC",
    fits,
  });

const LIST_DECISIONS = {
  owner: { name: "uma_decisions_list_of_owner", text: decisions("owner = $3") },
  all: {
    name: "uma_decisions_list",
    text: decisions("true", "$3::text IS NULL OR s.client_id = $3"),
  },
} as const;

/** Decisions of UMA, the latest first: about the resources of an owner, or of one client. */
export async function listDecisions(
  db: Db,
  { owner, client_id }: { readonly owner?: string | undefined; readonly client_id?: string | undefined },
  after: Pick<ListedDecision, "decided_at" | "id" | "resource_id"> | undefined,
  limit: number,
): Promise<RowPage<ListedDecision>> {
  const read = rowsToRead(limit, owner === undefined ? [client_id] : []);
  const values = [limit, read, owner ?? client_id, after?.decided_at, after?.id, after?.resource_id];
  const statement = owner === undefined ? LIST_DECISIONS.all : LIST_DECISIONS.owner;
  return readPage(await run<ReadRow<ListedDecision>>(db, statement, values), limit, read);
}
