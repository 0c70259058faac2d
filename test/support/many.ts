import type pg from "pg";

/**
 * Fills a migrated database by a few large statements: `rows` grants, and what belongs to a deployment of that size. A fifth
 * of everything belongs to one client, one person, one session, one resource or one owner, whose cost must not grow either.
 * The rows are dated by the database's clock; none is due to be swept.
 * @param rows at least 1,000
 */
export async function fillDatabase(client: Pick<pg.ClientBase, "query">, rows: number): Promise<void> {
  const tenth = Math.floor(rows / 10);
  await client.query(switchRecords("DISABLE"));
  for (const [count, text] of statements(rows, tenth)) {
    await client.query(`${text.replace("FROM n", `FROM generate_series(1, ${count}) n`)}`);
  }
  await client.query(switchRecords("ENABLE"));
}

/** A deployment of that size was not made by hand in a minute, so its rows have no records in the audit log. */
function switchRecords(to: "DISABLE" | "ENABLE"): string {
  return `DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT tgrelid::regclass AS place, tgname FROM pg_trigger WHERE tgname LIKE 'audit\\_%' LOOP
      EXECUTE format('ALTER TABLE %s ${to} TRIGGER %I', one.place, one.tgname);
    END LOOP; END $$`;
}

/** The client, the person, the session and the resource that have a fifth of everything. */
export const LARGE = {
  client_id: "large-client",
  sub: "large-user",
  sid: "large-session",
  resource_id: "large-resource",
  policy_id: "large-policy",
} as const;

const LATER = "now() + interval '30 days'";

/** A fifth belongs to the large one; the rest is spread over what there is a tenth of, counted from 2. */
function spread(name: string, tenth: number): string {
  return `CASE WHEN n % 5 = 0 THEN 'large-${name}' ELSE '${name}-' || (n % ${tenth - 1} + 2) END`;
}

