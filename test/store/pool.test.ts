import t, { type Test } from "tap";
import { isPoolBusy, isStoreUnavailable } from "../../src/store/failure.js";
import { closeDb, onBehalfOf, openDb, run } from "../../src/store/open.js";
import { CallerLeftError, PoolBusyError } from "../../src/store/pool.js";
import { freshDatabase } from "../support/database.js";
import { until } from "../support/until.js";

const PLACES = 10;

/** A store whose clock is set by hand, and whose connections can all be taken. */
async function openTaken(t: Test) {
  let now = 0;
  const db = openDb(await freshDatabase(t), () => now);
  t.teardown(() => closeDb(db));
  const taken = await Promise.all(Array.from({ length: PLACES }, () => db.pool.connect()));
  return { db, taken, pass: (milliseconds: number) => (now += milliseconds) };
}

const ONE = { name: "pool_test", text: "SELECT $1::int AS n" };

t.test("statements wait for a connection while the expected wait is short", async (t) => {
  const { db, taken } = await openTaken(t);
  const waiting = Array.from({ length: 50 }, (_, n) => run<{ n: number }>(db, ONE, [n]));
  for (const client of taken) client.release();
  const answers = await Promise.all(waiting);
  t.strictSame(
    answers.flat().map(({ n }) => n),
    Array.from({ length: 50 }, (_, n) => n),
  );
});

t.test("while all connections are held for long, each new statement and transaction is refused at once", async (t) => {
  const { db, taken, pass } = await openTaken(t);
  // Served or sent away, as quick as this machine is.
  const first = Promise.allSettled([run(db, ONE, [1])]);
  pass(30_000);
  t.ok(db.pool.isCrowded);
  for (const ask of [
    () => run(db, ONE, [2]),
    () => db.prisma.client.findMany(),
    () => db.prisma.$transaction((tx) => tx.client.findMany()),
    () => db.pool.query("SELECT 1"),
  ]) {
    const error: unknown = await ask().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    t.ok(isPoolBusy(error) && isStoreUnavailable(error));
  }
  for (const client of taken) client.release();
  await first;
  t.notOk(db.pool.isCrowded);
  t.equal((await run(db, ONE, [3])).length, 1, "and so is a later caller");
});

t.test("while new requests are rejected, statements of accepted requests still wait", async (t) => {
  const { db, taken, pass } = await openTaken(t);
  t.notOk(db.pool.isCrowded, "no caller waits yet");
  const first = run<{ n: number }>(db, ONE, [1]);
  // Ten are held, each for 2.5 s so far: who comes next expects to wait for half a second.
  pass(2_500);
  t.ok(db.pool.isCrowded, "the queue has been there for more than two seconds");
  const second = run<{ n: number }>(db, ONE, [2]);
  for (const client of taken) client.release();
  t.strictSame([...(await first), ...(await second)], [{ n: 1 }, { n: 2 }]);
});

t.test("a statement that waits too long is refused", async (t) => {
  const { db, taken } = await openTaken(t);
  await t.rejects(run(db, ONE, [1]), PoolBusyError);
  for (const client of taken) client.release();
  t.equal((await run(db, ONE, [2])).length, 1);
});

t.test("a waiting statement is never sent once its caller has left", async (t) => {
  const { db, taken } = await openTaken(t);
  let left = false;
  const scoped = onBehalfOf(db, { hasLeft: () => left });
  const late = run(scoped, ONE, [1]);
  const other = run(db, ONE, [2]);
  left = true;
  taken.pop()!.release();
  await t.rejects(late, CallerLeftError);
  t.equal((await other).length, 1, "the next in line has its connection");
  await t.rejects(run(scoped, ONE, [3]), CallerLeftError, "nor is one that would not have to wait");
  t.throws(() => scoped.prisma, CallerLeftError, "whichever way it takes");
  for (const client of taken) client.release();
});

t.test("broken and failed connections free their places in the pool", async (t) => {
  const { db, taken } = await openTaken(t);
  for (const client of taken) client.release(new Error("broken"));
  t.equal((await Promise.all(Array.from({ length: 30 }, (_, n) => run(db, ONE, [n])))).length, 30);
  await t.rejects(run(db, { name: "pool_test_wrong", text: "SELECT 1 / $1::int" }, [0]), { code: "22012" });
  const breaking = run(
    db,
    { name: "pool_test_end", text: "SELECT pg_terminate_backend(pg_backend_pid()), $1::int" },
    [0],
  );
  await t.rejects(breaking);
  await until("they are made again", async () => (await db.pool.query("SELECT 1")).rows.length === 1);

  const nowhere = openDb("postgres://nobody@127.0.0.1:1/none");
  for (let n = 0; n < 3 * PLACES; n += 1) await t.rejects(run(nowhere, ONE, [n]), { code: "ECONNREFUSED" });
  await closeDb(nowhere);
});

t.test("a statement gives the same rows in its first run on a connection and in later ones", async (t) => {
  const db = openDb(await freshDatabase(t));
  t.teardown(() => closeDb(db));
  const all = {
    name: "pool_test_types",
    text: `SELECT $1::text AS text, $2::int AS number, $3::boolean AS yes, $4::timestamptz AS at, $5::text[] AS list,
             $6::bytea AS bytes, $7::jsonb AS json, NULL::text AS nothing FROM generate_series(1, 2)`,
  };
  const at = new Date("2026-01-02T03:04:05.678Z");
  const values = ['é "quoted", {braced}', 7, true, at, ['a "b"', "c,d"], Buffer.from([0, 255]), { a: [1] }];
  const [text, number, yes, , list, bytes, json] = values;
  const row = { text, number, yes, at, list, bytes, json, nothing: null };
  for (const round of ["first", "second"]) t.strictSame(await run(db, all, values), [row, row], round);
  const none = { name: "pool_test_none", text: "DELETE FROM clients WHERE client_id = $1" };
  for (const round of ["first", "second"]) t.strictSame(await run(db, none, ["nobody"]), [], round);
});

t.test("a statement whose columns have changed fails once, and then gives the new columns", async (t) => {
  const db = openDb(await freshDatabase(t));
  t.teardown(() => closeDb(db));
  await db.pool.query("CREATE TABLE changing (a int); INSERT INTO changing VALUES (1)");
  const all = { name: "pool_test_changing", text: "SELECT * FROM changing" };
  for (const round of ["first", "second"]) t.strictSame(await run(db, all, []), [{ a: 1 }], round);
  await db.pool.query("ALTER TABLE changing ALTER a TYPE text, ADD b boolean DEFAULT true");
  await t.rejects(run(db, all, []), { code: "0A000" });
  t.strictSame(await run(db, all, []), [{ a: "1", b: true }]);
});

t.test("a failed statement shows in its trace who asked", async (t) => {
  const db = openDb(await freshDatabase(t));
  t.teardown(() => closeDb(db));
  const asks = async () => await run(db, { name: "pool_test_fails", text: "SELECT 1 / $1::int" }, [0]);
  const error = (await asks().catch((thrown: unknown) => thrown)) as Error;
  t.match(error.stack, /at async asks /);
});

t.test("an idle connection that another caller takes first is not replaced, and nothing breaks", async (t) => {
  const { db, taken } = await openTaken(t);
  taken.pop()!.release();
  const first = db.pool.connect();
  db.pool.renew();
  taken.push(await first);
  t.equal(db.pool.waitingCount, 1, "the replacement waits for a connection");
  await until("it gives up", () => db.pool.waitingCount === 0);
  for (const client of taken) client.release();
  t.equal((await run(db, ONE, [1])).length, 1);
});
