import t from "tap";
import { runCommandLine } from "../../src/command-line.js";
import { TestClock } from "../support/clock.js";
import { sql } from "../support/database.js";
import { SECRET } from "../support/fleet.js";
import { basic, startInstance, type Instance, type Reply } from "../support/instance.js";
import { MASTER_KEY } from "../support/run.js";
import {
  allow,
  ask,
  COME_BACK,
  FORMAT,
  idToken,
  introspect,
  LOGGED_IN,
  PARTIES,
  pat,
  register,
  ticketFor,
} from "../support/uma.js";
import { Browser, formOf } from "../support/web.js";

/** A browser in which a person is logged in. No password is hashed for it. */
async function browserOf(server: Instance, sub = "user-alice"): Promise<Browser> {
  const { core } = server;
  const cookie = core.random(32).toString("base64url");
  const sid = core.random(16).toString("base64url");
  await sql(
    server.database,
    `INSERT INTO sessions (id_hash, sid, sub, user_epoch, auth_time, amr, seen_at, expires_at)
     SELECT $1, $2, $3, token_epoch, $4, '{pwd}', $4, $4::timestamptz + interval '12 hours' FROM users WHERE sub = $3`,
    [core.master.mac("cookie", cookie), sid, sub, new Date(core.clock.now())],
  );
  const browser = new Browser(server);
  browser.setCookie("jeton_session", cookie);
  return browser;
}

const SHARING = "/account/sharing";

/** The tests below share one server; each has resources of its own. */
const clock = new TestClock();
const server = await startInstance(t, { provision: PARTIES, clock });

