import t from "tap";
import { chooseDialects, DIALECT_NAMES } from "../../src/dialects/index.js";
import { after, TestClock } from "../support/clock.js";
import { decided } from "../support/decided.js";
import { basic, startInstance, type Instance, type Reply } from "../support/instance.js";
import { SECRET } from "../support/fleet.js";
import { sql } from "../support/database.js";
import { allow, json, PARTIES, pat, PHOTO, register, ticketFor, type Pat } from "../support/uma.js";

const STRANGER = "A".repeat(22);

/** The path prefixes of the protection API, in any dialect. */
const PROTECTED = /^\/(uma|perm|rs|policies)(\/|$)/;

t.test("UM-05 the protection API requires a token with its scope", async (t) => {
  const clock = new TestClock();
  const server = await startInstance(t, { provision: PARTIES, clock });
  const expired = await pat(server);
  clock.advance(600);
  const revoked = await pat(server);
  await server.post("/oauth2/revoke", { token: revoked.Authorization.slice(7) }, basic("photos", SECRET));
  const attempts: Record<string, [object, number, string | RegExp]> = {
    "no token": [{}, 401, 'Bearer realm="jeton", scope="uma_protection"'],
    "a secret": [basic("photos", SECRET), 401, 'Bearer realm="jeton", scope="uma_protection"'],
    garbage: [{ Authorization: "Bearer x" }, 401, /error="invalid_token"/],
    revoked: [revoked, 401, /error="invalid_token"/],
    expired: [expired, 401, /error="invalid_token"/],
    "of a person who is gone": [await pat(server, "photos", "user-nobody"), 401, /error="invalid_token"/],
    "another scope": [
      await pat(server, "photos", undefined, ["api1"]),
      403,
      /insufficient_scope.*scope="uma_protection"/,
    ],
    "a scope that was taken from its client": [await pat(server, "no-protector"), 403, /insufficient_scope/],
    "a scope that begins alike": [
      await pat(server, "photos", undefined, ["uma_protection2"]),
      403,
      /insufficient_scope/,
    ],
  };
  const requests: [string, string, unknown?][] = [
    ["POST", "/uma/resources", PHOTO],
    ["GET", "/uma/resources"],
    ["GET", `/uma/resources/${STRANGER}`],
    ["PUT", `/uma/resources/${STRANGER}`, PHOTO],
    ["DELETE", `/uma/resources/${STRANGER}`],
    ["POST", "/uma/permissions", { resource_id: STRANGER, resource_scopes: [] }],
    ["POST", "/uma/policies", { resource_ids: [STRANGER], rules: [{ clients: ["x"] }] }],
    ["GET", "/uma/policies"],
    ["GET", `/uma/policies/${STRANGER}`],
    ["PUT", `/uma/policies/${STRANGER}`, { rules: [{ clients: ["x"] }] }],
    ["DELETE", `/uma/policies/${STRANGER}`],
    ["POST", `/uma/policies/${STRANGER}/resources`, { resources: [STRANGER] }],
    ["DELETE", `/uma/policies/${STRANGER}/resources/${STRANGER}`],
  ];
  for (const [name, [headers, status, challenge]] of Object.entries(attempts)) {
    for (const [method, path, body] of requests) {
      const reply = await json(server, method, path, body, headers);
      t.equal(reply.status, status, `${name}: ${method} ${path}`);
      t.match(reply.headers.get("www-authenticate"), challenge);
    }
  }
  for (const body of [undefined, "{", "7"]) {
    for (const path of ["/uma/resources", "/uma/permissions", "/uma/policies"]) {
      t.equal((await json(server, "POST", path, body)).status, 401, `${path}: who asks comes before what is asked`);
    }
  }
  for (const [method, path, body] of [
    ["POST", "/perm", { resource_set_id: "x", scopes: ["view"] }],
    ["GET", "/rs/resource_set"],
    ["GET", "/policies"],
  ] as const) {
    t.equal((await json(server, method, path, body)).status, 401, `${method} ${path}`);
    t.equal((await json(server, method, path, body, attempts["another scope"]![0])).status, 401);
  }

  t.test("every protected path of every dialect requires a PAT before it reads the body", async (t) => {
    const dialects = chooseDialects({ DIALECTS: DIALECT_NAMES, ROOT_METADATA: undefined }, server.url);
    const endpoints = dialects.flatMap((dialect) => dialect.endpoints);
    const guarded = endpoints.filter(({ path }) => PROTECTED.test(path));
    t.equal(guarded.length, 29);
    for (const { path, methods = ["POST"], operation } of guarded) {
      for (const method of methods) {
        const reply = await json(
          server,
          method,
          path.replaceAll(/:\w+/g, STRANGER),
          method === "GET" ? undefined : "{",
        );
        t.equal(reply.status, 401, `${method} ${path}`);
        const line = server.log.findLast(({ type }) => type === "decision");
        t.match(line, { operation, refused_with: "pat_missing" });
      }
    }
  });
});

