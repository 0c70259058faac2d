import { generateKeyPairSync } from "node:crypto";
import { decodeJwt } from "jose";
import t, { type Test } from "tap";
import { claimsOf, ecdsa, jws } from "../support/assertions.js";
import { TestClock } from "../support/clock.js";
import { ALICE, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Reply } from "../support/instance.js";
import { statementsOf } from "../support/statements.js";
import { answerOf, Browser } from "../support/web.js";
import { CALLBACK, walk } from "../support/web-fleet.js";

/** Resource indicators (RFC 8707). */

const A = "https://a.example";
const B = "https://b.example/api";
const DEVICE = "urn:ietf:params:oauth:grant-type:device_code";

const clock = new TestClock();
const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ALL = "openid a.read a.write b.read plain";
const app = { client_secret: SECRET, redirect_uris: [CALLBACK], consent: "implicit", scope: ALL };
const server = await startInstance(t, {
  provision: {
    scopes: [
      { name: "a.read", audience: A },
      { name: "a.write", audience: A },
      { name: "b.read", audience: B },
      { name: "c.read", audience: "https://c.example" },
      { name: "legacy", audience: "legacy" },
      { name: "d.read", audience: "https://d.example" },
      { name: "d.write", audience: "https://d.example/" },
      { name: "plain" },
    ],
    clients: [
      { client_id: "machine", client_secret: SECRET, grant_types: ["client_credentials"], scope: `${ALL} legacy` },
      {
        ...app,
        client_id: "web",
        grant_types: ["authorization_code", "refresh_token"],
        jwks: { keys: [pair.publicKey.export({ format: "jwk" })] },
      },
      { client_id: "twice", client_secret: SECRET, grant_types: ["client_credentials"], scope: "d.read d.write" },
      { ...app, client_id: "password", grant_types: ["password", "refresh_token"] },
      { ...app, client_id: "tv", grant_types: [DEVICE] },
    ],
    users: [{ sub: "user-alice", preferred_username: "Alice", password: ALICE.password }],
  },
  clock,
});
const { issuer } = server.core;

/** A form with a parameter that may be repeated. */
function formOf(pairs: Readonly<Record<string, string | undefined>>, resources: readonly string[]): string {
  const given = Object.entries(pairs).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return new URLSearchParams([...given, ...resources.map((uri) => ["resource", uri] as [string, string])]).toString();
}

function post(
  path: string,
  form: Readonly<Record<string, string | undefined>>,
  resources: readonly string[],
  as: string,
) {
  const headers = { ...basic(as, SECRET), "Content-Type": "application/x-www-form-urlencoded" };
  return server.send(path, { method: "POST", headers, body: formOf(form, resources) });
}

const machine = (resources: readonly string[], scope?: string) =>
  post("/oauth2/token", { grant_type: "client_credentials", scope }, resources, "machine");

const refresh = (refresh_token: string, resources: readonly string[], scope?: string, as = "web") =>
  post("/oauth2/token", { grant_type: "refresh_token", refresh_token, scope }, resources, as);

/** Audience and scopes of an answered access token. */
function tokenOf({ json }: Reply): { aud: unknown; scope: unknown } {
  const { aud, scope } = decodeJwt(json.access_token);
  return { aud, scope: json.scope === scope ? scope : `${scope}, and the answer says ${json.scope}` };
}

function refused(t: Test, reply: Reply, message: string): void {
  t.match(reply, { status: 400, json: { error: "invalid_target" } }, message);
}

const alice = new Browser(server);
await alice.submit(await alice.open("/account"), "login", { ...ALICE, action: "login" });

/** Sends Alice to the authorization endpoint. */
const ask = (resources: readonly string[], more: Readonly<Record<string, string>> = {}) =>
  walk(
    alice,
    `/oauth2/authorize?${formOf({ client_id: "web", response_type: "code", redirect_uri: CALLBACK, scope: ALL, state: "s", ...more }, resources)}`,
  );

