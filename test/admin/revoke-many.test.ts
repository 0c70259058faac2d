import t, { type Test } from "tap";
import { markEnded } from "../../src/store/ending.js";
import { endEverythingOfClient } from "../../src/store/epochs.js";
import { sql } from "../support/database.js";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Instance } from "../support/instance.js";
import { jetonHere } from "../support/process.js";
import { MASTER_KEY } from "../support/run.js";
import { mostRowsOf } from "../support/statements.js";
import { Browser } from "../support/web.js";
import { isActive, logIn, refresh } from "../support/tokens.js";

/** No statement of a command touches more rows than this. */
const MAX_ROWS = 1_000;

const MANY = 2_600;

/** Grants of Alice for the mobile app, made without a login each. */
async function addGrants({ database }: Instance, how: { epoch?: number; ended?: boolean } = {}): Promise<void> {
  await sql(
    database,
    `INSERT INTO grants (id, client_id, sub, scope, user_epoch, client_epoch, auth_time, amr, created_at,
                         idle_expires_at, absolute_expires_at, ended_at)
     SELECT gen_random_uuid(), 'mobile', 'user-alice', '{api1}', 0, $2, now(), '{pwd}', now(),
            now() + interval '1 day', now() + interval '1 day', CASE WHEN $3 THEN now() END
     FROM generate_series(1, $1::int)`,
    [MANY, how.epoch ?? 0, how.ended ?? false],
  );
}

const openGrants = async ({ database }: Instance) =>
  (await sql(database, "SELECT count(*)::int AS n FROM grants WHERE ended_at IS NULL"))[0]!.n as number;

t.test("revoking all grants of a client, a user or the server runs in batches and reports progress", async (t) => {
  const server = await startInstance(t, { provision: FLEET });
  const env = { DATABASE_URL: server.database, MASTER_KEY };
  const PROGRESS = /^\S+: everything is rejected from now on; 1000 grants are marked as ended so far\n$/;
  const cases: readonly (readonly [readonly string[], object])[] = [
    [["revoke", "--client", "mobile"], { client_id: "mobile", grants_ended: MANY }],
    [["revoke", "--user", "Alice"], { sub: "user-alice", grants_ended: MANY }],
    [["revoke", "--all"], { all: true, grants_ended: MANY }],
    [["user", "disable", "Alice"], { sub: "user-alice", disabled: true }],
    [["user", "passwd", "Alice", "--password-stdin"], { sub: "user-alice" }],
  ];
  for (const [words, printed] of cases) {
    t.test(words.join(" "), async (t) => {
      await sql(server.database, "DELETE FROM grants");
      await addGrants(server);
      let said = { code: 1 as number | null, stdout: "", stderr: "" };
      const most = await mostRowsOf(async () => (said = await jetonHere(env, words, "a new password of hers")));
      t.match(said.stderr, PROGRESS);
      t.equal(said.code, 0);
      t.ok(most <= MAX_ROWS, `one statement touched ${most} rows`);
      t.equal(await openGrants(server), 0);

      await addGrants(server);
      const quiet = await jetonHere(env, [...words, "--json"], "a new password of hers");
      t.equal(quiet.stderr, "", "progress is for people");
      t.strictSame(JSON.parse(quiet.stdout), printed);
    });
  }
});

t.test("revoked tokens are refused before their grants are marked, and new tokens stay valid", async (t) => {
  const server = await startInstance(t, { provision: FLEET });
  const { db } = server.core;
  const before = (await logIn(server)).json;
  await addGrants(server);

  await endEverythingOfClient(db.prisma, "mobile");
  t.equal(await isActive(server, before.access_token), false);
  t.equal((await refresh(server, before.refresh_token)).status, 400);

  t.test("a command that is killed between two batches leaves no revoked token valid", async (t) => {
    const killed = markEnded(db, { client_id: "mobile" }, null, () => {
      throw new Error("killed");
    });
    await t.rejects(killed, { message: "killed" });
    t.ok((await openGrants(server)) > 0, "some are not marked yet");
    t.equal((await refresh(server, before.refresh_token)).status, 400);
  });

  t.test("a login between two batches belongs to the new epoch", async (t) => {
    await server.apply({});
    let during: Promise<{ access_token: string; refresh_token: string }> | undefined;
    await markEnded(db, { client_id: "mobile" }, null, () => void (during ??= logIn(server).then(({ json }) => json)));
    const { access_token, refresh_token } = await during!;
    t.equal(await openGrants(server), 1, "everything else is marked");
    await markEnded(db, "everybody", null);
    t.equal(await isActive(server, access_token), true);
    t.equal((await refresh(server, refresh_token)).status, 200);
  });

  t.test("a grant that is stored late with the earlier epoch is marked as ended", async (t) => {
    await addGrants(server);
    t.equal(await markEnded(db, { sub: "user-alice" }, null), MANY);
    t.equal(await openGrants(server), 1);
  });

  t.test("grants that had ended before are skipped in batches too", async (t) => {
    await addGrants(server, { ended: true });
    t.ok((await mostRowsOf(() => markEnded(db, { client_id: "mobile" }, null))) <= MAX_ROWS);
  });
});

