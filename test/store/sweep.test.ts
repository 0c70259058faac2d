import t from "tap";
import { openSweep } from "../../src/store/sweep.js";
import { useAssertion } from "../../src/store/used-assertions.js";
import { TestClock } from "../support/clock.js";
import { sql } from "../support/database.js";
import { ALICE, FLEET } from "../support/fleet.js";
import { startInstance } from "../support/instance.js";
import { Browser } from "../support/web.js";
import { logIn } from "../support/tokens.js";

const DAY = 24 * 60 * 60;
const TABLES = ["grants", "revoked_tokens", "sessions", "interactions", "used_assertions", "tries"];

t.test("a sweep deletes expired rows and keeps the rest", async (t) => {
  const clock = new TestClock();
  const server = await startInstance(t, { provision: FLEET, clock });
  const counts = async () =>
    Object.fromEntries(
      await Promise.all(
        TABLES.map(async (table) => {
          const [row] = await sql(server.database, `SELECT count(*)::int AS n FROM ${table}`);
          return [table, row!.n] as const;
        }),
      ),
    );

  const revoked = (await logIn(server)).json;
  await server.post("/oauth2/revoke", { token: revoked.access_token, client_id: "mobile" });
  await server.post("/oauth2/revoke", { token: revoked.refresh_token, client_id: "mobile" });
  const kept = (await logIn(server)).json;
  const browser = new Browser(server);
  await browser.submit(await browser.open("/account"), "login", { ...ALICE, action: "login" });
  await server.core.rateLimits.consume({ on: "account", id: "user-alice" });

  await useAssertion(server.core.db, Buffer.from("used"), new Date(clock.now() + 60_000), clock.statement());

  await openSweep(server.core.db)(clock.statement());
  const all = { grants: 2, revoked_tokens: 1, sessions: 1, interactions: 1, used_assertions: 1, tries: 2 };
  t.strictSame(await counts(), all, "everything is still of use");

  clock.advance(DAY + 13 * 60 * 60);
  await openSweep(server.core.db)(clock.statement());
  t.strictSame(await counts(), {
    grants: 2,
    revoked_tokens: 0,
    sessions: 0,
    interactions: 0,
    used_assertions: 0,
    tries: 1,
  });

  clock.advance(7 * DAY);
  await openSweep(server.core.db)(clock.statement());
  t.equal((await counts()).grants, 1, "a login that was ended is found with its weekly check");
  const refreshed = await server.post("/oauth2/token", {
    grant_type: "refresh_token",
    client_id: "mobile",
    refresh_token: kept.refresh_token,
  });
  t.equal(refreshed.status, 200, "a login that goes on is left alone");

  clock.advance(100 * DAY);
  await openSweep(server.core.db)(clock.statement());
  t.strictSame(await counts(), {
    grants: 0,
    revoked_tokens: 0,
    sessions: 0,
    interactions: 0,
    used_assertions: 0,
    tries: 0,
  });
});

t.test("a sweep deletes expired secrets and keeps those without an expiry", async (t) => {
  const clock = new TestClock();
  const end = new Date(clock.now() + 60_000).toISOString();
  const client_secrets = [{ value: "the one before", expires_at: end }, { value: "the one now" }];
  const server = await startInstance(t, { provision: { clients: [{ client_id: "worker", client_secrets }] }, clock });
  const ends = () => sql(server.database, "SELECT expires_at FROM client_secrets ORDER BY expires_at");
  clock.advance(DAY);
  await openSweep(server.core.db)(clock.statement());
  t.strictSame(await ends(), [{ expires_at: new Date(end) }, { expires_at: null }]);
  clock.advance(61);
  await openSweep(server.core.db)(clock.statement());
  t.strictSame(await ends(), [{ expires_at: null }]);
});
