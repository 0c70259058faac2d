import t from "tap";
import { sql } from "../support/database.js";
import { runCommand } from "../support/commands.js";
import { everythingIn } from "../support/dump.js";
import { SECRET } from "../support/fleet.js";
import { basic, startInstance, type Instance } from "../support/instance.js";
import { APP, ofApp, PLAIN_APP, postJson, THING, VENDORS } from "../support/vendors.js";
import { isActive, logIn } from "../support/tokens.js";

/** Deleting people and clients, and changing one setting of a client, beside two running instances. */
/** Decisions name who is deleted, as long as they are kept. */
const named = { env: { ISSUER: "https://id.example", DECISIONS_KEPT: "0" } };
const one = await startInstance(t, { provision: VENDORS, ...named });
const two = await startInstance(t, { database: one.database, ...named });

const run = (words: readonly string[], stdin = "", at = one) => runCommand(at, words, stdin);

const asClient = (client_id: string, secret: string, at = one) =>
  at.post("/oauth2/token", { grant_type: "client_credentials" }, basic(client_id, secret));

/** Tables with rows in which a text is. Decisions about requests are kept for a week, and the audit log until it is erased there. */
async function traces(text: string, inAudit = false): Promise<readonly string[]> {
  return Object.entries(await everythingIn(one.database))
    .filter(([table]) => table !== "decisions" && table.startsWith("audit_") === inAudit)
    .filter(([, rows]) => rows.some((row) => row.includes(text)))
    .map(([table]) => table);
}

async function give(sub: string): Promise<void> {
  const all = (text: string) => sql(one.database, text, [sub]);
  await all("INSERT INTO consents VALUES ($1, 'mobile', '{openid}', now())");
  await all("INSERT INTO sessions VALUES ('\\x01', 'sid', $1, 0, now(), '{pwd}', now(), now() + interval '1 hour')");
  for (const [id, owner] of [
    ["r1", "$1"],
    ["r2", "'user-bob'"],
  ]) {
    await all(`INSERT INTO uma_resources (id, client_id, owner, name, scopes) SELECT '${id}', 'gateway', o, 'of ' || $1, '{view}'
               FROM (SELECT ${owner}::text AS o, $1::text) AS who`);
  }
  await all("INSERT INTO uma_policies (id, client_id, owner, rules) VALUES ('p1', 'gateway', $1, '[]')");
  await all("INSERT INTO uma_policy_resources SELECT 'p1', 'r1' WHERE $1 <> ''");
  await all("INSERT INTO uma_approvals VALUES ('r1', 'mobile', 'user-bob', 'view', $1, 'pending', now(), NULL, NULL)");
  await all(
    "INSERT INTO uma_approvals VALUES ('r2', 'mobile', $1, 'view', 'user-bob', 'approved', now(), now(), NULL)",
  );
  await all(
    "INSERT INTO uma_decisions VALUES ('d1', 'r1', 'granted', 'mobile', 'user-bob', $1, '{}', '{}', '[]', now())",
  );
}

t.test("user delete ends the user's tokens at once on every instance and keeps only the sub", async (t) => {
  const { access_token, refresh_token } = (await logIn(one, { scope: "openid api1 offline_access" })).json;
  const [, elsewhere] = [await isActive(one, access_token), await isActive(two, access_token)];
  t.equal(elsewhere, true);
  await postJson(one, "/code", { email: "alice@example.com" });
  await give("user-alice");
  t.strictSame(await run(["user", "delete", "Alice@Example.com"]), { sub: "user-alice", deleted: true });
  for (const at of [one, two]) t.equal(await isActive(at, access_token), false);
  t.equal(
    (await two.post("/oauth2/token", { grant_type: "refresh_token", client_id: "mobile", refresh_token })).status,
    400,
  );
  t.equal((await logIn(two)).status, 400);

  await sql(one.database, "DELETE FROM uma_resources WHERE id = 'r2'");
  // The digest of her entry stays, so that a file that is the same does not bring her back.
  t.strictSame(await traces("user-alice"), ["account_names", "provisioned_entries"]);
  await run(["audit", "erase", "user-alice"]);
  for (const text of ["alice@example.com", "+4930123456", "Alice Example"]) {
    t.strictSame([await traces(text), await traces(text, true)], [[], []], text);
  }
  t.strictSame(await sql(one.database, "SELECT FROM confirmation_codes"), []);
  t.equal(await run(["user", "delete", "user-alice"]), "there is no user user-alice");
});

