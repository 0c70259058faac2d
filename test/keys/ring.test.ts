import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import t, { type Test } from "tap";
import { MasterKey } from "../../src/keys/master-key.js";
import { KeyRing } from "../../src/keys/ring.js";
import { openDb, closeDb } from "../../src/store/open.js";
import { sweep } from "../../src/store/sweep.js";
import { TestClock } from "../support/clock.js";
import { freshDatabase, sql } from "../support/database.js";
import { FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Instance } from "../support/instance.js";

const ask = async (server: Instance): Promise<string> =>
  (await server.post("/oauth2/token", { grant_type: "client_credentials" }, basic("backend", SECRET))).json
    .access_token;

const isActive = async (server: Instance, token: string): Promise<boolean> =>
  (await server.post("/oauth2/introspect", { token }, basic("gateway", SECRET))).json.active;

const kidOf = (token: string) => decodeProtectedHeader(token).kid;

t.test("rotating the keys of a running fleet", async (t) => {
  const clock = new TestClock();
  const one = await startInstance(t, { provision: FLEET, clock });
  const other = await startInstance(t, { database: one.database, clock, env: { ISSUER: one.core.issuer } });
  const cached = createLocalJWKSet((await one.send("/oauth2/jwks")).json);
  clock.advance(60);

  t.test("publishes the next keys before they sign", async (t) => {
    const before = await ask(one);
    await one.core.ring.rotate();
    const after = await ask(one);
    t.not(kidOf(after), kidOf(before));
    for (const token of [before, after]) {
      const verified = jwtVerify(token, cached, { currentDate: new Date(clock.now()) });
      await t.resolves(verified, "whoever cached the keys before the rotation verifies both");
      t.ok(await isActive(one, token));
      t.ok(await isActive(other, token), "on an instance that had not loaded the new state too");
    }
  });

  t.test("does not let a key sign that others cannot have seen yet", async (t) => {
    const before = await ask(one);
    const planned = await one.core.ring.rotate();
    t.ok(planned.every(({ active_from }) => active_from.getTime() > clock.now()));
    t.equal(kidOf(await ask(one)), kidOf(before), "the old one goes on for now");
    const again = await one.core.ring.rotate();
    t.strictSame(again, planned, "asking again plans nothing new");
    clock.advance(601);
    const after = await ask(one);
    t.not(kidOf(after), kidOf(before));
    t.ok(await isActive(other, after));
  });

  t.test("at once, when a key has leaked", async (t) => {
    const before = await ask(one);
    await one.core.ring.rotate(true);
    clock.advance(1);
    const after = await ask(one);
    t.not(kidOf(after), kidOf(before));
    t.ok(await isActive(other, after));
    t.notOk(await isActive(one, before), "and nothing it signed is believed any more");
    t.notOk(one.core.ring.jwks.keys.some(({ kid }) => kid === kidOf(before)));
  });

  t.test(
    "keeps one current and one next key of each algorithm, and every retired one until its tokens are over",
    async (t) => {
      const states = (alg: string) =>
        one.core.ring
          .describe()
          .filter((key) => key.alg === alg)
          .map(({ state }) => state)
          .sort();
      for (const alg of ["ES256", "RS256"])
        t.strictSame(states(alg), ["current", "next", "retired", "retired", "retired"]);
      const token = await ask(one);
      await one.core.ring.rotate();
      clock.advance(24 * 3600);
      await sweep(one.core.db, clock.statement());
      await one.core.ring.reload();
      t.ok(one.core.ring.jwks.keys.some(({ kid }) => kid === kidOf(token)));
      clock.advance(2 * 24 * 3600);
      await sweep(one.core.db, clock.statement());
      await one.core.ring.reload();
      t.notOk(one.core.ring.jwks.keys.some(({ kid }) => kid === kidOf(token)));
      for (const alg of ["ES256", "RS256"]) t.strictSame(states(alg), ["current", "next"]);
    },
  );
});

t.test("the published keys are public halves only, each for one algorithm", async (t) => {
  const server = await startInstance(t, { provision: FLEET, clock: new TestClock() });
  for (const path of ["/oauth2/jwks", "/jwks"]) {
    const { json, headers } = await server.send(path);
    t.equal(headers.get("cache-control"), "public, max-age=300");
    const kids = json.keys.map(({ kid }: { kid: string }) => kid);
    t.equal(new Set(kids).size, 4);
    for (const key of json.keys) {
      t.ok(["ES256", "RS256"].includes(key.alg));
      t.equal(key.use, "sig");
      for (const secret of ["d", "p", "q", "k"]) t.notOk(secret in key);
    }
  }
  const stored = await sql(server.database, "SELECT sealed_private FROM signing_keys");
  for (const { sealed_private } of stored) t.notMatch((sealed_private as Buffer).toString("latin1"), /"d":/);
});

t.test("a ring that another master key sealed is not opened and not replaced", async (t: Test) => {
  const database = await freshDatabase(t);
  const db = openDb(database);
  t.teardown(() => closeDb(db));
  const clock = new TestClock();
  await KeyRing.open(db, new MasterKey(Buffer.alloc(32, 1)), clock);
  await t.rejects(KeyRing.open(db, new MasterKey(Buffer.alloc(32, 2)), clock), {
    message: /cannot be opened with this master key/,
  });
  const [row] = await sql(database, "SELECT count(*)::int AS n FROM signing_keys");
  t.equal(row!["n"], 4);
});

t.test("what one purpose sealed, another does not open", async (t) => {
  const master = new MasterKey(Buffer.alloc(32, 3));
  const sealed = master.seal("access-token", Buffer.from("text"));
  t.equal(master.open("access-token", sealed)?.toString(), "text");
  t.equal(master.open("signing-key", sealed), undefined);
  sealed[sealed.length - 1]! ^= 1;
  t.equal(master.open("access-token", sealed), undefined);
  t.equal(master.open("access-token", Buffer.alloc(10)), undefined);
});
