import { createLocalJWKSet, jwtVerify } from "jose";
import type { Submittable } from "pg";
import t, { type Test } from "tap";
import { MasterKey } from "../../src/keys/master-key.js";
import { KeyRing } from "../../src/keys/ring.js";
import { openDb, closeDb } from "../../src/store/open.js";
import { openSweep } from "../../src/store/sweep.js";
import { TestClock } from "../support/clock.js";
import { freshDatabase, sql } from "../support/database.js";
import { FLEET } from "../support/fleet.js";
import { startInstance } from "../support/instance.js";
import { until } from "../support/until.js";
import { isActive, kidOf, tokenOfBackend } from "../support/tokens.js";

t.test("rotating the keys of a running fleet", async (t) => {
  const clock = new TestClock();
  const one = await startInstance(t, { provision: FLEET, clock });
  const other = await startInstance(t, { database: one.database, clock, env: { ISSUER: one.core.issuer } });
  const cached = createLocalJWKSet((await one.send("/oauth2/jwks")).json);
  clock.advance(60);

  t.test("publishes the next keys before they sign", async (t) => {
    const before = await tokenOfBackend(one);
    await one.core.ring.rotate();
    const after = await tokenOfBackend(one);
    t.not(kidOf(after), kidOf(before));
    for (const token of [before, after]) {
      const verified = jwtVerify(token, cached, { currentDate: new Date(clock.now()) });
      await t.resolves(verified, "a client that cached the keys before the rotation verifies both");
      t.ok(await isActive(one, token));
      t.ok(await isActive(other, token), "on an instance that had not loaded the new state too");
    }
  });

  t.test("does not let a key sign before caches can have it", async (t) => {
    const before = await tokenOfBackend(one);
    const planned = await one.core.ring.rotate();
    t.ok(planned.every(({ active_from }) => active_from.getTime() > clock.now()));
    t.equal(kidOf(await tokenOfBackend(one)), kidOf(before), "the old one goes on for now");
    const again = await one.core.ring.rotate();
    t.strictSame(again, planned, "asking again plans nothing new");
    clock.advance(601);
    const after = await tokenOfBackend(one);
    t.not(kidOf(after), kidOf(before));
    t.ok(await isActive(other, after));
  });

  t.test("replaces a leaked key at once", async (t) => {
    const before = await tokenOfBackend(one);
    await one.core.ring.rotate(true);
    clock.advance(1);
    const after = await tokenOfBackend(one);
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
      const token = await tokenOfBackend(one);
      await one.core.ring.rotate();
      clock.advance(24 * 3600);
      await openSweep(one.core.db)(clock.statement());
      await one.core.ring.reload();
      t.ok(one.core.ring.jwks.keys.some(({ kid }) => kid === kidOf(token)));
      clock.advance(2 * 24 * 3600);
      await openSweep(one.core.db)(clock.statement());
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

t.test("a ring sealed under another master key is neither opened nor replaced", async (t: Test) => {
  const database = await freshDatabase(t);
  const db = openDb(database);
  t.teardown(() => closeDb(db));
  const clock = new TestClock();
  await KeyRing.open(db, new MasterKey(Buffer.alloc(32, 1)), clock);
  await t.rejects(KeyRing.open(db, new MasterKey(Buffer.alloc(32, 2)), clock), {
    message: /cannot be opened with this master key/,
  });
  const [row] = await sql(database, "SELECT count(*)::int AS n FROM signing_keys");
  t.equal(row!.n, 4);
});

t.test("one purpose does not open the sealed values of another", async (t) => {
  const master = new MasterKey(Buffer.alloc(32, 3));
  const sealed = master.seal("access-token", Buffer.from("text"));
  t.equal(master.open("access-token", sealed)?.toString(), "text");
  t.equal(master.open("signing-key", sealed), undefined);
  sealed[sealed.length - 1]! ^= 1;
  t.equal(master.open("access-token", sealed), undefined);
  t.equal(master.open("access-token", Buffer.alloc(10)), undefined);
});

t.test("a slow answer of the store does not take the place of a newer one", async (t) => {
  const db = openDb(await freshDatabase(t));
  t.teardown(() => closeDb(db));
  const clock = new TestClock();
  const master = new MasterKey(Buffer.alloc(32, 1));
  const other = await KeyRing.open(db, master, clock);

  /** Answers that are held back, each until it is let go; undefined while none is. */
  let held: (() => void)[] | undefined;
  const connect = async () => {
    const client = await db.pool.connect();
    const query = (asked: Submittable & { handleReadyForQuery: () => void }) => {
      const settle = asked.handleReadyForQuery.bind(asked);
      asked.handleReadyForQuery = () => (held === undefined ? settle() : void held.push(settle));
      return client.query(asked);
    };
    return { query, release: (error?: Error) => client.release(error) };
  };
  const slow = { ...db, pool: { connect } } as unknown as typeof db;
  const ring = await KeyRing.open(slow, master, clock);
  const kids = () => ring.jwks.keys.map(({ kid }) => kid).sort();
  const kidsOfOther = () => other.jwks.keys.map(({ kid }) => kid).sort();

  held = [];
  const before = ring.reload();
  await until("the first answer is there", () => held!.length === 1);
  await other.rotate(true);
  const after = ring.reload();
  await until("the second answer is there", () => held!.length === 2);
  const [letFirst, letSecond] = held;
  letSecond!();
  await after;
  t.strictSame(kids(), kidsOfOther());
  letFirst!();
  await before;
  t.strictSame(kids(), kidsOfOther(), "the key that leaked is not believed again");

  t.test("and a request for a key waits for the read in progress", async (t) => {
    held = [];
    const reading = ring.reload();
    await until("its answer is there", () => held!.length === 1);
    await other.rotate(true);
    clock.advance(1);
    const { text } = await other.sign("ES256", "at+jwt", {});
    const newer = ring.reload();
    await until("the next one too", () => held!.length === 2);
    const verified = ring.verify(text, "at+jwt");
    held.forEach((letGo) => letGo());
    t.match(await verified, { claims: {} });
    await Promise.all([reading, newer]);
    held = undefined;
  });

  t.test("a change that could not be read is read later", async (t) => {
    let failures = 0;
    const flaky = async (query: object) => {
      if (failures > 0) {
        failures -= 1;
        throw new Error("Connection terminated");
      }
      return db.prisma.signingKey.findMany(query);
    };
    const third = await KeyRing.open(
      { ...db, prisma: { signingKey: { findMany: flaky } } } as unknown as typeof db,
      master,
      clock,
    );
    await other.rotate(true);
    failures = 2;
    await third.reloadUntilCurrent();
    t.strictSame(third.jwks.keys.map(({ kid }) => kid).sort(), kidsOfOther());
  });
});
