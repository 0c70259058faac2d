import pg from "pg";
import { Availability } from "../../src/store/availability.js";
import type { Ask } from "../../src/store/line.js";
import { revokeToken } from "../../src/store/access-tokens.js";
import { redeemCode } from "../../src/store/authorization-codes.js";
import { saveApp, saveThings } from "../../src/store/apps.js";
import { replaceSecret, saveClients, type NewClient } from "../../src/store/clients.js";
import { saveConfirmationCode } from "../../src/store/confirmation-codes.js";
import { recordConsent } from "../../src/store/consents.js";
import { keepDecisions } from "../../src/store/decisions.js";
import { addDialectUses } from "../../src/store/dialect-usage.js";
import { openDeviceCode, pollDeviceCode } from "../../src/store/device-codes.js";
import { beginAttempt } from "../../src/store/admin-answers.js";
import { useProof } from "../../src/store/dpop-proofs.js";
import { endGrant, openGrant } from "../../src/store/grants.js";
import { claimInstallation } from "../../src/store/installation.js";
import { finishInteraction, openInteraction } from "../../src/store/interactions.js";
import { claimLogoutNotices } from "../../src/store/logout-notices.js";
import { exclusively, LOCKS, run, type Db } from "../../src/store/open.js";
import { answerPushedRequest, openPushedRequest, pushRequest } from "../../src/store/pushed-requests.js";
import { advanceJob, claimJob } from "../../src/store/job-steps.js";
import { startJob } from "../../src/store/jobs.js";
import { redeemRefreshToken } from "../../src/store/refresh-tokens.js";
import { endSession, openSession } from "../../src/store/sessions.js";
import { addKey } from "../../src/store/signing-keys.js";
import { takeTry } from "../../src/store/tries.js";
import { answerQuestion } from "../../src/store/uma-approvals.js";
import { recordDecision } from "../../src/store/uma-decisions.js";
import { createPolicy } from "../../src/store/uma-policies.js";
import { createResource } from "../../src/store/uma-resources.js";
import { openTicket, useTicket } from "../../src/store/uma-tickets.js";
import { useAssertion } from "../../src/store/used-assertions.js";
import { saveUsers } from "../../src/store/users.js";

/** Writes every instant that the store keeps, by its own functions, and reads back by SQL alone what they became. */

const CLIENT: Omit<NewClient, "client_id"> = {
  token_endpoint_auth_method: "client_secret_basic",
  grant_types: [],
  response_types: [],
  redirect_uris: [],
  post_logout_redirect_uris: [],
  web_origins: [],
  scope: [],
  audiences: [],
  jwks: null,
  access_token_lifetime: 300,
  access_token_format: "jwt",
  refresh_token_lifetime: 300,
  refresh_token_absolute_lifetime: 300,
  refresh_token_rotation: true,
  id_token_signed_response_alg: "RS256",
  require_pkce: true,
  consent: "always",
  dialects: [],
};

const key = (name: string) => Buffer.from(name.padEnd(32, "."));

/** Writes a row of every table that keeps an instant; each one that is handed in is `at`, or so many seconds after it. */
export async function writeInstants(db: Db, at: Date): Promise<void> {
  const after = (seconds: number) => new Date(at.getTime() + seconds * 1000);
  await claimInstallation(db, "fingerprint");
  await writePeopleAndClients(db, after);
  await writeLogins(db, after);
  await writeUma(db, after);
  await exclusively(db, LOCKS.keys, (tx) =>
    addKey(tx, {
      kid: "key",
      alg: "RS256",
      public_jwk: {},
      sealed_private: new Uint8Array(1),
      published_at: after(1),
      active_from: after(2),
      retain_until: after(3),
    }),
  );
  await writeMarks(db, after);
  await addDialectUses(db, [{ client_id: "c", dialect: "oauth2", uses: 1, last_used_at: after(4) }], after(20));
}

/** Two marks of an instance, and the outage between them. */
async function writeMarks(db: Db, after: After): Promise<void> {
  let seconds = 18;
  const availability = new Availability({ now: () => 0, statement: () => after(seconds) });
  const ask: Ask = async (text, values = []) => (await db.pool.query(text, [...values])).rows;
  await availability.mark(ask);
  seconds = 30;
  await availability.mark(ask);
}

type After = (seconds: number) => Date;