async function redeem(authorized: Reply, resources: readonly string[] = []): Promise<Reply> {
  const { code } = answerOf(authorized);
  return post("/oauth2/token", { grant_type: "authorization_code", code, redirect_uri: CALLBACK }, resources, "web");
}

t.test("without a resource a token is for all resource servers of its scopes, as before", async (t) => {
  t.strictSame(tokenOf(await machine([])), { aud: [A, B, "legacy"], scope: `${ALL} legacy` });
  t.strictSame(tokenOf(await machine([], "openid plain")), { aud: issuer, scope: "openid plain" });
});

t.test("a token for a resource has the scopes of this resource, and those without an audience", async (t) => {
  t.strictSame(tokenOf(await machine([A])), { aud: A, scope: "openid a.read a.write plain" });
  t.strictSame(tokenOf(await machine([A, B])), { aud: [A, B], scope: ALL });
  t.strictSame(tokenOf(await machine([B, B], "a.read b.read")), { aud: B, scope: "b.read" });
  t.strictSame(tokenOf(await machine([issuer])), { aud: issuer, scope: "openid plain" });
});

t.test("a resource may be written as libraries write a URI, and aud stays as it is declared", async (t) => {
  for (const uri of [`${A}/`, "HTTPS://A.EXAMPLE", `${A}:443`]) t.strictSame(tokenOf(await machine([uri])).aud, A, uri);
});

/** Resources for which no token is issued. */
const REFUSED: readonly (readonly [string, readonly string[], string?])[] = [
  ["RI-01 an undeclared one", ["https://evil.example"]],
  ["RI-01 a longer one", [`${A}.evil.example`]],
  ["RI-01 a path below", [`${A}/path`]],
  ["RI-01 a user before", ["https://a.example@evil.example"]],
  ["RI-01 one of another client's scopes", ["https://c.example"]],
  ["RI-02 a fragment", [`${A}#x`]],
  ["RI-02 a name that is no URI", ["legacy"]],
  ["RI-02 a relative one", ["/"]],
  ["RI-03 an undeclared one beside a declared one", [A, "https://evil.example"]],
  ["RI-03 two in one value, with an unknown one", [`${A} https://evil.example`]],
  ["RI-04 one without any of the named scopes", [B], "a.read plain"],
];
for (const [what, resources, scope] of REFUSED) {
  t.test(`${what} is refused at both endpoints, and when it is pushed`, async (t) => {
    refused(t, await machine(resources, scope), "at the token endpoint");
    const { error, state } = answerOf(await ask(resources, scope === undefined ? {} : { scope }));
    t.match({ error, state }, { error: "invalid_target", state: "s" }, "at the authorization endpoint");
    const form = { response_type: "code", redirect_uri: CALLBACK, scope: scope ?? ALL };
    refused(t, await post("/oauth2/par", form, resources, "web"), "when it is pushed");
  });
}

t.test("any other parameter is refused if it is repeated", async (t) => {
  const body = "grant_type=client_credentials&scope=a.read&scope=b.read&resource=https%3A%2F%2Fa.example";
  const headers = { ...basic("machine", SECRET), "Content-Type": "application/x-www-form-urlencoded" };
  t.match(await server.send("/oauth2/token", { method: "POST", headers, body }), {
    status: 400,
    json: { error_description: "the parameter scope is repeated" },
  });
});

t.test("an authorization for a resource has nothing of another one", async (t) => {
  const tokens = await redeem(await ask([A]));
  t.strictSame(tokenOf(tokens), { aud: A, scope: "openid a.read a.write plain" });
  const { refresh_token } = tokens.json;
  refused(t, await refresh(refresh_token, [B]), "RI-05 not even by a refresh");
  t.match(await refresh(refresh_token, [], "b.read"), { status: 400, json: { error: "invalid_scope" } });
  const next = await refresh(refresh_token, []);
  t.strictSame(tokenOf(next).aud, A, "and the refused refreshes used no token up");
  t.strictSame(tokenOf(await refresh(next.json.refresh_token, [A], "a.read")), { aud: A, scope: "a.read" });
});

