import t from "tap";
import { ADMIN_CLIENTS, adminCalls, adminToken } from "../support/admin-api.js";
import { runCommand } from "../support/commands.js";
import { sql } from "../support/database.js";
import { stateIn } from "../support/dump.js";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { startInstance } from "../support/instance.js";
import { isActive, introspect, logIn, refresh } from "../support/tokens.js";

/** Commands on users, clients, limits and keys, on the core of one server. */
t.test("administrators list and change people, clients, limits and keys", async (t) => {
  const MARKUP = "<img src=x onerror=alert(1)>";
  const more = ["anna", "Annabel", "annette", "ann%", "zoë"].map((preferred_username, index) => ({
    sub: `user-${index}`,
    preferred_username,
    name: MARKUP,
    password: SECRET,
    ...(index === 0 ? { roles: ["jeton:admin"] } : {}),
  }));
  const clients = [...FLEET.clients, ...ADMIN_CLIENTS];
  const provision = { ...FLEET, clients, users: [...FLEET.users, ...more] };
  const server = await startInstance(t, { provision, env: { ADMIN: "on" } });
  const does = (...words: string[]) => runCommand(server, words);
  const named = (list: readonly { preferred_username: string }[]) => list.map((one) => one.preferred_username);

  t.test("user list finds users by an identifier, by the beginning of the login name and by role", async (t) => {
    t.strictSame(named(await does("user", "list")).sort(), [
      "Alice",
      "Annabel",
      "ann%",
      "anna",
      "annette",
      "bob",
      "gone",
      "zoë",
    ]);
    t.strictSame(named(await does("user", "list", "--login-prefix", "ANN")), ["ann%", "anna", "Annabel", "annette"]);
    t.strictSame(named(await does("user", "list", "--login-prefix", "ann%")), ["ann%"], "a percent sign is a letter");
    t.strictSame(named(await does("user", "list", "--login-prefix", "zo")), ["zoë"]);
    t.strictSame(await does("user", "list", "--login-prefix", "b%"), []);
    for (const name of ["ALICE@example.com", "alice", "user-alice", "+49 30 123456"]) {
      t.strictSame(named(await does("user", "list", "--identifier", name)), ["Alice"], name);
    }
    t.strictSame(await does("user", "list", "--identifier", "bob@example.com"), [], "an unverified address is none");
    t.strictSame(named(await does("user", "list", "--role", "jeton:admin")), ["anna"]);
    t.strictSame(named(await does("user", "list", "--disabled")), ["gone"]);
    t.strictSame(await does("user", "list", "--disabled", "--identifier", "alice"), []);
  });

  t.test("user show has claims and identifiers, and no hash", async (t) => {
    const shown = await does("user", "show", "alice");
    t.match(shown, {
      sub: "user-alice",
      email: "alice@example.com",
      claims: { name: "Alice Example" },
      roles: ["user", "editor"],
      has_password: true,
      app_id: null,
      identifiers: [
        { kind: "email", value: "alice@example.com" },
        { kind: "login", value: "alice" },
        { kind: "phone", value: "+4930123456" },
      ],
    });
    t.strictSame(await does("user", "identifiers", "alice"), shown.identifiers);
    t.notMatch(JSON.stringify(shown), /argon2|hash/);
    t.equal((await does("user", "show", "anna")).claims.name, MARKUP, "markup is text");
    t.equal(await does("user", "show", "nobody"), "there is no user nobody");
  });

  t.test("user update changes the named settings, and the others stay", async (t) => {
    const before = await does("user", "show", "bob");
    const changed = await does(
      "user",
      "update",
      "bob",
      "--email",
      "Bob@example.org",
      "--roles",
      "a",
      "--roles",
      "b",
      "--claims",
      '{"level": 3}',
    );
    t.strictSame(changed, { sub: "user-bob", email: "Bob@example.org", roles: ["a", "b"], level: 3 });
    const after = await does("user", "show", "bob");
    t.match(after, {
      email: "Bob@example.org",
      email_verified: false,
      roles: ["a", "b"],
      claims: { level: 3 },
      has_password: true,
    });
    t.ok(after.updated_at > before.updated_at);
    t.equal((await logIn(server, { username: "bob", password: "hunter2 hunter2" })).status, 200, "the password stays");

    t.test("a verified address is an identifier, and another address is not verified by that", async (t) => {
      await does("user", "update", "bob", "--email-verified");
      t.match(await does("user", "identifiers", "bob"), [
        { kind: "email", value: "bob@example.org" },
        { kind: "login" },
      ]);
      t.strictSame(await does("user", "update", "bob", "--email", "bob@example.net"), {
        sub: "user-bob",
        email: "bob@example.net",
        email_verified: null,
      });
      t.strictSame(await does("user", "identifiers", "bob"), [{ kind: "login", value: "bob" }]);
      t.strictSame(await does("user", "update", "bob", "--email", "bob@example.net", "--email-verified"), {
        sub: "user-bob",
        email_verified: true,
      });
      t.equal((await does("user", "list", "--identifier", "bob@example.net")).length, 1);
    });

    t.test("--unset removes settings and claims", async (t) => {
      const gone = { sub: "user-bob", email: null, email_verified: null, roles: null, level: null };
      const flags = ["email", "email-verified", "roles", "level"].flatMap((name) => ["--unset", name]);
      t.strictSame(await does("user", "update", "bob", ...flags), gone);
      t.match(await does("user", "show", "bob"), { email: null, email_verified: false, roles: [], claims: {} });
    });

    t.test("a login name changes, and that of another user is refused", async (t) => {
      t.strictSame(await does("user", "update", "bob", "--preferred-username", "Robert"), {
        sub: "user-bob",
        preferred_username: "Robert",
      });
      t.equal((await logIn(server, { username: "robert", password: "hunter2 hunter2" })).status, 200);
      t.equal((await logIn(server, { username: "bob", password: "hunter2 hunter2" })).status, 400);
      const inUse = "the login name, email or phone number is in use";
      t.equal(await does("user", "update", "robert", "--preferred-username", "ALICE"), inUse);
      t.equal(await does("user", "update", "robert", "--email", "alice@example.com", "--email-verified"), inUse);
      t.equal((await does("user", "show", "robert")).preferred_username, "Robert", "nothing is changed");
      await does("user", "update", "robert", "--preferred-username", "bob");
    });

    t.test("a faulty setting is refused in one line", async (t) => {
      const cases = [
        [[], /^name a setting: --email E, or --unset email$/],
        [["--email", "none"], /^email: must be an email address$/],
        [["--phone-number", "12"], /^phone-number: must be a valid number/],
        [["--unset", "sub"], /^unset: there is no setting sub$/],
        [["--unset", "nickname"], /^unset: there is no setting nickname$/],
        [["--unset", "email", "--email", "a@b.example"], /^unset: email is given as well$/],
        [["--claims", '{"password": "x"}'], /^claims.password: is no claim/],
        [["--claims", '{"client_secret": "x"}'], /^client-secret: is no claim/],
        [["--claims", '{"iss": "x"}'], /^iss: is a claim about tokens/],
        [["--claims", "{"], /^claims: is not JSON$/],
        [["--preferred-username", "a@b.example"], /^preferred-username: looks like an email address$/],
      ] as const;
      for (const [flags, message] of cases)
        t.match(await does("user", "update", "bob", ...flags), message, flags.join(" "));
      t.equal(await does("user", "update", "nobody", "--roles", "x"), "there is no user nobody");
    });
  });

  t.test("two changes of one user at once are both kept", async (t) => {
    await Promise.all([
      does("user", "update", "annette", "--roles", "one"),
      does("user", "update", "annette", "--email", "an@example.com"),
    ]);
    t.match(await does("user", "show", "annette"), { roles: ["one"], email: "an@example.com" });
  });

  t.test("a change of roles counts with the next tokens, and --disabled ends the present ones at once", async (t) => {
    const { access_token, refresh_token } = (await logIn(server)).json;
    await does("user", "update", "alice", "--roles", "reader");
    const renewed = (await refresh(server, refresh_token)).json;
    t.match(
      (await server.send("/oauth2/userinfo", { headers: { authorization: `Bearer ${renewed.access_token}` } })).json,
      {
        role: ["reader"],
      },
    );
    t.equal(await isActive(server, access_token), true);
    t.strictSame(await does("user", "update", "alice", "--disabled"), { sub: "user-alice", disabled: true });
    t.equal(await isActive(server, access_token), false);
    t.equal((await refresh(server, renewed.refresh_token)).status, 400);
    t.strictSame(await does("user", "update", "alice", "--no-disabled"), { sub: "user-alice", disabled: null });
    t.equal(await isActive(server, access_token), false, "a user who is enabled again gets no token back");
    t.equal((await logIn(server)).status, 200);
  });

  t.test("consent list and consent withdraw", async (t) => {
    const consent =
      "INSERT INTO consents SELECT 'user-alice', client_id, '{openid}', now() FROM clients WHERE client_id = ANY ($1)";
    await sql(server.database, consent.replace("$1", "'{mobile,desktop,tablet}'"));
    const { access_token } = (await logIn(server)).json;
    const list = await does("consent", "list", "--user", "alice");
    t.strictSame(
      list.map((one: { client_id: string }) => one.client_id),
      ["desktop", "mobile", "tablet"],
    );
    t.match(list[1], { sub: "user-alice", preferred_username: "Alice", scope: ["openid"], given_at: String });
    const withdrawn = { sub: "user-alice", client_id: "mobile", withdrawn: true };
    t.strictSame(await does("consent", "withdraw", "alice", "--client", "mobile"), withdrawn);
    t.equal(await isActive(server, access_token), false);
    t.equal((await does("consent", "list", "--user", "alice")).length, 2);
    t.equal(await does("consent", "withdraw", "alice", "--client", "mobile"), "user-alice has allowed mobile nothing");
    t.equal(await does("consent", "list"), "missing flag: --user");
  });

  t.test("client list filters, and client usage tells which dialects a client uses", async (t) => {
    const ids = async (...flags: string[]) =>
      (await does("client", "list", ...flags)).map((one: { client_id: string }) => one.client_id);
    t.strictSame(await ids("--search", "DESK"), ["desktop"]);
    t.strictSame(await ids("--search", "%"), []);
    t.strictSame(await ids("--disabled"), ["off"]);
    t.strictSame(await ids("--scope", "jeton:admin"), ["admin", "admin-all", "jeton-console"]);
    t.strictSame(await ids("--grant-type", "refresh_token"), ["desktop", "mobile", "tablet"]);
    t.strictSame(await ids("--registered"), []);
    t.strictSame(await ids("--dialect", "kii", "--scope", "jeton:introspect"), ["gateway"]);

    await server.core.usage.flush();
    t.match(await does("client", "usage", "mobile"), [{ client_id: "mobile", dialect: "oauth2", uses: Number }]);
    t.equal(await does("client", "usage", "nobody"), "there is no client nobody");
    const uses = await does("dialects", "usage", "--dialect", "oauth2", "--since", "1h");
    t.ok(uses.some((one: { client_id: string }) => one.client_id === "mobile"));
    t.strictSame(await does("dialects", "usage", "--dialect", "kii"), []);
    t.strictSame(await does("dialects", "usage", "--unused-for", "1h"), []);
  });

  t.test("limit show tells who is slowed or locked, and limit forgive resets it", async (t) => {
    await sql(server.database, "DELETE FROM tries");
    await logIn(server, { username: "zoë", password: "wrong" });
    // As after ten attempts, without waiting between them.
    await sql(server.database, "UPDATE tries SET count = 10, blocked_until = now() + interval '15 minutes'");
    const locked = { on: "account", attempts: 10, state: "locked", blocked_until: String, reset_at: String };
    t.match(await does("limit", "show", "zoë"), [locked]);
    t.strictSame(await does("limit", "count"), { counters: 2, waiting: 2, is_all: true });
    t.match(await does("limit", "show", "127.0.0.1"), [{ on: "network", state: "slowed" }]);
    t.match(await does("limit", "forgive", "zoë"), { who: "zoë", forgiven: ["account"] });
    t.strictSame(await does("limit", "show", "zoë"), []);
    const record =
      "SELECT record ->> 'user' AS sub, record -> 'by' ->> 'id' AS by FROM audit_pending WHERE record ->> 'what' = 'forgiven'";
    t.strictSame(await sql(server.database, record), [{ sub: "user-4", by: "test" }]);
    t.match(await does("limit", "forgive", "::ffff:127.0.0.1"), { forgiven: ["network"] });
    t.match(await does("limit", "count"), { waiting: 0 });
    t.equal((await logIn(server, { username: "zoë", password: SECRET })).status, 200);

    await logIn(server, { username: "ghost", password: "x" });
    t.match(await does("limit", "show", "GHOST"), [{ on: "name", attempts: 1, state: "free", blocked_until: null }]);
    t.match(await does("limit", "forgive", "ghost"), { forgiven: ["name"] });
    t.match(await does("limit", "forgive", "::ffff:127.0.0.1"), { forgiven: ["network"] });
    t.ok(
      (await does("limit", "list")).some(
        ({ on, free_attempts }: Record<string, unknown>) => on === "account" && free_attempts === 5,
      ),
    );
  });

  await t.test("keys list says when each key may be removed and why, and keys remove does it no earlier", async (t) => {
    const before = (await introspect(server, (await logIn(server)).json.access_token)).json;
    t.ok(before.active);
    const [first] = (await does("keys", "list")).filter(
      ({ alg, state }: Record<string, string>) => alg === "ES256" && state === "current",
    );
    t.match(first, { age: Number, removable_from: null, because: "it signs" });
    t.equal(await does("keys", "remove", first.kid), `${first.kid} cannot be removed: it signs`);
    await does("keys", "rotate");
    const [retired] = (await does("keys", "list")).filter(({ kid }: Record<string, string>) => kid === first.kid);
    t.match(retired, { state: "retired", removable_from: String, because: /^tokens that it signed/ });
    t.match(
      await does("keys", "remove", first.kid),
      `${first.kid} can be removed from ${retired.removable_from} on: tokens`,
    );
    await does("keys", "rotate", "--leaked");
    t.match(
      (await does("keys", "list")).find(({ kid }: Record<string, string>) => kid === first.kid),
      { because: /^no token/ },
    );
    t.strictSame(await does("keys", "remove", first.kid), { kid: first.kid, removed: true });
    t.equal(await does("keys", "remove", first.kid), `there is no key ${first.kid}`);
    t.equal((await logIn(server, { ...ALICE })).status, 200);
  });

  const call = await adminCalls(server);
  const token = await adminToken(server);

  t.test("every list of the Admin API answers as its description says", async (t) => {
    const lists = ["users", "clients", "dialects/usage", "keys", "limits", "limits/count", "scopes", "audiences"];
    const uma = ["uma-resources", "uma-policies", "uma-decisions", "uma-approvals?owner=user-alice"];
    const subjects = [
      "users/alice",
      "users/alice/identifiers",
      "clients/backend/usage",
      "consents?user=alice",
      "limits/alice",
    ];
    const scopes = ["scopes/api1", "scopes/api1/clients", "audiences/https%3A%2F%2Fapi1.example/clients?servers=true"];
    for (const path of [...lists, ...uma, ...subjects, ...scopes, "configuration/export?sections=users"]) {
      t.equal((await call(t, "GET", `/${path}`, { token })).status, 200, path);
    }
    for (const path of ["users/x", "scopes/x", "audiences/x", "uma-resources/x", "uma-policies/x", "clients/x/usage"]) {
      t.equal((await call(t, "GET", `/${path}`, { token })).status, 404, path);
    }
    const both = "/uma-approvals?owner=a&resource=b";
    t.match(await call(t, "GET", both, { token }), {
      status: 400,
      json: { detail: "give either --owner or --resource" },
    });
  });

  t.test("a page of users goes on where the last one ended, with the same filters only", async (t) => {
    const page = async (query: string) =>
      (await call(t, "GET", `/users?limit=2&login_prefix=ann${query}`, { token })).json;
    const first = await page("");
    t.strictSame(named(first.items), ["ann%", "anna"]);
    const second = await page(`&cursor=${first.next}`);
    t.strictSame([named(second.items), second.next], [["Annabel", "annette"], undefined]);
    const others = `/users?limit=2&login_prefix=bob&cursor=${first.next}`;
    t.equal((await call(t, "GET", others, { token })).status, 400);
  });

  t.test("of two administrators who change what they have seen, the second learns of the first", async (t) => {
    const cases = [
      ["/users/bob", { name: "Bob" }, { name: "Robert" }],
      ["/clients/kiosk", { client_name: "One" }, { client_name: "Two" }],
    ] as const;
    for (const [path, one, two] of cases) {
      const seen = String((await call(t, "GET", path, { token })).headers.get("etag"));
      const patch = (body: object, tag: string) =>
        call(t, "PATCH", path, { token, body, headers: { "If-Match": tag } });
      const both = await Promise.all([patch(one, seen), patch(two, seen)]);
      t.strictSame(both.map(({ status }) => status).sort(), [200, 412], path);
      const fresh = String((await call(t, "GET", path, { token })).headers.get("etag"));
      t.not(fresh, seen);
      t.equal((await patch(one, fresh)).status, 200);
    }
  });

  t.test(
    "AM-06 an administrator gives no powers beyond their own, and takes over no account that has more",
    async (t) => {
      const ofUsers = await adminToken(server, "users");
      const ofClients = await adminToken(server, "clients");
      const refused = [
        [ofUsers, "PATCH", "/users/bob", { roles: ["jeton:admin"] }],
        [ofUsers, "PATCH", "/users/bob", { roles: ["jeton:admin:read"] }],
        [ofUsers, "POST", "/users", { preferred_username: "mallory", roles: ["jeton:admin"] }],
        [ofUsers, "POST", "/users/anna/passwd", {}],
        [ofUsers, "PATCH", "/users/anna", { email: "mallory@example.com", email_verified: true }],
        [ofUsers, "POST", "/users/anna/disable", undefined],
        [ofUsers, "DELETE", "/users/anna", undefined],
        [ofClients, "POST", "/clients", { client_id: "mallory", scope: "jeton:admin" }],
        [ofClients, "PATCH", "/clients/backend", { scope: "api1 jeton:admin:keys" }],
        [ofClients, "PATCH", "/clients/admin", { client_name: "x" }],
        [ofClients, "POST", "/clients/admin/rotate-secret", {}],
        [ofClients, "DELETE", "/clients/admin-keys", undefined],
      ] as const;
      const before = await stateIn(server.database);
      for (const [token, method, path, body] of refused) {
        t.equal(
          (await call(t, method, path, { token, body })).status,
          403,
          `${method} ${path} ${JSON.stringify(body)}`,
        );
      }
      const after = await stateIn(server.database);
      for (const table of ["users", "clients", "client_secrets"]) t.strictSame(after[table], before[table], table);
      t.equal(
        (await call(t, "PATCH", "/users/bob", { token: ofUsers, body: { roles: ["jeton:admin:users"] } })).status,
        200,
      );
      t.equal((await call(t, "POST", "/users/bob/passwd", { token: ofUsers, body: {} })).status, 200);
    },
  );

  t.test("a provisioning file is compared and applied through the Admin API", async (t) => {
    const description = "x".repeat(900);
    const scopes = Array.from({ length: 200 }, (_one, index) => ({ name: `scope-${index}`, description }));
    const body = { document: { scopes } };
    const reader = await adminToken(server, "read");
    const diff = await call(t, "POST", "/configuration/diff", { token: reader, body });
    t.match(diff, { status: 200, json: { length: 200, 199: { section: "scopes", id: "scope-199", change: "added" } } });
    t.equal((await call(t, "POST", "/configuration/apply", { token: reader, body })).status, 403);
    t.match(await call(t, "POST", "/configuration/apply", { token, body }), { status: 200, json: { written: 200 } });
    const faulty = { document: { users: [{ sub: "u" }] } };
    t.match(await call(t, "POST", "/configuration/apply", { token, body: faulty }), {
      status: 400,
      json: { detail: /^users\[0\]\.preferred_username/ },
    });
    t.equal((await call(t, "POST", "/configuration/diff", { body })).status, 401, "before the body is read");
  });

  t.test("each change is attributed to its caller, whatever it consists of", async (t) => {
    const tables = [
      "users",
      "user_identifiers",
      "clients",
      "client_secrets",
      "consents",
      "grants",
      "signing_keys",
      "scopes",
    ];
    await sql(server.database, "CREATE TABLE actors (changed text NOT NULL, actor text)");
    await sql(
      server.database,
      `CREATE FUNCTION note_actor() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         INSERT INTO actors VALUES (TG_TABLE_NAME, current_setting('jeton.actor', true)); RETURN NULL; END $$`,
    );
    for (const table of tables) {
      const change = `AFTER INSERT OR UPDATE OR DELETE ON ${table} EXECUTE FUNCTION note_actor()`;
      await sql(server.database, `CREATE TRIGGER note_actor ${change}`);
    }
    const document = { scopes: [{ name: "one-more" }], users: [{ sub: "user-new", preferred_username: "new" }] };
    const changes = [
      ["PATCH", "/users/bob", { preferred_username: "bobby" }],
      ["POST", "/users/bob/disable", undefined],
      ["DELETE", "/users/user-1", undefined],
      ["POST", "/consents/alice/withdraw", { client: "tablet" }],
      ["POST", "/clients", { client_id: "passing" }],
      ["PATCH", "/clients/passing", { client_name: "Passing" }],
      ["POST", "/clients/passing/rotate-secret", {}],
      ["DELETE", "/clients/passing", undefined],
      ["POST", "/keys/rotate", { leaked: true }],
      ["POST", "/configuration/apply", { document }],
    ] as const;
    let current = token;
    for (const [method, path, body] of changes) {
      const subject = path === "/users/bob/disable" ? "/users/user-bob/disable" : path;
      const reply = await call(t, method, subject, { token: current, body });
      t.ok(reply.status < 300, `${method} ${path}: ${reply.text}`);
      if (path === "/keys/rotate") current = await adminToken(server);
    }
    const seen = await sql(
      server.database,
      "SELECT DISTINCT changed, (actor::jsonb) ->> 'id' AS id FROM actors ORDER BY 1",
    );
    const expected = tables.filter((table) => table !== "grants").sort();
    t.strictSame(
      seen.filter(({ changed }) => changed !== "grants"),
      expected.map((changed) => ({ changed, id: "admin-all" })),
    );
  });
});
