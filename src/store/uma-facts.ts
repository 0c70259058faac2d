import { IN_FORCE, tokenParameters, type TokenSubject } from "./access-tokens.js";
import { epochOf } from "./epochs.js";
import { run, type Db } from "./open.js";
import { personColumns, type Person } from "./users.js";

/** The facts for a decision. One statement reads them, by primary keys and by the index from a resource to its policies. */

/** A resource with all facts that decide about it. */
interface StoredResourceFacts {
  readonly resource_id: string;
  readonly owner: string | null;
  readonly scopes: readonly string[];
  readonly available: boolean;
  /** The ids of its policies. */
  readonly policies: readonly string[];
  readonly approvals: readonly {
    readonly party: string;
    readonly scope: string;
    readonly state: "pending" | "approved" | "denied";
    readonly expires_at: string | null;
  }[];
}

export interface StoredFacts {
  /** The present by the deciding clock, in milliseconds since the epoch. */
  readonly now: number;
  /** The requesting party, if its identification is still valid. */
  readonly person: Person | null;
  readonly resources: readonly StoredResourceFacts[];
  /** The policies of all resources, each once. */
  readonly policies: readonly { readonly id: string; readonly rules: unknown }[];
}

/** The parameters of the statement that reads facts. */
interface Names {
  readonly resource_ids: string;
  readonly resource_server: string;
  readonly client_id: string;
  readonly sub: string;
  readonly user_epoch: string;
  readonly now: string;
}

function factsColumns({ resource_ids, resource_server, client_id, sub, user_epoch, now }: Names): string {
  const time = `coalesce(${now}::timestamptz, now())`;
  return `
    (extract(epoch FROM ${time}) * 1000)::float8 AS now,
    (SELECT to_jsonb(p) FROM (
       SELECT ${personColumns("u")} FROM users u
       WHERE u.sub = ${sub}::text AND NOT u.disabled AND (${user_epoch}::int IS NULL OR ${epochOf("u")} = ${user_epoch}::int)
     ) p) AS person,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
       'resource_id', r.id, 'owner', r.owner, 'scopes', r.scopes,
       'available', NOT s.disabled AND o.disabled IS NOT TRUE,
       'policies', (
         SELECT coalesce(jsonb_agg(pr.policy_id ORDER BY pr.policy_id), '[]')
         FROM uma_policy_resources pr WHERE pr.resource_id = r.id),
       'approvals', (
         SELECT coalesce(jsonb_agg(jsonb_build_object(
           'party', a.party, 'scope', a.scope, 'state', a.state, 'expires_at', a.expires_at)), '[]')
         FROM uma_approvals a
         WHERE a.resource_id = r.id AND a.client_id = ${client_id} AND a.party IN (${client_id}, ${sub}::text)
           AND coalesce(a.expires_at > ${time}, true))
     )), '[]')
     FROM uma_resources r JOIN clients s ON s.client_id = r.client_id LEFT JOIN users o ON o.sub = r.owner
     WHERE r.id = ANY(${resource_ids}::text[]) AND r.client_id = ${resource_server}) AS resources,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('id', p.id, 'rules', p.rules)), '[]')
     FROM uma_policies p
     WHERE p.id IN (
       SELECT pr.policy_id FROM uma_policy_resources pr WHERE pr.resource_id = ANY(${resource_ids}::text[]))) AS policies`;
}

/** The request: a client wants access to resources of a server, for a requesting party if one is known. */
interface FactsQuestion {
  readonly resource_ids: readonly string[];
  readonly resource_server: string;
  readonly client_id: string;
  readonly sub?: string | undefined;
  /** The epoch in which the requesting party was identified; any if absent. */
  readonly user_epoch?: number | undefined;
}

const FACTS = {
  name: "uma_facts",
  text: `SELECT ${factsColumns({
    resource_ids: "$1",
    resource_server: "$2",
    client_id: "$3",
    sub: "$4",
    user_epoch: "$5",
    now: "$6",
  })}`,
};

/** The facts for a request. */
export async function readFacts(db: Db, question: FactsQuestion, now: Date | null): Promise<StoredFacts> {
  const { resource_ids, resource_server, client_id, sub, user_epoch } = question;
  const [found] = await run<StoredFacts>(db, FACTS, [resource_ids, resource_server, client_id, sub, user_epoch, now]);
  return found!;
}

const OF_TOKEN = {
  name: "uma_facts_of_token",
  text: `
    SELECT u.preferred_username AS username, ${factsColumns({
      client_id: "$2",
      sub: "$4",
      user_epoch: "$5",
      resource_ids: "$10",
      resource_server: "$11",
      now: "$9",
    })} ${IN_FORCE}`,
};

/** The facts for a requesting party token, if it is in force. */
export async function readFactsOfToken(
  db: Db,
  subject: TokenSubject,
  { resource_ids, resource_server }: Pick<FactsQuestion, "resource_ids" | "resource_server">,
  now: Date | null,
): Promise<(StoredFacts & { readonly username: string | null }) | undefined> {
  const values = [...tokenParameters(subject, now), resource_ids, resource_server];
  const [found] = await run<StoredFacts & { username: string | null }>(db, OF_TOKEN, values);
  return found;
}