/** The tests below share one server; each has resources of its own. */
const clock = new TestClock();
const server = await startInstance(t, { provision: PARTIES, clock });

t.test("resources", async (t) => {
  const alice = await pat(server, "photos", "user-alice");
  const owner = async (id: string) =>
    (await server.core.db.prisma.umaResource.findUniqueOrThrow({ where: { id } })).owner;

  t.test("a resource server can create, read, update, list and delete", async (t) => {
    const whole = {
      ...PHOTO,
      type: "https://photos.example/album",
      icon_uri: "https://photos.example/i.png",
      description: "d",
    };
    const created = await json(server, "POST", "/uma/resources", whole, alice);
    const { _id } = created.json;
    t.strictSame([created.status, Object.keys(created.json)], [201, ["_id"]]);
    t.equal(created.headers.get("location"), `/uma/resources/${_id}`);
    const path = `/uma/resources/${_id}`;
    t.strictSame((await json(server, "GET", path, undefined, alice)).json, { _id, ...whole, owner: "user-alice" });
    t.strictSame((await json(server, "GET", "/uma/resources", undefined, alice)).json, [_id]);
    const changed = await json(server, "PUT", path, { resource_scopes: ["view"] }, alice);
    t.strictSame([changed.status, changed.json], [200, { _id }]);
    const now = (await json(server, "GET", path, undefined, alice)).json;
    t.strictSame(now, { _id, owner: "user-alice", resource_scopes: ["view"] }, "replaced whole");
    t.equal((await json(server, "DELETE", path, undefined, alice)).status, 204);
    t.equal((await json(server, "GET", path, undefined, alice)).status, 404);
  });

  t.test("a resource has an owner", async (t) => {
    const server1 = await pat(server);
    t.equal(await owner(await register(server, alice)), "user-alice");
    t.equal(await owner(await register(server, server1)), null);
    t.equal(await owner(await register(server, server1, { ...PHOTO, owner: "user-bob" })), "user-bob");
    t.equal(await owner(await register(server, alice, { ...PHOTO, owner: "user-alice" })), "user-alice");
    const stolen = await json(server, "POST", "/uma/resources", { ...PHOTO, owner: "user-bob" }, alice);
    t.match(stolen.json, { error: "invalid_request", error_description: "the parameter owner is malformed" });
  });

  t.test("UM-19 naming an owner does not reveal which accounts exist", async (t) => {
    const answers = await Promise.all(
      ["user-bob", "user-nobody"].map(async (name) => {
        const { status, json: body } = await json(
          server,
          "POST",
          "/uma/resources",
          { ...PHOTO, owner: name },
          await pat(server),
        );
        return [status, Object.keys(body)];
      }),
    );
    t.strictSame(answers[0], answers[1]);
    const id = await register(server, alice);
    t.ok(await allow(server, alice, [id], { users: ["user-nobody"] }));
  });

  t.test("UM-09 an update does not change the owner or the server", async (t) => {
    const id = await register(server, alice);
    const other = await register(server, alice);
    const moved = { ...PHOTO, owner: "user-bob", _id: other, id: other, client_id: "other-server", created_at: 0 };
    t.strictSame((await json(server, "PUT", `/uma/resources/${id}`, moved, alice)).json, { _id: id });
    t.match((await json(server, "GET", `/uma/resources/${id}`, undefined, alice)).json, {
      _id: id,
      owner: "user-alice",
    });
  });

  t.test("a list continues after its last id", async (t) => {
    const own = await pat(server, "other-server");
    await server.core.db.prisma.$executeRaw`
      INSERT INTO uma_resources (id, client_id, scopes)
      SELECT lpad(n::text, 22, '0'), 'other-server', '{view}' FROM generate_series(1, 1001) n`;
    const first = await json(server, "GET", "/uma/resources", undefined, own);
    t.equal(first.json.length, 1000);
    const [, next] = /^<(\?[^>]+)>; rel="next"$/.exec(first.headers.get("link")!)!;
    const rest = await json(server, "GET", `/uma/resources${next}`, undefined, own);
    t.strictSame(rest.json, ["1001".padStart(22, "0")]);
    t.notOk(rest.headers.get("link"));
    await json(server, "DELETE", `/uma/resources/${rest.json[0]}`, undefined, own);
    const whole = await json(server, "GET", "/uma/resources", undefined, own);
    t.strictSame([whole.json.length, whole.headers.get("link")], [1000, null], "no link leads to an empty page");
  });
});