t.test("revoke --all ends all tokens and sessions on every instance", async (t) => {
  const issuer = { ISSUER: "http://localhost" };
  const server = await startInstance(t, { provision: FLEET, env: issuer });
  const other = await startInstance(t, { database: server.database, env: issuer });
  const env = { DATABASE_URL: server.database, MASTER_KEY };
  const machine = async () => {
    const form = { grant_type: "client_credentials" };
    return (await other.post("/oauth2/token", form, basic("backend", SECRET))).json.access_token as string;
  };
  const person = (await logIn(server)).json;
  const client = await machine();
  const browser = new Browser(server);
  await browser.submit(await browser.open("/account"), "login", { ...ALICE, action: "login" });
  const isLoggedIn = async () => !(await browser.open("/account")).text.includes('id="login"');
  t.equal(await isLoggedIn(), true);
  for (const token of [person.access_token, client]) t.equal(await isActive(server, token), true);

  t.equal((await jetonHere(env, ["revoke", "--all"])).code, 0);
  for (const instance of [server, other]) {
    t.equal(await isActive(instance, person.access_token), false, "a person's token");
    t.equal(await isActive(instance, client), false, "a client's own token");
    t.equal((await refresh(instance, person.refresh_token)).status, 400, "a refresh token");
  }
  t.equal(await isLoggedIn(), false, "a browser session");

  await other.apply({});
  t.equal(await isActive(server, await machine()), true, "what is issued afterwards is good");
  const again = (await logIn(other)).json;
  t.equal((await refresh(server, again.refresh_token)).status, 200);
});

t.test("a statement that takes too long fails the command with one line", async (t) => {
  const server = await startInstance(t, { provision: FLEET });
  const env = { DATABASE_URL: server.database, MASTER_KEY };
  await sql(
    server.database,
    `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'canceling statement due to statement timeout' USING ERRCODE = '57014'; END $$`,
  );
  for (const table of ["clients", "users", "grants"]) {
    await sql(server.database, `CREATE TRIGGER slow BEFORE UPDATE ON ${table} EXECUTE FUNCTION slow()`);
  }
  await oneLine(t, env, ["client", "disable", "mobile"]);
  await oneLine(t, env, ["revoke", "--client", "mobile"]);
  await oneLine(t, env, ["user", "passwd", "Alice", "--password-stdin"]);

  t.test("a timeout after the revocation is only a warning, because the tokens stay revoked", async (t) => {
    await sql(server.database, "DROP TRIGGER slow ON clients");
    const { access_token } = (await logIn(server)).json;
    const { code, stdout } = await jetonHere(env, ["revoke", "--client", "mobile", "--json"]);
    t.equal(code, 0);
    t.match(JSON.parse(stdout), { grants_ended: 0, warnings: [/all of them are rejected/] });
    t.equal(await isActive(server, access_token), false);
  });

  t.test("an unexpected error fails the command with one line", async (t) => {
    await sql(
      server.database,
      "CREATE OR REPLACE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'a secret'; END $$",
    );
    await oneLine(t, env, ["user", "disable", "Alice"], /^jeton: the command failed unexpectedly \([\w ]+\): .*\n$/);
  });
});

async function oneLine(
  t: Test,
  env: { DATABASE_URL: string; MASTER_KEY: string },
  words: readonly string[],
  line = /^jeton: the database did not carry this out in time \([\w ]+\); .*\n$/,
): Promise<void> {
  const { code, stdout, stderr } = await jetonHere(env, words, "a new password of hers");
  t.strictSame([code, stdout], [1, ""], words.join(" "));
  t.match(stderr, line);
}
