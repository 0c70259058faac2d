import { setTimeout as pause } from "node:timers/promises";
import t, { type Test } from "tap";
import { redeemRefreshToken } from "../../src/store/refresh-tokens.js";
import { readRefreshToken } from "../../src/tokens/refresh-token.js";
import { TestClock } from "../support/clock.js";
import { freshDatabase, sql } from "../support/database.js";
import { FLEET } from "../support/fleet.js";
import { openGate } from "../support/gate.js";
import { openRefreshable } from "../support/grants.js";
import { startInstance, type Instance } from "../support/instance.js";
import { until } from "../support/oracle.js";

const refresh = (server: Instance, refresh_token: string) =>
  server.post("/oauth2/token", { grant_type: "refresh_token", client_id: "mobile", refresh_token });

/** As an instance does by itself once a second on its listening connection, at the time of the test's clock. */
async function mark({ core }: Instance): Promise<void> {
  await core.availability.mark(async (text, values = []) => (await core.db.pool.query(text, [...values])).rows);
}

/** Lets time pass in which these instances are in service. */
async function inService(clock: TestClock, seconds: number, ...servers: Instance[]): Promise<void> {
  for (let left = seconds; left > 0; left -= 2) {
    clock.advance(Math.min(left, 2));
    for (const server of servers) await mark(server);
  }
}

/** A login whose last answer was lost: what its client has, and what it would have got. */
interface Lost {
  readonly presented: string;
  readonly successor: string;
}

async function loseAnswer(server: Instance): Promise<Lost> {
  const presented = await openRefreshable(server, server.core.clock.statement());
  const { json } = await refresh(server, presented);
  return { presented, successor: json.refresh_token };
}

/** The client asks again, and goes on with what it gets. */
async function goesOn(t: Test, server: Instance, { presented, successor }: Lost, when: string): Promise<void> {
  const again = await refresh(server, presented);
  t.equal(again.json.refresh_token, successor, `${when} it gets the same successor`);
  t.equal((await refresh(server, successor)).status, 200, "which goes on");
}

/** What a replay does beyond every window: theft is still noticed. */
async function isTheft(t: Test, server: Instance, { presented, successor }: Lost, when: string): Promise<void> {
  t.equal((await refresh(server, presented)).status, 400, `${when} it is refused`);
  t.match(server.log.at(-1), { alarm: "refresh_token_reused" });
  t.equal((await refresh(server, successor)).status, 400, "and the grant has ended");
}

async function fleetOfTwo(t: Test) {
  const clock = new TestClock();
  const one = await startInstance(t, { provision: FLEET, clock });
  const other = await startInstance(t, { database: one.database, clock });
  await mark(one);
  await mark(other);
  await inService(clock, 4, one, other);
  return { clock, one, other };
}

for (const length of [4, 12, 180, 599, 600]) {
  t.test(`after an outage of ${length} s whose answer was lost may ask again for 60 s`, async (t) => {
    const { clock, one, other } = await fleetOfTwo(t);
    const early = await loseAnswer(one);
    await inService(clock, 8, one, other);
    const lost: Lost[] = [];
    for (let index = 0; index < 5; index += 1) lost.push(await loseAnswer(one));
    clock.advance(length);

    await goesOn(t, one, lost[0]!, "before the outage is on record");
    await mark(one);
    await goesOn(t, one, lost[1]!, "at once");
    await mark(other);
    await goesOn(t, other, early, "one that was lost eight seconds before the outage began");
    await inService(clock, 58, one, other);
    await goesOn(t, other, lost[2]!, "58 s later, on another instance,");
    await inService(clock, 4, one, other);
    await isTheft(t, one, lost[3]!, "62 s later");
    const fresh = await loseAnswer(one);
    await inService(clock, 9, one, other);
    await goesOn(t, one, fresh, "from then on for ten seconds");
    await inService(clock, 2, one, other);
    await isTheft(t, other, lost[4]!, "and no longer");
  });
}

t.test("an outage of far more than ten minutes counts for ten", async (t) => {
  const { clock, one, other } = await fleetOfTwo(t);
  const lost = await loseAnswer(one);
  clock.advance(700);
  await mark(one);
  await mark(other);
  await isTheft(t, one, lost, "after 700 s");
});

t.test("the server is started anew during the outage, and remembers nothing itself", async (t) => {
  const { clock, one, other } = await fleetOfTwo(t);
  const lost = [await loseAnswer(one), await loseAnswer(one)];
  await one.stop();
  await other.stop();
  clock.advance(240);
  const again = await startInstance(t, { database: one.database, clock, env: { ISSUER: one.core.issuer } });
  await mark(again);
  await goesOn(t, again, lost[0]!, "afterwards");
  await inService(clock, 62, again);
  await isTheft(t, again, lost[1]!, "62 s later");
});

t.test("one instance is cut off while the other goes on", async (t) => {
  const { clock, one, other } = await fleetOfTwo(t);
  const lost = [await loseAnswer(one), await loseAnswer(one), await loseAnswer(one)];
  await inService(clock, 120, other);
  await goesOn(t, one, lost[0]!, "at the one that was cut off, before that is on record,");
  await mark(one);
  await goesOn(t, other, lost[1]!, "at the other one");
  await inService(clock, 62, one, other);
  await isTheft(t, one, lost[2]!, "62 s later");
});