t.test("UM-07 resources of another owner or server are not found", async (t) => {
  const alice = await pat(server, "photos", "user-alice");
  const id = await register(server, alice);
  const policy = await allow(server, alice, [id], { clients: ["printer"] });
  const strangers: Record<string, Pat> = {
    "another owner": await pat(server, "photos", "user-bob"),
    "the same owner at another server": await pat(server, "other-server", "user-alice"),
    "another server": await pat(server, "other-server"),
  };
  const mine = await Promise.all(Object.values(strangers).map((by) => register(server, by)));
  const said = ({ status, text }: Reply, id: string) => ({ status, text: text.replaceAll(id, "ID") });
  for (const [index, [name, by]] of Object.entries(strangers).entries()) {
    const same = async (method: string, path: (id: string) => string, body?: (id: string) => unknown) => {
      const [real, unknown] = await Promise.all(
        [id, STRANGER].map(async (one) => said(await json(server, method, path(one), body?.(one), by), one)),
      );
      t.strictSame(real, unknown, `${name}: ${method} ${path("ID")}`);
      t.ok([400, 404].includes(real!.status));
    };
    await same("GET", (one) => `/uma/resources/${one}`);
    await same(
      "PUT",
      (one) => `/uma/resources/${one}`,
      () => PHOTO,
    );
    await same("DELETE", (one) => `/uma/resources/${one}`);
    await same("GET", (one) => `/rs/resource_set/${one}`);
    await same("DELETE", (one) => `/rs/resource_set/${one}`);
    await same(
      "PUT",
      () => "/rs/resource_set",
      (one) => ({ _id: one, name: "x", scopes: ["view"] }),
    );
    await same(
      "POST",
      () => "/uma/permissions",
      (one) => ({ resource_id: one, resource_scopes: ["view"] }),
    );
    await same(
      "POST",
      () => "/uma/permissions",
      (one) => [mine[index], one].map((resource_id) => ({ resource_id, resource_scopes: ["view"] })),
    );
    await same(
      "POST",
      () => "/uma/policies",
      (one) => ({ resource_ids: [mine[index], one], rules: [{ clients: ["x"] }] }),
    );
    const own = await allow(server, by, [mine[index]!], { clients: ["x"] });
    await same(
      "POST",
      () => `/uma/policies/${own}/resources`,
      (one) => ({ resources: [one] }),
    );
    await same("DELETE", (one) => `/uma/policies/${own}/resources/${one}`);
    await same(
      "PUT",
      () => `/uma/policies/${own}`,
      (one) => ({ resource_ids: [one], rules: [{ clients: ["x"] }] }),
    );
    for (const method of ["GET", "DELETE"]) {
      t.equal((await json(server, method, `/uma/policies/${policy}`, undefined, by)).status, 404);
    }
    t.equal((await json(server, "PUT", `/uma/policies/${policy}`, { rules: [{ clients: ["x"] }] }, by)).status, 404);
    t.notOk((await json(server, "GET", "/uma/resources", undefined, by)).json.includes(id));
    t.notOk((await json(server, "GET", "/uma/policies", undefined, by)).json.includes(policy));
    t.notMatch((await json(server, "POST", "/rs/resource_set/.search", { ids: [id] }, by)).text, id);
    t.notMatch((await json(server, "POST", "/policies/.search", { ids: [policy] }, by)).text, policy);
  }
  t.equal((await json(server, "GET", `/uma/resources/${id}`, undefined, alice)).status, 200);
  t.equal(
    (await json(server, "GET", `/uma/resources/${id}`, undefined, await pat(server))).status,
    200,
    "its own server sees it",
  );
});