t.test("each token of an authorization for two resources may be for one of them", async (t) => {
  const tokens = await redeem(await ask([A, B]), [A]);
  t.strictSame(tokenOf(tokens), { aud: A, scope: "openid a.read a.write plain" });
  const forB = await refresh(tokens.json.refresh_token, [B]);
  t.strictSame(tokenOf(forB), { aud: B, scope: "openid b.read plain" });
  t.ok(decodeJwt(forB.json.id_token).sub);
  const both = await refresh(forB.json.refresh_token, []);
  t.strictSame(tokenOf(both), { aud: [A, B], scope: ALL }, "the grant itself is not narrowed");
  refused(t, await refresh(both.json.refresh_token, [B], "a.read"), "RI-04 a scope of the other one");
  t.strictSame(tokenOf(await refresh(both.json.refresh_token, [A, B], "b.read a.read")).aud, [B, A]);
});

t.test("RI-05 a code for one resource is refused for another, and is used up", async (t) => {
  const authorized = await ask([A]);
  refused(t, await redeem(authorized, [B]), "another one");
  t.match(await redeem(authorized), { status: 400, json: { error: "invalid_grant" } });
});

t.test("resources can be pushed, and be in a signed request", async (t) => {
  const form = { response_type: "code", redirect_uri: CALLBACK, scope: ALL };
  const { json } = await post("/oauth2/par", form, [A, B], "web");
  const pushed = await alice.get(
    `/oauth2/authorize?${formOf({ client_id: "web", request_uri: json.request_uri }, [])}`,
  );
  t.strictSame(tokenOf(await redeem(pushed)).aud, [A, B]);
  for (const [resource, aud] of [
    [B, B],
    [
      [A, B],
      [A, B],
    ],
  ] as const) {
    const claims = claimsOf("web", issuer, clock.now(), { sub: undefined, client_id: "web", ...form, resource });
    const request = jws({ alg: "ES256" }, claims, ecdsa(pair.privateKey));
    const signed = await alice.get(`/oauth2/authorize?${formOf({ client_id: "web", request }, [A])}`);
    t.strictSame(tokenOf(await redeem(signed)).aud, aud, "and a resource beside it is ignored");
  }
});

t.test("a password grant and a device code for a resource stay with it", async (t) => {
  const logIn = { grant_type: "password", ...ALICE, scope: "openid a.read b.read" };
  const tokens = await post("/oauth2/token", logIn, [A], "password");
  t.strictSame(tokenOf(tokens), { aud: A, scope: "openid a.read" });
  refused(t, await refresh(tokens.json.refresh_token, [B], undefined, "password"), "RI-05");
  t.strictSame(tokenOf(await refresh(tokens.json.refresh_token, [], undefined, "password")).aud, A);

  refused(t, await post("/oauth2/device_authorization", {}, ["https://evil.example"], "tv"), "RI-01");
  const { json } = await post("/oauth2/device_authorization", {}, [B], "tv");
  const path = json.verification_uri_complete.replace(issuer, "");
  const confirm = await alice.open(path);
  const asked = await alice.submit(confirm, "device", { action: "continue" });
  await alice.submit(asked, "consent", { action: "allow" });
  const poll = (resources: readonly string[]) =>
    post("/oauth2/token", { grant_type: DEVICE, device_code: json.device_code }, resources, "tv");
  refused(t, await poll([A]), "RI-05, and the code stays usable");
  const polled = await poll([]);
  t.strictSame(tokenOf(polled), { aud: B, scope: "openid b.read plain" });
});

t.test("a refresh for a resource runs one statement more, and one without it none", async (t) => {
  let { refresh_token } = (await redeem(await ask([]))).json;
  for (const [resources, count] of [
    [[], 1],
    [[A], 2],
  ] as const) {
    const sent = await statementsOf(async () => ({ refresh_token } = (await refresh(refresh_token, resources)).json));
    t.equal(sent.length, count);
  }
});
