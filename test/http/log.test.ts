import { connect } from "node:net";
import t, { type Test } from "tap";
import { sql } from "../support/database.js";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Form, type Instance } from "../support/instance.js";
import { converse, write, type RawRequest } from "../support/raw.js";
import { until } from "../support/until.js";

const STANDARD = { name: "oauth2", token: "/oauth2/token", revoke: "/oauth2/revoke", introspect: "/oauth2/introspect" };
const SIS = { name: "simple-identity-server", token: "/token", revoke: "/token/revoke", introspect: "/introspect" };
type Dialect = typeof STANDARD;
type Endpoint = "token" | "revoke" | "introspect";

/** Texts that are found again wherever they went. */
const MARK = { password: "MARKED-password-9f2c", secret: "MARKED-secret-41ab", wrong: "MARKED-wrong-77de" };

const FILE = {
  ...FLEET,
  clients: [
    ...FLEET.clients.filter(({ client_id }) => !["desktop", "poster", "gateway", "admin"].includes(client_id)),
    {
      client_id: "desktop",
      client_secret: MARK.secret,
      grant_types: ["password", "refresh_token", "client_credentials"],
      scope: "openid profile api1",
    },
    {
      client_id: "poster",
      client_secret: MARK.secret,
      token_endpoint_auth_method: "client_secret_post",
      grant_types: ["client_credentials"],
      scope: "api1",
    },
    {
      client_id: "opaque",
      client_secret: MARK.secret,
      grant_types: ["password", "refresh_token"],
      scope: "api1",
      access_token_format: "opaque",
    },
    { client_id: "gateway", client_secret: MARK.secret, scope: "jeton:introspect" },
    { client_id: "admin", client_secret: MARK.secret, scope: "jeton:admin" },
  ],
  users: [{ sub: "user-marked", preferred_username: "marked", password: MARK.password }],
};

const MARKED = { username: "marked", password: MARK.password };

/** The Authorization header of a marked client. */
const of = (client_id: string) => basic(client_id, MARK.secret);

type Line = Readonly<Record<string, unknown>>;
const decisions = (server: Instance) => server.log.filter(({ type }) => type === "decision");

