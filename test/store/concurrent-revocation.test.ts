import t from "tap";
import { endEverythingOf, endEverythingOfClient } from "../../src/store/epochs.js";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { openRefreshable } from "../support/grants.js";
import { basic, startInstance } from "../support/instance.js";

t.test("a grant that was decided on before everything was revoked is dead when it is opened after", async (t) => {
  const server = await startInstance(t, { provision: FLEET });
  const { prisma } = server.core.db;
  const refresh = async (refresh_token: string) =>
    (await server.post("/oauth2/token", { grant_type: "refresh_token", client_id: "mobile", refresh_token })).status;

  t.equal(await refresh(await openRefreshable(server)), 200, "as a rule it works");

  t.test("of its person", async (t) => {
    await prisma.$transaction((tx) => endEverythingOf(tx, "user-alice"));
    // The password was checked in the old epoch, the grant is written in the new one.
    const late = await openRefreshable(server);
    t.equal(await refresh(late), 400);
    const { json } = await server.post("/oauth2/introspect", { token: late }, basic("gateway", SECRET));
    t.strictSame(json, { active: false });
    const again = await server.post("/oauth2/token", { grant_type: "password", client_id: "mobile", ...ALICE });
    t.equal(await refresh(again.json.refresh_token), 200, "who logs in anew goes on");
  });

  t.test("of its client", async (t) => {
    const { json } = await server.post("/oauth2/token", { grant_type: "password", client_id: "mobile", ...ALICE });
    await prisma.$transaction((tx) => endEverythingOfClient(tx, "mobile"));
    t.equal(await refresh(json.refresh_token), 400);
  });
});
