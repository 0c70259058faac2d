import t from "tap";
import { TestClock } from "../support/clock.js";
import { sql } from "../support/database.js";
import { decided } from "../support/decided.js";
import { deviceEntry, deviceJwt, NEW_KEYS } from "../support/devices.js";
import { FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Instance, type Reply } from "../support/instance.js";
import { statementsOf } from "../support/statements.js";
import { until } from "../support/until.js";

const ID = "test.device.01";
const KEY = NEW_KEYS.ES256();
const ALL = "tenant.demo refresh.token temp";

t.test("a device renews its access token", async (t) => {
  const clock = new TestClock();
  const server = await startInstance(t, { provision: FLEET, clock });
  const second = await startInstance(t, { database: server.database, clock });
  /** Provisions the device, and waits until the instance has heard of it. */
  const provide = async (more: { scope?: string; max_renewals?: number } = {}) => {
    await server.apply({ devices: [deviceEntry(ID, KEY, more)] });
    const { scope = ALL, max_renewals = null } = more;
    await until("the change was heard of", async () => {
      const found = await server.core.registry.find(ID);
      return found?.scope.join(" ") === scope && found.max_renewals === max_renewals;
    });
  };
  const take = async (scope?: string) => {
    const seen = await server.post("/as/token", { client_id: ID, client_secret: deviceJwt(ID, KEY), scope });
    return seen.json.access_token as string;
  };
  const renew = (token: string, more: object = {}, on: Instance = server) =>
    on.post("/as/renew/token", { client_id: ID, token, ...more });
  const isActive = async (token: string) => (await server.post("/idp/introspect", { token })).json.active as boolean;
  const refused = (t: Parameters<typeof startInstance>[0], seen: Reply, because: string) => {
    t.equal(seen.status, 403);
    t.equal(seen.json.error, "FORBIDDEN");
    t.match(
      server.log.findLast(({ type }) => type === "decision"),
      { outcome: "refused", refused_with: because },
    );
  };
  await provide();

  await t.test("renewal issues a token with the same scope and revokes the old token", async (t) => {
    const token = await take();
    const seen = await renew(token);
    t.equal(seen.status, 201);
    t.equal(seen.json.scope, ALL);
    t.notOk(await isActive(token));
    t.ok(await isActive(seen.json.access_token));
    refused(t, await renew(token), "token_not_valid");
    t.ok(await isActive(seen.json.access_token), "what came of it goes on");
  });
  await t.test("of fifty simultaneous renewals on two instances exactly one succeeds", async (t) => {
    const token = await take();
    const all = await Promise.all(
      Array.from({ length: 50 }, (_, i) => decided(() => renew(token, {}, [server, second][i % 2]))),
    );
    t.strictSame(all.map(({ status }) => status).sort(), [201, ...Array.from({ length: 49 }, () => 403)]);
    const [row] = await sql(server.database, "SELECT max(count) AS count FROM tries");
    t.ok((row!.count as number) < 10, "and those that lost took no try");
  });
  await t.test("renewal never widens the scope", async (t) => {
    const token = await take("refresh.token");
    refused(t, await renew(token, { scope: "refresh.token temp" }), "scope_not_allowed");
    t.ok(await isActive(token), "what is refused ends nothing");
    t.equal((await renew(token)).json.scope, "refresh.token");
  });
  await t.test("renewal may narrow the scope, and a later renewal cannot widen it again", async (t) => {
    const narrow = (await renew(await take(), { scope: "refresh.token" })).json;
    t.equal(narrow.scope, "refresh.token");
    refused(t, await renew(narrow.access_token, { scope: ALL }), "scope_not_allowed");
  });
  await t.test("renewal drops scopes that the device has lost", async (t) => {
    const token = await take();
    await provide({ scope: "refresh.token temp" });
    t.equal((await renew(token)).json.scope, "refresh.token temp");
    const kept = await take();
    await provide({ scope: "temp" });
    refused(t, await renew(kept), "renewal_not_granted");
    await provide();
  });
  await t.test("renewal needs the scope refresh.token", async (t) => {
    const token = await take("tenant.demo temp");
    refused(t, await renew(token), "renewal_not_granted");
    t.ok(await isActive(token));
  });
  await t.test("max_renewals limits how often one token can be renewed in a row", async (t) => {
    await provide({ max_renewals: 2 });
    const [first, other] = [await take(), await take()];
    const one = (await renew(first)).json.access_token;
    const two = (await renew(one)).json.access_token;
    refused(t, await renew(two), "renewal_not_granted");
    t.ok(await isActive(two));
    t.equal((await renew(other)).status, 201, "another row is counted by itself");
    t.equal((await renew(await take())).status, 201, "and a JWT begins a new one");
    await provide({ max_renewals: 0 });
    refused(t, await renew(await take()), "renewal_not_granted");
    await provide({ max_renewals: 3 });
    t.equal((await renew(two)).status, 201, "a higher cap is obeyed");
    await provide();
  });
  await t.test(
    "renewal refuses expired and revoked tokens, tokens of other devices, and texts of another kind",
    async (t) => {
      const [revoked, expired] = [await take(), await take()];
      await server.post("/oauth2/revoke", { token: revoked }, basic("admin", SECRET));
      refused(t, await renew(revoked), "token_not_valid");
      refused(t, await renew(expired, { client_id: "test.device.02" }), "token_not_valid");
      refused(t, await renew(deviceJwt(ID, KEY)), "token_not_valid");
      clock.advance(3_600);
      refused(t, await renew(expired), "token_not_valid");
    },
  );
  await t.test("renewal is refused after all tokens of the device were revoked", async (t) => {
    const token = await take();
    await server.core.db.prisma.client.update({ where: { client_id: ID }, data: { token_epoch: { increment: 1 } } });
    refused(t, await renew(token), "token_not_valid");
  });
  await t.test("introspection does not reveal how often a token was renewed", async (t) => {
    const { access_token: token } = (await renew(await take())).json;
    t.notOk("renewals" in (await server.post("/oauth2/introspect", { token }, basic("gateway", SECRET))).json);
  });
  await t.test("renewal runs two statements", async (t) => {
    const token = await take();
    t.equal((await statementsOf(() => renew(token))).length, 2);
    t.equal((await statementsOf(() => renew("garbage"))).length, 0);
  });
});
