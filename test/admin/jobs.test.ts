import pg from "pg";
import t from "tap";
import { advanceJob, claimJob, releaseJob } from "../../src/store/job-steps.js";
import { findJob, startJob } from "../../src/store/jobs.js";
import { ADMIN_CLIENTS, adminCalls, adminToken } from "../support/admin-api.js";
import { runCommand } from "../support/commands.js";
import { freshDatabase, sql } from "../support/database.js";
import { FLEET } from "../support/fleet.js";
import { startInstance } from "../support/instance.js";
import { startCommand } from "../support/process.js";
import { MASTER_KEY } from "../support/run.js";
import { mostRowsOf } from "../support/statements.js";
import { isActive, logIn, refresh } from "../support/tokens.js";
import { until } from "../support/until.js";

const provision = { ...FLEET, clients: [...FLEET.clients, ...ADMIN_CLIENTS] };
const database = await freshDatabase(t, provision);

const MANY = 2_600;

/** Grants of Alice for the tablet, one a minute. */
async function addGrants(count = MANY): Promise<void> {
  await sql(database, "DELETE FROM grants");
  await sql(
    database,
    `INSERT INTO grants (id, client_id, sub, scope, user_epoch, client_epoch, auth_time, amr, created_at,
                         idle_expires_at, absolute_expires_at)
     SELECT 'job-' || lpad(n::text, 5, '0'), 'tablet', 'user-alice', '{api1}', 0, 0, now(), '{pwd}',
            now() - n * interval '1 minute', now() + interval '1 day', now() + interval '1 day'
     FROM generate_series(1, $1::int) n`,
    [count],
  );
}

const numberOf = async (what: string) =>
  (await sql(database, `SELECT count(*)::int AS n FROM ${what}`))[0]!.n as number;
const openGrants = () => numberOf("grants WHERE ended_at IS NULL AND client_id = 'tablet'");
const jobNow = async () => (await sql(database, "SELECT * FROM jobs ORDER BY created_at DESC LIMIT 1"))[0]!;

t.test("a command is killed in the middle of a job, and two instances go on with it", async (t) => {
  await addGrants();
  const blocker = new pg.Client(database);
  await blocker.connect();
  t.teardown(() => blocker.end());
  // The third batch has to wait for this grant, the oldest being the first.
  await blocker.query("BEGIN");
  await blocker.query("SELECT FROM grants WHERE id = 'job-01400' FOR UPDATE");
  const command = startCommand({ DATABASE_URL: database, MASTER_KEY }, ["grant", "revoke-many", "--client", "tablet"]);
  await until("two batches are done", async () => (await numberOf("jobs WHERE looked_at >= 1000")) === 1);
  command.kill();
  t.equal((await command.ended).signal, "SIGKILL");
  await blocker.query("ROLLBACK");
  t.ok((await openGrants()) > 0, "some are left");
  t.match(await jobNow(), { state: "running", counted: MANY, counted_all: true });

  const [one, other] = [await startInstance(t, { database }), await startInstance(t, { database })];
  await sql(database, "UPDATE jobs SET held_until = now() - interval '1 second'");
  await sql(database, "SELECT pg_notify('jeton_changed', 'jobs:')");
  await until("the job is finished", async () => (await jobNow()).state === "finished");
  t.match(await jobNow(), { done: String(MANY), looked_at: String(MANY), failures: 0 });
  t.equal(await openGrants(), 0);

  await t.test("several jobs over the same grants count each once, on every instance", async (t) => {
    await addGrants();
    const filters = [
      ["--client", "tablet"],
      ["--user", "alice"],
      ["--scope", "api1"],
      ["--client", "tablet", "--user", "alice"],
    ];
    let jobs: { ended: number; state: string }[] = [];
    const most = await mostRowsOf(async () => {
      jobs = await Promise.all(
        filters.flatMap((words) => [one, other].map((at) => runCommand(at, ["grant", "revoke-many", ...words]))),
      );
    });
    t.strictSame(new Set(jobs.map(({ state }) => state)), new Set(["finished"]));
    t.equal(
      jobs.reduce((sum, { ended }) => sum + ended, 0),
      MANY,
    );
    t.equal(await openGrants(), 0);
    t.ok(most <= 1_000, `one statement answered with ${most} rows`);
  });

  await t.test(
    "AM-20 ten thousand endings are started twice with one key: each grant is ended once, by one job",
    async (t) => {
      await addGrants(10_000);
      const words = ["grant", "revoke-many", "--client", "tablet", "--idempotency-key", "again"];
      const jobs = await Promise.all([one, other, one].map((at) => runCommand(at, words)));
      t.equal(new Set(jobs.map(({ job_id }) => job_id)).size, 1);
      t.match(jobs[0], {
        state: "finished",
        ended: 10_000,
        counted: 10_000,
        at_least: true,
        filter: { client: "tablet" },
      });
      t.equal((await runCommand(one, words)).job_id, jobs[0].job_id, "later too");
      const reused = await runCommand(one, [...words, "--user", "alice"]);
      t.equal(reused, "idempotency-key: belongs to another request");
    },
  );
});

