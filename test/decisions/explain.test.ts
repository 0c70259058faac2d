import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import t, { type Test } from "tap";
import { checkOf, checksOf } from "../../src/decisions/checks.js";
import { CATALOGUE, type Code } from "../../src/errors/catalogue.js";
import { stateIn } from "../support/dump.js";
import { runCommand } from "../support/commands.js";
import { sql } from "../support/database.js";
import { ALICE, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Form, type Reply } from "../support/instance.js";
import { ownFolder } from "../support/own-folder.js";
import { APP, ofApp, postJson, VENDORS } from "../support/vendors.js";
import { CALLBACK } from "../support/web-fleet.js";

/** Explaining decisions, and deciding them again. */

const WEB = {
  client_id: "web",
  client_secret: SECRET,
  grant_types: ["authorization_code", "refresh_token"],
  scope: "openid api1",
  redirect_uris: [CALLBACK],
  consent: "implicit",
};

const CLIENTS = [
  ...VENDORS.clients,
  WEB,
  { ...WEB, client_id: "strict", require_pkce: true },
  { ...WEB, client_id: "pusher", require_pushed_authorization_requests: true },
  {
    client_id: "bound",
    client_secret: SECRET,
    grant_types: ["client_credentials"],
    scope: "api1",
    dpop_bound_access_tokens: true,
  },
  {
    client_id: "swapper",
    client_secret: SECRET,
    grant_types: ["urn:ietf:params:oauth:grant-type:token-exchange"],
    scope: "api1 api2",
  },
];
const FILE = { ...VENDORS, clients: CLIENTS };

/** The file with some settings of one client changed. */
const changed = (client_id: string, settings: object) => ({
  clients: CLIENTS.filter((one) => one.client_id === client_id).map((one) => ({ ...one, ...settings })),
});

const server = await startInstance(t, { provision: FILE });
const folder = ownFolder(t);

const token = (form: Form, headers: Record<string, string> = {}) => server.post("/oauth2/token", form, headers);
const idOf = ({ headers }: Pick<Reply, "headers">) => headers.get("x-request-id")!;
const explain = (reply: Pick<Reply, "headers">) => runCommand(server, ["explain", idOf(reply)]);
const replay = async (document: object, ...more: string[]) => {
  const file = join(folder, "fleet.json");
  await writeFile(file, JSON.stringify(document));
  return runCommand(server, ["replay", "--with", file, ...more]);
};

const authorize = (parameters: Record<string, string>) =>
  server.send(`/oauth2/authorize?${new URLSearchParams({ response_type: "code", ...parameters })}`);
const PKCE = { code_challenge: createHash("sha256").update("x").digest("base64url"), code_challenge_method: "S256" };
const BACKEND = basic("backend", SECRET);
const SERVICE = { grant_type: "client_credentials" };
const PASSWORD = { grant_type: "password", client_id: "mobile", ...ALICE };

