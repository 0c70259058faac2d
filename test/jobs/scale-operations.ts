import type pg from "pg";
import { listClients } from "../../src/store/client-lists.js";
import { allClientUris } from "../../src/store/clients.js";
import { configurationPage } from "../../src/store/configuration.js";
import { listDecisions, policiesBehind, resourcesBehind } from "../../src/store/uma-lists.js";
import { consentsOf, consentsBehind, withdrawConsent } from "../../src/store/consents.js";
import { listDialectUses } from "../../src/store/dialect-usage.js";
import { markEnded } from "../../src/store/ending.js";
import { endEverything, endEverythingOf, endEverythingOfClient } from "../../src/store/epochs.js";
import type { Db } from "../../src/store/open.js";
import { allScopes } from "../../src/store/scopes.js";
import { endSession } from "../../src/store/sessions.js";
import { longestSignedLifetime } from "../../src/store/signing-keys.js";
import { questionsTo } from "../../src/store/uma-approvals.js";
import { decisionsAbout } from "../../src/store/uma-decisions.js";
import { deletePolicy, findPolicy, searchPolicies } from "../../src/store/uma-policies.js";
import { deleteResource, searchResources } from "../../src/store/uma-resources.js";
import { listUsers, listUsersByPrefix } from "../../src/store/user-lists.js";
import { LARGE } from "../support/many.js";
import { answersOf } from "../support/statements.js";

/** Milliseconds that the longest statement of an operation may take: well below the limit of 5 s. */
const MAX_STATEMENT = 1_500;

/** Runs what concerns the large client, person, session, resource and policy; whether any statement took too long. */
export async function runLargeOperations(db: Db, client: pg.Client, rows: number): Promise<boolean> {
  const { client_id, sub, sid, resource_id, policy_id } = LARGE;
  const reach = await ownersOf(client);
  const reopen = () =>
    client.query("UPDATE grants SET ended_at = NULL, user_epoch = 0, client_epoch = 0 WHERE sub = $1", [sub]);
  const tx = db.prisma;
  const operations: readonly (readonly [string, () => Promise<unknown>])[] = [
    ["clients are listed", () => listClients(db, {}, { after: client_id, limit: 500 })],
    ["clients are searched", () => listClients(db, { search: "no such name" }, { after: client_id, limit: 500 })],
    ["users are listed", () => listUsers(db, {}, { after: { name: sub, sub }, limit: 500 })],
    ["users of a role are listed", () => listUsers(db, { role: "none" }, { limit: 500 })],
    ["users are found by a prefix", () => listUsersByPrefix(db, "user-1", {}, { limit: 500 })],
    ["the use of dialects is listed", () => listDialectUses(db, {}, { after: { client_id, dialect: "" }, limit: 500 })],
    ["the users of a dialect are listed", () => listDialectUses(db, { dialect: "oauth2" }, { limit: 500 })],
    ["a page of consents is listed", () => consentsBehind(db, { sub, client_id: "" }, 500)],
    ["resources of an owner are listed", () => resourcesBehind(db, { owner: sub }, "", 500)],
    ["policies of a server are listed", () => policiesBehind(db, { client_id }, "", 500)],
    ["decisions about an owner are listed", () => listDecisions(db, { owner: sub }, undefined, 500)],
    ["decisions for a client are listed", () => listDecisions(db, { client_id }, undefined, 500)],
    ["users are exported", () => configurationPage(db, "users", { after: undefined, limit: 500 })],
    ["devices are exported", () => configurationPage(db, "devices", { after: undefined, limit: 500 })],
    ["the origins of all pages are read", () => allClientUris(db)],
    ["the scopes are read", () => allScopes(db)],
    ["the longest lifetime is found", () => longestSignedLifetime(db)],
    ["the consents of a person are read", () => consentsOf(db, sub)],
    ["an owner's questions are read", () => questionsTo(db, sub, { after: 0, last: 50 }, null)],
    ["an owner's decisions are read", () => decisionsAbout(db, sub, 50)],
    ["a policy is read", () => findPolicy(db, { client_id: reach.policy }, policy_id)],
    ["resources are searched", () => searchResources(db, { client_id }, { types: ["x"], start: 0, count: 100 })],
    [
      "the last page of resources is searched",
      () => searchResources(db, { client_id }, { start: rows / 60, count: 100 }),
    ],
    ["policies are searched", () => searchPolicies(db, { client_id }, { start: 0, count: 100 })],
    ["a logout", () => endSession(db, { sid }, null)],
    ["a consent is withdrawn", () => reopen().then(() => withdrawConsent(db, { sub, client_id }, null))],
    ["a resource is deleted", () => deleteResource(db, { client_id: reach.resource }, resource_id)],
    ["a policy is deleted", () => deletePolicy(db, { client_id: reach.policy }, policy_id)],
    ["everything of a client is revoked", () => endEverythingOfClient(tx, client_id)],
    ["its grants are marked", () => reopen().then(() => markEnded(db, { client_id }, null))],
    ["everything of a person is revoked", () => endEverythingOf(tx, sub)],
    ["their grants are marked", () => reopen().then(() => markEnded(db, { sub }, null))],
    ["everything is revoked", () => endEverything(db, null)],
    ["all grants are marked", () => markEnded(db, "everybody", null)],
    ["all grants are looked at again", () => markEnded(db, "everybody", null)],
  ];
  let slow = false;
  for (const [what, work] of operations) slow = (await isSlow(what, work)) || slow;
  return slow;
}

async function ownersOf(client: pg.Client): Promise<{ resource: string; policy: string }> {
  const ofTable = async (table: string, id: string) =>
    (await client.query(`SELECT client_id FROM ${table} WHERE id = $1`, [id])).rows[0].client_id as string;
  return {
    resource: await ofTable("uma_resources", LARGE.resource_id),
    policy: await ofTable("uma_policies", LARGE.policy_id),
  };
}

async function isSlow(what: string, work: () => Promise<unknown>): Promise<boolean> {
  const begun = performance.now();
  try {
    const answers = await answersOf(work);
    const longest = Math.max(...answers.map(({ milliseconds }) => milliseconds));
    const seconds = ((performance.now() - begun) / 1_000).toFixed(1);
    console.log(`${what}: ${seconds} s, ${answers.length} statements, the longest ${Math.round(longest)} ms`);
    return longest > MAX_STATEMENT;
  } catch (error) {
    console.log(`${what}: ${String(error)}`);
    return true;
  }
}