t.test("an owner is asked, and chooses a lifetime", async (t) => {
  const photos = await pat(server, "photos", "user-alice");
  const photo = await register(server, photos);
  await allow(server, photos, [photo], { users: ["user-bob"], consent_needed: true });
  const alice = await browserOf(server);
  const request = async (scopes: string[]) =>
    ask(server, await ticketFor(server, await pat(server), { [photo]: scopes }), {
      claim_token: await idToken(server),
      claim_token_format: FORMAT,
    });

  const submitted = await request(["view"]);
  t.equal(submitted.status, 403);
  t.match(submitted.json, { error: "request_submitted", ticket: /^jtk_/, interval: 5 });
  const polled = await ask(server, submitted.json.ticket);
  t.match(polled.json, { error: "request_submitted" }, "the new ticket remembers who asks");

  const page = await alice.open(SHARING);
  t.match(page.text, /<bdi>bob<\/bdi> would like access to <bdi>photo<\/bdi> with <bdi>Print Shop<\/bdi>/);
  await request(["print"]);
  const after = await alice.submit(page, "pending-1", { action: "approve", lifetime: "hour" });
  t.match(
    formOf(after, "pending-1").values,
    { scope: "print" },
    "what was asked after the page was drawn is not approved with it",
  );
  const granted = await ask(server, polled.json.ticket);
  t.equal(granted.status, 200);
  const { access_token } = granted.json;
  t.match((await introspect(server, access_token)).json.permissions, [
    { resource_id: photo, resource_scopes: ["view"] },
  ]);

  t.test("a withdrawn answer counts with the next request", async (t) => {
    const shown = await alice.open(SHARING);
    await alice.submit(shown, "answered-1", { action: "withdraw" });
    t.strictSame((await introspect(server, access_token)).json, { active: false });
    t.equal((await request(["view"])).json.error, "request_submitted", "and may be asked again");
  });

  t.test("a denial lasts for this party until it is withdrawn", async (t) => {
    const shown = await alice.open(SHARING);
    await alice.submit(shown, "pending-1", { action: "deny" });
    t.equal((await request(["view", "print"])).json.error, "request_denied");
    t.equal((await request(["delete"])).json.error, "request_submitted", "it was about other scopes");
  });

  t.test("an approval expires", async (t) => {
    const shown = await alice.open(SHARING);
    t.match(formOf(shown, "pending-1").values, { scope: "delete" });
    await alice.submit(shown, "pending-1", { action: "approve", lifetime: "hour" });
    const token = (await request(["delete"])).json.access_token;
    t.ok((await introspect(server, token)).json.active);
    clock.advance(60 * 60);
    t.equal((await request(["delete"])).json.error, "request_submitted");
  });

  t.test("an answer must come from the owner and the page, with an offered lifetime", async (t) => {
    const shown = await (await browserOf(server)).open(SHARING);
    const { values } = formOf(shown, "pending-1");
    const bob = await browserOf(server, "user-bob");
    const bobs = await bob.open(SHARING);
    t.notMatch(bobs.text, 'id="pending-1"');
    const foreign = await bob.post(SHARING, { ...values, action: "approve", lifetime: "always" });
    t.match(foreign.text, "this form was not sent from its own page");
    const fresh = await browserOf(server);
    const again = await fresh.open(SHARING);
    const strange = await fresh.post(SHARING, {
      ...formOf(again, "pending-1").values,
      action: "approve",
      lifetime: "__proto__",
    });
    t.equal(strange.status, 400);
    for (const action of ["__proto__", "constructor", "nothing"]) {
      const { status } = await fresh.post(SHARING, { ...formOf(again, "pending-1").values, action });
      t.equal(status, 303, action);
    }
    t.equal((await request(["delete"])).json.error, "request_submitted");
  });

  t.test("an owner of many questions finds every answer, and can withdraw it", async (t) => {
    const asked = (state: string, hours: number, from: number) =>
      sql(
        server.database,
        `INSERT INTO uma_approvals (resource_id, client_id, party, scope, owner, state, asked_at)
         SELECT $1, 'printer', 'party-' || n, s, 'user-carol', $2, $3::timestamptz + n * interval '1 second'
         FROM generate_series($4::int, $4::int + 100) n, unnest('{view,print,delete}'::text[]) s`,
        [photo, state, new Date(clock.now() + hours * 3_600_000), from],
      );
    await asked("approved", 0, 0);
    await asked("pending", 1, 1_000);
    const carol = await browserOf(server, "user-carol");
    const first = await carol.open(SHARING);
    t.match(first.text, 'id="answered-100"');
    t.notMatch(first.text, 'id="answered-101"');
    t.match(first.text, 'href="/account/sharing?page=2"');
    const second = await carol.open(`${SHARING}?page=2`);
    const { values } = formOf(second, "answered-1");
    t.match(values, { party: "party-0", scope: "delete print view" }, "the oldest, whole");
    t.notMatch(second.text, "page=3");
    await carol.submit(second, "answered-1", { action: "withdraw" });
    t.notMatch((await carol.open(`${SHARING}?page=2`)).text, 'id="answered-1"');
    t.equal((await carol.get(`${SHARING}?page=0`)).status, 400);
  });

  t.test("no person is asked about a resource that the resource server owns itself", async (t) => {
    const own = await pat(server);
    const resource = await register(server, own);
    await allow(server, own, [resource], { consent_needed: true });
    t.equal((await ask(server, await ticketFor(server, own, { [resource]: ["view"] }))).json.error, "request_denied");
  });

  t.test("the page explains each decision, without the claims of anybody", async (t) => {
    const own = await pat(server, "photos", "user-alice");
    const resource = await register(server, own);
    const policy = await allow(server, own, [resource], { claims: [{ type: "department", value: "sales" }] });
    const form = { claim_token: await idToken(server), claim_token_format: FORMAT };
    await ask(server, await ticketFor(server, own, { [resource]: ["view"] }), form);
    const { text } = await (await browserOf(server)).open(SHARING);
    const words = text.replace(/<[^>]*>/g, "");
    t.match(words, `Rule 1 of policy ${policy} did not apply: the details of the person do not match.`);
    t.match(words, "(details: department differs)");
    t.notMatch(text, "R&amp;D");
  });
});