/** Requests in several grants and dialects: each is refused with a code, by a check. */
const REFUSED: readonly (readonly [code: Code, check: string, ask: () => Promise<Pick<Reply, "headers">>])[] = [
  ["grant_type_missing", "grant_type", () => token({ scope: "api1" }, BACKEND)],
  ["grant_type_unsupported", "grant_type", () => token({ grant_type: "magic" }, BACKEND)],
  ["username_missing", "parameters", () => token({ grant_type: "password", client_id: "mobile" })],
  ["client_unknown", "client", () => token(SERVICE, basic("stranger", SECRET))],
  ["client_unknown", "client", () => token(SERVICE, basic("off", SECRET))],
  ["client_unknown", "client", () => server.post("/token", { ...SERVICE, scope: "api1" }, basic("elsewhere", SECRET))],
  ["client_secret_basic_wrong", "authentication", () => token(SERVICE, basic("backend", "wrong"))],
  ["client_secret_post_wrong", "authentication", () => token(SERVICE, basic("poster", SECRET))],
  [
    "client_secret_basic_wrong",
    "authentication",
    () => server.post("/token", { ...SERVICE, scope: "api1" }, basic("backend", "wrong")),
  ],
  ["grant_type_not_allowed", "permission", () => token({ ...SERVICE, client_id: "mobile" })],
  [
    "grant_type_not_allowed",
    "permission",
    () => token({ ...PASSWORD }, BACKEND).then(() => token({ ...ALICE, grant_type: "password" }, BACKEND)),
  ],
  ["response_type_not_allowed", "permission", () => token(SERVICE, basic("narrow", SECRET))],
  ["dpop_proof_missing", "keys", () => token(SERVICE, basic("bound", SECRET))],
  ["target_unknown", "resource", () => token({ ...SERVICE, resource: "https://api1.example/x" }, BACKEND)],
  ["scope_not_allowed", "scope", () => token({ ...SERVICE, scope: "api1 openid" }, BACKEND)],
  ["scope_not_allowed", "scope", () => token({ ...SERVICE, scope: "never-declared" }, BACKEND)],
  ["scope_not_allowed", "scope", () => server.post("/token", { ...SERVICE, scope: "api2" }, basic("header", SECRET))],
  ["resource_owner_credentials_wrong", "credential", () => token({ ...PASSWORD, password: "wrong" })],
  ["resource_owner_credentials_wrong", "credential", () => token({ ...PASSWORD, username: "no such person" })],
  [
    "resource_owner_credentials_wrong",
    "person",
    () => token({ ...PASSWORD, username: "gone", password: "was here once" }),
  ],
  ["scope_not_allowed", "scope", () => token({ ...PASSWORD, scope: "api2" })],
  [
    "refresh_token_invalid",
    "credential",
    () => token({ grant_type: "refresh_token", client_id: "mobile", refresh_token: "x" }),
  ],
  ["code_invalid", "credential", () => token({ grant_type: "authorization_code", code: "x" }, basic("web", SECRET))],
  ["subject_token_invalid", "credential", () => exchange("x")],
  ["token_missing", "parameters", () => server.post("/oauth2/revoke", { token_type_hint: "access_token" }, BACKEND)],
  [
    "client_secret_basic_wrong",
    "authentication",
    () => server.post("/oauth2/introspect", { token: "x" }, basic("gateway", "wrong")),
  ],
  [
    "redirect_uri_unknown",
    "redirect_uri",
    () => authorize({ client_id: "web", redirect_uri: "https://web.example/elsewhere" }),
  ],
  [
    "pushed_request_required",
    "request_object",
    () => authorize({ client_id: "pusher", redirect_uri: CALLBACK, ...PKCE }),
  ],
  ["code_challenge_missing", "pkce", () => authorize({ client_id: "strict", redirect_uri: CALLBACK })],
  ["login_required", "login", () => authorize({ client_id: "web", redirect_uri: CALLBACK, prompt: "none", ...PKCE })],
  [
    "resource_owner_credentials_wrong",
    "credential",
    () => postJson(server, "/api/oauth2/token", { username: "hana", password: "x" }, ofApp()),
  ],
];

const exchange = (subject_token: string, form: Form = {}) =>
  token(
    {
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      subject_token,
      subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
      ...form,
    },
    basic("swapper", SECRET),
  );

t.test("every code of the catalogue belongs to one check", async (t) => {
  const known = new Set([
    ...checksOf("token", "password"),
    ...checksOf("authorize", undefined),
    "rules",
    "limits",
    "server",
  ]);
  for (const code of Object.keys(CATALOGUE) as Code[]) t.ok(known.has(checkOf(code)), `${code}: ${checkOf(code)}`);
});

t.test("a refusal is explained by the id of its answer alone", async (t) => {
  for (const [code, check, ask] of REFUSED) {
    const reply = await ask();
    const said = await explain(reply);
    t.match(
      said,
      {
        id: idOf(reply),
        outcome: "refused",
        refusal: { code, check, remedy: CATALOGUE[code].remedy },
        today: { outcome: "refused", says: /the same today/ },
        asked: / asked for /,
      },
      `${code} by ${check}`,
    );
    const results: { check: string; result: string }[] = said.checks;
    t.strictSame(
      results.filter(({ result }) => result === "refused").map((one) => one.check),
      [check],
    );
  }
});

t.test("a granted request is explained too", async (t) => {
  const reply = await token(PASSWORD);
  const said = await explain(reply);
  t.match(said, {
    outcome: "granted",
    today: { outcome: "granted" },
    facts: { sub: "user-alice", client_id: "mobile" },
  });
  t.ok(said.checks.every(({ result }: { result: string }) => result === "passed"));
  t.notOk("refusal" in said);
  t.match(await runCommand(server, ["decision", "show", idOf(reply)]), { id: idOf(reply) });
});

