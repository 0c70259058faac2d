import { setTimeout as pause } from "node:timers/promises";
import t from "tap";
import { freshDatabase, sql } from "../support/database.js";
import { FLEET } from "../support/fleet.js";
import { openGate } from "../support/gate.js";
import { openRefreshable } from "../support/grants.js";
import { startInstance, type Instance } from "../support/instance.js";
import { until } from "../support/until.js";
import { refresh } from "../support/tokens.js";

/** What really cuts an instance off from its database, in real time. Longer outages: refresh-outage.test.ts. */

/** A login whose last answer was lost: what its client has, and what it would have got. */
async function loseAnswer(server: Instance): Promise<{ presented: string; successor: string }> {
  const presented = await openRefreshable(server);
  return { presented, successor: (await refresh(server, presented)).json.refresh_token };
}

t.test("a 503 of the token endpoint counts as time out of service", async (t) => {
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

t.test("refreshes delayed at one instance end no login that was refreshed at another one", async (t) => {
  const one = await startInstance(t, { provision: FLEET });
  const gate = await openGate(t, one.database);
  const other = await startInstance(t, { database: gate.url, env: { ISSUER: one.core.issuer } });
  const logins = await Promise.all(Array.from({ length: 20 }, () => openRefreshable(one)));
  // Warm: its client is known, so that the statement that is held is the one that redeems.
  for (const token of logins)
    t.equal((await refresh(other, await openRefreshable(one))).status, 200, token.slice(0, 8));

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

t.test("after eleven seconds without PostgreSQL a client may repeat a refresh whose answer was lost", async (t) => {
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
  const again = await refresh(server, lost.presented);
  t.equal(again.json.refresh_token, lost.successor, "the same successor");
  t.equal((await refresh(server, lost.successor)).status, 200, "which goes on");
  const { availability } = server.core;
  const before = availability.inServiceAt!.getTime();
  await until("it marks itself in service", () => availability.inServiceAt!.getTime() - before > 10_000);
  const [outage] = await sql(server.database, "SELECT ended_at - began_at > interval '10 seconds' AS long FROM outage");
  t.strictSame(outage, { long: true });
  // As it will be after the grace.
  await sql(server.database, "UPDATE outage SET ended_at = ended_at - interval '61 seconds'");
  t.equal((await refresh(server, stolen.presented)).status, 400, "a replay is theft again");
  t.match(server.log.at(-1), { alarm: "refresh_token_reused" });
  t.equal((await refresh(server, stolen.successor)).status, 400);
});
