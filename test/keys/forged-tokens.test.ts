import t from "tap";
import { TestClock } from "../support/clock.js";
import { ALICE, SECRET } from "../support/fleet.js";
import { basic, startInstance } from "../support/instance.js";
import type { Browser } from "../support/web.js";
import { BOB, loggedIn } from "../support/web-fleet.js";
import { OF_ALL, OF_ECDSA, SPELLINGS } from "./forgeries.js";

/**
 * Signatures that are none, at each place that takes a JWT of this server's own: rows JW-15, JW-16 and JW-19, the cases that
 * project Wycheproof collects. Assertions of clients meet the same ones in test/clients/assertions.test.ts.
 */

const clock = new TestClock();
const CALLBACK = "https://app.example/cb";
const server = await startInstance(t, {
  provision: {
    clients: [
      {
        client_id: "web",
        client_secret: SECRET,
        grant_types: ["authorization_code", "client_credentials"],
        redirect_uris: [CALLBACK],
        scope: "openid api1",
        consent: "implicit",
      },
    ],
    users: [
      { sub: "user-alice", preferred_username: "alice", password: ALICE.password },
      { sub: "user-bob", preferred_username: "bob", password: BOB.password },
    ],
  },
  clock,
});
const { ring, issuer } = server.core;
const WEB = basic("web", SECRET);
const bob = await loggedIn(server, BOB);
let alice: Browser | undefined;

const accessToken = async (): Promise<string> =>
  (await server.post("/oauth2/token", { grant_type: "client_credentials", scope: "api1" }, WEB)).json.access_token;

async function idToken(alg: "ES256" | "RS256"): Promise<string> {
  const seconds = clock.now() / 1000;
  const claims = { iss: issuer, sub: "user-alice", aud: "web", iat: seconds, exp: seconds + 600, auth_time: seconds };
  return (await ring.sign(alg, "JWT", claims)).text;
}

const query = (parameters: Record<string, string>) => new URLSearchParams(parameters).toString();
const authorization = { client_id: "web", redirect_uri: CALLBACK, response_type: "code", scope: "openid" };

/** Every place that accepts a JWT, and whether it accepted this one. */
const PLACES: readonly {
  readonly name: string;
  readonly token: () => Promise<string>;
  readonly takes: (token: string) => Promise<boolean>;
}[] = [
  {
    name: "introspection",
    token: accessToken,
    takes: async (token) => (await server.post("/oauth2/introspect", { token }, WEB)).json.active,
  },
  {
    name: "introspection as SimpleIdentityServer has it",
    token: accessToken,
    takes: async (token) => (await server.post("/introspect", { token }, WEB)).status === 200,
  },
  {
    name: "revocation",
    token: accessToken,
    takes: async (token) => (await server.post("/token/revoke", { token }, WEB)).status === 200,
  },
  {
    // A client's own token is refused there too, but only after it was believed.
    name: "userinfo",
    token: accessToken,
    takes: async (access_token) =>
      (await server.post("/oauth2/userinfo", { access_token })).json.error !== "invalid_token",
  },
  ...(["ES256", "RS256"] as const).flatMap((alg) => [
    {
      name: `the authorization endpoint, as a hint, ${alg}`,
      token: () => idToken(alg),
      // A hint for Alice prevents that Bob is taken for her. An invalid hint changes nothing for him.
      takes: async (id_token_hint: string) => {
        const asked = query({ ...authorization, prompt: "none", id_token_hint });
        const { headers } = await bob.get(`/oauth2/authorize?${asked}`);
        return new URL(headers.get("location") ?? "about:blank").searchParams.get("error") === "login_required";
      },
    },
    {
      name: `logout, as a hint, ${alg}`,
      token: () => idToken(alg),
      takes: async (id_token_hint: string) => {
        alice ??= await loggedIn(server);
        const { text } = await alice.get(`/oauth2/logout?${query({ id_token_hint })}`);
        const taken = !text.includes('id="logout"');
        if (taken) alice = undefined;
        return taken;
      },
    },
  ]),
];

for (const { name, token, takes } of PLACES) {
  t.test(`a forged signature is refused at ${name}`, async (t) => {
    const genuine = await token();
    const [header, payload, signature] = genuine.split(".") as [string, string, string];
    const bytes = Buffer.from(signature, "base64url");
    const signed = `${header}.${payload}`;
    const forgeries = bytes.length === 64 ? [...OF_ALL, ...OF_ECDSA] : OF_ALL;
    for (const [what, forge] of forgeries) {
      t.equal(await takes(`${signed}.${forge(bytes, signed).toString("base64url")}`), false, what);
    }
    for (const [what, spell] of SPELLINGS) {
      const altered = spell(genuine);
      if (altered !== genuine) t.equal(await takes(altered), false, what);
    }
    t.equal(await takes(genuine), true, "and the genuine one is taken");
  });
}