t.test("LG-01 no credential is in the log or in a refusal", async (t) => {
  const server = await startInstance(t, { provision: FILE });
  /** The secrets that must not be found, each in every form that it may have. */
  const secrets = new Set<string>();
  const keep = (...texts: (string | undefined)[]) => {
    for (const text of texts.filter((one) => one !== undefined && one !== null)) {
      const base64 = Buffer.from(text).toString("base64").slice(0, -4);
      for (const spelling of [text, encodeURIComponent(text), base64]) secrets.add(spelling);
      // Of a JWT each part, and the beginning of each, because texts are cut.
      if (text.startsWith("eyJ")) for (const part of text.split(".").slice(1)) secrets.add(part.slice(0, 40));
    }
  };
  keep(...Object.values(MARK));
  for (const id of ["desktop", "opaque", "gateway", "admin"]) keep(of(id).Authorization.slice("Basic ".length));

  /** Refusals as they were sent; what a documented message repeats of a request goes back to its sender only. */
  const refusals: string[] = [];

  /** Asks, and finds exactly one line that says so. */
  const ask = async (
    t: Test,
    target: string,
    form: Form | string,
    headers: Record<string, string> = {},
    repeats = false,
  ) => {
    const before = decisions(server).length;
    const reply = await server.send(target, {
      method: "POST",
      headers: { "Content-Type": "application/x-www-form-urlencoded", ...headers },
      body:
        typeof form === "string"
          ? form
          : new URLSearchParams(Object.entries(form).filter((pair): pair is [string, string] => pair[1] !== undefined)),
    });
    const lines = decisions(server).slice(before);
    t.equal(lines.length, 1, "one line");
    const line = lines[0] ?? {};
    t.match(line, {
      decision_id: reply.headers.get("x-request-id"),
      status: reply.status,
      outcome: reply.status < 400 ? "granted" : "refused",
    });
    if (reply.status >= 400 && !repeats) refusals.push(reply.text);
    keep(reply.json?.access_token, reply.json?.refresh_token, reply.json?.id_token);
    return { ...reply, line };
  };

  for (const dialect of [STANDARD, SIS]) {
    await t.test(`every flow, ${dialect.name}`, async (t) => {
      const scope = "api1";
      const password = await ask(
        t,
        dialect.token,
        { grant_type: "password", scope: "openid api1", ...MARKED },
        of("desktop"),
      );
      t.match(password.line, {
        type: "decision",
        schema: 1,
        level: "info",
        outcome: "granted",
        dialect: dialect.name,
        endpoint: dialect.token,
        operation: "token",
        grant_type: "password",
        client_id: "desktop",
        client_auth: "client_secret_basic",
        sub: "user-marked",
        scope_requested: ["openid", "api1"],
        scope_granted: ["openid", "api1"],
        audience: "https://api1.example",
        grant_id: /^[\w-]{22}$/,
        kid: String,
        status: 200,
        ip: "127.0.0.1",
        latency_ms: Number,
        instance: String,
        time: /^\d{4}-\d\d-\d\dT.*Z$/,
      });
      t.equal(
        password.line.jti,
        JSON.parse(Buffer.from(password.json.access_token.split(".")[1], "base64url").toString()).jti,
      );

      const { refresh_token } = password.json;
      const refreshed = await ask(t, dialect.token, { grant_type: "refresh_token", refresh_token }, of("desktop"));
      t.match(refreshed.line, { grant_type: "refresh_token", sub: "user-marked", grant_id: password.line.grant_id });
      const retried = await ask(t, dialect.token, { grant_type: "refresh_token", refresh_token }, of("desktop"));
      t.match(retried.line, { outcome: "granted", alarm: "refresh_token_retried" });
      await ask(
        t,
        dialect.token,
        { grant_type: "refresh_token", refresh_token: refreshed.json.refresh_token },
        of("desktop"),
      );
      const late = await ask(t, dialect.token, { grant_type: "refresh_token", refresh_token }, of("desktop"));
      t.match(late.line, { outcome: "refused", level: "info", alarm: "refresh_token_superseded" });
      await sql(
        server.database,
        "UPDATE grants SET rotations = array(SELECT at - interval '1 minute' FROM unnest(rotations) at)",
      );
      const reused = await ask(t, dialect.token, { grant_type: "refresh_token", refresh_token }, of("desktop"));
      t.match(reused.line, {
        outcome: "refused",
        level: "warn",
        alarm: "refresh_token_reused",
        refused_with: "refresh_token_invalid",
      });

      const opaque = await ask(t, dialect.token, { grant_type: "password", scope, ...MARKED }, of("opaque"));
      const service = await ask(t, dialect.token, {
        grant_type: "client_credentials",
        scope,
        client_id: "poster",
        client_secret: MARK.secret,
      });
      t.match(service.line, {
        client_id: "poster",
        client_auth: "client_secret_post",
        grant_type: "client_credentials",
      });
      t.notOk("sub" in service.line, "no user's");

      for (const token of [
        opaque.json.access_token,
        opaque.json.refresh_token,
        service.json.access_token,
        refreshed.json.access_token,
      ]) {
        const { line } = await ask(t, dialect.introspect, { token, token_type_hint: "access_token" }, of("gateway"));
        t.match(line, { operation: "introspect", endpoint: dialect.introspect, client_id: "gateway" });
      }
      for (const token of [opaque.json.access_token, opaque.json.refresh_token, service.json.access_token]) {
        await ask(t, dialect.revoke, { token }, of("gateway"));
        const { line } = await ask(t, dialect.revoke, { token }, of("admin"));
        t.match(line, { operation: "revoke", endpoint: dialect.revoke, client_id: "admin", outcome: "granted" });
        await ask(t, dialect.revoke, { token }, of("admin"));
      }
    });

    await t.test(`every field in the place of another, ${dialect.name}`, async (t) => {
      const { json } = await ask(
        t,
        dialect.token,
        { grant_type: "password", scope: "openid api1", ...MARKED },
        of("desktop"),
      );
      const { access_token, refresh_token, id_token } = json;
      const grant = { grant_type: "password", scope: "api1", ...MARKED };
      const service = { grant_type: "client_credentials", scope: "api1" };
      const loose = [MARK.password, MARK.secret, access_token, refresh_token, id_token];
      const at = (
        endpoint: Endpoint,
        form: Form | string,
        headers: Record<string, string> = of("desktop"),
        repeats = false,
      ) => ask(t, dialect[endpoint], form, headers, repeats);

      await at("token", { ...grant, password: MARK.wrong });
      await at("token", { ...grant, username: MARK.wrong });
      await at("token", service, basic("desktop", MARK.wrong));
      await at("token", { ...service, client_id: "poster", client_secret: MARK.wrong }, {});
      for (const text of loose) {
        await at("token", { ...grant, username: text });
        await at("token", { ...grant, password: text });
        await at("token", { ...service, client_id: text }, {});
        await at("token", { ...service, client_id: text });
        await at("token", service, basic(text, text));
        await at("token", service, { Authorization: `Bearer ${text}` });
        await at("token", service, { Authorization: `Basic ${text}` });
        await at("token", service, { Authorization: text });
        await at("token", { grant_type: "refresh_token", refresh_token: text === refresh_token ? `${text}x` : text });
        await at("introspect", { token: `${text}x`, token_type_hint: text });
        await at("revoke", { token: `${text}x`, token_type_hint: text });
        await at("token", `grant_type=${text}%zz`);
        await at("token", { ...service, [`[${text}`]: text }, of("desktop"), true);
        await at("token", `${text}=1&${text}=2`, of("desktop"), true);
        await at("token", { ...service, grant_type: text }, of("desktop"), true);
        await at("token", { ...service, scope: text }, of("desktop"), true);
        await at("token", { ...grant, scope: `api1 ${text}` }, of("desktop"), true);
        await at("token", { ...service, scope: `${text} ${text}` }, of("desktop"), true);
        await at("token", { grant_type: "refresh_token", refresh_token, scope: text }, of("desktop"), true);
        for (const name of ["token", "password", "client_secret", "refresh_token", "x"]) {
          await ask(t, `${dialect.token}?${name}=${text}`, service, of("desktop"));
        }
        await ask(t, `${dialect.token}/${text}`, service, of("desktop"));
        await ask(t, dialect.token, JSON.stringify({ text }), {
          "Content-Type": "application/json",
          "Content-Encoding": text.slice(0, 20),
        });
        await ask(t, dialect.token, JSON.stringify({ text }), { "Content-Type": `application/${text}` });
        for (const method of ["GET", "PUT", "DELETE"]) await server.send(`${dialect.token}?token=${text}`, { method });
        await converse(server.url, write({ target: `${dialect.token}/%zz${text}` }));
        await converse(server.url, `POST /${text} HTTP/1.1\r\nAuthorization : ${text}\r\n\r\n`);
      }
    });
  }

  await t.test("and an error of ours says no more", async (t) => {
    const refreshed = await ask(t, "/oauth2/token", { grant_type: "password", scope: "api1", ...MARKED }, of("opaque"));
    await sql(server.database, "DROP TABLE user_identifiers");
    await sql(server.database, "ALTER TABLE grants RENAME COLUMN generation TO generations");
    for (const dialect of [STANDARD, SIS]) {
      const { line } = await ask(t, dialect.token, { grant_type: "password", scope: "api1", ...MARKED }, of("desktop"));
      t.equal(line.status, 500);
      await ask(
        t,
        dialect.token,
        { grant_type: "password", scope: "api1", username: MARK.password, password: "\n    at x" },
        of("desktop"),
      );
      const { refresh_token } = refreshed.json;
      await ask(t, dialect.token, { grant_type: "refresh_token", refresh_token }, of("opaque"));
      await ask(t, dialect.introspect, { token: refresh_token }, of("gateway"));
      await ask(t, dialect.revoke, { token: refresh_token }, of("admin"));
    }
  });

  await t.test("none of it is found", async (t) => {
    t.ok(secrets.size > 30 && decisions(server).length > 250 && refusals.length > 150, "there was something to find");
    const found = (text: string) => [...secrets].filter((secret) => text.includes(secret));
    const leaks = server.log.flatMap((line) =>
      found(JSON.stringify(line)).map((secret) => ({ secret: secret.slice(0, 20), line })),
    );
    t.strictSame(leaks.slice(0, 3), [], "in the log");
    await server.core.keeper?.flush();
    const kept = await sql(server.database, "SELECT facts::text FROM decisions");
    t.ok(kept.length > 150, `${kept.length} decisions are kept`);
    const kepts = kept.map(({ facts }) => String(facts)).filter((text) => found(text).length > 0);
    t.strictSame(kepts.slice(0, 3), [], "in the kept decisions");
    t.strictSame(
      refusals.filter((text) => found(text).length > 0),
      [],
      "in refusals",
    );
  });
});

