import t, { type Test } from "tap";
import { sql } from "../support/database.js";
import { TestClock } from "../support/clock.js";
import { decided } from "../support/decided.js";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { openRefreshable } from "../support/grants.js";
import { basic, startInstance } from "../support/instance.js";
import { isActive, logIn, refresh } from "../support/tokens.js";

const REFUSED = { status: 400, json: { error: "invalid_grant", error_description: "the refresh token is not valid" } };

t.test("a refresh token is used exactly once", async (t) => {
  const clock = new TestClock();
  const server = await startInstance(t, { provision: FLEET, clock });

  t.test("a refresh returns a new refresh token, which can be used in turn", async (t) => {
    const first = (await logIn(server)).json;
    const second = await refresh(server, first.refresh_token);
    t.equal(second.status, 200);
    t.not(second.json.refresh_token, first.refresh_token);
    const third = await refresh(server, second.json.refresh_token);
    t.equal(third.status, 200);
    t.ok(await isActive(server, third.json.access_token));
  });

  t.test("a repeated refresh gets the same new token for ten seconds", async (t) => {
    const { refresh_token } = (await logIn(server)).json;
    const { json } = await refresh(server, refresh_token);
    for (const wait of [0, 4, 6]) {
      clock.advance(wait);
      const again = await refresh(server, refresh_token);
      t.equal(again.status, 200);
      t.equal(again.json.refresh_token, json.refresh_token, "the same successor");
    }
    t.equal((await refresh(server, json.refresh_token)).status, 200, "and no user is logged out");
  });

  t.test("a token used again after the retry window ends its family", async (t) => {
    const { refresh_token } = (await logIn(server)).json;
    const { json } = await refresh(server, refresh_token);
    clock.advance(10.001);
    t.match(await refresh(server, refresh_token), REFUSED);
    t.match(await refresh(server, json.refresh_token), REFUSED, "the successor is refused as well");
    t.notOk(await isActive(server, json.access_token), "and every access token of the grant");
  });

  for (const times of [2, 33]) {
    t.test(`within the window a token ${times} generations old is refused, and the family stays valid`, async (t) => {
      const { refresh_token } = (await logIn(server)).json;
      let current = refresh_token;
      for (let time = 0; time < times; time += 1) current = (await refresh(server, current)).json.refresh_token;
      clock.advance(9.9);
      t.match(await refresh(server, refresh_token), REFUSED);
      t.match(server.log.at(-1), { alarm: "refresh_token_superseded", level: "info" });
      current = (await refresh(server, current)).json.refresh_token;
      t.type(current, "string", "the current one goes on");
      t.match(await refresh(server, refresh_token, { scope: "api1" }), REFUSED);
      clock.advance(0.2);
      t.match(await refresh(server, refresh_token), REFUSED);
      t.match(await refresh(server, current), REFUSED, "after the window it ends the family");
    });
  }

  t.test("each generation has a retry window of its own", async (t) => {
    const tokens = [(await logIn(server)).json.refresh_token];
    for (let times = 0; times < 4; times += 1) {
      tokens.push((await refresh(server, tokens.at(-1))).json.refresh_token);
      clock.advance(4);
    }
    // They were superseded 16, 12, 8 and 4 seconds ago.
    t.match(await refresh(server, tokens[2]), REFUSED);
    t.equal((await refresh(server, tokens[4])).status, 200, "8 seconds end nothing");
    t.match(await refresh(server, tokens[1]), REFUSED);
    t.match(await refresh(server, tokens[4]), REFUSED, "12 seconds do");
  });

  t.test("after the window a token several generations old ends the family", async (t) => {
    const { refresh_token } = (await logIn(server)).json;
    let current = refresh_token;
    for (let times = 0; times < 3; times += 1) current = (await refresh(server, current)).json.refresh_token;
    clock.advance(10.001);
    t.match(await refresh(server, refresh_token), REFUSED);
    t.match(await refresh(server, current), REFUSED);
    const [row] = await sql(server.database, "SELECT count(*)::int AS n FROM grants WHERE ended_because = 'reuse'");
    t.ok((row!.n as number) >= 1);
  });

  t.test("a token with a forged generation is refused, and the family stays valid", async (t) => {
    const { refresh_token } = (await logIn(server)).json;
    t.match(await refresh(server, refresh_token.replace(".0.", ".1.")), REFUSED, "the MAC does not fit");
    t.equal((await refresh(server, refresh_token)).status, 200, "and the family is none the worse");
  });

  t.test("an unused token expires after its idle time, and a used one stays valid", async (t) => {
    const idle = (await logIn(server)).json;
    let used = (await logIn(server)).json.refresh_token;
    for (let week = 0; week < 2; week += 1) {
      clock.advance(7 * 24 * 3600 - 1);
      used = (await refresh(server, used)).json.refresh_token;
    }
    clock.advance(2);
    t.match(await refresh(server, idle.refresh_token), REFUSED);
    t.equal((await refresh(server, used)).status, 200);
  });

  t.test("the grant ends after its absolute lifetime, however often it is refreshed", async (t) => {
    let { refresh_token } = (await logIn(server)).json;
    for (let day = 0; day < 9; day += 1) {
      clock.advance(10 * 24 * 3600 - 1);
      const { status, json } = await refresh(server, refresh_token);
      t.equal(status, 200);
      refresh_token = json.refresh_token;
    }
    clock.advance(10);
    t.match(await refresh(server, refresh_token), REFUSED);
  });
});

