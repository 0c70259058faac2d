import t, { type Test } from "tap";
import { OperatorError } from "../../src/errors/operator-error.js";
import { migrate } from "../../src/store/migrate.js";
import { sql } from "../support/database.js";
import { runCommand } from "../support/commands.js";
import { decided } from "../support/decided.js";
import { stateIn } from "../support/dump.js";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { startInstance, type Instance } from "../support/instance.js";
import { jetonHere } from "../support/process.js";
import { MASTER_KEY } from "../support/run.js";
import { APP, ofApp, postJson, VENDORS } from "../support/vendors.js";

/** No name means two accounts: what people log in with, subs and client ids, on any number of instances. */
const one = await startInstance(t, { provision: VENDORS });
const two = await startInstance(t, { database: one.database });

const register = (at: Instance, loginName: string) =>
  decided(() => postJson(at, `/api/apps/${APP.app_id}/users`, { loginName, password: "carol's password" }, ofApp()));

/** `done`, or the one line with which the command refuses. */
const run = async (at: Instance, words: readonly string[], stdin = "a password of some length\n") => {
  const said = await runCommand(at, words, stdin);
  return typeof said === "string" ? said : "done";
};

const addUser = (name: string, sub: string, at = one) =>
  run(at, ["user", "add", name, "--user-id", sub, "--password-stdin"]);
const addClient = (client_id: string, at = two) => run(at, ["client", "add", client_id, "--secret-stdin"], SECRET);

t.test("a login name, a sub and a client id can never be equal, in either order of creation", async (t) => {
  const used = /is in use/;
  t.equal(await addUser("first", "U-20"), "done");
  t.equal(await addClient("Backend-20"), "done");
  for (const name of ["u-20", "U-20", " u-20 ", "ｕ-20", "backend-20", "BACKEND-20", "elsewhere", APP.app_id]) {
    t.equal((await register(one, name)).status, 409, name);
    t.match(await addUser(name, "u-30"), used, name);
  }
  t.match(await addUser("second", "first"), used, "a sub that is a login name");
  t.match(await addUser("second", "Backend-20"), used, "a sub that is a client id");
  t.match(await addUser("second", "alice@example.com"), used, "a sub that is an email");
  t.match(await addClient("first"), used, "a client id that is a login name");
  t.match(await addClient("U-20"), used, "a client id that is a sub");
  t.equal(await addUser("third", "Third"), "done", "one account may have both");
  for (const [section, entry] of [
    ["users", { sub: "u-40", preferred_username: "u-20" }],
    ["users", { sub: "first", preferred_username: "forty" }],
    ["users", { sub: "u-40", preferred_username: "forty", email: "x@example.com", email_verified: true }],
    ["clients", { client_id: "first" }],
    ["devices", { device_id: "first", jwk: { kty: "EC", crv: "P-256", x: "x", y: "y" } }],
    ["apps", { app_id: "first", app_key: "k", client_id: "other", client_secret: "s" }],
    ["apps", { app_id: "other", app_key: "k", client_id: "first", client_secret: "s" }],
  ] as const) {
    const isFine = "email" in entry;
    const applied = one.apply({ [section]: [entry] });
    if (isFine) await applied;
    else await t.rejects(applied, { message: new RegExp(`^${section}\\[0\\] `) });
  }
  t.match(await addClient("X@example.com"), used, "a client id that is a verified email in other letters");
});

t.test("two users may swap their login names in one file", async (t) => {
  const people = (names: readonly string[]) => ({
    users: names.map((preferred_username, index) => ({ sub: `swap-${index}`, preferred_username })),
  });
  await one.apply(people(["left", "right"]));
  await one.apply(people(["right", "left"]));
  t.strictSame(
    await sql(one.database, "SELECT name, login_of FROM account_names WHERE name IN ('left', 'right') ORDER BY name"),
    [
      { name: "left", login_of: "swap-1" },
      { name: "right", login_of: "swap-0" },
    ],
  );
});