t.test("LG-02 a line cannot be forged, broken or bloated", async (t) => {
  // Long values repeat a character that occurs in no random id of a line.
  const server = await startInstance(t, { provision: FLEET });
  const proxied = await startInstance(t, { database: server.database, env: { TRUST_PROXY: "127.0.0.1" } });
  const FORGED = '","level":"fatal","client_id":"root","x":"';
  const form = (...headers: (readonly [string, string])[]): RawRequest => ({
    target: "/oauth2/token",
    headers: [
      ["Content-Type", "application/x-www-form-urlencoded"],
      ["Authorization", basic("backend", SECRET).Authorization],
      ...headers,
    ],
    body: "grant_type=client_credentials",
  });
  /** The one line of a request that is sent as it is. */
  const line = async (t: Test, request: RawRequest, instance = server): Promise<Line> => {
    const before = instance.log.length;
    await converse(instance.url, write(request));
    t.equal(instance.log.length - before, 1, "one line");
    return instance.log[before] ?? {};
  };

  for (const value of [FORGED, "~".repeat(4_000), "\x9b31m red", "\u00ad\u00a0", `x\t${FORGED}`]) {
    await t.test(`a user agent: ${JSON.stringify(value.slice(0, 30))}`, async (t) => {
      const { level, client_id, user_agent } = await line(t, form(["User-Agent", value]));
      t.strictSame([level, client_id], ["info", "backend"]);
      t.match(user_agent, /^[\x20-\x7e]{0,200}$/);
    });
    await t.test(`a request id: ${JSON.stringify(value.slice(0, 30))}`, async (t) => {
      const seen = await line(t, form(["X-Request-Id", value], ["Request-Id", value], ["Traceparent", value]));
      t.match(seen.decision_id, /^[0-9a-f]{8}-[0-9a-f-]{27}$/);
      t.notOk(JSON.stringify(seen).includes(value.slice(0, 10)));
      t.ok(JSON.stringify(seen).length < 1_500);
    });
  }

  for (const text of [FORGED, "\r\n{}\r\n", "\x1b[2J\x1b[31mMAGENTA", "\u2028", "~".repeat(60_000)]) {
    const broken = encodeURIComponent(text);
    for (const body of [
      `grant_type=${broken}`,
      `grant_type=client_credentials&scope=${broken}`,
      `grant_type=client_credentials&scope=api1+${broken}`,
      `grant_type=password&username=${broken}&password=${broken}`,
      `grant_type=client_credentials&client_id=${broken}`,
      `grant_type=refresh_token&refresh_token=${broken}`,
      `${broken}=1`,
      `${broken}=1&${broken}=1`,
    ].filter((one) => one.length < 65_536)) {
      await t.test(`a parameter: ${body.slice(0, 60)}`, async (t) => {
        const seen = await line(t, { ...form(), body });
        t.match(seen, { type: "decision", outcome: "refused" });
        t.notMatch(JSON.stringify(seen), /fatal|MAGENTA|[\x00-\x1f\u2028]|\\u00|~~~~/);
        t.ok(JSON.stringify(seen).length < 1_500);
      });
    }
  }

  await t.test("values that no request can have", async (t) => {
    const before = server.log.length;
    for (const value of ["\x1b[31m", "a\0b", "a\rb", "a".repeat(1 << 20)]) {
      const { status } = await converse(server.url, write(form(["User-Agent", value])));
      t.ok(status === 400 || status === 431);
    }
    const lines = server.log.slice(before);
    t.equal(lines.length, 4);
    for (const line of lines) {
      t.match(line, { outcome: "refused", dialect: "oauth2", method: "POST", path: "/oauth2/token" });
      t.match(line, { refused_with: /^http_(malformed|headers_too_large)$/, reason: /^HPE_[A-Z_]+$/ });
      t.ok(JSON.stringify(line).length < 1_000);
    }
  });

  await t.test("HO-02 DO-09 the address of a request is taken from a trusted proxy only", async (t) => {
    const lie = [
      ["X-Forwarded-For", "203.0.113.7"],
      ["X-Real-IP", "203.0.113.8"],
      ["Forwarded", "for=203.0.113.9"],
    ] as const;
    t.match(await line(t, form(...lie)), { ip: "127.0.0.1", peer_ip: "127.0.0.1" });
    t.match(await line(t, form(...lie), proxied), { ip: "203.0.113.7", peer_ip: "127.0.0.1" });
    const forged = await line(t, form(["X-Forwarded-For", "10.6.6.6, 203.0.113.7"]), proxied);
    t.match(forged, { ip: "203.0.113.7" }, "the hop before the proxy, not what it was told");
  });
});