t.test("short outages one after the other are one: in none of them could it be asked again", async (t) => {
  const { clock, one, other } = await fleetOfTwo(t);
  const lost = [await loseAnswer(one), await loseAnswer(one)];
  for (let time = 0; time < 8; time += 1) {
    clock.advance(25);
    await mark(one);
    await mark(other);
    await inService(clock, 20, one, other);
  }
  await goesOn(t, other, lost[0]!, "after the last");
  await inService(clock, 62, one, other);
  await isTheft(t, one, lost[1]!, "62 s later");
});

t.test("an instance that turns requests away is out of service, although its database answers", async (t) => {
  const { clock, one, other } = await fleetOfTwo(t);
  const lost = [await loseAnswer(one), await loseAnswer(one), await loseAnswer(one)];
  for (let second = 0; second < 90; second += 2) {
    clock.advance(2);
    one.core.availability.turnedAway(20);
    await mark(one);
    await mark(other);
  }
  await goesOn(t, other, lost[0]!, "while that goes on, at another instance,");
  await inService(clock, 58, one, other);
  await goesOn(t, one, lost[1]!, "58 s later");
  await inService(clock, 6, one, other);
  await isTheft(t, one, lost[2]!, "64 s later");
});

t.test("a single request that is turned away after long counts from its beginning", async (t) => {
  const { clock, one, other } = await fleetOfTwo(t);
  const lost = await loseAnswer(one);
  clock.advance(6);
  await mark(other);
  one.core.availability.turnedAway(6_000);
  await mark(one);
  clock.advance(1);
  await mark(one);
  await inService(clock, 20, one, other);
  await goesOn(t, other, lost, "much later");
});

t.test("a 503 of the token endpoint is counted, and one of the password queue is not", async (t) => {
  const database = await openGate(t, await freshDatabase(t, FLEET));
  const server = await startInstance(t, { database: database.url });
  let counted = 0;
  server.core.availability.turnedAway = () => void (counted += 1);
  const token = await openRefreshable(server);
  await database.shut();
  t.equal((await refresh(server, token)).status, 503);
  t.equal(counted, 1);
  await database.open();
});

t.test("a statement that was held up on its way for longer than the window ends nothing", async (t) => {
  const { clock, one, other } = await fleetOfTwo(t);
  const first = await openRefreshable(one, clock.statement());
  const sentAt = other.core.availability.inServiceAt;
  const second = (await refresh(one, first)).json.refresh_token;
  const third = (await refresh(one, second)).json.refresh_token;
  await inService(clock, 30, one, other);
  const late = (inServiceAt: Date | null) =>
    redeemRefreshToken(
      other.core.db,
      {
        ...readRefreshToken(one.core.master, first)!,
        ...{ client_id: "mobile", scope: null, scopeAllowed: true, rotation: true, retryable: true, idle: 3_600 },
        inServiceAt,
      },
      clock.statement(),
    );
  t.strictSame(await late(sentAt), { outcome: "superseded" });
  t.equal((await refresh(one, third)).status, 200, "the login goes on");
  t.strictSame(await late(other.core.availability.inServiceAt), { outcome: "reused" }, "sent now, it is theft");
});

t.test("one instance's database is held while its client goes to another one: no login is lost", async (t) => {
  const one = await startInstance(t, { provision: FLEET });
  const gate = await openGate(t, one.database);
  const other = await startInstance(t, { database: gate.url, env: { ISSUER: one.core.issuer } });
  const logins = await Promise.all(Array.from({ length: 20 }, () => openRefreshable(one)));
  // Warm: its client is known, so that the statement that is held is the one that redeems.
  for (const token of logins) t.equal((await refresh(other, await openRefreshable(one))).status, 200, token.slice(0, 8));

  gate.hold();
  const stalled = logins.map((token) => refresh(other, token));
  await pause(300);
  const current: string[] = [];
  for (const token of logins) {
    const second = (await refresh(one, token)).json.refresh_token;
    current.push((await refresh(one, second)).json.refresh_token);
  }
  gate.release();
  await Promise.all(stalled);
  for (const token of current) t.equal((await refresh(one, token)).status, 200);
});

t.test("PostgreSQL cannot be reached for longer than ten seconds, in real time", async (t) => {
  const gate = await openGate(t, await freshDatabase(t, FLEET));
  const server = await startInstance(t, { database: gate.url });
  const lost = await loseAnswer(server);
  const stolen = await loseAnswer(server);
  await gate.shut();
  const begun = performance.now();
  await until("it is not ready", async () => (await server.send("/readyz")).status === 503);
  while (performance.now() - begun < 11_000) {
    t.equal((await refresh(server, lost.presented)).status, 503, "the client keeps asking");
    await pause(1_000);
  }
  await gate.open();
  await until("it is ready again", async () => (await server.send("/readyz")).status === 200);
  await goesOn(t, server, lost, "afterwards");
  const { availability } = server.core;
  const before = availability.inServiceAt!.getTime();
  await until("it marks itself in service", () => availability.inServiceAt!.getTime() - before > 10_000);
  const [outage] = await sql(server.database, "SELECT ended_at - began_at > interval '10 seconds' AS long FROM outage");
  t.strictSame(outage, { long: true });
  // As it will be after the grace.
  await sql(server.database, "UPDATE outage SET ended_at = ended_at - interval '61 seconds'");
  await isTheft(t, server, stolen, "after the grace");
});