async function writePeopleAndClients(db: Db, after: After): Promise<void> {
  await exclusively(db, LOCKS.provision, async (tx) => {
    const secret = { hash: new Uint8Array(1), expires_at: after(10) };
    await saveClients(tx, [{ client: { ...CLIENT, client_id: "c" }, secrets: [secret] }]);
    const ids = ["app", "app-admin"];
    await saveClients(
      tx,
      ids.map((client_id) => ({ client: { ...CLIENT, client_id }, secrets: [] })),
    );
    await saveUsers(tx, [{ user: { sub: "u", preferred_username: "u", roles: [], disabled: false }, identifiers: [] }]);
    const lifetimes = {
      default_token_lifetime: 1,
      max_token_lifetime: 1,
      user_registration: false,
      thing_registration: false,
      user_lookup: false,
    };
    await saveApp(tx, { app_id: "app", client_id: "app-admin", ...lifetimes });
    const thing = { app_id: "app", vendor_thing_id: "t", password_hash: "hash", sub: "thing", disabled: false };
    await saveThings(tx, [thing]);
  });
  const next = { hash: new Uint8Array(1), expires_at: after(11) };
  await db.prisma.$transaction((tx) => replaceSecret(tx, "c", next, after(9)));
}

async function writeLogins(db: Db, after: After): Promise<void> {
  const person = { sub: "u", user_epoch: 0, client_epoch: 0, client_id: "c", scope: [], amr: [] };
  const code = { redirect_uri: "", redirect_uri_given: true, code_challenge: null, nonce: null, lifetime: 60 };
  const grant = { ...person, id: "g", auth_time: after(0), idle: 1_000, absolute: 2_000, code };
  await openGrant(db, grant, after(20));
  await redeemCode(db, "g", { idle: 3_000, absolute: 4_000 }, "oauth2", after(30));
  const presented = { grant_id: "g", client_id: "c", generation: 0, scope: null, scopeAllowed: true };
  const redeemed = { ...presented, rotation: true, retryable: true, idle: 3_500, inServiceAt: null };
  await redeemRefreshToken(db, redeemed, after(40));
  await endGrant(db, "g", null, after(50));
  await openDeviceCode(db, { id: "d", user_code_hash: key("u"), client_id: "c", scope: [] }, after(0));
  await pollDeviceCode(db, "d", "c", after(21));
  await openSession(
    db,
    { id_hash: key("s"), sid: "s", sub: "u", user_epoch: 0, auth_time: after(5), amr: [] },
    after(6),
  );
  await endSession(db, { sid: "s" }, after(7));
  await openInteraction(db, { id: "i", browser_hash: null, request: {} }, after(0));
  await finishInteraction(db, "i", after(8));
  const pushed = "p".repeat(22);
  await pushRequest(db, { id: pushed, client_id: "c", parameters: {} }, after(0));
  await openPushedRequest(db, pushed, "c", after(18));
  await answerPushedRequest(db, pushed, after(19));
  const insert = "INSERT INTO logout_notices (client_id, sub, sid) VALUES ('c', 'u', 's')";
  await run(db, { name: "insert_logout_notice", text: insert }, []);
  await claimLogoutNotices(db, 1, [], after(22));
  const job = {
    id: "j",
    kind: "end_grants",
    filter: { client_id: "c" },
    asked: {},
    counted: 1,
    counted_all: true,
  } as const;
  await startJob(db, { ...job, started_by: {} }, after(60));
  const claimed = await claimJob(db, "h", after(61));
  await advanceJob(db, claimed!, after(62));
  await recordConsent(db, { sub: "u", client_id: "c", scope: [] }, after(12));
  await takeTry(db, key("t"), { rule: { free: 1, delays: [100], window: 200 } }, after(0));
  await saveConfirmationCode(db, key("k"), key("h"), after(0));
  await revokeToken(db, "jti", after(13).getTime() / 1000, after(0));
  await useAssertion(db, key("a"), after(14), after(0));
  await useProof(db, key("p"), after(14), after(0));
  const kept = { id: "00000000-0000-4000-8000-000000000000", code: null, client_id: null, sub: null, facts: {} };
  await keepDecisions(db, [{ ...kept, age: 1_000 }], after(24));
  await beginAttempt(db, key("k"), key("r"), after(20));
}

async function writeUma(db: Db, after: After): Promise<void> {
  const described = { name: null, type: null, uri: null, icon_uri: null, description: null, scopes: ["s"] };
  await createResource(db, { ...described, id: "r", client_id: "c", owner: "u" });
  await createPolicy(db, { id: "p", client_id: "c", owner: "u", rules: [], resource_ids: ["r"] });
  const terms = { resource_server: "c", permissions: [], sub: null, user_epoch: null, client_id: null };
  await openTicket(db, { ...terms, id: "t" }, after(0));
  await useTicket(db, "t", "c", after(15));
  const asks = [{ resource_id: "r", scope: "s", owner: "u" }];
  const resources = [{ resource_id: "r", owner: "u", asked: ["s"], granted: [], trace: {} }];
  const decision = { id: "d", outcome: "asked", client_id: "c", sub: "v", party: "v", asks, resources, ticket: null };
  await recordDecision(db, decision, after(16));
  const question = { owner: "u", resource_id: "r", client_id: "c", party: "v", scopes: ["s"] };
  await answerQuestion(db, question, { state: "approved", lifetime: 60 }, after(17));
}

