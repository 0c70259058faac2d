// A web app that signs people in, with openid-client. Register http://127.0.0.1/callback as its redirect URI, then:
//   ISSUER=http://localhost:3000 CLIENT_ID=web CLIENT_SECRET=… PORT=8080 node docs/example-web-app.mjs
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import * as oidc from "openid-client";

const { ISSUER, CLIENT_ID, CLIENT_SECRET, PORT } = process.env;
const home = `http://127.0.0.1:${PORT}`;
// Plain http is for trying it out on one machine only.
const execute = new URL(ISSUER).hostname === "localhost" ? [oidc.allowInsecureRequests] : [];
const auth = oidc.ClientSecretBasic(CLIENT_SECRET);
const config = await oidc.discovery(new URL(ISSUER), CLIENT_ID, {}, auth, { execute });

async function answer({ pathname, href }, visit) {
  if (pathname === "/login") {
    const checks = { pkceCodeVerifier: oidc.randomPKCECodeVerifier(), expectedNonce: oidc.randomNonce() };
    const code_challenge = await oidc.calculatePKCECodeChallenge(checks.pkceCodeVerifier);
    const pkce = { code_challenge, code_challenge_method: "S256", nonce: checks.expectedNonce };
    const asked = { redirect_uri: `${home}/callback`, scope: "openid profile", ...pkce };
    return { to: oidc.buildAuthorizationUrl(config, asked), visit: { checks } };
  }
  if (pathname === "/callback" && visit?.checks) {
    const tokens = await oidc.authorizationCodeGrant(config, new URL(href), { ...visit.checks, idTokenExpected: true });
    const person = await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
    return { to: "/", visit: { name: person.name ?? person.sub } };
  }
  if (visit?.name) return { html: `<p id="who">You are ${escape(visit.name)}.</p>` };
  return { html: '<a id="login" href="/login">Sign in</a>' };
}

const escape = (text) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
const visits = new Map(); // by cookie: what is waited for, and then who it is

createServer(async (request, response) => {
  const [, before] = /\bvisit=([\w-]+)/.exec(request.headers.cookie) ?? [];
  const failed = ({ message }) => ({ html: `<p>No: ${escape(message)}.</p><a id="login" href="/login">Try again</a>` });
  const { to, html, visit } = await answer(new URL(request.url, home), visits.get(before)).catch(failed);
  if (visit) {
    const cookie = randomUUID(); // a new one each time: no attacker knew it before the login
    visits.set(cookie, visit).delete(before);
    response.setHeader("Set-Cookie", `visit=${cookie}; Path=/; HttpOnly; SameSite=Lax`);
  }
  const headers = { "Content-Type": "text/html; charset=utf-8", ...(to && { Location: `${to}` }) };
  response.writeHead(to ? 303 : 200, headers).end(html);
}).listen(PORT, "127.0.0.1", () => console.log(`open ${home}`));