/** Two ways to take one name at once, on two instances; how each says that it won. */
const RACES: readonly (readonly [what: string, take: (name: string) => readonly Promise<boolean>[]])[] = [
  ["two registrations", (name) => [one, two].map(async (at) => (await register(at, name)).status === 201)],
  [
    "two registrations of names that look alike",
    (name) => [registered(one, `b0${name}`), registered(two, `bo${name}`)],
  ],
  [
    "a registration and a client",
    (name) => [registered(one, name), two.apply({ clients: [{ client_id: name }] }).then(yes, no)],
  ],
  [
    "a registration and a sub",
    (name) => [
      registered(one, name),
      two.apply({ users: [{ sub: name.toUpperCase(), preferred_username: `the ${name}` }] }).then(yes, no),
    ],
  ],
  ["a sub and a client", (name) => [addUser(`it is ${name}`, name).then(isDone), addClient(name).then(isDone)]],
  ["the same client twice", (name) => [addClient(name, one).then(isDone), addClient(name, two).then(isDone)]],
  [
    "the same sub twice",
    (name) => [addUser(`a ${name}`, name).then(isDone), addUser(`b ${name}`, name, two).then(isDone)],
  ],
];

const registered = async (at: Instance, name: string) => (await register(at, name)).status === 201;
const yes = () => true;
const no = () => false;
const isDone = (said: string) => said === "done";

t.test("of two simultaneous requests for one name exactly one gets it", async (t) => {
  // Registrations of one network are counted.
  const round = async (index: number) => {
    for (const [what, take] of RACES) {
      await sql(one.database, "DELETE FROM tries");
      const won = await Promise.all(take(`race-${RACES.findIndex(([name]) => name === what)}-${index}`));
      t.equal(won.filter(Boolean).length, 1, `${what}: ${won}`);
    }
  };
  for (const index of [1, 2, 3]) await round(index);
});

t.test("registration refuses a name that looks like another user's, and an operator may still use it", async (t) => {
  await sql(one.database, "DELETE FROM tries");
  t.equal((await register(one, "apo")).status, 201);
  for (const name of ["аро", "αρο", "b0b", "alicе"]) t.not((await register(two, name)).status, 201, name);
  t.equal((await register(one, "борис")).status, 201);
  t.equal((await register(one, "山田たろう")).status, 201);
  t.equal(await addUser("аро", "u-apo"), "done", "an operator knows what they do");
});

t.test("a command whose name matches two users is refused in one line", async (t) => {
  // Letters beyond ASCII are compared without regard to case for login names, and exactly for subs.
  await sql(one.database, "INSERT INTO users (sub, preferred_username) VALUES ('Ö-1', 'x')");
  await sql(one.database, "INSERT INTO users (sub, preferred_username) VALUES ('o-2', 'ö-1')");
  await sql(one.database, "INSERT INTO user_identifiers (value, kind, sub) VALUES ('ö-1', 'login', 'o-2')");
  for (const words of [
    ["user", "passwd"],
    ["user", "disable"],
    ["user", "unlock"],
    ["revoke", "--user"],
  ]) {
    const said = await run(one, [...words, "Ö-1"]);
    t.equal(said, "Ö-1 means two users (the subs o-2 and Ö-1): use another name of the user", words.join(" "));
  }
  t.equal(await run(one, ["user", "unlock", "ö-1"]), "done");
});

/** Takes the database back to before the names. */
async function withoutNames(database: string): Promise<void> {
  await sql(
    database,
    `DROP FUNCTION jeton_users_added, jeton_users_removed, jeton_clients_added, jeton_clients_removed,
       jeton_identifiers_changed CASCADE;
     DROP TABLE account_names, deleted_clients;
     DROP INDEX uma_resources_of_owner, uma_policies_of_owner, uma_approvals_party_idx, uma_approvals_client_id_idx;
     ALTER TABLE user_identifiers DROP COLUMN skeleton;
     ALTER TABLE installation DROP COLUMN identifier_form;
     CREATE FUNCTION jeton_keep_subjects_apart() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
     CREATE TRIGGER clients_apart BEFORE INSERT ON clients FOR EACH ROW EXECUTE FUNCTION jeton_keep_subjects_apart();
     CREATE TRIGGER users_apart BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION jeton_keep_subjects_apart();
     DELETE FROM _prisma_migrations WHERE migration_name LIKE '%_names'`,
  );
}

