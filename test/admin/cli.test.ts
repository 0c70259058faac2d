import { generateKeyPairSync } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import t, { type Test } from "tap";
import { COMMANDS } from "../../src/admin/commands.js";
import { flagsOf, usageOf } from "../../src/admin/flags.js";
import { systemClock } from "../../src/clock.js";
import { runCommand } from "../support/commands.js";
import { sql } from "../support/database.js";
import { stateIn } from "../support/dump.js";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Instance } from "../support/instance.js";
import { dataFolder, jeton, jetonHere, startProcess, type Environment } from "../support/process.js";
import { ROOT } from "../support/root.js";
import { MASTER_KEY } from "../support/run.js";
import { until } from "../support/until.js";
import { introspect, isActive, kidOf, logIn, refresh } from "../support/tokens.js";

/** The public key of a device. */
const METER = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "jwk" });

/**
 * Milliseconds within which a running server is seen to obey a command. On an idle machine it is one second. On
 * a busy machine the request itself waits. A server that missed the change would never obey.
 */
const SOON = 15_000;

t.test("the command line works while a server runs", async (t) => {
  // Decisions would be written while the database is compared with itself.
  const server = await startInstance(t, { provision: FLEET, env: { DECISIONS_KEPT: "0" } });
  const env = { DATABASE_URL: server.database, MASTER_KEY };
  const { does, refuses } = commandsOf(env);
  const refusesToo = (t: Test, cases: readonly Refused[]) => tableRefuses(t, server, cases);

  t.test("apply writes the entries of a provisioning file", async (t) => {
    const path = join(dirname(await dataFolder(t)), "a file.json");
    const client = { client_id: "applied", client_secret: "short", grant_types: ["client_credentials"], scope: "api1" };
    await writeFile(path, JSON.stringify({ clients: [client] }));
    t.match(await does(t, ["apply", path]), {
      written: 1,
      entries: 1,
      warnings: [/^clients\[0\] \(applied\) has a secret shorter/],
    });
    t.match(await does(t, ["apply", path]), { written: 0, entries: 1 });
    t.equal((await asClient(server, "applied", "short")).status, 200);

    await writeFile(path, JSON.stringify({ clients: [{ ...client, client_name: "One" }], users: [{ sub: "u1" }] }));
    await refuses(t, [[["apply", path], /users\[0\]\.preferred_username: /]]);
    await refusesToo(t, [
      ["apply", [`${path}.not`], {}, /cannot be read \(ENOENT\)/],
      ["apply", [], {}, /missing argument: provisioning file/],
    ]);
    t.match(await does(t, ["client", "show", "applied"]), { client_name: undefined });
  });

  t.test("client list and client show print everything except secrets", async (t) => {
    const list = await does(t, ["client", "list"]);
    t.match(
      list.find((one: { client_id: string }) => one.client_id === "backend"),
      {
        grant_types: ["client_credentials"],
        scope: "api1 api2 plain",
        disabled: false,
      },
    );
    const shown = await does(t, ["client", "show", "backend"]);
    t.match(shown, {
      client_id: "backend",
      token_endpoint_auth_method: "client_secret_basic",
      secrets: [{ expires_at: null }],
    });
    t.strictSame(Object.keys(shown.secrets[0]).sort(), ["created_at", "expires_at"]);
    for (const text of [list, shown].map((one) => JSON.stringify(one)))
      t.notMatch(text, new RegExp(`${SECRET}|hash|sealed`));
    const { stdout } = await jeton(env, ["client", "show", "backend"]);
    t.match(stdout, /^client_id=backend  /);
    t.notMatch(stdout, new RegExp(`${SECRET}|hash|sealed`));
    await refuses(t, [[["client", "show", "nobody"], /there is no client nobody/]]);
    await refusesToo(t, [
      ["client show", [], {}, /missing argument: client/],
      ["client show", ["backend", "poster"], {}, /expected exactly one client/],
    ]);
  });

  t.test("client add registers a client and prints its new secret", async (t) => {
    t.equal((await asClient(server, "worker", "any")).status, 401, "the server remembers that there was none");
    const metadata = [
      "--grant-types",
      "client_credentials",
      "--grant-types",
      "password",
      "--scope",
      "api1",
      "--access-token-lifetime",
      "60",
    ];
    const added = await does(t, ["client", "add", "worker", ...metadata]);
    t.match(added, { client_id: "worker", client_secret: /^[\w-]{43}$/ });
    await soon(t, async () => (await asClient(server, "worker", added.client_secret)).status === 200);
    t.match((await asClient(server, "worker", added.client_secret)).json, { expires_in: 60, scope: "api1" });
    t.match(await does(t, ["client", "show", "worker"]), { grant_types: ["client_credentials", "password"] });

    t.strictSame(await does(t, ["client", "add", "piped", ...metadata, "--secret-stdin"], `${SECRET}\n`), {
      client_id: "piped",
      warnings: ["client (piped) may use the password grant (RFC 9700 section 2.4)"],
    });
    t.equal((await asClient(server, "piped", SECRET)).status, 200);
    t.strictSame(await does(t, ["client", "add", "public", "--token-endpoint-auth-method", "none"]), {
      client_id: "public",
    });

    // Otherwise the server adds to it once a minute.
    await server.core.usage.flush();
    const before = await stateIn(server.database);
    await refuses(t, [
      [["client", "add", "user-alice"], /user-alice is in use by a user/],
      [["client", "add", "new", "--client-secret", SECRET], /Unknown option '--client-secret'/],
    ]);
    await refusesToo(t, [
      ["client add", ["backend"], {}, /there is a client backend already/],
      ["client add", ["new"], { "grant-types": ["implicit"] }, /^grant-types\.0: /],
      ["client add", ["new"], { "access-token-lifetime": "long" }, /^access-token-lifetime: /],
      ["client add", ["new"], { "secret-stdin": true }, /standard input is empty/],
    ]);
    t.strictSame(await stateIn(server.database), before);
  });

  t.test("client disable and client enable take effect within a second", async (t) => {
    const { access_token } = (await asClient(server, "poster", undefined)).json;
    t.strictSame(await does(t, ["client", "disable", "poster"]), { client_id: "poster", disabled: true });
    t.equal(await isActive(server, access_token), false, "what was issued to it is refused with the next request");
    await soon(t, async () => (await asClient(server, "poster", undefined)).status === 401);
    await does(t, ["client", "enable", "poster"]);
    await soon(t, async () => (await asClient(server, "poster", undefined)).status === 200);
    await refusesToo(t, [["client disable", ["nobody"], {}, /there is no client nobody/]]);
  });

  t.test(
    "client rotate-secret takes effect within a second, and --overlap keeps the earlier secret valid",
    async (t) => {
      const { client_secret: second, ...rest } = await does(t, ["client", "rotate-secret", "backend"]);
      t.strictSame(rest, { client_id: "backend" });
      await soon(t, async () => (await asClient(server, "backend", SECRET)).status === 401);
      t.equal((await asClient(server, "backend", second)).status, 200);

      const begun = systemClock.now();
      const third = await does(t, ["client", "rotate-secret", "backend", "--overlap", "1h"]);
      t.ok(Date.parse(third.earlier_secrets_until) >= begun + 3_600_000);
      t.ok(Date.parse(third.earlier_secrets_until) <= systemClock.now() + 3_600_000);
      await soon(t, async () => (await asClient(server, "backend", third.client_secret)).status === 200);
      t.equal((await asClient(server, "backend", second)).status, 200);
      t.equal((await asClient(server, "backend", SECRET)).status, 401);

      t.strictSame(await does(t, ["client", "rotate-secret", "backend", "--secret-stdin"], SECRET), {
        client_id: "backend",
      });
      await soon(t, async () => (await asClient(server, "backend", SECRET)).status === 200);
      t.equal((await asClient(server, "backend", second)).status, 401);

      await refusesToo(t, [
        ["client rotate-secret", ["mobile"], {}, /mobile authenticates with none, not a secret/],
        [
          "client rotate-secret",
          ["backend"],
          { overlap: "soon" },
          /"soon" is not a duration: write 90s, 15m, 24h or 7d/,
        ],
        ["client rotate-secret", ["nobody"], {}, /there is no client nobody/],
      ]);
      t.equal((await asClient(server, "backend", SECRET)).status, 200);
    },
  );

  t.test("user add registers a user, and user list prints the users without passwords", async (t) => {
    const more = [
      "--email",
      "Erin@example.com",
      "--email-verified",
      "--roles",
      "user",
      "--roles",
      "editor",
      "--name",
      "Erin",
    ];
    const added = await does(t, ["user", "add", "erin", ...more]);
    t.match(added, { sub: /^[\w-]{36}$/, preferred_username: "erin", password: /^[\w-]{20}$/ });
    t.equal((await logIn(server, { username: "erin@EXAMPLE.com", password: added.password })).status, 200);
    t.match(
      await does(t, ["user", "add", "frank", "--user-id", "user-frank", "--password-stdin"], "frank's password\n"),
      {
        sub: "user-frank",
        password: undefined,
      },
    );
    t.equal((await logIn(server, { username: "frank", password: "frank's password" })).status, 200);

    const list = await does(t, ["user", "list"]);
    t.match(
      list.find((one: { sub: string }) => one.sub === added.sub),
      { email: "Erin@example.com", roles: ["user", "editor"], disabled: false },
    );
    const members = list.flatMap((one: object) => Object.keys(one)).join(" ");
    t.notMatch(members, /password|hash/);
    t.notMatch(JSON.stringify(list), "$argon2");

    // Otherwise the server adds to it once a minute.
    await server.core.usage.flush();
    const before = await stateIn(server.database);
    await refuses(t, [
      [["user", "add", "grace", "--user-id", "user-alice"], /is in use/],
      [["user", "add", "grace", "--password", "p"], /Unknown option '--password'/],
    ]);
    await refusesToo(t, [
      ["user add", ["ALICE"], {}, /is in use/],
      ["user add", ["grace"], { "user-id": "backend" }, /is in use/],
      ["user add", ["grace"], { email: "alice@example.com", "email-verified": true }, /is in use/],
      ["user add", ["grace@example.com"], {}, /^preferred-username: looks like an email address/],
    ]);
    t.strictSame(await stateIn(server.database), before);
  });

  t.test("user disable ends the user's tokens with the next request, and user enable restores none", async (t) => {
    const { access_token, refresh_token } = (await logIn(server)).json;
    t.strictSame(await does(t, ["user", "disable", "Alice@Example.com"]), { sub: "user-alice", disabled: true });
    t.equal(await isActive(server, access_token), false);
    t.equal((await refresh(server, refresh_token)).status, 400);
    t.equal((await logIn(server)).status, 400);
    t.strictSame(await does(t, ["user", "enable", "user-alice"]), { sub: "user-alice", disabled: false });
    t.equal((await logIn(server)).status, 200);
    t.equal(await isActive(server, access_token), false);
    await refusesToo(t, [["user disable", ["nobody"], {}, /there is no user nobody/]]);
  });

  t.test("user passwd sets a given or a random password and ends the user's tokens", async (t) => {
    const { access_token, refresh_token } = (await logIn(server)).json;
    const made = await does(t, ["user", "passwd", "alice"]);
    t.equal(await isActive(server, access_token), false);
    t.equal((await refresh(server, refresh_token)).status, 400);
    t.equal((await logIn(server)).status, 400);
    t.equal((await logIn(server, { username: "alice", password: made.password })).status, 200);
    t.strictSame(await does(t, ["user", "passwd", "alice", "--password-stdin"], `${ALICE.password}\n`), {
      sub: "user-alice",
    });
    t.equal((await logIn(server)).status, 200);
    await refusesToo(t, [
      ["user passwd", ["alice"], { "password-stdin": true }, /standard input is empty/],
      ["user passwd", ["nobody"], {}, /there is no user nobody/],
    ]);
  });

  t.test("revoke --token ends one access token, or the whole grant of a refresh token", async (t) => {
    const { access_token, refresh_token } = (await logIn(server)).json;
    t.match(await does(t, ["revoke", "--token", access_token]), { jti: String, revoked: true });
    t.equal(await isActive(server, access_token), false);
    t.match(await does(t, ["revoke", "--token", access_token]), { revoked: false }, "once");
    const second = (await refresh(server, refresh_token)).json;
    t.ok(second.access_token);
    t.match(await does(t, ["revoke", "--token", "-"], `${second.refresh_token}\n`), {
      grant_id: String,
      revoked: true,
    });
    t.equal(await isActive(server, second.access_token), false);
    t.equal((await refresh(server, second.refresh_token)).status, 400);

    const opaque = (await server.post("/oauth2/token", { grant_type: "password", ...ALICE }, basic("kiosk", SECRET)))
      .json.access_token;
    t.equal(await isActive(server, opaque), true);
    await does(t, ["revoke", "--token", opaque]);
    t.equal(await isActive(server, opaque), false);
  });

  t.test("revoke --grant, --user and --client end all their tokens with the next request", async (t) => {
    const one = (await logIn(server)).json;
    const other = (await logIn(server)).json;
    const { grant_id } = (await introspect(server, one.access_token)).json;
    t.strictSame(await does(t, ["revoke", "--grant", grant_id]), { grant_id, revoked: true });
    t.equal(await isActive(server, one.access_token), false);
    t.equal((await refresh(server, one.refresh_token)).status, 400);
    t.equal(await isActive(server, other.access_token), true);

    t.match(await does(t, ["revoke", "--user", "alice"]), { sub: "user-alice", grants_ended: Number });
    t.equal(await isActive(server, other.access_token), false);
    t.equal((await refresh(server, other.refresh_token)).status, 400);

    const third = (await logIn(server)).json;
    t.match(await does(t, ["revoke", "--client", "mobile"]), { client_id: "mobile", grants_ended: Number });
    t.equal(await isActive(server, third.access_token), false);
    t.equal((await refresh(server, third.refresh_token)).status, 400);
    await soon(t, async () => isActive(server, (await logIn(server)).json.access_token));

    await refusesToo(t, [
      ["revoke", [], {}, /give exactly one of --token T, --user SUB, --client ID, --grant ID/],
      ["revoke", [], { user: "alice", client: "mobile" }, /give exactly one of/],
      ["revoke", [], { token: "garbage" }, /this is not a token of this server/],
      ["revoke", [], { grant: "garbage" }, /there is no grant garbage/],
      ["revoke", [], { user: "nobody" }, /there is no user nobody/],
      ["revoke", [], { client: "nobody" }, /there is no client nobody/],
    ]);
  });

  t.test("keys rotate changes the signing key, and valid tokens stay valid", async (t) => {
    const before = (await logIn(server)).json.access_token;
    const keys = await does(t, ["keys", "list"]);
    t.strictSame(keys.map(({ alg, state }: Record<string, string>) => `${alg} ${state}`).sort(), [
      "ES256 current",
      "ES256 next",
      "RS256 current",
      "RS256 next",
    ]);
    t.notMatch(keys.flatMap((one: object) => Object.keys(one)).join(" "), /sealed|private|\bd\b/);

    const rotated = await does(t, ["keys", "rotate"]);
    t.match(rotated, [{ alg: "ES256", kid: String, active_from: String }, { alg: "RS256" }]);
    await soon(t, async () => kidOf((await logIn(server)).json.access_token) === rotated[0].kid);
    t.equal(await isActive(server, before), true);
    t.ok(
      (await server.send("/oauth2/jwks")).json.keys.some(({ kid }: { kid: string }) => kid === kidOf(before)),
      "still published",
    );

    const [later] = await does(t, ["keys", "rotate"]);
    t.ok(Date.parse(later.active_from) > systemClock.now(), "others may have cached the keys of before");
    t.equal(await isActive(server, (await logIn(server)).json.access_token), true);
  });

  t.test("--version and --help work without a database, for all commands, one noun and each command", async (t) => {
    const { version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
    t.match(await jeton({}, ["--version"]), { code: 0, stdout: `${version}\n`, stderr: "" });
    const asks = async (...words: string[]) => {
      const { code, stdout, stderr } = await jetonHere({}, words);
      t.match({ code, stderr }, { code: 0, stderr: "" }, words.join(" "));
      t.notMatch(stdout, "\u001b", "without colours");
      return stdout;
    };
    const everything = await asks("--help");
    for (const one of [["-h"], ["help"], []]) t.equal(await asks(...one), everything);
    for (const command of COMMANDS) {
      const { name, does } = command;
      t.match(everything, `  jeton ${`${name} ${usageOf(command)}`.trim()}\n      ${does}\n`.trimEnd());
      const words = name.split(" ");
      if (words.length > 1) t.match(await asks(words[0]!, "--help"), `  jeton ${name}`);
      const own = await asks(...words, "--help");
      t.match(own, does);
      for (const flag of [...Object.keys(flagsOf(command)), "json"])
        t.match(own, new RegExp(`\n  --(?:\\[no-\\])?${flag}\\b`), `${name} --${flag}`);
      t.equal(await asks(...words, "some words", "-h"), own, "wherever it stands");
    }
    const add = await asks("client", "add", "--help");
    t.match(add, "--token-endpoint-auth-method client_secret_basic|client_secret_post|");
    t.match(add, "--dialects oauth2|simple-identity-server|iothentix|screening-eagle|kii (several times)");
    t.match(add, "--access-token-lifetime NUMBER\n");
  });

  t.test("each warning is one line, and an undeclared scope causes one", async (t) => {
    const path = join(dirname(await dataFolder(t)), "scopes.json");
    const clients = [
      { client_id: "reader", client_secret: "short", scope: "openid api1 late offline refresh.token" },
      { client_id: "writer", client_secret: SECRET, scope: "api1 aip2 api3" },
    ];
    const devices = [{ device_id: "meter", jwk: METER, scope: "refresh.token meter.read" }];
    await writeFile(path, JSON.stringify({ scopes: [{ name: "late" }], clients, devices }));
    const first = await jetonHere(env, ["apply", path]);
    t.equal(first.stdout, "written=4  entries=4\n");
    t.equal(
      first.stderr,
      [
        "warning: clients[0] (reader) has a secret shorter than 32 characters",
        "warning: clients[1] (writer) lists scopes that are not declared: aip2 api3",
        "warning: devices[0] (meter) lists scopes that are not declared: meter.read\n",
      ].join("\n"),
    );
    t.match((await does(t, ["apply", path])).warnings, [/^clients\[0\]/, /^clients\[1\]/, /^devices\[0\]/]);
    t.match(await does(t, ["client", "add", "another", "--scope", "aip2 api1"]), {
      warnings: ["client (another) lists scopes that are not declared: aip2"],
    });
  });

  t.test("an unknown command and an invalid option are refused", async (t) => {
    await refuses(t, [
      [["client", "destroy", "backend"], /there is no command "client destroy"/],
      [["clients", "list"], /there is no command "clients list"; jeton --help lists them$/],
      [["client"], /there is no command "client"; jeton client --help lists them$/],
      [["client", "list", "--colour"], /Unknown option '--colour'/],
      [["grant", "show", "-771KdwMxEe5Ek6I0tpVCg"], /^there is no grant -771KdwMxEe5Ek6I0tpVCg/],
      [["revoke", "--grant", "-771KdwMxEe5Ek6I0tpVCg"], /^there is no grant -771KdwMxEe5Ek6I0tpVCg$/],
      [["revoke", "--grant", "--71KdwMxEe5Ek6I0tpVCg"], /^there is no grant --71KdwMxEe5Ek6I0tpVCg$/],
      [["revoke", "--grant"], /^Option .--grant/],
      [["revoke", "--grant", "--user", "alice"], /^Option .--grant/],
    ]);
  });
});

t.test("migrate applies each migration once, and refuses a database of a newer version", async (t) => {
  const server = await startInstance(t);
  const url = new URL(server.database);
  url.pathname += "_bare";
  const name = url.pathname.slice(1);
  // template0, where no autovacuum runs while it is copied.
  await sql(server.database, `CREATE DATABASE ${name} TEMPLATE template0`);
  t.teardown(() => sql(server.database, `DROP DATABASE ${name} WITH (FORCE)`));
  const { does, refuses } = commandsOf({ DATABASE_URL: url.href, MASTER_KEY });
  const { applied } = await does(t, ["migrate"]);
  t.ok(applied.length > 0);
  t.strictSame(await does(t, ["migrate"]), { applied: [] });
  t.strictSame(await does(t, ["user", "list"]), []);

  await sql(
    url.href,
    "INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) VALUES ('x', 'x', '9999_later', now())",
  );
  await refuses(t, [[["migrate"], /the database was migrated by a newer Jeton \(9999_later\)/]]);
});

t.test("the command line works with an embedded PostgreSQL", async (t) => {
  const DATA_DIR = await dataFolder(t);
  const { does } = commandsOf({ DATA_DIR }, jeton);

  t.test("a command without a server starts PostgreSQL and stops it again", async (t) => {
    const { sub } = await does(t, ["user", "add", "erin", "--user-id", "user-erin"]);
    t.equal(sub, "user-erin");
    t.notOk((await readdir(join(DATA_DIR, "postgres"))).includes("postmaster.pid"));
  });

  t.test("commands share the PostgreSQL of a running server and leave it running", async (t) => {
    const server = await startProcess(t, { DATA_DIR });
    t.notMatch(server.output(), /^curl/m, "a client is registered, so there is no demo");
    const [{ client_secret }, people] = await Promise.all([
      does(t, ["client", "add", "backend", "--grant-types", "client_credentials", "--scope", "api1"]),
      does(t, ["user", "list"]),
    ]);
    t.match(people, [{ sub: "user-erin" }]);
    const body = new URLSearchParams({ grant_type: "client_credentials" });
    const { status } = await fetch(`${server.url}/oauth2/token`, {
      method: "POST",
      body,
      headers: basic("backend", client_secret),
    });
    t.equal(status, 200);
    t.equal((await fetch(`${server.url}/readyz`)).status, 200);
    server.signal("SIGTERM");
    t.match(await server.ended, { code: 0, stderr: "" });
  });
});

/** The two ways a command ends: it does what it is told and prints one JSON document, or refuses in one line. */
function commandsOf(env: Environment, run: typeof jetonHere = jetonHere) {
  return {
    // What a test looks into is what it expects to find.

    async does(t: Test, args: readonly string[], stdin = ""): Promise<any> {
      const { code, stdout, stderr } = await run(env, [...args, "--json"], stdin);
      t.equal(stderr, "", args.join(" "));
      t.equal(code, 0);
      t.match(stdout, /^[^\n]+\n$/);
      return JSON.parse(stdout);
    },
    async refuses(t: Test, cases: readonly (readonly [readonly string[], RegExp])[]): Promise<void> {
      const ended = await inPairs(cases, ([args]) => run(env, [...args, "--json"]));
      for (const [index, [args, message]] of cases.entries()) {
        const { code, stdout, stderr } = ended[index]!;
        const [line = "", ...more] = stderr.split("\n");
        t.match(line.replace(/^jeton: /, ""), message, args.join(" "));
        t.strictSame({ code, stdout, more }, { code: 1, stdout: "", more: [""] });
      }
    },
  };
}

/** A command of the table, its words and flags, and the one line with which it refuses; without the time a process takes. */
type Refused = readonly [
  name: string,
  words: readonly string[],
  flags: Readonly<Record<string, string | true | readonly string[]>>,
  message: RegExp,
];

async function tableRefuses(t: Test, at: Instance, cases: readonly Refused[]): Promise<void> {
  for (const [name, words, flags, message] of cases) {
    const given = Object.entries(flags).flatMap(([flag, value]) =>
      value === true ? `--${flag}` : [value].flat().map((one) => `--${flag}=${one}`),
    );
    const refusal: unknown = await runCommand(at, [...name.split(" "), ...words, ...given]);
    t.match(refusal, message, `${name} ${words.join(" ")}`);
  }
}

/** Two at a time: a process takes its time, and there are two cores. */
async function inPairs<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < all.length; at += 2) results.push(...(await Promise.all(all.slice(at, at + 2).map(work))));
  return results;
}

/** A token for a client itself; without a secret as the one that puts it into the body. */
function asClient(server: Instance, client_id: string, secret: string | undefined) {
  const form = { grant_type: "client_credentials", scope: "api1" };
  return secret === undefined
    ? server.post("/oauth2/token", { ...form, client_id, client_secret: SECRET })
    : server.post("/oauth2/token", form, basic(client_id, secret));
}

/** Asks again until it is so. */
async function soon(t: Test, condition: () => Promise<boolean>): Promise<void> {
  await until("it is obeyed", condition, SOON).catch((error: Error) => t.fail(error.message));
}
