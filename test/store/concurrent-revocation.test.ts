import t from "tap";
import { endEverythingOf, endEverythingOfClient } from "../../src/store/epochs.js";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { openRefreshable } from "../support/grants.js";
import { basic, startInstance } from "../support/instance.js";
import { refresh } from "../support/tokens.js";

t.test("a grant that was decided before a revocation of all tokens and stored after it is refused", async (t) => {
  const server = await startInstance(t, { provision: FLEET });
  const { prisma } = server.core.db;

  t.equal((await refresh(server, await openRefreshable(server))).status, 200, "as a rule it works");

  t.test("the revocation covers all tokens of the user", async (t) => {
    await prisma.$transaction((tx) => endEverythingOf(tx, "user-alice"));
    // The password was checked in the old epoch, the grant is written in the new one.
    const late = await openRefreshable(server);
    t.equal((await refresh(server, late)).status, 400);
    const { json } = await server.post("/oauth2/introspect", { token: late }, basic("gateway", SECRET));
    t.strictSame(json, { active: false });
    const again = await server.post("/oauth2/token", { grant_type: "password", client_id: "mobile", ...ALICE });
    t.equal((await refresh(server, again.json.refresh_token)).status, 200, "a new login works");
  });

  t.test("the revocation covers all tokens of the client", async (t) => {
    const { json } = await server.post("/oauth2/token", { grant_type: "password", client_id: "mobile", ...ALICE });
    await prisma.$transaction((tx) => endEverythingOfClient(tx, "mobile"));
    t.equal((await refresh(server, json.refresh_token)).status, 400);
  });
});