t.test("a person logs in at the claims interaction endpoint", async (t) => {
  const photos = await pat(server);
  const photo = await register(server, photos);
  await allow(server, photos, [photo], { users: ["user-bob"] });
  const needInfo = async () =>
    (await ask(server, await ticketFor(server, await pat(server), { [photo]: ["view"] }))).json;
  const address = (parameters: Record<string, string>) => `/uma/claims?${new URLSearchParams(parameters)}`;
  const gather = async (
    browser: Browser,
    parameters: Record<string, string> = {},
    action = "allow",
  ): Promise<Reply> => {
    const { ticket } = await needInfo();
    const page = await browser.open(address({ client_id: "printer", ticket, state: "s&1", ...parameters }));
    return page.text.includes('id="consent"') ? browser.submit(page, "consent", { action }) : page;
  };

  t.test("the browser returns with a ticket that knows the person", async (t) => {
    const back = await gather(await browserOf(server, "user-bob"), { claims_redirect_uri: COME_BACK });
    t.equal(back.status, 303);
    const { origin, pathname, searchParams } = new URL(back.headers.get("location")!);
    t.equal(origin + pathname, COME_BACK);
    t.strictSame([...searchParams.keys()].sort(), ["state", "ticket"]);
    t.equal(searchParams.get("state"), "s&1");
    const granted = await ask(server, searchParams.get("ticket")!);
    t.equal(granted.status, 200);
    t.match(granted.json.pct, /^jpct_/);
  });

  t.test("the consent is remembered, and the earlier ticket is invalid", async (t) => {
    const bob = await browserOf(server, "user-bob");
    await gather(bob);
    const { ticket } = await needInfo();
    const back = await bob.open(address({ client_id: "printer", ticket }));
    t.equal(new URL(back.headers.get("location")!).searchParams.get("state"), null);
    t.equal((await ask(server, ticket)).json.error, "invalid_grant");
  });

  t.test("a person who declines returns with an error, and the ticket stays valid", async (t) => {
    const carol = await browserOf(server, "user-carol");
    const back = await gather(carol, {}, "deny");
    t.match(
      new URL(back.headers.get("location")!).search,
      /^\?error=access_denied&error_description=[^&]+&state=s%261$/,
    );
  });

  t.test("no browser is redirected to an unregistered address", async (t) => {
    const { ticket } = await needInfo();
    const table: [Record<string, string>, string][] = [
      [
        { client_id: "printer", ticket, claims_redirect_uri: `${COME_BACK}/x` },
        "the claims_redirect_uri is not registered for this client",
      ],
      [
        { client_id: "printer", ticket, claims_redirect_uri: COME_BACK.toUpperCase() },
        "the claims_redirect_uri is not registered for this client",
      ],
      [{ client_id: "other-printer", ticket }, "the claims_redirect_uri is not registered for this client"],
      [
        { client_id: "other-printer", ticket, claims_redirect_uri: LOGGED_IN },
        "the claims_redirect_uri is not registered for this client",
      ],
      [{ client_id: "nobody", ticket, claims_redirect_uri: COME_BACK }, "the client doesn&#39;t exist"],
    ];
    for (const [parameters, says] of table) {
      const reply = await (await browserOf(server, "user-bob")).get(address(parameters));
      t.equal(reply.status, 400, says);
      t.match(reply.text, says);
      t.notOk(reply.headers.get("location"));
    }
    t.equal((await server.post("/uma/claims", { x: "y" })).status, 405);
  });

  t.test("the client is told that its ticket is invalid", async (t) => {
    const { ticket } = await needInfo();
    for (const parameters of [
      { ticket: `${ticket}A`, claims_redirect_uri: COME_BACK },
      { ticket: `${ticket}A` },
      { claims_redirect_uri: COME_BACK },
    ] as Record<string, string>[]) {
      const bob = await browserOf(server, "user-bob");
      const back = await bob.get(address({ client_id: "printer", state: "s", ...parameters }));
      t.equal(
        back.headers.get("location"),
        `${COME_BACK}?error=invalid_grant&error_description=the%20ticket%20cannot%20be%20used&state=s`,
      );
    }
  });

  t.test("a ticket that expires during the interaction is reported as invalid", async (t) => {
    const carol = await browserOf(server, "user-carol");
    const { ticket } = await needInfo();
    const page = await carol.open(address({ client_id: "printer", ticket }));
    clock.advance(300);
    const late = await carol.submit(page, "consent", { action: "allow" });
    t.match(late.headers.get("location"), `${COME_BACK}?error=invalid_grant&`);
  });
});

t.test("a decision can be explained to an operator", async (t) => {
  const photos = await pat(server);
  const photo = await register(server, photos);
  const policy = await allow(
    server,
    photos,
    [photo],
    { clients: ["other-printer"] },
    { clients: ["printer"], scopes: ["view"] },
  );
  const reply = await server.post(
    "/oauth2/token",
    { grant_type: "uma_ticket", ticket: await ticketFor(server, photos, { [photo]: ["view", "print"] }) },
    basic("printer", SECRET),
  );
  const env = { DATABASE_URL: server.database, MASTER_KEY };
  const explain = async (id: string) =>
    JSON.parse(await runCommandLine(["uma", "explain", id, "--json"], async () => "", env, clock));
  t.match(await explain(reply.headers.get("x-request-id")!), [
    {
      outcome: "granted",
      client_id: "printer",
      resource_id: photo,
      asked: ["view", "print"],
      granted: ["view"],
      rules: [
        { policy, rule: 1, result: "fails", because: "clients", saw: { clients: "printer" }, decided: false },
        { policy, rule: 2, result: "passes", saw: { scopes: ["view"], clients: "printer" }, decided: true },
      ],
    },
  ]);
  const words = ["uma", "explain", reply.headers.get("x-request-id")!];
  const inWords = await runCommandLine(words, async () => "", env, clock);
  t.notMatch(inWords, "undefined");
  await t.rejects(explain("unknown"), { message: /its log line has the reason/ });
});