t.test("a refresh may narrow the scope but never widen it", async (t) => {
  const server = await startInstance(t, { provision: FLEET, clock: new TestClock() });

  t.test("a requested narrower scope applies to the access token only", async (t) => {
    const { refresh_token, scope } = (await logIn(server)).json;
    const narrow = await refresh(server, refresh_token, { scope: "api1" });
    t.equal(narrow.json.scope, "api1");
    const full = await refresh(server, narrow.json.refresh_token);
    t.equal(full.json.scope, scope, "RFC 6749 section 6: the refresh token keeps what it had");
  });

  t.test("a request for a wider scope is refused, and the token stays valid", async (t) => {
    const { refresh_token } = (await logIn(server, { scope: "openid" })).json;
    const wider = await refresh(server, refresh_token, { scope: "openid api1 nothing" });
    t.match(wider, {
      status: 400,
      json: { error: "invalid_scope", error_description: "the scopes api1,nothing are not allowed or invalid" },
    });
    const { status, json } = await refresh(server, refresh_token);
    t.equal(status, 200, "the token is still good");
    t.equal(json.scope, "openid");
  });

  t.test("a scope that the client loses is dropped, and returns if the client gets it back", async (t) => {
    const { refresh_token } = (await logIn(server)).json;
    const withScope = (scope: string) => ({
      clients: FLEET.clients.filter(({ client_id }) => client_id === "mobile").map((one) => ({ ...one, scope })),
    });
    await server.apply(withScope("openid"));
    const lost = await refresh(server, refresh_token);
    t.equal(lost.json.scope, "openid");
    const asked = await refresh(server, lost.json.refresh_token, { scope: "api1" });
    t.equal(asked.json.error, "invalid_scope");
    await server.apply(withScope("openid profile email role api1 offline_access api2"));
    const { json } = await refresh(server, lost.json.refresh_token);
    t.equal(json.scope, "openid profile email role api1 offline_access");
  });
});

t.test("a refresh token belongs to its client and its user", async (t) => {
  const server = await startInstance(t, { provision: FLEET, clock: new TestClock() });

  t.test("another client is refused, and the token stays valid", async (t) => {
    const { refresh_token } = (await logIn(server)).json;
    const stolen = await refresh(server, refresh_token, { client_id: "tablet" });
    t.match(stolen, {
      status: 400,
      json: {
        error: "invalid_grant",
        error_description: "the refresh token can be used only by the same issuer",
      },
    });
    t.equal((await refresh(server, refresh_token)).status, 200);
  });

  t.test("a grant issued in one dialect can be refreshed in another", async (t) => {
    const { refresh_token } = (await logIn(server)).json;
    const there = await server.post("/token", { grant_type: "refresh_token", client_id: "mobile", refresh_token });
    t.equal(there.status, 200);
    t.equal((await refresh(server, there.json.refresh_token)).status, 200);
  });

  t.test("a disabled user's tokens are refused at once, and stay refused after enabling the user", async (t) => {
    const { refresh_token, access_token } = (await logIn(server)).json;
    const users = (disabled: boolean) => ({ users: [{ ...FLEET.users[0], disabled }] });
    await server.apply(users(true));
    t.match(await refresh(server, refresh_token), REFUSED);
    t.notOk(await isActive(server, access_token));
    await server.apply(users(false));
    t.match(await refresh(server, refresh_token), REFUSED);
    t.notOk(await isActive(server, access_token));
  });

  t.test("an access token, a token of another kind and garbage are refused", async (t) => {
    const { access_token } = (await logIn(server)).json;
    for (const text of [access_token, "x", "jrt_", "jrt_a.0.b", "' OR 1=1 --", "jat_".padEnd(300, "A")]) {
      t.match(await refresh(server, text), REFUSED, text.slice(0, 20));
    }
  });
});

t.test("without rotation the refresh token stays the same, and each refresh returns an id_token", async (t) => {
  const clock = new TestClock();
  const server = await startInstance(t, { provision: FLEET, clock });
  const auth = basic("desktop", SECRET);
  const { json } = await server.post("/oauth2/token", { grant_type: "password", ...ALICE }, auth);
  for (let times = 0; times < 3; times += 1) {
    clock.advance(60);
    const again = await server.post(
      "/oauth2/token",
      { grant_type: "refresh_token", refresh_token: json.refresh_token },
      auth,
    );
    t.equal(again.json.refresh_token, json.refresh_token);
    t.type(again.json.id_token, "string");
  }
});

t.test("32 simultaneous refreshes on two instances all get the same new token", async (t: Test) => {
  const clock = new TestClock();
  const one = await startInstance(t, { provision: FLEET, clock });
  const other = await startInstance(t, { database: one.database, clock });
  const tokens: string[] = [];
  for (let index = 0; index < 100; index += 1) tokens.push(await openRefreshable(one));
  let split = 0;
  for (const token of tokens) {
    const answers = await Promise.all(
      Array.from({ length: 32 }, (_, index) => decided(() => refresh(index % 2 === 0 ? one : other, token))),
    );
    const successors = new Set(answers.map(({ json }) => json.refresh_token as string | undefined));
    if (successors.size !== 1 || successors.has(undefined)) split += 1;
  }
  t.equal(split, 0, "each token had one successor, the same for all");
  const [row] = await sql(
    one.database,
    "SELECT count(*)::int AS families, min(generation) AS least, max(generation) AS most, count(ended_at)::int AS ended FROM grants",
  );
  t.strictSame(row, { families: 100, least: 1, most: 1, ended: 0 });
});