t.test("bad requests are refused, in the words of each dialect", async (t) => {
  const by = await pat(server);
  const id = await register(server, by);
  const policy = await allow(server, by, [id], { clients: ["printer"] });
  const deep = (depth: number) => `{"resource_scopes":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  const rules = (...given: unknown[]) => ({ resource_ids: [id], rules: given });
  const rulesFor = (one: string) => ({ resource_ids: [one], rules: [{ clients: ["x"] }] });
  const many = (count: number) => Array.from({ length: count }, (_, n) => `scope-${n}`);

  /** method, path, body, status, error, message */
  const TABLE: readonly (readonly [string, string, unknown, number, string, string])[] = [
    ["POST", "/uma/resources", {}, 400, "invalid_request", "the parameter resource_scopes needs to be specified"],
    [
      "POST",
      "/uma/resources",
      { resource_scopes: "view" },
      400,
      "invalid_request",
      "the parameter resource_scopes is malformed",
    ],
    [
      "POST",
      "/uma/resources",
      { resource_scopes: ["a", "a"] },
      400,
      "invalid_request",
      "the parameter resource_scopes is malformed",
    ],
    [
      "POST",
      "/uma/resources",
      { resource_scopes: many(101) },
      400,
      "invalid_request",
      "the parameter resource_scopes is malformed",
    ],
    [
      "POST",
      "/uma/resources",
      { resource_scopes: ["a b"] },
      400,
      "invalid_request",
      "the parameter resource_scopes is malformed",
    ],
    [
      "POST",
      "/uma/resources",
      { ...PHOTO, icon_uri: "nowhere" },
      400,
      "invalid_request",
      "the url nowhere is not well formed",
    ],
    ...[
      { uri: "http://x/\n" },
      { uri: " http://x/" },
      { uri: "http://x/\u0085" },
      { uri: "http://x/a b" },
      { uri: "javascript:alert(1)" },
      { icon_uri: "JAVASCRIPT:alert(1)" },
      { icon_uri: "data:image/svg+xml,x" },
      { icon_uri: "java\tscript:alert(1)" },
      { icon_uri: "vbscript:f(1)" },
    ].map(
      (uris) =>
        [
          "POST",
          "/uma/resources",
          { ...PHOTO, ...uris },
          400,
          "invalid_request",
          "the url (not shown) is not well formed",
        ] as const,
    ),
    [
      "POST",
      "/uma/resources",
      { ...PHOTO, name: "a\0b" },
      400,
      "invalid_request",
      "the body is not valid JSON (duplicate names and U+0000 are not accepted)",
    ],
    [
      "POST",
      "/uma/resources",
      '{"resource_scopes":["a"],"name":"\\ud800"}',
      400,
      "invalid_request",
      "the body is not valid JSON (duplicate names and U+0000 are not accepted)",
    ],
    [
      "POST",
      "/uma/resources",
      '{"resource_scopes":["a"],"resource_\\u0073copes":["b"]}',
      400,
      "invalid_request",
      "the body is not valid JSON (duplicate names and U+0000 are not accepted)",
    ],
    [
      "POST",
      "/uma/resources",
      '{"resource_scopes":["a"],"__proto__":{"owner":"x"}}',
      400,
      "invalid_request",
      "the body is not valid JSON (duplicate names and U+0000 are not accepted)",
    ],
    [
      "POST",
      "/uma/resources",
      '\ufeff{"resource_scopes":["a"]}',
      400,
      "invalid_request",
      "the body is not valid JSON (duplicate names and U+0000 are not accepted)",
    ],
    [
      "POST",
      "/uma/resources",
      deep(32),
      400,
      "invalid_request",
      "the body is not valid JSON (duplicate names and U+0000 are not accepted)",
    ],
    [
      "POST",
      "/uma/resources",
      deep(20_000),
      400,
      "invalid_request",
      "the body is not valid JSON (duplicate names and U+0000 are not accepted)",
    ],
    [
      "POST",
      "/uma/resources",
      "{",
      400,
      "invalid_request",
      "the body is not valid JSON (duplicate names and U+0000 are not accepted)",
    ],
    [
      "POST",
      "/uma/resources",
      "7",
      400,
      "invalid_request",
      "the body is not valid JSON (duplicate names and U+0000 are not accepted)",
    ],
    [
      "POST",
      "/uma/resources",
      { ...PHOTO, description: "x".repeat(70_000) },
      413,
      "invalid_request",
      "the body is too large",
    ],
    ["GET", "/uma/resources/%2a%41", undefined, 404, "not_found", "resource cannot be found"],
    ["GET", `/uma/resources/${id.toLowerCase()}x`, undefined, 404, "not_found", "resource cannot be found"],
    ["GET", "/uma/resources/*", undefined, 404, "not_found", "resource cannot be found"],
    ["PATCH", `/uma/resources/${id}`, undefined, 405, "invalid_request", "the method PATCH is not allowed here"],
    ["GET", "/uma/permissions", undefined, 405, "invalid_request", "the method GET is not allowed here"],
    ["POST", "/uma/permissions", {}, 400, "invalid_request", "the parameter resource_id needs to be specified"],
    ["POST", "/uma/permissions", [], 400, "invalid_request", "the parameter body is malformed"],
    [
      "POST",
      "/uma/permissions",
      { resource_id: STRANGER, resource_scopes: [] },
      400,
      "invalid_resource_id",
      `resource set ${STRANGER} doesn't exist`,
    ],
    [
      "POST",
      "/uma/permissions",
      { resource_id: id, resource_scopes: ["View"] },
      400,
      "invalid_scope",
      "one or more scopes are not valid",
    ],
    [
      "POST",
      "/uma/permissions",
      { resource_id: id, resource_scopes: ["*"] },
      400,
      "invalid_scope",
      "one or more scopes are not valid",
    ],
    [
      "POST",
      "/uma/permissions",
      { resource_id: id, resource_scopes: ["%76iew"] },
      400,
      "invalid_scope",
      "one or more scopes are not valid",
    ],
    [
      "POST",
      "/uma/permissions",
      Array.from({ length: 101 }, () => ({ resource_id: id, resource_scopes: ["view"] })),
      400,
      "invalid_request",
      "the permissions do not fit into one token",
    ],
    [
      "POST",
      "/uma/policies",
      { rules: [] },
      400,
      "invalid_request",
      "the parameter resource_ids needs to be specified",
    ],
    [
      "POST",
      "/uma/policies",
      { resource_ids: [id] },
      400,
      "invalid_request",
      "the parameter rules needs to be specified",
    ],
    ["POST", "/uma/policies", rules(), 400, "invalid_request", "the parameter rules is malformed"],
    ["POST", "/uma/policies", rules({}), 400, "invalid_request", "rule 1 names no requesting party"],
    ["POST", "/uma/policies", rules(null), 400, "invalid_request", "the parameter rules is malformed"],
    [
      "POST",
      "/uma/policies",
      rules({ clients: ["x"] }, { scopes: ["view"] }),
      400,
      "invalid_request",
      "rule 2 names no requesting party",
    ],
    [
      "POST",
      "/uma/policies",
      rules({ claims: Array.from({ length: 11 }, (_, n) => ({ type: `c${n}`, value: 1 })) }),
      400,
      "invalid_request",
      "the parameter claims is malformed",
    ],
    [
      "POST",
      "/uma/policies",
      rules(...Array.from({ length: 20 }, () => ({ clients: ["x".repeat(200)] }))),
      400,
      "invalid_request",
      "the parameter rules is malformed",
    ],
    [
      "POST",
      "/uma/policies",
      rules({ clients: ["x"], scopes: ["view", "view"] }),
      400,
      "invalid_request",
      "the parameter scopes is malformed",
    ],
    ["POST", "/uma/policies", rules({ clients: [] }), 400, "invalid_request", "the parameter clients is malformed"],
    [
      "POST",
      "/uma/policies",
      rules({ clients: ["x"], script: "1" }),
      400,
      "invalid_request",
      "the parameter script is malformed",
    ],
    [
      "POST",
      "/uma/policies",
      rules({ clients: ["x"], not_before: after(clock, 1).toISOString(), not_after: after(clock, 0).toISOString() }),
      400,
      "invalid_request",
      "rule 1 ends before it begins",
    ],
    [
      "POST",
      "/uma/policies",
      rules({ clients: ["x"], scopes: ["fly"] }),
      400,
      "invalid_scope",
      "one or more scopes don't belong to a resource set",
    ],
    [
      "POST",
      "/uma/policies",
      { ...rules({ clients: ["x"] }), client_id: "other-server" },
      400,
      "invalid_request",
      "the parameter client_id is malformed",
    ],
    [
      "PUT",
      `/uma/policies/${policy}`,
      { rules: [{ clients: ["x"] }], owner: "user-bob" },
      400,
      "invalid_request",
      "the parameter owner is malformed",
    ],
    [
      "DELETE",
      `/uma/policies/${policy}/resources/${STRANGER}`,
      undefined,
      400,
      "invalid_resource_id",
      "the authorization policy doesn't contain the resource",
    ],
    // SimpleIdentityServer
    [
      "POST",
      "/perm",
      { scopes: ["view"] },
      400,
      "invalid_request",
      "the parameter resource_set_id needs to be specified",
    ],
    ["POST", "/perm", { resource_set_id: id }, 400, "invalid_request", "the parameter scopes needs to be specified"],
    [
      "POST",
      "/perm",
      { resource_id: id, resource_scopes: ["view"] },
      400,
      "invalid_request",
      "the parameter resource_set_id needs to be specified",
    ],
    [
      "POST",
      "/perm",
      { resource_set_id: STRANGER, scopes: ["view"] },
      400,
      "invalid_resource_set_id",
      `resource set ${STRANGER} doesn't exist`,
    ],
    [
      "POST",
      "/perm/bulk",
      [{ resource_set_id: id, scopes: ["fly"] }],
      400,
      "invalid_scope",
      "one or more scopes are not valid",
    ],
    [
      "POST",
      "/rs/resource_set",
      { scopes: ["view"] },
      400,
      "invalid_request",
      "the parameter name needs to be specified",
    ],
    ["POST", "/rs/resource_set", { name: "x" }, 400, "invalid_request", "the parameter scopes needs to be specified"],
    [
      "POST",
      "/rs/resource_set",
      { name: "x", scopes: ["view"], uri: "nowhere" },
      400,
      "invalid_request",
      "the url nowhere is not well formed",
    ],
    [
      "PUT",
      "/rs/resource_set",
      { name: "x", scopes: ["view"] },
      400,
      "invalid_request",
      "the parameter id needs to be specified",
    ],
    ["GET", `/rs/resource_set/${STRANGER}`, undefined, 404, "not_found", "resource cannot be found"],
    [
      "POST",
      "/policies",
      { rules: [{ clients: ["x"] }] },
      400,
      "invalid_request",
      "the parameter resource_set_ids needs to be specified",
    ],
    [
      "POST",
      "/policies",
      { resource_set_ids: [id] },
      400,
      "invalid_request",
      "the parameter rules needs to be specified",
    ],
    [
      "POST",
      "/policies",
      { resource_set_ids: [STRANGER], rules: [{ clients: ["x"] }] },
      400,
      "invalid_resource_set_id",
      `resource set ${STRANGER} doesn't exist`,
    ],
    [
      "POST",
      "/policies",
      { resource_set_ids: [id], rules: [{ clients: ["x"], scopes: ["fly"] }] },
      400,
      "invalid_scope",
      "one or more scopes don't belong to a resource set",
    ],
    [
      "POST",
      `/policies/${policy}/resources`,
      {},
      400,
      "invalid_request",
      "the parameter resources needs to be specified",
    ],
    [
      "DELETE",
      `/policies/${policy}/resources/${STRANGER}`,
      undefined,
      400,
      "invalid_resource_set_id",
      "the authorization policy doesn't contain the resource",
    ],
    ["GET", `/policies/${STRANGER}`, undefined, 404, "not_found", "policy cannot be found"],
    ["PUT", "/perm", undefined, 405, "invalid_request", "the method PUT is not allowed here"],
  ];
  for (const [method, path, body, status, error, message] of TABLE) {
    const reply = await json(server, method, path, body, by);
    const sis = /^\/(perm|rs|policies)/.test(path) ? { error_uri: null } : {};
    const name = `${method} ${path} ${JSON.stringify(body)?.slice(0, 80)}`;
    t.strictSame([reply.status, reply.json], [status, { error, error_description: message, ...sis }], name);
  }

  t.test("a body with another media type is refused", async (t) => {
    const form = await server.post("/uma/resources", { name: "x" }, { ...by });
    t.equal(form.status, 415);
    t.equal((await json(server, "POST", "/oauth2/token", { grant_type: "x" })).status, 415);
    t.match((await server.post("/perm", { name: "x" }, { ...by })).json, {
      error_description: "no parameter in body request",
    });
    t.match((await json(server, "POST", "/perm", "", by)).json, {
      error_description: "no parameter in body request",
    });
    t.match((await server.send("/perm", { method: "POST", headers: { ...by } })).json, {
      error_description: "no parameter in body request",
    });
  });

  t.test("a refused method names the allowed ones", async (t) => {
    const allowed = async (path: string) => (await server.send(path, { method: "PATCH" })).headers.get("allow");
    t.equal(await allowed("/uma/resources"), "POST, GET");
    t.equal(await allowed(`/uma/resources/${id}`), "GET, PUT, DELETE");
    t.equal(await allowed("/rs/resource_set"), "POST, GET, PUT");
    t.equal(await allowed(`/policies/${id}/resources/${id}`), "DELETE");
    t.equal(await allowed("/uma/resources/a/b"), null);
  });

  t.test("a resource has a limited number of policies", async (t) => {
    const busy = await register(server, by);
    const made = [];
    for (let count = 0; count < 10; count += 1) made.push(await allow(server, by, [busy], { clients: ["x"] }));
    const more = await json(server, "POST", "/uma/policies", { resource_ids: [busy], rules: [{ clients: ["x"] }] }, by);
    t.match(more.json, { error_description: "a resource has at most 10 policies" });
    const same = await json(
      server,
      "PUT",
      `/uma/policies/${made[0]}`,
      { resource_ids: [busy], rules: [{ clients: ["y"] }] },
      by,
    );
    t.equal(same.status, 200, "but those may be changed");
  });

  t.test("also when several are created at once", async (t) => {
    const busy = await register(server, by);
    const others = await Promise.all(
      Array.from({ length: 8 }, async () => allow(server, by, [await register(server, by)], { clients: ["x"] })),
    );
    const replies = await Promise.all([
      ...Array.from({ length: 8 }, () => decided(() => json(server, "POST", "/uma/policies", rulesFor(busy), by))),
      ...others.map((one, n) =>
        decided(() =>
          n % 2
            ? json(server, "POST", `/uma/policies/${one}/resources`, { resources: [busy] }, by)
            : json(server, "PUT", `/uma/policies/${one}`, rulesFor(busy), by),
        ),
      ),
    ]);
    t.equal(replies.filter(({ status }) => status < 300).length, 10);
    t.equal(replies.filter(({ status }) => status === 400).length, 6);
  });

  t.test("a policy of an owner applies to resources of that owner", async (t) => {
    const alices = await register(server, by, { ...PHOTO, owner: "user-alice" });
    const bobs = await register(server, by, { ...PHOTO, owner: "user-bob" });
    const foreign = { error: "invalid_resource_id", error_description: `resource set ${bobs} doesn't exist` };
    const create = (resource_ids: string[]) =>
      json(server, "POST", "/uma/policies", { resource_ids, rules: [{ clients: ["x"] }], owner: "user-alice" }, by);
    t.strictSame((await create([alices, bobs])).json, foreign);
    const path = `/uma/policies/${(await create([alices])).json._id}`;
    t.strictSame((await json(server, "PUT", path, rulesFor(bobs), by)).json, foreign);
    t.strictSame((await json(server, "POST", `${path}/resources`, { resources: [bobs] }, by)).json, foreign);
    await allow(server, by, [alices, bobs], { clients: ["x"] });
  });

  t.test("UM-16 resources can be added to a policy that was corrupted", async (t) => {
    const more = await register(server, by);
    for (const poison of ["[null, 7]", "7", '[{"scopes": 7}]']) {
      const poisoned = await allow(server, by, [id], { clients: ["x"] });
      await sql(server.database, "UPDATE uma_policies SET rules = $2 WHERE id = $1", [poisoned, poison]);
      const reply = await json(server, "POST", `/uma/policies/${poisoned}/resources`, { resources: [more] }, by);
      t.equal(reply.status, 204, poison);
    }
  });
});

