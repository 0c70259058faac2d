import t from "tap";
import { ClockDifference, systemClock, type Clock } from "../../src/clock.js";
import { runCommandLine } from "../../src/command-line.js";
import { freshDatabase, sql } from "../support/database.js";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Instance } from "../support/instance.js";
import { MASTER_KEY } from "../support/run.js";
import { until } from "../support/until.js";
import { isActive } from "../support/tokens.js";

/** A machine whose clock is wrong. What is stored, the database decides by its own. */
class WrongClock implements Clock {
  constructor(public minutes: number) {}

  now(): number {
    return systemClock.now() + this.minutes * 60_000;
  }

  statement(): null {
    return null;
  }
}

t.test("instances whose clocks are wrong by twenty minutes still agree", async (t) => {
  const right = await startInstance(t, { provision: FLEET });
  const env = { ISSUER: right.core.issuer };
  const { database } = right;
  const wrong = new WrongClock(20);
  const ahead = await startInstance(t, { database, env, clock: wrong });
  const behind = await startInstance(t, { database, env, clock: new WrongClock(-20) });
  const all = { right, ahead, behind };

  const issue = async (server: Instance, client_id: string) => {
    const asked = { grant_type: "password", scope: "api1", ...ALICE };
    const client = client_id === "mobile" ? { ...asked, client_id, scope: "openid api1" } : asked;
    const headers = client_id === "mobile" ? {} : basic(client_id, SECRET);
    return (await server.post("/oauth2/token", client, headers)).json.access_token as string;
  };

  for (const [client, kind] of [
    ["mobile", "a JWT"],
    ["kiosk", "an opaque token"],
  ] as const) {
    for (const [name, revoking] of Object.entries(all)) {
      t.test(`a revocation of ${kind} at the instance whose clock is ${name} holds on every instance`, async (t) => {
        for (const [issuing, server] of Object.entries(all)) {
          const token = await issue(server, client);
          const reply = await revoking.post("/oauth2/revoke", { token }, basic("admin", SECRET));
          t.equal(reply.status, 200);
          for (const [asked, other] of Object.entries(all)) {
            t.equal(await isActive(other, token), false, `issued by ${issuing}, asked at ${asked}`);
          }
          const jti = revoking.log.findLast(({ operation }) => operation === "revoke")?.jti;
          const rows = await sql(database, "SELECT 1 FROM revoked_tokens WHERE jti = $1", [jti]);
          t.equal(rows.length, 1, "and is stored");
        }
      });
    }
  }

  t.test("every instance gives the same answer about a token", async (t) => {
    const token = await issue(right, "mobile");
    for (const [name, server] of Object.entries(all)) {
      t.equal(await isActive(server, token), true, name);
      const { status } = await server.send("/oauth2/userinfo", { headers: { Authorization: `Bearer ${token}` } });
      t.equal(status, 200, `userinfo, ${name}`);
    }
    // Its clock was behind when it issued, so that its token had ended before it began.
    const old = await issue(behind, "mobile");
    for (const [name, server] of Object.entries(all)) t.equal(await isActive(server, old), false, name);
  });

  t.test("the log warns once of the clock difference, and /readyz shows it", async (t) => {
    const lines = (server: Instance) => server.log.filter(({ type }) => type === "clock");
    t.match(lines(ahead), [{ level: "warn", clock_difference_seconds: Number }]);
    t.equal(lines(ahead).length, 1);
    t.equal(lines(right).length, 0);
    for (const [server, seconds] of [
      [ahead, 1200],
      [behind, -1200],
      [right, 0],
    ] as const) {
      const { status, json } = await server.send("/readyz");
      t.equal(status, 200);
      t.match(json, { status: "ready", ...(seconds === 0 ? {} : { warning: /clock/ }) });
      t.ok(Math.abs(json.clock_difference_seconds - seconds) < 60, `${json.clock_difference_seconds}`);
      t.equal("warning" in json, seconds !== 0);
    }
    wrong.minutes = 0;
    await until("it agrees again", () => lines(ahead).length === 2);
    t.match(lines(ahead)[1], { msg: /agree again/ });
    t.notOk("warning" in (await ahead.send("/readyz")).json);
  });
});

t.test("the overlap of rotated secrets ends by the database's clock", async (t) => {
  const database = await freshDatabase(t, FLEET);
  const env = { DATABASE_URL: database, MASTER_KEY };
  await runCommandLine(
    ["client", "rotate-secret", "backend", "--overlap", "1h"],
    async () => "",
    env,
    new WrongClock(300),
  );
  const [row] = await sql(
    database,
    `SELECT count(*)::int AS n FROM client_secrets
     WHERE client_id = 'backend' AND expires_at BETWEEN now() + interval '30 minutes' AND now() + interval '90 minutes'`,
  );
  t.strictSame(row, { n: 1 });
});

t.test("a clock difference is reported at its beginning and end, and slow measurements are ignored", (t) => {
  const told: [number, boolean][] = [];
  const difference = new ClockDifference((...what) => told.push(what));
  const measure = (ahead: number, took = 10) =>
    difference.compare(1_000_000 + ahead, 1_000_005, 1_000_000 + ahead + took);
  for (const ahead of [0, 2_900, -2_900, 3_100, 60_000, 2_100, 3_100]) measure(ahead);
  t.strictSame(told, [[3.1, true]]);
  measure(-1_900);
  t.strictSame(told.at(-1), [-1.9, false]);
  measure(100_000, 2_000);
  measure(100_000, -50);
  t.equal(told.length, 2);
  measure(-5_000);
  t.strictSame(told.at(-1), [-5, true]);
  t.end();
});
