import { randomBytes } from "node:crypto";
import t from "tap";
import { knownBrowser, knownBrowserCookie } from "../../src/accounts/known-browser.js";
import { MasterKey } from "../../src/keys/master-key.js";
import { readAuthorizationCode, writeAuthorizationCode } from "../../src/tokens/authorization-code.js";
import { readTicket, writeTicket } from "../../src/tokens/permission-ticket.js";
import { readPersistedClaims, writePersistedClaims } from "../../src/tokens/persisted-claims.js";
import { readRefreshToken, writeRefreshToken } from "../../src/tokens/refresh-token.js";
import { TestClock } from "../support/clock.js";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance } from "../support/instance.js";

/** Every text that this server hands out to be shown again has one spelling: what decodes to the same bytes is another text. */

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Other texts that a lenient decoder takes for the same bytes. */
function respelt(text: string): readonly string[] {
  const parts = text.split(/(?<=[._])|(?=[.])/);
  const alterations = parts.flatMap((part, index) => {
    const put = (other: string) => [...parts.slice(0, index), other, ...parts.slice(index + 1)].join("");
    const last = ALPHABET.indexOf(part.at(-1)!);
    const bits = last < 0 ? [] : [1, 2, 3, 15].map((bit) => put(part.slice(0, -1) + ALPHABET[last ^ bit]!));
    return [...bits, put(`${part}=`), put(`${part}==`), put(`${part} `), put(`${part}\n`), put(` ${part}`)];
  });
  const others = [`${text}.`, `${text}.x`, text.replaceAll("-", "+").replaceAll("_", "/"), `${text}A`, `${text}!`];
  return [...new Set([...alterations, ...others])].filter((one) => one !== text);
}

const master = new MasterKey(randomBytes(32));
const clock = new TestClock();
const id = () => randomBytes(16).toString("base64url");

const KINDS: Readonly<Record<string, () => { text: string; read: (text: string) => unknown }>> = {
  "an authorization code": () => ({
    text: writeAuthorizationCode(master, id()),
    read: (text) => readAuthorizationCode(master, text),
  }),
  "a refresh token": () => ({
    text: writeRefreshToken(master, { grant_id: id(), generation: 12 }),
    read: (text) => readRefreshToken(master, text),
  }),
  "a permission ticket": () => ({ text: writeTicket(master, id()), read: (text) => readTicket(master, text) }),
  "a persisted claims token": () => ({
    text: writePersistedClaims({ master, clock }, { sub: "alice", user_epoch: 1, client_id: "x" }),
    read: (text) => readPersistedClaims({ master, clock }, text, "x"),
  }),
  "the cookie of a known browser": () => ({
    text: knownBrowserCookie({ master, era: 0 }, randomBytes, "alice"),
    read: (text) => knownBrowser({ master, era: 0 }, text, "alice"),
  }),
};

for (const [kind, make] of Object.entries(KINDS)) {
  t.test(`${kind} has one spelling`, async (t) => {
    // Which bits are unused depends on the length, so that several are made.
    for (let n = 0; n < 8; n += 1) {
      const { text, read } = make();
      t.ok(read(text), text);
      t.strictSame(
        respelt(text).filter((other) => read(other) !== undefined),
        [],
      );
    }
  });
}

t.test("so have the texts of a running server, at every endpoint", async (t) => {
  const server = await startInstance(t, { provision: FLEET, clock });
  const gateway = basic("gateway", SECRET);
  const login = (client_id: string, headers = {}) =>
    server.post("/oauth2/token", { grant_type: "password", client_id, scope: "api1", ...ALICE }, headers);
  const { access_token } = (await login("kiosk", basic("kiosk", SECRET))).json;
  const { refresh_token } = (await login("mobile")).json;
  t.match(access_token, /^jat_/);
  const taken: string[] = [];
  for (const other of [access_token, refresh_token].flatMap(respelt)) {
    const seen = await server.post("/oauth2/introspect", { token: other }, gateway);
    if (seen.text !== '{"active":false}') taken.push(`introspected: ${other}`);
  }
  for (const other of respelt(refresh_token)) {
    const form = { grant_type: "refresh_token", client_id: "mobile", refresh_token: other };
    if ((await server.post("/oauth2/token", form)).json.error !== "invalid_grant") taken.push(`refreshed: ${other}`);
  }
  t.strictSame(taken, []);
  for (const other of [`${access_token}=`, `${access_token}==`]) {
    const { status } = await server.send("/oauth2/userinfo", { headers: { Authorization: `Bearer ${other}` } });
    t.equal(status, 401);
  }
  for (const token of [access_token, refresh_token]) {
    t.match(
      (await server.post("/oauth2/introspect", { token }, gateway)).json,
      { active: true },
      "and they still work",
    );
  }
});
