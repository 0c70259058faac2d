import t, { type Test } from "tap";
import { redeemRefreshToken } from "../../src/store/refresh-tokens.js";
import { readRefreshToken } from "../../src/tokens/refresh-token.js";
import { TestClock } from "../support/clock.js";
import { FLEET } from "../support/fleet.js";
import { openRefreshable } from "../support/grants.js";
import { startInstance, type Instance } from "../support/instance.js";
import { refresh } from "../support/tokens.js";

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
  const presented = await openRefreshable(server);
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
  t.test(`for 60 s after an outage of ${length} s a client may repeat a refresh whose answer was lost`, async (t) => {
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

t.test("the part of an outage beyond ten minutes extends no retry window", async (t) => {
  const { clock, one, other } = await fleetOfTwo(t);
  const lost = await loseAnswer(one);
  clock.advance(700);
  await mark(one);
  await mark(other);
  await isTheft(t, one, lost, "after 700 s");
});

t.test("the retry window survives a restart of the server during the outage", async (t) => {
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

t.test("an outage of one instance extends the retry window on both", async (t) => {
  const { clock, one, other } = await fleetOfTwo(t);
  const lost = [await loseAnswer(one), await loseAnswer(one), await loseAnswer(one)];
  await inService(clock, 120, other);
  await goesOn(t, one, lost[0]!, "at the one that was cut off, before that is on record,");
  await mark(one);
  await goesOn(t, other, lost[1]!, "at the other one");
  await inService(clock, 62, one, other);
  await isTheft(t, one, lost[2]!, "62 s later");
});

t.test("outages less than a minute apart count as one", async (t) => {
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

t.test("an instance that rejects requests counts as out of service although its database answers", async (t) => {
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

t.test("a rejected request counts as time out of service from its arrival on", async (t) => {
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

t.test("a statement that was delayed for longer than the retry window ends no grant", async (t) => {
  const { clock, one, other } = await fleetOfTwo(t);
  const first = await openRefreshable(one);
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