t.test("SimpleIdentityServer's spelling of the protection API", async (t) => {
  // This resource server has lists of its own.
  const by = await pat(server, "sis-server");
  const ask = (method: string, path: string, body?: unknown) => json(server, method, path, body, by);
  const resource = { name: "photo", uri: null, type: null, icon_uri: null, scopes: ["view", "print"] };
  const created = await ask("POST", "/rs/resource_set", resource);
  const { _id } = created.json;
  t.strictSame([created.status, created.json], [201, { _id, user_access_policy_uri: null }]);
  t.strictSame((await ask("GET", "/rs/resource_set")).json, [_id]);
  t.strictSame((await ask("GET", `/rs/resource_set/${_id}`)).json, { _id, ...resource });
  t.strictSame((await ask("PUT", "/rs/resource_set", { _id, ...resource, name: "picture" })).json, { _id });
  t.strictSame((await ask("POST", "/rs/resource_set/.search", { names: ["picture"] })).json, {
    content: [{ _id, ...resource, name: "picture" }],
    count: 1,
    start_index: 0,
  });
  for (const [count, found] of [
    [0, 1],
    [1_000, 1],
  ] as const) {
    const { content } = (await ask("POST", "/rs/resource_set/.search", { count })).json;
    t.equal(content.length, found, "how many are found at once is not refused");
  }

  const rule = {
    clients: ["printer"],
    scopes: ["view"],
    claims: [],
    consent_needed: false,
    script: null,
    provider: "https://id.example",
  };
  const made = await ask("POST", "/policies", { resource_set_ids: [_id], rules: [rule] });
  const { policy } = made.json;
  t.strictSame([made.status, Object.keys(made.json)], [201, ["policy"]]);
  t.strictSame((await ask("GET", `/policies/${policy}`)).json, {
    id: policy,
    resource_set_ids: [_id],
    rules: [{ clients: ["printer"], scopes: ["view"], consent_needed: false, provider: "https://id.example" }],
  });
  t.strictSame((await ask("GET", "/policies")).json, [policy]);
  t.match((await ask("POST", "/policies/.search", { resource_set_ids: [_id] })).json, {
    count: 1,
    content: [{ id: policy }],
  });
  for (const name of ["resource_ids", "resource_set_ids"]) {
    t.equal((await ask("POST", "/policies/.search", { [name]: [STRANGER] })).json.count, 0, name);
  }
  const second = (await ask("POST", "/rs/resource_set", { ...resource, name: "second" })).json._id;
  t.equal((await ask("POST", `/policies/${policy}/resources`, { resources: [second] })).status, 204);
  t.equal((await ask("DELETE", `/policies/${policy}/resources/${second}`)).status, 204);
  t.equal(
    (await ask("PUT", "/policies", { id: policy, rules: [{ ...rule, provider: null, scopes: ["print"] }] })).status,
    204,
  );
  t.match((await ask("GET", `/policies/${policy}`)).json, { resource_set_ids: [_id], rules: [{ scopes: ["print"] }] });

  for (const [path, body] of [
    ["/perm", { resource_set_id: _id, scopes: ["print"] }],
    ["/perm/bulk", [{ resource_set_id: _id, scopes: ["print"] }]],
  ] as const) {
    const { status, json: said } = await ask("POST", path, body);
    t.strictSame([status, Object.keys(said)], [201, ["ticket_id"]]);
    const token = await server.post(
      "/token",
      { grant_type: "uma_ticket", ticket: said.ticket_id },
      basic("printer", SECRET),
    );
    t.equal(token.status, 200);
  }
  t.equal((await ask("DELETE", `/policies/${policy}`)).status, 204);
  t.equal((await ask("DELETE", `/rs/resource_set/${_id}`)).status, 204);
});