t.test("a request whose client does not wait is logged too", async (t) => {
  const server = await startInstance(t, { provision: FLEET });
  const { hostname, port } = new URL(server.url);
  const body = new URLSearchParams({ grant_type: "password", client_id: "mobile", ...ALICE }).toString();
  const request = write({
    target: "/oauth2/token",
    headers: [["Content-Type", "application/x-www-form-urlencoded"]],
    body,
  });
  const socket = connect(Number(port), hostname);
  await new Promise<void>((resolve) => socket.write(request, () => resolve()));
  await until("it was read", async () => (await server.core.db.pool.query("SELECT 1 FROM grants")).rows.length > 0);
  socket.destroy();
  await until("it is on record", () => server.log.length > 0);
  t.match(server.log[0], { outcome: "granted", sub: "user-alice", client_id: "mobile" });
});

t.test("a request without a decision leaves no line", async (t) => {
  const server = await startInstance(t, { provision: FLEET });
  for (const path of ["/healthz", "/readyz", "/oauth2/jwks", "/jwks", "/.well-known/openid-configuration"]) {
    t.equal((await server.send(path)).status, 200);
  }
  t.strictSame(server.log, []);
});

t.test("LG-04 LG-05 an error of ours is a generic answer, and a line without the words of the database", async (t) => {
  const server = await startInstance(t, { provision: FLEET });
  const { access_token: token } = (
    await server.post("/oauth2/token", { grant_type: "client_credentials" }, basic("backend", SECRET))
  ).json;
  await sql(server.database, "DROP TABLE revoked_tokens");
  const EXPECTED: readonly (readonly [Dialect, object])[] = [
    [STANDARD, { error: "server_error", error_description: "the server met an unexpected condition" }],
    [
      SIS,
      { error: "unhandled_exception", error_description: "the server met an unexpected condition", error_uri: null },
    ],
  ];
  for (const [dialect, body] of EXPECTED) {
    for (const endpoint of ["introspect", "revoke"] as const) {
      await t.test(`${endpoint}, ${dialect.name}`, async (t) => {
        const before = server.log.length;
        const { status, json, headers } = await server.post(dialect[endpoint], { token }, basic("backend", SECRET));
        t.equal(status, 500);
        t.strictSame(json, body);
        t.equal(headers.get("cache-control"), "no-store");
        t.notOk(headers.get("retry-after"), "it would not help");
        const decision_id = headers.get("x-request-id");
        const [unexpected, decision] = server.log.slice(before);
        t.match(unexpected, { level: "error", decision_id, err: { frames: [/^ +at /] }, reason: /42P01/ });
        t.match(decision, {
          type: "decision",
          level: "warn",
          decision_id,
          outcome: "refused",
          refused_with: "internal_error",
          status: 500,
        });
        t.notMatch(
          JSON.stringify(server.log.slice(before)),
          /revoked_tokens|does not exist|relation "|SELECT |INSERT /,
        );
      });
    }
  }
  t.equal(
    (await server.post("/oauth2/token", { grant_type: "client_credentials" }, basic("backend", SECRET))).status,
    200,
  );
});