t.test("a job started by the Admin API, its progress and its limits", async (t) => {
  const server = await startInstance(t, { database, env: { ADMIN: "on" } });
  const { db } = server.core;
  const call = await adminCalls(server);
  const token = await adminToken(server, "revoke");
  const reader = await adminToken(server, "read");
  const jobOf = async (id: string) => (await call(t, "GET", `/jobs/${id}`, { token: reader })).json;

  await t.test("it ends what there was when it was started, and no later login", async (t) => {
    await sql(database, "DELETE FROM grants");
    const before = (await logIn(server, { client_id: "tablet", scope: "api1" })).json;
    const other = (await logIn(server)).json;
    const filter = { client: "tablet", scope: "api1" };
    t.match(await call(t, "GET", "/grants/count?client=tablet&scope=api1", { token: reader }), {
      json: { grants: 1, at_least: false },
    });
    t.equal((await call(t, "POST", "/grants/revoke-many", { token: reader, body: filter })).status, 403);
    const started = await call(t, "POST", "/grants/revoke-many", { token, body: filter });
    t.match(started, { status: 200, json: { counted: 1, state: "waiting", started_by: { id: "admin-revoke" } } });
    const after = (await logIn(server, { client_id: "tablet", scope: "api1" })).json;
    await until("it is finished", async () => (await jobOf(started.json.job_id)).state === "finished");
    t.match(await jobOf(started.json.job_id), { ended: 1, filter });
    t.equal(await isActive(server, before.access_token), false);
    t.equal((await refresh(server, before.refresh_token, { client_id: "tablet" })).status, 400);
    t.equal(await isActive(server, after.access_token), true);
    t.equal(await isActive(server, other.access_token), true);
    t.equal((await call(t, "GET", "/jobs?limit=2", { token: reader })).json.items[0].job_id, started.json.job_id);
    t.match(await call(t, "POST", "/grants/revoke-many", { token, body: {} }), { status: 400 });
  });

  await t.test("everything of a client is rejected before a job marks its grants", async (t) => {
    await addGrants();
    const { access_token } = (await logIn(server, { client_id: "tablet", scope: "api1" })).json;
    const revoked = await call(t, "POST", "/revoke", { token, body: { client: "tablet" } });
    t.match(revoked.json, { client_id: "tablet", job_id: String });
    t.equal(await isActive(server, access_token), false);
    await until("all are marked", async () => (await jobOf(revoked.json.job_id)).state === "finished");
    t.equal(await openGrants(), 0);
  });

  await t.test("a claim that was lost, and a cancelled job, change nothing more", async (t) => {
    // No instance hears of these jobs: the test works on them alone.
    await sql(database, "ALTER TABLE jobs DISABLE TRIGGER jobs_notify");
    await addGrants();
    const terms = { kind: "end_grants", filter: { client_id: "tablet" }, asked: {}, started_by: {} } as const;
    const start = (id: string) => startJob(db, { ...terms, id, counted: 0, counted_all: true }, null);
    await start("lost");
    const first = (await claimJob(db, "first", null, "lost"))!;
    t.equal(await claimJob(db, "second", null, "lost"), undefined, "one instance works on it");
    await advanceJob(db, first, null);
    await sql(database, "UPDATE jobs SET held_until = now() - interval '1 second' WHERE id = 'lost'");
    const second = (await claimJob(db, "second", null, "lost"))!;
    t.match(second, { after_id: String });
    t.equal(await advanceJob(db, first, null), undefined);
    t.equal(await openGrants(), MANY - 500);
    t.match(await advanceJob(db, second, null), { done: 1_000, looked_at: 1_000, is_over: false });
    await releaseJob(db, first, "too late", null);
    t.match(await findJob(db, "lost"), { state: "running", failure: null });

    t.match(await runCommand(server, ["job", "cancel", "lost"]), { state: "cancelled", ended: 1_000 });
    t.equal(await advanceJob(db, second, null), undefined);
    t.equal(await openGrants(), MANY - 1_000);
    t.match(await runCommand(server, ["job", "cancel", "lost"]), { state: "cancelled" });
    t.equal(await claimJob(db, "third", null, "lost"), undefined);

    await start("failing");
    for (let failure = 1; failure <= 10; failure += 1) {
      const claimed = (await claimJob(db, "holder", null, "failing"))!;
      await releaseJob(db, claimed, "the disk is full", null);
      t.equal(await claimJob(db, "holder", null, "failing"), undefined, "it rests");
      await sql(database, "UPDATE jobs SET held_until = now() WHERE id = 'failing'");
    }
    t.match(await runCommand(server, ["job", "show", "failing"]), { state: "failed", failure: "the disk is full" });
  });

  await t.test("AM-21 endless endings are refused once a hundred are unfinished", async (t) => {
    await sql(
      database,
      `INSERT INTO jobs (id, kind, asked, filter, counted, counted_all, started_by, held_until, created_at, updated_at)
       SELECT 'held-' || n, 'end_grants', '{}', '{}', 0, true, '{}', now() + interval '1 hour', now(), now()
       FROM generate_series(1, 100) n`,
    );
    const refused = await call(t, "POST", "/grants/revoke-many", { token, body: { client: "tablet" } });
    t.match(refused, { status: 409, json: { detail: /100 jobs are unfinished/ } });
    const revoked = await call(t, "POST", "/revoke", { token, body: { client: "tablet" } });
    t.match(revoked, { status: 200, json: { warnings: [/all of them are rejected/] } });
  });
});
