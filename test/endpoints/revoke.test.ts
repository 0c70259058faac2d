import t from "tap";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { openRefreshable } from "../support/grants.js";
import { basic, startInstance, type Instance } from "../support/instance.js";
import { isActive, logIn, refresh } from "../support/tokens.js";

const revoke = (server: Instance, form: Record<string, string>, headers = {}) =>
  server.post("/oauth2/revoke", form, headers);

t.test("a revoked token is refused with the next request on every instance", async (t) => {
  const one = await startInstance(t, { provision: FLEET });
  const other = await startInstance(t, { database: one.database, env: { ISSUER: one.core.issuer } });

  t.test("revoking an access token ends only that token", async (t) => {
    const { access_token, refresh_token } = (await logIn(one)).json;
    t.ok(await isActive(other, access_token));
    const { status, text, headers } = await revoke(one, { token: access_token, client_id: "mobile" });
    t.equal(status, 200);
    t.equal(text, "{}", "some clients read JSON with any status");
    t.equal(headers.get("content-type"), "application/json; charset=utf-8");
    t.notOk(await isActive(one, access_token));
    t.notOk(await isActive(other, access_token));
    t.equal((await refresh(other, refresh_token)).status, 200);
  });

  t.test("revoking a refresh token ends its family and every access token of the grant", async (t) => {
    const first = (await logIn(one)).json;
    const { json: second } = await refresh(other, first.refresh_token);
    const { status } = await revoke(one, { token: second.refresh_token, client_id: "mobile" });
    t.equal(status, 200);
    for (const instance of [one, other]) {
      t.notOk(await isActive(instance, first.access_token));
      t.notOk(await isActive(instance, second.access_token));
      t.notOk(await isActive(instance, second.refresh_token));
      t.equal((await refresh(instance, second.refresh_token)).json.error, "invalid_grant");
    }
  });

  t.test("token_type_hint changes nothing, whether it is right, wrong or unknown", async (t) => {
    for (const hint of ["access", "refresh", "access_token", "refresh_token", "nonsense"]) {
      const { access_token, refresh_token } = (await logIn(one)).json;
      for (const token of [access_token, refresh_token]) {
        const { status } = await revoke(one, { token, token_type_hint: hint, client_id: "mobile" });
        t.equal(status, 200);
        t.notOk(await isActive(other, token), hint);
      }
    }
  });

  t.test("a client cannot revoke another client's token unless it has jeton:admin", async (t) => {
    const { access_token, refresh_token } = (await logIn(one)).json;
    for (const token of [access_token, refresh_token]) {
      t.equal((await revoke(one, { token }, basic("backend", SECRET))).status, 400);
      t.ok(await isActive(other, token));
    }
    for (const token of [access_token, refresh_token]) {
      t.equal((await revoke(one, { token }, basic("admin", SECRET))).status, 200);
      t.notOk(await isActive(other, token));
    }
  });

  t.test("the standard dialect answers 200 for a token that is unknown or already revoked", async (t) => {
    const { access_token, refresh_token } = (await logIn(one)).json;
    for (const token of [access_token, access_token, refresh_token, refresh_token, "never was one"]) {
      t.equal((await revoke(one, { token, client_id: "mobile" })).status, 200);
    }
  });

  t.test("the SimpleIdentityServer dialect answers a second revocation with message #30", async (t) => {
    const { refresh_token } = (await logIn(one)).json;
    const ask = () => one.post("/token/revoke", { token: refresh_token, client_id: "mobile" });
    const first = await ask();
    t.equal(first.status, 200);
    t.equal(first.text, "");
    t.equal((await ask()).json.error_description, "the token doesn't exist");
  });

  t.test("a revoked JWT stays revoked under any other encoding of the same token", async (t) => {
    const { access_token } = (await logIn(one)).json;
    await revoke(one, { token: access_token, client_id: "mobile" });
    const [header, payload, signature = ""] = access_token.split(".");
    // The last character of a 64-byte signature carries two bits that base64url ignores.
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const last = alphabet.indexOf(signature.at(-1));
    const respelt = `${header}.${payload}.${signature.slice(0, -1)}${alphabet[last ^ 1]}`;
    t.not(respelt, access_token);
    for (const text of [respelt, `${access_token}=`, ` ${access_token}`, flippedS(access_token)]) {
      t.notOk(await isActive(other, text));
    }
  });

  t.test("an opaque token can be revoked too", async (t) => {
    const { json } = await one.post("/oauth2/token", { grant_type: "password", ...ALICE }, basic("kiosk", SECRET));
    t.match(json.access_token, /^jat_/);
    t.ok(await isActive(other, json.access_token));
    t.equal((await revoke(one, { token: json.access_token }, basic("kiosk", SECRET))).status, 200);
    t.notOk(await isActive(other, json.access_token));
  });

  t.test("a revocation that races with a refresh leaves no token valid", async (t) => {
    let survivors = 0;
    for (let times = 0; times < 100; times += 1) {
      const token = await openRefreshable(one);
      const [refreshed] = await Promise.all([refresh(one, token), revoke(other, { token, client_id: "mobile" })]);
      const left = [refreshed.json.access_token, refreshed.json.refresh_token].filter(Boolean) as string[];
      for (const text of left) if (await isActive(one, text)) survivors += 1;
    }
    t.equal(survivors, 0);
  });
});

/** The other signature that is good for the same text: (r, n − s). */
function flippedS(token: string): string {
  const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const [header, payload, signature] = token.split(".");
  const bytes = Buffer.from(signature!, "base64url");
  const s = BigInt(`0x${bytes.subarray(32).toString("hex")}`);
  const flipped = Buffer.from((n - s).toString(16).padStart(64, "0"), "hex");
  return `${header}.${payload}.${Buffer.concat([bytes.subarray(0, 32), flipped]).toString("base64url")}`;
}