function statements(rows: number, tenth: number): readonly (readonly [number, string])[] {
  const client = spread("client", tenth);
  const sub = spread("user", tenth);
  const resource = spread("resource", tenth);
  const name = (prefix: string) => `CASE WHEN n = 1 THEN 'large-${prefix}' ELSE '${prefix}-' || n END`;
  return [
    [
      tenth,
      `INSERT INTO clients (client_id, token_endpoint_auth_method, grant_types, response_types, redirect_uris,
         post_logout_redirect_uris, web_origins, scope, audiences, access_token_lifetime, access_token_format,
         refresh_token_lifetime, refresh_token_absolute_lifetime, refresh_token_rotation, id_token_signed_response_alg,
         require_pkce, consent, dialects)
       SELECT ${name("client")}, 'none', '{refresh_token}', '{code}', '{}', '{}', '{}', '{openid}', '{}', 2147483647, 'jwt',
         1209600, 7776000, true, 'RS256', true, 'explicit', '{oauth2}' FROM n`,
    ],
    [
      tenth,
      `INSERT INTO client_secrets (id, client_id, hash, expires_at)
       SELECT gen_random_uuid(), 'client-' || n, '\\x00', CASE WHEN n % 2 = 0 THEN ${LATER} END FROM n WHERE n > 1`,
    ],
    [
      tenth,
      `INSERT INTO client_registrations SELECT 'client-' || n, decode(md5('registration-' || n), 'hex'), '{}', now(),
         ${LATER} FROM n WHERE n > 1`,
    ],
    [tenth, `INSERT INTO registration_tokens SELECT n, decode(md5('initial-' || n), 'hex'), 1, now(), ${LATER} FROM n`],
    [tenth, `INSERT INTO users (sub, preferred_username, roles) SELECT ${name("user")}, ${name("user")}, '{}' FROM n`],
    [tenth, `INSERT INTO user_identifiers SELECT 'user-' || n, 'login', ${name("user")} FROM n`],
    [
      rows,
      `INSERT INTO grants (id, client_id, sub, scope, user_epoch, client_epoch, auth_time, amr, created_at,
         idle_expires_at, absolute_expires_at, sid, sweep_after)
       SELECT 'grant-' || n, ${client}, ${sub}, '{openid}', 0, 0, now(), '{pwd}', now() - n * interval '1 second', ${LATER}, ${LATER},
         ${spread("session", tenth)}, ${LATER} FROM n`,
    ],
    [
      tenth,
      `INSERT INTO sessions SELECT decode(md5('session-' || n), 'hex'), ${name("session")}, ${name("user")}, 0, now(), '{pwd}',
         now(), ${LATER} FROM n`,
    ],
    [tenth, `INSERT INTO consents SELECT 'user-' || n, ${client}, '{openid}', now() FROM n WHERE n > 1`],
    [tenth, `INSERT INTO consents SELECT 'large-user', 'client-' || n, '{openid}', now() FROM n WHERE n > 1`],
    [rows, `INSERT INTO revoked_tokens SELECT 'jti-' || n, ${LATER} FROM n`],
    [rows, `INSERT INTO used_assertions SELECT decode(md5('assertion-' || n), 'hex'), ${LATER} FROM n`],
    [rows, `INSERT INTO admin_answers SELECT decode(md5('answer-' || n), 'hex'), '', NULL, now(), ${LATER} FROM n`],
    [rows, `INSERT INTO dpop_proofs SELECT decode(md5('proof-' || n), 'hex'), ${LATER} FROM n`],
    [
      rows,
      `INSERT INTO decisions (id, decided_at, code, client_id, sub, facts)
       SELECT md5('decision-' || n)::uuid, now() - n * interval '1 millisecond', CASE WHEN n % 5 = 0 THEN 'code_invalid' END,
         ${client}, ${sub}, '{}' FROM n`,
    ],
    [tenth, `INSERT INTO device_jtis SELECT decode(md5('device-' || n), 'hex') FROM n`],
    [tenth, `INSERT INTO tries SELECT decode(md5('try-' || n), 'hex'), 1, NULL, ${LATER} FROM n`],
    [
      tenth,
      `INSERT INTO confirmation_codes SELECT decode(md5('code-' || n), 'hex'), '\\x00', 0, false, ${LATER} FROM n`,
    ],
    [tenth, `INSERT INTO interactions (id, request, expires_at) SELECT 'interaction-' || n, '{}', ${LATER} FROM n`],
    [tenth, `INSERT INTO pushed_requests SELECT 'pushed-' || n, 'client-1', '{}', NULL, NULL, ${LATER} FROM n`],
    [
      tenth,
      `INSERT INTO device_codes (id, user_code_hash, client_id, poll_interval, expires_at)
       SELECT 'device-code-' || n, decode(md5('user-code-' || n), 'hex'), ${client}, 5, ${LATER} FROM n`,
    ],
    [tenth, `INSERT INTO logout_notices (client_id, sub, sid, due_at) SELECT ${client}, ${sub}, n, ${LATER} FROM n`],
    [
      tenth,
      `INSERT INTO jobs (id, kind, asked, filter, counted, counted_all, state, started_by, created_at, updated_at, finished_at)
       SELECT 'job-' || n, 'end_grants', '{}', '{}', 0, true, 'finished', '{}', now(), now(), now() FROM n`,
    ],
    [tenth, `INSERT INTO dialect_usage SELECT ${name("client")}, 'oauth2', 1, now() FROM n`],
    [tenth, `INSERT INTO provisioned_entries SELECT 'clients', 'client-' || n, 'digest' FROM n`],
    [Math.ceil(tenth / 10), `INSERT INTO scopes (name, claims) SELECT 'scope-' || n, '{}' FROM n`],
    [
      tenth,
      `INSERT INTO uma_resources (id, client_id, owner, scopes) SELECT ${name("resource")}, ${client}, ${sub}, '{view}' FROM n`,
    ],
    [
      tenth,
      `INSERT INTO uma_policies (id, client_id, owner, rules) SELECT ${name("policy")}, ${client}, ${sub}, '[]' FROM n`,
    ],
    [tenth, `INSERT INTO uma_policy_resources SELECT 'policy-' || n, 'resource-' || n FROM n WHERE n > 1`],
    [tenth, `INSERT INTO uma_policy_resources SELECT 'large-policy', 'resource-' || n FROM n WHERE n > 1`],
    [
      rows,
      `INSERT INTO uma_approvals SELECT ${resource}, 'client', 'user-' || n, 'view', ${sub}, 'pending', now(), NULL, ${LATER}
       FROM n`,
    ],
    [
      tenth,
      `INSERT INTO uma_tickets (id, resource_server, permissions, expires_at) SELECT n, 'client', '[]', ${LATER} FROM n`,
    ],
    [
      tenth,
      `INSERT INTO uma_decisions SELECT 'decision-' || n, 'resource-' || n, 'granted', 'client', NULL, ${sub}, '{}', '{}', '[]',
         now() FROM n`,
    ],
  ];
}
