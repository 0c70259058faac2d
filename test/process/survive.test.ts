import { chmod, lstat, readdir, readFile, rename, truncate, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import t, { type Test } from "tap";
import { freshDatabase, sql } from "../support/database.js";
import { stateIn } from "../support/dump.js";
import { FLEET } from "../support/fleet.js";
import type { Reply } from "../support/instance.js";
import {
  dataFolder,
  embeddedUrl,
  endPostgres,
  refusedHere,
  refusedStart,
  startProcess,
  type Environment,
  type Said,
} from "../support/process.js";
import { MASTER_KEY } from "../support/run.js";
import { introspect, logIn, refresh } from "../support/tokens.js";
import { until } from "../support/until.js";

/** Tokens are to outlive the port they were fetched at. */
const ISSUER = "https://login.example";

t.test("a deployment with its own PostgreSQL", async (t) => {
  const whole = t;
  const DATA_DIR = await dataFolder(t, "used");
  const PROVISION_FILE = join(DATA_DIR, "..", "provision.json");
  await writeFile(PROVISION_FILE, JSON.stringify(FLEET));
  const env = { DATA_DIR, ISSUER, PROVISION_FILE };
  let server = await startProcess(t, env);
  t.notMatch(server.output(), /^curl/m, "with a provisioning file there is no demo");
  const { access_token, ...first } = (await logIn(server)).json;
  let { refresh_token } = first;

  const nothingIsLost = async (t: Test): Promise<void> => {
    t.match(await introspect(server, access_token), { status: 200, json: { active: true, username: "Alice" } });
    const { status, json } = await refresh(server, refresh_token);
    t.equal(status, 200);
    refresh_token = json.refresh_token;
  };

  t.test("loses nothing when the server is killed: the next one adopts the PostgreSQL it left behind", async (t) => {
    server.signal("SIGKILL");
    await server.ended;
    const left = await postmaster(DATA_DIR);
    server = await startProcess(whole, env);
    t.comment(`ready after ${Math.round(server.readyAfter)} ms beside a PostgreSQL that runs`);
    t.equal(await postmaster(DATA_DIR), left);
    await nothingIsLost(t);
  });

  t.test("nor when PostgreSQL is killed with it", async (t) => {
    server.signal("SIGKILL");
    await server.ended;
    await endPostgres(DATA_DIR, "SIGKILL");
    server = await startProcess(whole, env);
    t.comment(`ready after ${Math.round(server.readyAfter)} ms with recovery`);
    await nothingIsLost(t);
  });

  t.test(
    "comes back by itself when PostgreSQL is killed under a living server, and answers 503 until then",
    async (t) => {
      const killed = await endPostgres(DATA_DIR, "SIGKILL");
      const begun = performance.now();
      const refused: Reply[] = [];
      const readiness = new Set<number>();
      await until("the server answers again", async () => {
        const reply = await introspect(server, access_token);
        readiness.add((await fetch(`${server.url}/readyz`)).status);
        if (reply.status !== 200) refused.push(reply);
        // The backends end a moment after the postmaster, and one of them may answer until then.
        return reply.status === 200 && refused.length > 0;
      });
      t.comment(`answered again after ${Math.round(performance.now() - begun)} ms and ${refused.length} refusals`);
      t.ok(refused.length > 0);
      const kinds = refused.map(
        ({ status, headers, json }) => `${status} ${json.error}, Retry-After ${headers.get("retry-after")}`,
      );
      t.strictSame([...new Set(kinds)], ["503 temporarily_unavailable, Retry-After 1"]);
      t.ok(readiness.has(503), "/readyz says so too");
      await until("/readyz says 200 again", async () => (await fetch(`${server.url}/readyz`)).status === 200);
      t.not(await postmaster(DATA_DIR), killed);
      // The log is written behind the answers, so the line may come after them.
      const told = /the embedded PostgreSQL died and is being started again.*answers again/s;
      await until("the log tells of it", async () => told.test(server.output()));
      await nothingIsLost(t);
    },
  );

  t.test("refuses a second server, and says whose it is", async (t) => {
    const { port } = new URL(server.url);
    const message = `another Jeton server is running on ${DATA_DIR} (process ${server.pid})`;
    const refused = await refusedStart({ ...env, PORT: "0" });
    t.equal(oneLine(t, refused), message);
    // No bound: the machine is busy with other tests (docs/operations.md has the figure).
    t.comment(`refused after ${Math.round(refused.took)} ms`);
    t.equal(oneLine(t, await refusedHere({ ...env, PORT: port })), message, "at the same port too");
    await nothingIsLost(t);
  });

  t.test("is left as it is by a start that cannot use it", async (t) => {
    /** Without what a server writes when it stops. */
    const everything = async () => ({ ...(await stateIn(await embeddedUrl(DATA_DIR))), dialect_usage: [] });
    const tables = await everything();
    server.signal("SIGTERM");
    t.match(await server.ended, { code: 0, stderr: "" }, "a server whose PostgreSQL had died ends in order");
    const inData = (name: string) => join(DATA_DIR, name);
    const [version, control, key, cluster] = [
      "postgres/PG_VERSION",
      "postgres/global/pg_control",
      "master.key",
      "postgres",
    ].map(inData);

    /** Looks whether the files are as before: sizes and times, but for what PostgreSQL writes when it starts and stops. */
    const untouched = async (
      t: Test,
      name: string,
      flaw: () => Promise<unknown>,
      message: RegExp,
      more: Environment = {},
    ) =>
      t.test(name, async (t) => {
        await flaw();
        const before = await picture(DATA_DIR);
        t.match(oneLine(t, await refusedHere({ ...env, ...more })), message);
        t.strictSame(await picture(DATA_DIR), before);
      });

    const kept = await Promise.all([version!, control!, key!].map((file) => readFile(file)));
    await untouched(t, "PG_VERSION garbled", () => writeFile(version!, "garbage\n"), /PG_VERSION is garbled/);
    await writeFile(version!, kept[0]!);
    await untouched(t, "pg_control cut short", () => truncate(control!, 100), /global\/pg_control has 100 bytes/);
    await writeFile(control!, kept[1]!);
    await untouched(
      t,
      "the cluster gone, its master key left",
      () => rename(cluster!, inData("away")),
      /the database is gone but its master key is there/,
    );
    await rename(inData("away"), cluster!);
    await untouched(
      t,
      "the password of the database gone",
      () => rename(inData("postgres.password"), inData("away")),
      /password file .* is missing/,
    );
    await rename(inData("away"), inData("postgres.password"));
    await untouched(
      t,
      "master.key gone",
      () => rename(key!, inData("away")),
      /master\.key is gone, .*: put it back or set MASTER_KEY$/,
    );
    await rename(inData("away"), key!);
    await untouched(
      t,
      "master.key open to others",
      () => chmod(key!, 0o640),
      /master\.key is open to others \(mode 0640\): run chmod 600 on it$/,
    );
    await chmod(key!, 0o600);
    await untouched(
      t,
      "master.key garbled",
      () => writeFile(key!, "garbled"),
      /master\.key does not hold a master key/,
    );
    await untouched(t, "master.key empty", () => truncate(key!, 0), /master\.key does not hold a master key/);
    await untouched(
      t,
      "master.key another one",
      () => writeFile(key!, MASTER_KEY),
      /the master key is not the one this database was written under/,
    );
    await writeFile(key!, kept[2]!);
    await untouched(t, "MASTER_KEY another one", async () => {}, /the master key is not the one/, { MASTER_KEY });

    server = await startProcess(whole, env);
    t.strictSame(await everything(), tables);
    await nothingIsLost(t);
  });
});

t.test("a database that cannot be used ends the start with one line that holds no password", async (t) => {
  const PASSWORD = "marker-password";
  const database = await freshDatabase(t);
  const altered = (change: (url: URL) => void): string => {
    const url = new URL(database);
    change(url);
    return url.href;
  };
  const closed = await closedPort();
  const cases: readonly (readonly [string, Environment, RegExp])[] = [
    [
      "out of reach",
      { DATABASE_URL: `postgres://jeton:${PASSWORD}@127.0.0.1:${closed}/jeton` },
      /^the database jeton at 127\.0\.0\.1:\d+ cannot be used: .*ECONNREFUSED/,
    ],
    [
      "on an unknown machine",
      { DATABASE_URL: `postgres://jeton:${PASSWORD}@nowhere.invalid/jeton` },
      /^the database jeton at nowhere\.invalid cannot be used: /,
    ],
    [
      "behind a socket that is not there",
      { DATABASE_URL: `postgres://jeton:${PASSWORD}@/jeton?host=/nowhere` },
      /^the database jeton at localhost cannot be used: .*ENOENT/,
    ],
    [
      "with another password",
      { DATABASE_URL: altered((url) => (url.password = PASSWORD)) },
      /cannot be used: password authentication failed for user "jeton"$/,
    ],
    [
      "of another name",
      { DATABASE_URL: altered((url) => (url.pathname = "/nowhere")) },
      /^the database nowhere at .* cannot be used: database "nowhere" does not exist$/,
    ],
    [
      "without the TLS that is asked for",
      { DATABASE_URL: altered((url) => (url.search = "?sslmode=verify-full")) },
      /cannot be used: The server does not support SSL connections$/,
    ],
    [
      "whose address is no URL",
      { DATABASE_URL: `postgres://jeton:${PASSWORD}#/@host:port/jeton` },
      /^DATABASE_URL is not a URL; special characters in the password must be percent-encoded$/,
    ],
    [
      "of another system",
      { DATABASE_URL: `mysql://jeton:${PASSWORD}@127.0.0.1/jeton` },
      /^DATABASE_URL must begin with postgres:\/\/$/,
    ],
    [
      "without a master key",
      { DATABASE_URL: database, MASTER_KEY: undefined },
      /^MASTER_KEY is required with DATABASE_URL$/,
    ],
  ];
  const before = await stateIn(database);
  for (const [name, env, message] of cases) {
    t.test(name, async (t) => {
      const refused = await refusedHere({ MASTER_KEY, ...env });
      t.match(oneLine(t, refused), message);
      t.notMatch(refused.stderr, /marker|password@/);
    });
  }

  t.test("and nothing was changed in it", async (t) => t.strictSame(await stateIn(database), before));

  t.test("written under another master key", async (t) => {
    await sql(database, "INSERT INTO installation (master_key_fingerprint) VALUES ('of another key')");
    const written = await stateIn(database);
    t.equal(
      oneLine(t, await refusedHere({ DATABASE_URL: database, MASTER_KEY })),
      "the master key is not the one this database was written under",
    );
    t.strictSame(await stateIn(database), written);
  });
});

t.test(
  "a setting that cannot be used ends the start with one line that names it, before anything is begun",
  async (t) => {
    const DATA_DIR = await dataFolder(t);
    const cases: readonly (readonly [Environment, RegExp])[] = [
      [{ ISSUER: "login.example" }, /^ISSUER /],
      [{ MASTER_KEY: "marker" }, /^MASTER_KEY must be 32 bytes in base64url$/],
      [{ TLS_CERT: "/nowhere.pem", TLS_KEY: "/nowhere.pem" }, /^\/nowhere\.pem cannot be read \(ENOENT\)$/],
      [
        { TLS_CERT: import.meta.filename, TLS_KEY: import.meta.filename },
        /^TLS_CERT cannot be used: it holds no certificate in PEM$/,
      ],
      [{ TLS_CLIENT_CA: "/nowhere.pem" }, /^TLS_CLIENT_CA needs TLS_CERT and TLS_KEY$/],
      [{ JWKS_URI_ALLOW_PRIVATE: "yes" }, /^JWKS_URI_ALLOW_PRIVATE /],
      [
        { DATABASE_URL: "postgres://u:marker@127.0.0.1:1/d?schema=x", MASTER_KEY },
        /^DATABASE_URL has schema, which can only be public here/,
      ],
      [{ HOST: "192.0.2.1" }, /^cannot listen on 192\.0\.2\.1:0 \(EADDRNOTAVAIL\)$/],
      [{ HOST: "nowhere.invalid" }, /^cannot listen on nowhere\.invalid:0 \(/],
    ];
    for (const [env, message] of cases) {
      t.test(Object.entries(env).join(" "), async (t) => {
        const refused = await refusedHere({ DATA_DIR, ...env });
        t.match(oneLine(t, refused), message);
        t.notMatch(refused.stderr, "marker");
      });
    }
    t.test("and no folder was made", async (t) => t.strictSame(await readdir(join(DATA_DIR, "..")), []));
  },
);

/** What a start that was refused said: one line on standard error, nothing else, and not a code of success. */
function oneLine(t: Test, { code, stdout, stderr }: Said): string {
  t.equal(code, 1);
  t.equal(stdout, "");
  const [line = "", ...more] = stderr.split("\n");
  t.strictSame(more, [""], stderr);
  return line.replace(/^jeton: /, "");
}

async function postmaster(dataDir: string): Promise<string> {
  return (await readFile(join(dataDir, "postgres/postmaster.pid"), "utf8")).split("\n")[0]!;
}

/** Names, sizes and times below a folder, but for what PostgreSQL writes whenever it starts and stops. */
async function picture(folder: string): Promise<string[]> {
  const ITS_OWN =
    /postgres\.log$|^postgres\/(postmaster\.opts|pg_wal|pg_xact|pg_subtrans|pg_multixact|pg_logical|pg_stat|pg_notify|pg_dynshmem|global|base)(\/|$)|^postgres$/;
  const names = (await readdir(folder, { recursive: true })).filter((name) => !ITS_OWN.test(name));
  return Promise.all(
    names.sort().map(async (name) => {
      const { size, mtimeMs } = await lstat(join(folder, name));
      return `${name} ${size} ${mtimeMs}`;
    }),
  );
}

async function closedPort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