t.test("the sub of a deleted user is never used again, and the user's login name is free", async (t) => {
  t.match(await run(["user", "add", "other", "--user-id", "user-alice"]), /in use/);
  t.match(await run(["user", "add", "USER-alice"]), /in use/);
  t.match(await run(["client", "add", "user-alice"]), /in use/);
  const register = { loginName: "user-alice", password: "carol's password" };
  t.equal((await postJson(two, `/api/apps/${APP.app_id}/users`, register, ofApp())).status, 409);
  await t.rejects(one.apply({ users: [{ ...VENDORS.users[0], name: "Other" }] }), {
    message: /belonged, to another account/,
  });
  await one.apply({ users: [VENDORS.users[0]] });
  t.strictSame(await sql(one.database, "SELECT FROM users WHERE sub = 'user-alice'"), []);

  t.match(await run(["user", "add", "alice", "--email", "alice@example.com", "--email-verified"]), { sub: String });
});

t.test("of simultaneous deletions of one account exactly one succeeds", async (t) => {
  for (const [index, words] of [
    ["user", "delete"],
    ["client", "delete"],
  ].entries()) {
    const id = `twice-${index}`;
    await run([words[0]!, "add", `name of ${id}`, ...(index === 0 ? ["--user-id", id] : [])]);
    const name = index === 0 ? id : `name of ${id}`;
    const said = await Promise.all([one, two, one].map((at) => run([...words, name], "", at)));
    t.equal(said.filter((one) => typeof one === "object").length, 1, JSON.stringify(said));
  }
});

t.test("client delete ends the client's tokens at once, and a new client with that id revives none", async (t) => {
  const words = ["--grant-types", "client_credentials", "--scope", "api1", "--secret-stdin"];
  await run(["client", "add", "short-lived", ...words], SECRET);
  const epochs: unknown[] = [];
  const tokens: string[] = [];
  for (const format of ["jwt", "opaque", "jwt"]) {
    await run(["client", "update", "short-lived", "--access-token-format", format]);
    await one.apply({});
    await two.apply({});
    const { access_token } = (await asClient("short-lived", SECRET)).json;
    tokens.push(access_token);
    t.equal(await isActive(two, access_token), true);
    t.strictSame(await run(["client", "delete", "short-lived"]), { client_id: "short-lived", deleted: true });
    for (const at of [one, two]) t.equal(await isActive(at, access_token), false);
    await run(["client", "add", "short-lived", ...words], SECRET);
    await one.apply({});
    await two.apply({});
    epochs.push(
      (await sql(one.database, "SELECT token_epoch FROM clients WHERE client_id = 'short-lived'"))[0]!.token_epoch,
    );
    for (const token of tokens)
      for (const at of [one, two]) t.equal(await isActive(at, token), false, "after it came again");
  }
  t.equal(new Set(epochs).size, 3);
  t.equal(await run(["client", "delete", "nobody"]), "there is no client nobody");
});

t.test("an app is deleted with its administrator and its things, and its administrator alone cannot be", async (t) => {
  t.equal(
    await run(["client", "delete", APP.client_id]),
    `${APP.client_id} is the administrator of the app ${APP.app_id}: delete the app instead`,
  );
  const thing = { username: `VENDOR_THING_ID:${THING.vendor_thing_id}`, password: THING.password };
  const { access_token } = (await postJson(one, "/api/oauth2/token", thing, ofApp())).json;
  t.equal(await isActive(two, access_token), true);
  t.strictSame(await run(["client", "delete", APP.app_id]), { client_id: APP.app_id, deleted: true });
  t.equal(await isActive(two, access_token), false);
  // Decisions of an app can be explained until they are too old.
  const left = (await traces(`"${APP.app_id}"`)).filter((table) => table !== "decisions");
  t.strictSame(left, ["deleted_clients", "provisioned_entries"]);
  t.strictSame(await sql(one.database, "SELECT app_id FROM things"), [{ app_id: VENDORS.apps[1]!.app_id }]);
});