const identifiersIn = (database: string) =>
  sql(database, "SELECT value, kind, sub FROM user_identifiers ORDER BY value");

async function refusal(t: Test, work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  t.ok(error instanceof OperatorError, String(error));
  t.notMatch((error as Error).message, /[\n\r]/);
  return (error as Error).message;
}

t.test("a migration with colliding names fails in one line that lists them, and changes nothing", async (t) => {
  const before = await startInstance(t, { provision: FLEET });
  const { database } = before;
  await before.stop();
  await withoutNames(database);
  const add = "INSERT INTO user_identifiers (value, kind, sub) VALUES";
  await sql(database, `${add} ('user-bob', 'login', 'user-alice'), ('backend', 'login', 'user-bob')`);
  const was = await stateIn(database);
  t.equal(
    await refusal(t, migrate(database)),
    "a name means two accounts: backend of the user user-bob is a client_id; " +
      "user-bob of the user user-alice is the sub of another user: rename them with the version that ran before",
  );
  t.strictSame(await stateIn(database), was);

  await sql(database, "DELETE FROM user_identifiers WHERE value IN ('user-bob', 'backend')");
  t.equal((await migrate(database)).length, 1);
  const [row] = await sql(database, "SELECT * FROM account_names WHERE name = 'alice'");
  t.match(row, { login_of: "user-alice", subs: [], client_ids: [], deleted_subs: [] });
  const [{ n }] = (await sql(database, "SELECT count(*)::int AS n FROM account_names")) as [{ n: number }];
  t.equal(n, FLEET.clients.length + 2 * FLEET.users.length + 2);
});

t.test("identifiers of an earlier version are converted; colliding ones are reported and stay unchanged", async (t) => {
  const before = await startInstance(t, { provision: FLEET });
  const { database } = before;
  await before.stop();
  const old = async (text: string) => {
    await sql(database, text);
    await sql(database, "UPDATE installation SET identifier_form = 0");
  };
  await old("UPDATE user_identifiers SET value = '+49030123456' WHERE value = '+4930123456'");
  await old("UPDATE user_identifiers SET skeleton = NULL");
  await old("INSERT INTO user_identifiers (value, kind, sub) VALUES ('+4930123456', 'phone', 'user-bob')");
  const was = await identifiersIn(database);
  const { code, stderr } = await jetonHere({ DATABASE_URL: database, MASTER_KEY }, ["user", "list"], "");
  const line =
    "the users user-bob and user-alice both log in with +4930123456, written +4930123456 and +49030123456: take it from one of them";
  t.strictSame([code, stderr.trim()], [0, line]);
  t.strictSame(await identifiersIn(database), was);
  const beside = await startInstance(t, { database });
  t.match(
    beside.log.filter(({ type }) => type === "identifiers"),
    [{ level: "warn", msg: line }],
  );
  await beside.stop();

  await old("DELETE FROM user_identifiers WHERE sub = 'user-bob' AND kind = 'phone'");
  const after = await startInstance(t, { database });
  const reply = await after.post("/oauth2/token", {
    grant_type: "password",
    client_id: "mobile",
    ...ALICE,
    username: "+49 (0)30 123456",
  });
  t.equal(reply.status, 200);
  t.strictSame(await sql(database, "SELECT skeleton FROM user_identifiers WHERE kind = 'login' ORDER BY 1"), [
    { skeleton: "alice" },
    { skeleton: "bob" },
    { skeleton: "gone" },
  ]);
});