t.test("the UMA documents are complete", async (t) => {
  const server = await startInstance(t, { provision: PARTIES, clock, env: { ISSUER: "https://id.example" } });
  const document = async (from: Instance, path: string) => (await from.send(path)).json;
  t.match(await document(server, "/.well-known/uma2-configuration"), {
    issuer: "https://id.example",
    token_endpoint: "https://id.example/oauth2/token",
    introspection_endpoint: "https://id.example/oauth2/introspect",
    jwks_uri: "https://id.example/oauth2/jwks",
    claims_interaction_endpoint: "https://id.example/uma/claims",
    permission_endpoint: "https://id.example/uma/permissions",
    resource_registration_endpoint: "https://id.example/uma/resources",
    policies_endpoint: "https://id.example/uma/policies",
    uma_profiles_supported: [],
  });
  t.notOk((await document(server, "/.well-known/uma2-configuration")).scopes_supported.includes("uma_claims"));
  const sis = {
    permission_endpoint: "https://id.example/perm",
    resource_registration_endpoint: "https://id.example/rs/resource_set",
    policies_endpoint: "https://id.example/policies",
    token_endpoint: "https://id.example/token",
  };
  t.match(await document(server, "/simple-identity-server/.well-known/uma2-configuration"), sis);
  const alone = await startInstance(t, {
    database: server.database,
    clock,
    env: { ISSUER: "https://id.example", DIALECTS: "simple-identity-server" },
  });
  t.match(await document(alone, "/.well-known/uma2-configuration"), sis);
  t.ok(await ticketFor(server, await pat(server), { [await register(server, await pat(server))]: ["view"] }));
});
