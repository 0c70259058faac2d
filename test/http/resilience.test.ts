import t, { type Test } from "tap";
import { freshDatabase, sql } from "../support/database.js";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { openGate } from "../support/gate.js";
import { basic, startInstance, type Form, type Instance } from "../support/instance.js";
import { until } from "../support/until.js";

const STANDARD = { token: "/oauth2/token", revoke: "/oauth2/revoke", introspect: "/oauth2/introspect" };
const SIS = { token: "/token", revoke: "/token/revoke", introspect: "/introspect" };

const OUT_OF_REACH = {
  error: "temporarily_unavailable",
  error_description: "the server cannot reach its database at the moment",
};

/** A database that can be made to go away, in one of the ways in which one does. */
interface Outage {
  readonly url: string;
  begin(): Promise<void>;
  end(): Promise<void>;
}

const OUTAGES: Readonly<Record<string, (t: Test) => Promise<Outage>>> = {
  "nothing listens": async (t) => {
    const { url, shut, open } = await openGate(t, await freshDatabase(t));
    return { url, begin: shut, end: open };
  },
  "it accepts no login": async (t) => {
    const url = await freshDatabase(t);
    const name = new URL(url).pathname.slice(1);
    const other = new URL(url);
    other.pathname = "/postgres";
    const admit = (yes: boolean) => sql(other.href, `ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS ${yes}`);
    return {
      url,
      begin: async () => {
        await admit(false);
        await sql(other.href, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", [name]);
      },
      end: async () => void (await admit(true)),
    };
  },
};

const ready = (server: Instance, status: number) => async () => (await server.send("/readyz")).status === status;

for (const [kind, prepare] of Object.entries(OUTAGES)) {
  t.test(`RV-07 RE-09 while the database is away because ${kind}`, async (t) => {
    const outage = await prepare(t);
    const server = await startInstance(t, { database: outage.url, provision: FLEET });
    const login = { grant_type: "password", client_id: "mobile", scope: "api1", ...ALICE };
    const service = { grant_type: "client_credentials", scope: "api1" };
    const { access_token, refresh_token } = (await server.post("/oauth2/token", login)).json;

    /** What is asked at each endpoint: all of it needs the database. */
    const asked = (
      paths: typeof STANDARD,
    ): readonly (readonly [path: string, form: Form, headers?: Record<string, string>])[] => [
      [paths.token, login],
      [paths.token, { grant_type: "refresh_token", refresh_token, client_id: "mobile" }],
      [paths.revoke, { token: access_token, client_id: "mobile" }],
      [paths.revoke, { token: refresh_token, client_id: "mobile" }],
      [paths.introspect, { token: access_token }, basic("gateway", SECRET)],
      [paths.introspect, { token: refresh_token }, basic("gateway", SECRET)],
    ];
    const unavailable = async (t: Test) => {
      for (const [paths, body] of [
        [STANDARD, OUT_OF_REACH],
        [SIS, { ...OUT_OF_REACH, error_uri: null }],
      ] as const) {
        for (const [path, form, headers] of asked(paths)) {
          const reply = await server.post(path, form, headers);
          t.strictSame(
            { status: reply.status, body: reply.json },
            { status: 503, body },
            `${path} ${form.grant_type ?? ""}`,
          );
          t.match(reply.headers.get("retry-after"), /^[1-9]\d?$/);
          t.equal(reply.headers.get("cache-control"), "no-store");
        }
      }
    };

    await outage.begin();
    await t.test("nothing is claimed to be done, from the first moment on", unavailable);
    await until("it is no longer ready", ready(server, 503));
    await t.test("cached clients are not trusted for long", async () => {
      await until(
        "it is not",
        async () => (await server.post("/oauth2/token", service, basic("backend", SECRET))).status === 503,
      );
    });
    await t.test("nor is anything claimed later", unavailable);
    await t.test("requests that need no database are answered", async (t) => {
      for (const path of ["/healthz", "/oauth2/jwks", "/jwks"]) t.equal((await server.send(path)).status, 200, path);
      const wrong = await server.post("/oauth2/token", { grant_type: "x" }, basic("backend", SECRET));
      t.equal(wrong.json.error, "unsupported_grant_type");
      t.equal((await server.send("/oauth2/token")).status, 405);
    });
    await t.test("the log says so, and does not quote the database", async (t) => {
      const refused = server.log.filter((line) => line.refused_with === "store_unavailable");
      t.ok(refused.length >= 24);
      t.ok(
        refused.every(({ level, status, reason }) => level === "warn" && status === 503 && typeof reason === "string"),
      );
      t.notMatch(JSON.stringify(server.log), /SELECT |UPDATE |postgres:\/\/|not currently accepting|correct horse/);
    });

    await outage.end();
    await t.test("when it is back everything continues by itself, and failed requests can be repeated", async (t) => {
      await until("it is ready", ready(server, 200));
      t.equal((await server.post("/oauth2/token", service, basic("backend", SECRET))).status, 200);
      const seen = await server.post("/oauth2/introspect", { token: access_token }, basic("gateway", SECRET));
      t.equal(seen.json.active, true, "an unanswered revocation is not half done");
      const refreshed = await server.post("/oauth2/token", {
        grant_type: "refresh_token",
        refresh_token,
        client_id: "mobile",
      });
      t.equal(refreshed.status, 200, "nor a refresh");
      t.equal((await server.post("/oauth2/revoke", { token: refresh_token, client_id: "mobile" })).status, 200);
      const after = await server.post(
        "/oauth2/introspect",
        { token: refreshed.json.access_token },
        basic("gateway", SECRET),
      );
      t.strictSame(after.json, { active: false });
    });
  });
}

t.test("DO-01 three hundred wrong passwords at once stop no other caller", async (t) => {
  const server = await startInstance(t, { provision: FLEET });
  const wrong = (index: number) =>
    server.post(index % 2 ? "/oauth2/token" : "/token", {
      grant_type: "password",
      client_id: "mobile",
      scope: "api1",
      username: index % 3 ? "alice" : `nobody${index}`,
      password: `wrong${index}`,
    });
  let under = true;
  const guesses = Promise.all(Array.from({ length: 300 }, (_, index) => wrong(index))).finally(() => (under = false));
  const others: number[] = [];
  while (under) {
    const service = { grant_type: "client_credentials", scope: "api1" };
    const [jwks, token] = await Promise.all([
      server.send("/oauth2/jwks"),
      server.post("/oauth2/token", service, basic("backend", SECRET)),
    ]);
    others.push(jwks.status, token.status);
  }
  t.ok(
    others.length > 0 && others.every((status) => status === 200),
    "keys and services are answered at the same time",
  );

  for (const { status, json, headers } of await guesses) {
    if (status === 503) {
      t.match(headers.get("retry-after"), /^[1-9]\d?$/);
      t.match(json.error_description, /^too many logins are being checked|^the server has more requests than it can/);
    } else {
      t.strictSame([status, json.error], [400, "invalid_grant"]);
    }
  }
  t.equal(server.log.filter(({ grant_type }) => grant_type === "password").length, 300, "each is on record");
  const bob = { username: "bob", password: "hunter2 hunter2" };
  const right = await server.post("/oauth2/token", { grant_type: "password", client_id: "mobile", ...bob });
  t.equal(right.status, 200, "and another user gets in");
});
