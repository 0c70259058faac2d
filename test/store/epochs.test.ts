import t from "tap";
import { endEverything } from "../../src/store/epochs.js";
import { TestClock } from "../support/clock.js";
import { sql } from "../support/database.js";
import { FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance } from "../support/instance.js";
import { isActive } from "../support/tokens.js";

t.test("a restored database never reuses an earlier epoch", async (t) => {
  const clock = new TestClock();
  const server = await startInstance(t, { provision: FLEET, clock });
  const raise = async () => {
    await endEverything(server.core.db, clock.statement());
    await server.apply({});
  };
  const issue = async (): Promise<string> => {
    const form = { grant_type: "client_credentials" };
    return (await server.post("/oauth2/token", form, basic("backend", SECRET))).json.access_token;
  };

  await raise();
  const token = await issue();
  t.equal(await isActive(server, token), true);

  // What a restore to a time before does: the database has never heard of the epoch that the token carries.
  await sql(server.database, "DELETE FROM deployment_epoch");
  clock.advance(1);
  await raise();
  t.equal(await isActive(server, token), false);

  t.test("two epochs that begin in the same second differ", async (t) => {
    const between = await issue();
    await raise();
    t.equal(await isActive(server, between), false);
    t.equal(await isActive(server, await issue()), true);
  });
});