t.test("DE-02 an id that is made up is refused, and one that is unknown is not found", async (t) => {
  t.match(await runCommand(server, ["explain", "made-up"]), /is no X-Request-Id/);
  t.match(await runCommand(server, ["explain", "00000000-0000-4000-8000-000000000000"]), /no decision .* is kept/);
});

t.test("DE-01 markup and secrets in every field are not in the explanation", async (t) => {
  const marked = `<script>alert(1)</script>${SECRET}`;
  const fields = {
    scope: marked,
    resource: marked,
    username: marked,
    password: marked,
    redirect_uri: marked,
    code: marked,
  };
  for (const grant_type of ["client_credentials", "password", "authorization_code", marked]) {
    for (const client_id of ["backend", "web", marked]) {
      const reply = await token(
        { grant_type, ...fields },
        { ...basic(client_id, marked), "User-Agent": "<b>agent</b>" },
      );
      const right = await token({ grant_type, ...fields }, basic(client_id, SECRET));
      for (const one of [reply, right]) t.notMatch(JSON.stringify(await explain(one)), /alert|a-secret-of/);
    }
  }
  const text = encodeURIComponent(marked);
  const page = await authorize({
    client_id: "web",
    redirect_uri: `https://web.example/${text}`,
    scope: marked,
    state: marked,
  });
  t.notMatch(JSON.stringify(await explain(page)), /alert|a-secret-of/);
});

async function grants(t: Test): Promise<void> {
  const granted = async (reply: Promise<Reply>) => {
    const { status, json } = await reply;
    t.equal(status, 200, json.error_description);
    return json;
  };
  const { access_token, refresh_token } = await granted(token({ ...PASSWORD, scope: "openid api1 offline_access" }));
  await granted(token({ grant_type: "refresh_token", client_id: "mobile", refresh_token }));
  await granted(token({ grant_type: "refresh_token", client_id: "mobile", refresh_token, scope: "api1" }));
  await granted(token(SERVICE, BACKEND));
  await granted(token({ ...SERVICE, scope: "api2 api1" }, BACKEND));
  await granted(token({ ...SERVICE, resource: "https://api1.example" }, BACKEND));
  await granted(server.post("/token", { ...SERVICE, scope: "api1" }, basic("header", SECRET)));
  await granted(
    postJson(server, "/api/oauth2/token", { client_id: APP.client_id, client_secret: APP.client_secret }, ofApp()),
  );
  await exchange(access_token);
  await server.post("/oauth2/introspect", { token: access_token }, basic("backend", "wrong"));
  await server.post("/oauth2/revoke", { client_id: "mobile", token: access_token });
}

t.test("decided again under the unchanged configuration, every decision comes out as it did", async (t) => {
  await grants(t);
  const found = await replay({});
  t.ok(found.decided > 40, `${found.decided} decisions`);
  t.match(found, { different: 0, open: 0, differences: [] });
  t.match(await replay(FILE), { different: 0, open: 0 }, "a file that was applied changes nothing");
});

