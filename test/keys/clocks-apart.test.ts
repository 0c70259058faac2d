import { decodeProtectedHeader } from "jose";
import t from "tap";
import { systemClock, type Clock } from "../../src/clock.js";
import { freshDatabase, sql } from "../support/database.js";
import { FLEET } from "../support/fleet.js";
import { startInstance } from "../support/instance.js";
import { kidOf, tokenOfBackend } from "../support/tokens.js";

t.test("the database's clock decides when a key signs, with any clock of the instance", async (t) => {
  const database = await freshDatabase(t, FLEET);
  await sql(database, "DELETE FROM signing_keys");
  const apart = (minutes: number): Clock => ({
    now: () => systemClock.now() + minutes * 60_000,
    statement: () => null,
  });
  const ahead = await startInstance(t, { database, clock: apart(20) });
  const behind = await startInstance(t, { database, clock: apart(-20), env: { ISSUER: ahead.core.issuer } });
  const right = await startInstance(t, { database, env: { ISSUER: ahead.core.issuer } });
  const all = [ahead, behind, right];

  t.test("the first keys of the instance that is ahead sign everywhere", async (t) => {
    for (const server of all) t.match(decodeProtectedHeader(await tokenOfBackend(server)), { alg: "ES256" });
  });

  t.test("a leaked key that the instance ahead replaces is rejected everywhere", async (t) => {
    const leaked = await tokenOfBackend(right);
    await ahead.core.ring.rotate(true);
    await Promise.all(all.map(({ core }) => core.ring.reload()));
    for (const server of all) {
      t.notOk(server.core.ring.jwks.keys.some(({ kid }) => kid === kidOf(leaked)));
      t.not(kidOf(await tokenOfBackend(server)), kidOf(leaked), "nor signs");
    }
  });
});