/** What `writeInstants` leaves in each column, in seconds after `at`; "now" where the column takes the real time. */
export const INSTANTS: Readonly<Record<string, readonly (number | "now")[]>> = {
  "_prisma_migrations.started_at": ["now"],
  "_prisma_migrations.finished_at": ["now"],
  "installation.created_at": ["now"],
  "clients.created_at": ["now"],
  "clients.updated_at": ["now"],
  "users.created_at": ["now"],
  "users.updated_at": ["now"],
  "apps.created_at": ["now"],
  "apps.updated_at": ["now"],
  "things.created_at": ["now"],
  "things.updated_at": ["now"],
  "uma_resources.created_at": ["now"],
  "uma_policies.created_at": ["now"],
  "client_secrets.created_at": ["now"],
  "client_secrets.expires_at": [9, 11],
  "dialect_usage.last_used_at": [4],
  "grants.auth_time": [0],
  "grants.created_at": [20],
  "grants.code_expires_at": [80],
  "grants.rotations": [40],
  "grants.idle_expires_at": [3_540],
  "grants.absolute_expires_at": [4_030],
  "grants.ended_at": [50],
  "device_codes.polled_at": [21],
  "device_codes.expires_at": [10 * 60],
  "sessions.auth_time": [5],
  "sessions.seen_at": [6],
  "sessions.expires_at": [6 + 12 * 60 * 60],
  "sessions.ended_at": [7],
  "interactions.expires_at": [15 * 60],
  "interactions.finished_at": [8],
  "pushed_requests.opened_at": [18],
  "pushed_requests.answered_at": [19],
  "pushed_requests.expires_at": [18 + 15 * 60],
  "consents.given_at": [12],
  "tries.blocked_until": [100],
  "tries.reset_at": [200],
  "confirmation_codes.expires_at": [5 * 60],
  "revoked_tokens.expires_at": [13],
  "used_assertions.expires_at": [14],
  "dpop_proofs.expires_at": [14],
  "decisions.decided_at": [23],
  "admin_answers.begun_at": [20],
  "admin_answers.expires_at": [20 + 24 * 60 * 60],
  "signing_keys.published_at": [1],
  "signing_keys.active_from": [2],
  "signing_keys.retain_until": [3],
  "uma_tickets.expires_at": [5 * 60],
  "uma_tickets.used_at": [15],
  "uma_approvals.asked_at": [16],
  "uma_approvals.decided_at": [17],
  "uma_approvals.expires_at": [17 + 60],
  "uma_decisions.decided_at": [16],
  "logout_notices.due_at": [22 + 10],
  "jobs.created_at": [60],
  "jobs.updated_at": [62],
  "jobs.held_until": [62 + 30],
  "jobs.after_time": [20],
  "jobs.finished_at": [62],
  "availability.alive_at": [30],
  "outage.began_at": [18],
  "outage.ended_at": [30],
  "audit_pending.at": ["now"],
};

/** More than a run of all tests takes, less than the zones of the tests differ from UTC by. */
const NEAR_NOW = 2 * 60 * 60;

/**
 * Every instant of a database by table and column, as seconds after `at`, or "now". It is asked for as seconds since the
 * epoch, which is the same in every zone.
 */
export async function instantsIn(url: string, at: Date): Promise<Record<string, readonly (number | "now")[]>> {
  // Other limits than those of the database, which may be part of the test.
  const client = new pg.Client({ connectionString: url, statement_timeout: 60_000, lock_timeout: 60_000 });
  await client.connect();
  try {
    const { rows: columns } = await client.query<{ table: string; column: string; isList: boolean }>(
      `SELECT table_name AS "table", column_name AS "column", data_type = 'ARRAY' AS "isList"
       FROM information_schema.columns
       WHERE table_schema = 'public' AND ltrim(udt_name, '_') LIKE 'timestamp%' ORDER BY 1, 2`,
    );
    const found: Record<string, readonly (number | "now")[]> = {};
    for (const { table, column, isList } of columns) {
      const value = isList ? `unnest(${column})` : column;
      const { rows } = await client.query<{ offset: number; isNow: boolean }>(
        `SELECT DISTINCT n.is AS "isNow",
                CASE WHEN n.is THEN 0 ELSE round(extract(epoch FROM v.at) - $1)::float8 END AS "offset"
         FROM (SELECT ${value} AS at FROM public."${table}") v,
              LATERAL (SELECT abs(extract(epoch FROM v.at - now())) < $2 AS is) n
         WHERE v.at IS NOT NULL ORDER BY 2`,
        [at.getTime() / 1000, NEAR_NOW],
      );
      if (rows.length > 0) found[`${table}.${column}`] = rows.map(({ offset, isNow }) => (isNow ? "now" : offset));
    }
    return found;
  } finally {
    await client.end();
  }
}