t.test("a replay finds what a file would change, and nothing else, and has no effect", async (t) => {
  const before = await stateIn(server.database);
  const cases: readonly (readonly [
    what: string,
    document: object,
    kinds: RegExp,
    count: (number: number) => boolean,
  ])[] = [
    [
      "a scope more",
      changed("header", { scope: "api1 api2" }),
      /^refused: scope_not_allowed → granted$/,
      (n) => n === 1,
    ],
    [
      "a scope less",
      changed("backend", { scope: "api1 plain" }),
      /^granted.* → (granted with|refused: scope_not_allowed)/,
      (n) => n >= 2,
    ],
    ["a client that is disabled", changed("header", { disabled: true }), /→ refused: client_unknown$/, (n) => n >= 2],
    [
      "a redirect URI more",
      changed("web", { redirect_uris: [CALLBACK, "https://web.example/elsewhere"] }),
      /redirect_uri_unknown → open/,
      (n) => n === 1,
    ],
    ["no PKCE demanded", changed("strict", { require_pkce: false }), /code_challenge_missing → open/, (n) => n === 1],
    [
      "no proof demanded",
      changed("bound", { dpop_bound_access_tokens: false }),
      /dpop_proof_missing → granted/,
      (n) => n === 1,
    ],
    ["a shorter lifetime", changed("narrow", { access_token_lifetime: 60 }), /./, (n) => n === 0],
    [
      "a shorter lifetime of tokens in use",
      changed("backend", { access_token_lifetime: 60 }),
      /lifetime "60"$/,
      (n) => n >= 3,
    ],
    [
      "another method",
      changed("header", { token_endpoint_auth_method: "client_secret_post" }),
      /→ refused: client_secret_post_wrong$/,
      (n) => n >= 1,
    ],
    [
      "a user who is disabled",
      { users: [{ ...VENDORS.users[0], disabled: true }] },
      /→ refused: (resource|refresh)/,
      (n) => n >= 3,
    ],
    [
      "a user who is enabled",
      { users: [{ ...VENDORS.users[2], disabled: false }] },
      /credentials_wrong → granted/,
      (n) => n === 1,
    ],
    [
      "a rule of exchange",
      changed("swapper", {
        token_exchange: [{ kind: "impersonation", subject_clients: ["mobile"], scopes: ["api1"] }],
      }),
      /exchange_not_allowed → granted/,
      (n) => n === 1,
    ],
  ];
  for (const [what, document, kind, isRight] of cases) {
    const { decided, same, different, open, kinds, differences } = await replay(document);
    t.ok(isRight(different + open), `${what}: ${different + open}, ${JSON.stringify(kinds)}`);
    t.equal(decided, same + different + open);
    for (const { change } of kinds) t.match(change, kind, what);
    for (const one of differences) t.match(one, { id: String, decided_at: String, without_the_file: false });
  }
  t.match(await replay({ clients: [{ client_id: 1 }] }), /clients\[0\].client_id/, "a faulty file has its place");
  t.match(await replay({}, "--since", "0s"), { decided: 0 });
  t.strictSame(await stateIn(server.database), before);
});

t.test("today changes with the configuration", async (t) => {
  const refused = await token({ ...SERVICE, scope: "api2" }, basic("header", SECRET));
  const login = await token({ ...PASSWORD, scope: "openid api1" });
  await server.apply({ ...FILE, clients: changed("header", { scope: "api1 api2" }).clients });
  t.match(await explain(refused), { today: { outcome: "granted", scope: ["api2"], says: /would be granted today/ } });
  t.match(await replay({}), { different: 2, differences: [{ without_the_file: true }] });
  await runCommand(server, ["user", "disable", "user-alice"]);
  t.match(await explain(login), {
    today: { outcome: "refused", check: "person", says: /refused today with resource_owner_credentials_wrong/ },
    since: ["everything of the user was ended since: their tokens, grants and sessions"],
  });
});

t.test("decisions are listed by client, user and code, page by page", async (t) => {
  const of = async (...words: string[]) => runCommand(server, ["decision", "list", ...words]);
  const all: { decided_at: string; client_id?: string; sub?: string; code?: string }[] = await of();
  t.ok(all.length > 40);
  const times = all.map(({ decided_at }) => decided_at);
  t.strictSame(times, times.toSorted().reverse(), "the latest first");
  t.strictSame(
    await of("--client", "backend"),
    all.filter(({ client_id }) => client_id === "backend"),
  );
  t.strictSame(
    await of("--user", "alice"),
    all.filter(({ sub }) => sub === "user-alice"),
  );
  t.strictSame(
    await of("--code", "client_unknown"),
    all.filter(({ code }) => code === "client_unknown"),
  );
  const until = all[10]!.decided_at;
  t.strictSame(
    await of("--until", until),
    all.filter(({ decided_at }) => decided_at < until),
  );
  t.strictSame(
    await of("--since", until),
    all.filter(({ decided_at }) => decided_at >= until),
  );
  t.match(await of("--client", "backend", "--code", "client_unknown"), /only one of client, user and code/);
  t.match(await of("--code", "made_up"), /no code of docs\/errors.md/);
  const plan = await sql(server.database, "SELECT count(*)::int AS n FROM decisions");
  t.equal(plan[0]!.n, all.length);
});
