import { decodeProtectedHeader } from "jose";
import t from "tap";
import { systemClock, type Clock } from "../../src/clock.js";
import { freshDatabase, sql } from "../support/database.js";
import { FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Instance } from "../support/instance.js";

const ask = async (server: Instance): Promise<string> =>
  (await server.post("/oauth2/token", { grant_type: "client_credentials" }, basic("backend", SECRET))).json
    .access_token;

const kidOf = (token: string) => decodeProtectedHeader(token).kid;

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
    for (const server of all) t.match(decodeProtectedHeader(await ask(server)), { alg: "ES256" });
  });

  t.test("a leaked key that the instance ahead replaces is rejected everywhere", async (t) => {
    const leaked = await ask(right);
    await ahead.core.ring.rotate(true);
    await Promise.all(all.map(({ core }) => core.ring.reload()));
    for (const server of all) {
      t.notOk(server.core.ring.jwks.keys.some(({ kid }) => kid === kidOf(leaked)));
      t.not(kidOf(await ask(server)), kidOf(leaked), "nor signs");
    }
  });
});