t.test("client update changes only the named settings and keeps the secrets", async (t) => {
  const row = async () => (await sql(one.database, "SELECT * FROM clients WHERE client_id = 'elsewhere'"))[0]!;
  const secrets = () => sql(one.database, "SELECT * FROM client_secrets WHERE client_id = 'elsewhere'");
  const [before, kept] = [await row(), await secrets()];
  const ask = () => two.post("/token", { grant_type: "client_credentials", scope: "api1" }, basic("elsewhere", SECRET));
  t.match((await ask()).json, { error: "invalid_client" }, "it may not use the dialect");
  t.strictSame(
    await run(["client", "update", "elsewhere", "--dialects", "oauth2", "--dialects", "simple-identity-server"]),
    {
      client_id: "elsewhere",
      dialects: ["oauth2", "simple-identity-server"],
    },
  );
  await two.apply({});
  t.equal((await ask()).status, 200, "and now it may, with the secret it had");
  const { updated_at: _then, ...rest } = before;
  const { updated_at: _now, ...after } = await row();
  t.strictSame(after, { ...rest, dialects: ["oauth2", "simple-identity-server"] });
  t.strictSame(await secrets(), kept);

  const jwks = { keys: [{ kty: "EC", crv: "P-256", x: "x", y: "y" }] };
  t.match(await run(["client", "update", "elsewhere", "--jwks", JSON.stringify(jwks), "--client-name", "Here"]), {
    jwks,
  });
  t.match(await run(["client", "update", "elsewhere", "--unset", "jwks", "--jwks-uri", "https://a.example/k"]), {
    jwks: null,
  });
  t.match(await run(["client", "update", "elsewhere", "--unset", "jwks-uri", "--unset", "dialects"]), {
    dialects: { length: 5 },
  });
  t.match(await row(), { jwks: null, jwks_uri: null, client_name: "Here", access_token_lifetime: 600 });
  t.match(await run(["client", "update", "elsewhere", "--token-endpoint-auth-method", "client_secret_jwt"]), {
    warnings: [/has only the hash of its secret: jeton client rotate-secret/],
  });
  t.match(await run(["client", "update", "elsewhere", "--token-endpoint-auth-method", "client_secret_basic"]), {
    warnings: undefined,
  });
});

t.test(
  "client update refuses the values that the provisioning file refuses, in one line, and changes nothing",
  async (t) => {
    const before = await sql(one.database, "SELECT * FROM clients ORDER BY client_id");
    const cases: readonly (readonly [flags: readonly string[], message: RegExp])[] = [
      [
        ["--redirect-uris", "https://a.example/", "--redirect-uris", "javascript:alert(1)"],
        /^redirect-uris\.1: must be https/,
      ],
      [["--access-token-lifetime", "long"], /^access-token-lifetime: /],
      [["--access-token-lifetime", "0"], /^access-token-lifetime: /],
      [["--dialects", "latin"], /^dialects\.0: /],
      [["--jwks", "{"], /^jwks: is not JSON$/],
      [["--jwks", '{"keys":[{"kty":"EC","d":"d"}]}'], /^jwks\.keys\.0: must be a public key$/],
      [["--jwks", '{"keys":[]}', "--jwks-uri", "https://a.example/"], /^jwks-uri: must not stand beside jwks/],
      [["--unset", "client-id"], /^unset: there is no setting client-id$/],
      [["--unset", "client-secret"], /^unset: there is no setting client-secret$/],
      [["--unset", "scope", "--scope", "api1"], /^unset: scope is given as well$/],
      [[], /^name a setting/],
    ];
    for (const [flags, message] of cases) t.match(await run(["client", "update", "elsewhere", ...flags]), message);
    t.match(await run(["client", "update", "nobody", "--scope", "api1"]), /^there is no client nobody$/);
    await one.apply({ devices: [{ device_id: "sensor", jwk: { kty: "EC", crv: "P-256", x: "x", y: "y" } }] });
    t.match(await run(["client", "update", "sensor", "--scope", "api1"]), /^sensor is a device: /);
    await sql(one.database, "DELETE FROM clients WHERE client_id = 'sensor'");
    for (const id of [PLAIN_APP.app_id, PLAIN_APP.client_id]) {
      t.match(
        await run(["client", "update", id, "--dialects", "oauth2"]),
        /is of the app app-two-2+: change its entry/,
      );
    }
    t.strictSame(await sql(one.database, "SELECT * FROM clients ORDER BY client_id"), before);
  },
);

t.test("simultaneous updates of one client all take effect, but never combine to an invalid entry", async (t) => {
  const update = (at: Instance, ...flags: string[]) => run(["client", "update", "elsewhere", ...flags], "", at);
  await Promise.all([
    update(one, "--client-name", "Both"),
    update(two, "--access-token-lifetime", "77"),
    update(one, "--scope", "api2"),
  ]);
  const [row] = await sql(
    one.database,
    "SELECT client_name, access_token_lifetime, scope FROM clients WHERE client_id = 'elsewhere'",
  );
  t.strictSame(row, { client_name: "Both", access_token_lifetime: 77, scope: ["api2"] });
  const said = await Promise.all([
    update(one, "--jwks", '{"keys":[]}'),
    update(two, "--jwks-uri", "https://a.example/"),
  ]);
  t.equal(said.filter((one) => typeof one === "object").length, 1, JSON.stringify(said));
});
