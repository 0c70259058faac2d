import axe, { type AxeResults } from "axe-core";
import { decodeJwt } from "jose";
import { join } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import t, { type Test } from "tap";
import { openWindow, type Window } from "../support/chromium.js";
import { selfSigned } from "../support/certificate.js";
import { SECRET } from "../support/fleet.js";
import { basic, startInstance } from "../support/instance.js";
import { startWebApp } from "../support/web-app.js";
import { pkce, query } from "../support/web.js";
import { ROOT } from "../support/root.js";

/** Every page in a real Chromium, with a real web app as the client. */

const app = await startWebApp(t);

/** An app on another host. The registered loopback address has no port. */
const DIARY = "https://diary.example/cb";

const CLIENTS = [
  {
    client_id: "prints",
    client_name: "Photo Prints",
    client_secret: SECRET,
    grant_types: ["authorization_code", "refresh_token"],
    scope: "openid profile email albums offline_access",
    redirect_uris: [app.callback, app.silent],
    post_logout_redirect_uris: [app.goodbye],
  },
  {
    client_id: "calendar",
    client_name: "Team Calendar",
    token_endpoint_auth_method: "none",
    grant_types: ["authorization_code"],
    scope: "openid email",
    redirect_uris: [app.callback],
  },
  {
    client_id: "diary",
    client_name: "The Diary",
    token_endpoint_auth_method: "none",
    grant_types: ["authorization_code"],
    scope: "openid",
    redirect_uris: [DIARY],
  },
];
const DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code";
const TV = {
  client_id: "tv",
  client_name: "Living Room TV",
  token_endpoint_auth_method: "none",
  grant_types: [DEVICE_CODE],
  scope: "openid profile",
};
const GALLERY = {
  client_id: "gallery",
  client_name: "Picture Gallery",
  client_secret: SECRET,
  grant_types: ["authorization_code"],
  scope: "openid",
  consent: "implicit",
  redirect_uris: [app.callback],
  post_logout_redirect_uris: [app.goodbye],
  frontchannel_logout_uri: `${app.origin}/out`,
  frontchannel_logout_session_required: true,
};
const SCOPES = [
  { name: "albums", description: "See and order prints of your photo albums", audience: "https://albums.example" },
];

const server = await startInstance(t, {
  provision: { scopes: SCOPES, clients: [...CLIENTS, TV, GALLERY] },
  env: { ADMIN: "on" },
});
const { issuer } = server.core;

interface Person {
  readonly username: string;
  readonly password: string;
  readonly sub: string;
}

let people = 0;

/** A new person, about whom the server remembers nothing. */
async function newcomer(on = server): Promise<Person> {
  const number = (people += 1);
  const person = { username: `alice${number}`, password: `correct horse ${number}`, sub: `user-${number}` };
  const { sub, username: preferred_username, password } = person;
  await on.apply({
    users: [{ sub, preferred_username, password, name: "Alice Example", email: `${preferred_username}@example.com` }],
  });
  return person;
}

const SCOPE = "openid profile albums offline_access";

/** The authorization request of the app. */
function signInUrl(parameters: Record<string, string | undefined> = {}, at: string = issuer): string {
  const asked = {
    client_id: "prints",
    response_type: "code",
    redirect_uri: app.callback,
    scope: SCOPE,
    state: "s-1",
    ...parameters,
  };
  return `${at}/oauth2/authorize?${query(asked)}`;
}

const button = (action: string) => `button[name=action][value=${action}]`;

async function enter(page: Page, { username, password }: Person): Promise<void> {
  await page.fill("#username", username);
  await page.fill("#password", password);
}

async function logIn(page: Page, person: Person): Promise<void> {
  await enter(page, person);
  await page.click(button("login"));
}

/** Signs a person in to the app, and gives consent. */
async function signIn(page: Page, person: Person, parameters: Record<string, string | undefined> = {}) {
  return app.after(async () => {
    await page.goto(signInUrl(parameters));
    await logIn(page, person);
    await page.click(button("allow"));
    await page.waitForURL(`${app.origin}/**`);
  });
}

async function exchange(code: string | undefined, more: Record<string, string> = {}) {
  const form = { grant_type: "authorization_code", code, redirect_uri: app.callback, ...more };
  return (await server.post("/oauth2/token", form, basic("prints", SECRET))).json;
}

const heading = (page: Page) => page.textContent("h1");
const focused = (page: Page) => page.evaluate("document.activeElement.id");

/** A test in a window of its own. It fails on any error that the browser reports. */
function inWindow(
  name: string,
  work: (t: Test, window: Window) => Promise<void>,
  options: BrowserContextOptions = {},
): void {
  t.test(name, async (t) => {
    const window = await openWindow(t, options);
    await work(t, window);
    t.strictSame(window.complaints, [], "the browser complains about nothing");
  });
}

inWindow("a person signs in, allows it, and the app gets a code that it can exchange", async (t, { page }) => {
  const person = await newcomer();
  await page.goto(signInUrl({ nonce: "n-1" }));
  t.equal(await heading(page), "Sign in");
  t.match(await page.textContent("main"), "to continue to Photo Prints");
  t.equal(await focused(page), "username");
  await logIn(page, person);
  t.equal(await heading(page), "Allow access?");
  t.match(await page.textContent("main"), "Photo Prints would like access to your account Alice Example.");
  t.strictSame(await page.locator("#scopes li").allTextContents(), [
    "Know who you are",
    "See your profile",
    "See and order prints of your photo albums",
    "Stay signed in when you are away",
  ]);
  t.match(await page.textContent("main"), `You will be sent back to ${app.origin}.`);
  const { method, path, parameters } = await app.after(() => page.click(button("allow")));
  t.match(
    { method, path, parameters },
    { method: "GET", path: "/cb", parameters: { code: /^jac_/, state: "s-1", iss: issuer } },
  );
  t.strictSame(Object.keys(parameters).sort(), ["code", "iss", "state"]);
  await page.waitForSelector("#here");
  const tokens = await exchange(parameters.code);
  t.match(decodeJwt(tokens.id_token), { iss: issuer, sub: person.sub, aud: "prints", nonce: "n-1", amr: ["pwd"] });
});

inWindow("the Enter key presses the first button of the login form", async (t, { page }) => {
  const person = await newcomer();
  await page.goto(signInUrl());
  await enter(page, person);
  await page.press("#password", "Enter");
  await page.waitForSelector("#consent");
  t.equal(await heading(page), "Allow access?");
});

inWindow("a wrong password is explained, and the name stays in its field", async (t, { page }) => {
  const person = await newcomer();
  await page.goto(signInUrl());
  await logIn(page, { ...person, password: "something else" });
  t.match(await page.textContent("#login-error"), "Please check the user name and the password.");
  t.equal(await page.inputValue("#username"), person.username);
  t.equal(await page.inputValue("#password"), "");
  t.equal(await focused(page), "password");
  t.equal(await page.getAttribute("#password", "aria-describedby"), "login-error");
  await page.reload();
  t.ok(await page.isVisible("#login-error"), "a reload posts nothing again");
  await logIn(page, person);
  t.equal(await heading(page), "Allow access?");
});

inWindow("a person who cancels is not signed in, and the app is told", async (t, { page }) => {
  await page.goto(signInUrl());
  const cancelled = await app.after(() => page.click(button("cancel")));
  t.match(cancelled, { path: "/cb", parameters: { error: "access_denied", state: "s-1", iss: issuer } });
  t.notOk(cancelled.parameters.code);

  const person = await newcomer();
  await page.goto(signInUrl());
  await logIn(page, person);
  const denied = await app.after(() => page.click(button("deny")));
  t.match(denied, { path: "/cb", parameters: { error: "access_denied", state: "s-1", iss: issuer } });

  await page.goto(signInUrl());
  t.equal(await heading(page), "Allow access?", "a no is not remembered");
});

inWindow("a consent is remembered until the app requests more", async (t, { page }) => {
  const person = await newcomer();
  await signIn(page, person, { scope: "openid profile" });
  const again = await app.after(() => page.goto(signInUrl({ scope: "openid profile" })));
  t.match(again.parameters, { code: String });
  const silent = await app.after(() => page.goto(signInUrl({ scope: "openid", prompt: "none" })));
  t.match(silent.parameters, { code: String }, "prompt=none asks nothing");
  await page.goto(signInUrl({ scope: "openid profile email" }));
  t.equal(await heading(page), "Allow access?");
  t.match(await page.textContent("#scopes"), "See your email address");
});

inWindow("prompt asks again, and prompt=none shows no page", async (t, { page, context }) => {
  const stranger = await app.after(() => page.goto(signInUrl({ prompt: "none" })));
  t.match(stranger.parameters, { error: "login_required", state: "s-1", iss: issuer });

  const person = await newcomer();
  await signIn(page, person);
  const session = async () => (await context.cookies(issuer)).find(({ name }) => name === "jeton_session")!.value;
  const before = await session();

  await page.goto(signInUrl({ prompt: "login" }));
  t.equal(await heading(page), "Sign in");
  t.match(await app.after(() => logIn(page, person)), { parameters: { code: String } });
  t.not(await session(), before, "and the session has a new id");

  await page.goto(signInUrl({ prompt: "consent" }));
  t.equal(await heading(page), "Allow access?");
  t.match(await app.after(() => page.click(button("allow"))), { parameters: { code: String } });

  await page.goto(signInUrl({ prompt: "select_account", login_hint: "a-hint" }));
  t.match(await page.textContent("main"), "Sign in with the account that you want to use.");
  t.equal(await page.inputValue("#username"), "a-hint");
  const other = await newcomer();
  await logIn(page, other);
  t.equal(await heading(page), "Allow access?", "another person has allowed nothing yet");
});

inWindow("a request without a valid redirect URI ends on an error page", async (t, { page }) => {
  const before = app.arrivals.length;
  for (const [why, parameters] of Object.entries({
    "the client doesn't exist": { client_id: "nobody" },
    "the redirect_uri is not registered for this client": { redirect_uri: `${app.origin}/elsewhere` },
  })) {
    const answer = await page.goto(signInUrl(parameters));
    t.equal(new URL(page.url()).origin, issuer, "there was no redirect");
    t.ok(answer!.status() >= 400);
    t.equal(await page.textContent("#error-detail"), why);
    t.match(await page.textContent("#error-reference"), /^[0-9a-f-]{36}$/);
  }
  t.equal(app.arrivals.length, before);
});

inWindow("response_mode=form_post posts the answer with a script that the policy allows", async (t, { page }) => {
  const answer = await signIn(page, await newcomer(), { response_mode: "form_post" });
  t.match(answer, { method: "POST", path: "/cb", parameters: { code: /^jac_/, state: "s-1", iss: issuer } });
  const refused = await app.after(() => page.goto(signInUrl({ response_mode: "form_post", response_type: "token" })));
  t.match(refused, { method: "POST", parameters: { error: "unsupported_response_type" } });
});

inWindow("an app may post its authorization request", async (t, { page }) => {
  const person = await newcomer();
  await signIn(page, person);
  const request = {
    client_id: "prints",
    response_type: "code",
    redirect_uri: app.callback,
    scope: SCOPE,
    state: "s-2",
  };
  await page.goto(app.formTo(`${issuer}/oauth2/authorize`, request));
  const answer = await app.after(() => page.click("#send"));
  t.match(answer, { path: "/cb", parameters: { code: String, state: "s-2" } }, "its person is still signed in");
});

inWindow(
  "everything works without scripts",
  async (t, { page }) => {
    const person = await newcomer();
    await page.goto(signInUrl({ response_mode: "form_post" }));
    await logIn(page, person);
    await page.click(button("allow"));
    t.equal(await heading(page), "One moment");
    t.match(await page.textContent("main"), `You are being sent back to ${app.origin}.`);
    const answer = await app.after(() => page.click("#continue"));
    t.match(answer, { method: "POST", path: "/cb", parameters: { code: /^jac_/, state: "s-1", iss: issuer } });

    await page.goto(`${issuer}/account`);
    await page.click(button("withdraw"));
    t.match(await page.textContent("main"), "You have not given any app access");
    await page.click("#sign-out");
    await page.click(button("logout"));
    t.equal(await heading(page), "You are signed out");
    await page.goto(`${issuer}/account`);
    t.equal(await heading(page), "Sign in");
  },
  { javaScriptEnabled: false },
);

inWindow("a logout asks, unless the app sends a valid hint", async (t, { page }) => {
  const person = await newcomer();
  const { parameters } = await signIn(page, person);
  await page.goto(`${issuer}/oauth2/logout`);
  t.equal(await heading(page), "Sign out?");
  t.match(await page.textContent("main"), "You are signed in as Alice Example.");
  await page.click(button("cancel"));
  t.equal(await heading(page), "Your account", "who wants to stay is not asked again");

  const { id_token } = await exchange(parameters.code);
  const leave = (more: Record<string, string>) =>
    `${issuer}/oauth2/logout?${query({ post_logout_redirect_uri: app.goodbye, state: "bye-1", ...more })}`;
  await page.goto(leave({ client_id: "prints" }));
  t.match(await page.textContent("main"), "Photo Prints asks to sign you out.");
  const confirmed = await app.after(() => page.click(button("logout")));
  t.match(confirmed, { method: "GET", path: "/bye", parameters: { state: "bye-1" } });

  await page.goto(signInUrl());
  await app.after(() => logIn(page, person));
  const atOnce = await app.after(() => page.goto(leave({ id_token_hint: id_token })));
  t.match(atOnce, { path: "/bye", parameters: { state: "bye-1" } }, "a hint about this person needs no question");
  await page.goto(`${issuer}/account`);
  t.equal(await heading(page), "Sign in");

  const answer = await page.goto(
    leave({ id_token_hint: id_token, post_logout_redirect_uri: `${app.origin}/elsewhere` }),
  );
  t.equal(answer!.status(), 400);
  t.match(await page.textContent("#error-detail"), "not registered");
});

inWindow("a logout loads a page of each app that wants it, and then goes back to the app", async (t, { page }) => {
  const person = await newcomer();
  const request = { client_id: "gallery", scope: "openid" };
  await page.goto(signInUrl(request));
  const signedIn = await app.after(() => logIn(page, person));
  const form = { grant_type: "authorization_code", code: signedIn.parameters.code, redirect_uri: app.callback };
  const { id_token } = (await server.post("/oauth2/token", form, basic("gallery", SECRET))).json;
  const before = app.arrivals.length;
  await page.goto(
    `${issuer}/oauth2/logout?${query({ id_token_hint: id_token, post_logout_redirect_uri: app.goodbye, state: "bye-3" })}`,
  );
  await page.waitForURL(`${app.goodbye}?state=bye-3`);
  const { sid } = decodeJwt(id_token);
  t.match(app.arrivals.slice(before), [
    { path: "/out", parameters: { iss: issuer, sid } },
    { path: "/bye", parameters: { state: "bye-3" } },
  ]);
});

inWindow("an app may post its logout request", async (t, { page }) => {
  const { parameters } = await signIn(page, await newcomer());
  const { id_token } = await exchange(parameters.code);
  const request = { id_token_hint: id_token, post_logout_redirect_uri: app.goodbye, state: "bye-2" };
  await page.goto(app.formTo(`${issuer}/oauth2/logout`, request));
  const answer = await app.after(() => page.click("#send"));
  t.match(answer, { path: "/bye", parameters: { state: "bye-2" } });
  await page.goto(`${issuer}/account`);
  t.equal(await heading(page), "Sign in", "and the person is signed out indeed");
});

inWindow("the account page lists consents, and withdraws them at once", async (t, { page }) => {
  const person = await newcomer();
  const { parameters } = await signIn(page, person);
  const { refresh_token } = await exchange(parameters.code);
  const refresh = (token: string) =>
    server.post("/oauth2/token", { grant_type: "refresh_token", refresh_token: token }, basic("prints", SECRET));
  const refreshed = await refresh(refresh_token);
  t.equal(refreshed.status, 200);
  const { challenge } = pkce();
  await page.goto(signInUrl({ client_id: "calendar", scope: "openid email", ...challenge }));
  await app.after(() => page.click(button("allow")));

  await page.goto(`${issuer}/account`);
  t.strictSame(await page.locator("h3").allTextContents(), ["Team Calendar", "Photo Prints"]);
  const prints = page.locator("#consent-prints");
  t.match(await prints.textContent(), "See and order prints of your photo albums");
  t.match(
    await prints.textContent(),
    `Since ${new Intl.DateTimeFormat("en", { dateStyle: "long", timeZone: "UTC" }).format()}`,
  );
  await prints.locator(button("withdraw")).click();
  await page.waitForURL(`${issuer}/account`);
  t.strictSame(await page.locator("h3").allTextContents(), ["Team Calendar"]);
  t.match(await refresh(refreshed.json.refresh_token), { status: 400, json: { error: "invalid_grant" } });
  await page.goto(signInUrl());
  t.equal(await heading(page), "Allow access?");
});

inWindow(
  "the pages have the language of the browser",
  async (t, { page }) => {
    await page.goto(signInUrl());
    t.equal(await heading(page), "Anmelden");
    t.equal(await page.getAttribute("html", "lang"), "de");
    await logIn(page, await newcomer());
    t.equal(await heading(page), "Zugriff erlauben?");
    t.match(await page.textContent("#scopes"), "Wissen, wer Sie sind");
    await app.after(() => page.click(button("allow")));
    await page.goto(`${issuer}/account`);
    t.equal(await heading(page), "Ihr Konto");
    await page.click("#sign-out");
    t.equal(await heading(page), "Abmelden?");
    await page.click(button("logout"));
    t.equal(await heading(page), "Sie sind abgemeldet");
    await page.goto(signInUrl({ client_id: "nobody" }));
    t.equal(await heading(page), "Diese Anfrage lässt sich nicht beantworten");
    t.equal(await page.getAttribute("#error-detail", "lang"), "en");
  },
  { locale: "de-AT" },
);

inWindow("ui_locales takes precedence over the language of the browser", async (t, { page }) => {
  await page.goto(signInUrl({ ui_locales: "tlh de-CH en" }));
  t.equal(await heading(page), "Anmelden");
  await logIn(page, await newcomer());
  t.equal(await heading(page), "Zugriff erlauben?");
  await page.goto(`${issuer}/oauth2/logout?ui_locales=de`);
  t.equal(await heading(page), "Abmelden?");
});

inWindow("scripts and other sites cannot read the cookies", async (t, { page, context }) => {
  await signIn(page, await newcomer());
  const cookies = await context.cookies(issuer);
  t.strictSame(cookies.map(({ name }) => name).sort(), ["jeton_browser", "jeton_known", "jeton_session"]);
  for (const { name, expires, ...cookie } of cookies) {
    t.match(cookie, { httpOnly: true, sameSite: "Lax", secure: false, path: "/" }, name);
    t.equal(expires === -1, name !== "jeton_known", "all but one end with the browser");
  }
});

t.test("over https the cookies belong to this host alone", async (t) => {
  const { cert, key } = selfSigned("localhost");
  const folder = t.testdir({ "cert.pem": cert, "key.pem": key });
  const env = { TLS_CERT: join(folder, "cert.pem"), TLS_KEY: join(folder, "key.pem") };
  const secure = await startInstance(t, { provision: { scopes: SCOPES, clients: CLIENTS }, env });
  t.match(secure.core.issuer, /^https:\/\/localhost:\d+$/);
  const person = await newcomer(secure);
  const { page, context, complaints } = await openWindow(t, { ignoreHTTPSErrors: true });
  await page.goto(signInUrl({}, secure.core.issuer));
  await logIn(page, person);
  const { parameters } = await app.after(() => page.click(button("allow")));
  t.match(parameters, { code: String, iss: secure.core.issuer });
  const cookies = await context.cookies(secure.core.issuer);
  t.strictSame(cookies.map(({ name }) => name).sort(), [
    "__Host-jeton_browser",
    "__Host-jeton_known",
    "__Host-jeton_session",
  ]);
  for (const { name, ...cookie } of cookies)
    t.match(cookie, { httpOnly: true, sameSite: "Lax", secure: true, path: "/" }, name);
  t.strictSame(complaints, []);
});

inWindow("a session id from before the login is invalid after it", async (t, { page, context }) => {
  const person = await newcomer();
  const planted = "A".repeat(43);
  await context.addCookies([{ name: "jeton_session", value: planted, url: issuer }]);
  await signIn(page, person);
  const cookies = () => context.cookies(issuer);
  const first = (await cookies()).find(({ name }) => name === "jeton_session")!.value;
  t.not(first, planted);
  await page.goto(signInUrl({ prompt: "login" }));
  await app.after(() => logIn(page, person));

  const attacker = await openWindow(t);
  for (const value of [planted, first]) {
    await attacker.context.addCookies([{ name: "jeton_session", value, url: issuer }]);
    await attacker.page.goto(`${issuer}/account`);
    t.equal(await heading(attacker.page), "Sign in");
  }
});

inWindow("a form belongs to its browser, and works once", async (t, { page }) => {
  const person = await newcomer();
  await page.goto(signInUrl());
  const address = page.url();

  const other = await openWindow(t);
  t.equal((await other.page.goto(address))!.status(), 400);
  t.equal(await other.page.textContent("#error-detail"), "this form was opened in another browser");
  t.equal(await other.page.locator("form").count(), 0);
  t.strictSame(other.complaints, []);

  await logIn(page, person);
  await app.after(() => page.click(button("allow")));
  await page.waitForSelector("#here");
  t.equal((await page.goto(address))!.status(), 400);
  t.equal(await heading(page), "This is done");
  const again = await app.after(() => page.click("#again"));
  t.match(again.parameters, { code: String, state: "s-1" }, "starting again leads where it was meant to lead");
});

inWindow("going back after an answer shows an explanation and a link to the app", async (t, { page }) => {
  const person = await newcomer();
  const goBack = async () => {
    await page.goBack();
    t.equal(await heading(page), "This is done");
    t.equal(await page.getAttribute("#app", "href"), app.origin);
    t.equal(await page.textContent("#app"), "Back to Photo Prints");
    return page.textContent("main");
  };
  await page.goto(signInUrl());
  await app.after(() => page.click(button("cancel")));
  await page.waitForSelector("#here");
  t.match(await goBack(), "You declined, so the app got no access.");
  await page.click("#again");
  await logIn(page, person);
  await app.after(() => page.click(button("allow")));
  await page.waitForSelector("#here");
  t.match(await goBack(), "You have already signed in here.");
  await page.click("#app");
  t.equal(new URL(page.url()).origin, app.origin);
});

inWindow("typed addresses lead to pages, and programs get the errors of their dialect", async (t, { page }) => {
  await page.goto(issuer);
  t.equal(await heading(page), "Sign-in server");
  t.match(await page.textContent("main"), new URL(issuer).host);
  t.match(await page.getAttribute("link[rel=icon]", "href"), /^data:image\/svg\+xml,/);
  await page.click("#account");
  t.equal(await heading(page), "Sign in");
  await page.click(button("cancel"));
  t.equal(page.url(), `${issuer}/`, "a person who cancels there has no app to return to");
  for (const path of ["/login", "/login/", "/account/", "/account/sharing/"]) {
    await page.goto(issuer + path);
    t.equal(await heading(page), "Sign in", path);
  }
  await page.goto(`${issuer}/logout`);
  t.equal(await heading(page), "You are signed out");
  for (const path of ["/acount", "/oauth2/nothing", "/token/nothing"]) {
    t.equal((await page.goto(issuer + path))!.status(), 404);
    t.equal(await heading(page), "Page not found", path);
    t.match((await server.send(path)).json, { error: String }, "a program gets the error of its dialect");
  }
  t.match((await server.send("/")).json, { error: "not_found" });
  const icon = await server.send("/favicon.ico");
  t.match(icon, { status: 200, text: /^<svg / });
  t.equal(icon.headers.get("content-type"), "image/svg+xml");
});

inWindow("a logout without a redirect URI shows a link to the app", async (t, { page }) => {
  const { challenge } = pkce();
  await page.goto(signInUrl({ client_id: "diary", scope: "openid", redirect_uri: DIARY, ...challenge }));
  await logIn(page, await newcomer());
  await page.goto(`${issuer}/oauth2/logout?client_id=diary`);
  await page.click(button("logout"));
  t.equal(await heading(page), "You are signed out");
  t.equal(await page.textContent("#app"), "Back to The Diary");
  t.equal(await page.getAttribute("#app", "href"), "https://diary.example");
});

t.test("no other site can show our pages in a frame", async (t) => {
  const { page } = await openWindow(t);
  await page.goto(app.formTo(issuer, {}));
  const refused = page.waitForEvent("console", (message) => message.text().includes("frame-ancestors"));
  await page.evaluate(`document.body.innerHTML = ${JSON.stringify(`<iframe src="${signInUrl()}"></iframe>`)}`);
  t.match((await refused).text(), "frame-ancestors 'none'");
  for (const frame of page.frames()) t.equal(await frame.locator("form").count(), 0);
});

/** A device begins to sign its user in. */
async function startDevice(): Promise<Record<"device_code" | "user_code" | "verification_uri_complete", string>> {
  return (await server.post("/oauth2/device_authorization", { client_id: "tv", scope: "openid profile" })).json;
}

inWindow(
  "a person connects a device without scripts, with a typed code and with a link",
  async (t, { page }) => {
    const person = await newcomer();
    const { device_code, user_code } = await startDevice();
    await page.goto(`${issuer}/device`);
    t.equal(await focused(page), "user_code");
    await page.fill("#user_code", "bbbb bbbb");
    await page.press("#user_code", "Enter");
    t.match(await page.textContent("#device-error"), "That code is not valid.");
    t.equal(await page.inputValue("#user_code"), "BBBB-BBBB", "a code that was mistyped can be corrected");
    await page.fill("#user_code", user_code.toLowerCase().replace("-", " "));
    await page.press("#user_code", "Enter");
    t.equal(await heading(page), "Sign in");
    t.match(await page.textContent("main"), "to continue to Living Room TV");
    await logIn(page, person);
    t.equal(await heading(page), "Allow access?");
    t.match(await page.textContent("#device-warning"), user_code);
    await page.click(button("allow"));
    t.equal(await heading(page), "Your device is connected");
    const form = { grant_type: DEVICE_CODE, client_id: "tv", device_code };
    t.equal(decodeJwt((await server.post("/oauth2/token", form)).json.id_token).sub, person.sub);
    await page.goBack();
    t.equal(await heading(page), "This is done", "there is nothing left to allow");
    await page.click("#again");
    t.equal(await heading(page), "Connect a device");

    const next = await startDevice();
    await page.goto(next.verification_uri_complete);
    t.match(await page.textContent("main"), "Compare this code with the one on your device.");
    t.match(await page.textContent("main"), "If another person sent you the code or the link, cancel");
    await page.click(button("continue"));
    await page.click(button("deny"));
    t.equal(await heading(page), "Your device gets no access");
  },
  { javaScriptEnabled: false },
);

/** An administrator at the start page of the console. */
async function openConsole(page: Page): Promise<void> {
  const administrator = await newcomer();
  await server.apply({
    users: [
      { sub: administrator.sub, preferred_username: administrator.username, roles: ["jeton:admin"], name: "Rita Root" },
    ],
  });
  await page.goto(`${issuer}/admin/`);
  await logIn(page, administrator);
}

inWindow(
  "an administrator who does not know the console ends a stolen login, without scripts",
  async (t, { page, context }) => {
    // Alice signs in to an app. A thief copies her tokens, and the cookie of her browser.
    const alice = await newcomer();
    const hers = await openWindow(t);
    const { parameters } = await signIn(hers.page, alice);
    const stolen = await exchange(parameters.code);
    const cookies = await hers.context.cookies(issuer);
    const thief = await openWindow(t);
    await thief.context.addCookies(cookies);
    const refresh = (token: string) =>
      server.post("/oauth2/token", { grant_type: "refresh_token", refresh_token: token }, basic("prints", SECRET));
    const userinfo = (token: string) =>
      server.send("/oauth2/userinfo", { headers: { Authorization: `Bearer ${token}` } });
    const { json: newest } = await refresh(stolen.refresh_token);
    t.equal((await userinfo(newest.access_token)).status, 200, "the thief uses the access token");
    await thief.page.goto(`${issuer}/account`);
    t.equal(await heading(thief.page), "Your account", "and her session");

    // She calls. The administrator opens the console and types her name.
    await openConsole(page);
    t.equal(await heading(page), "Is everything all right?");
    t.equal(await page.textContent("#verdict"), "Yes. Everything is all right.");
    await page.getByLabel("Search").fill(alice.username);
    await page.keyboard.press("Enter");
    await page.waitForURL(`${issuer}/admin/people/${alice.sub}`);
    t.equal(await heading(page), "Alice Example");
    t.match(await page.textContent("main"), "Photo Prints");

    // Two clicks.
    await page.getByRole("link", { name: "End everything" }).click();
    t.equal(await heading(page), "End everything of Alice Example?");
    t.strictSame(await page.locator("#counts li").allTextContents(), ["grants that end: 1", "logins that end: 1"]);
    await page.getByRole("button", { name: "End everything now" }).click();
    t.equal(await heading(page), "Everything of Alice Example has ended");

    // The thief has nothing left.
    t.match(await refresh(newest.refresh_token), { status: 400, json: { error: "invalid_grant" } });
    t.equal((await userinfo(newest.access_token)).status, 401);
    await thief.page.goto(`${issuer}/account`);
    t.equal(await heading(thief.page), "Sign in");
    t.strictSame(thief.complaints, []);
    t.ok(
      (await context.cookies(issuer)).some(({ name }) => name === "jeton_console"),
      "the administrator goes on",
    );
  },
  { javaScriptEnabled: false },
);

/** Pages of the console, by their paths. Each is looked at in one palette. */
const CONSOLE_PAGES = [
  ...["/", "/clients/prints", "/clients/prints/end", "/keys", "/search?q=alice", "/nothing"],
  ...["/commands/client.add", "/commands/client.list"],
];

inWindow("the pages of the console are accessible, and a new secret can be copied", async (t, { page, context }) => {
  await openConsole(page);
  for (const [index, path] of CONSOLE_PAGES.entries()) {
    await page.emulateMedia({ colorScheme: index % 2 === 0 ? "light" : "dark" });
    await page.goto(`${issuer}/admin${path}`);
    for (const width of [360, 1280]) {
      await page.setViewportSize({ width, height: 640 });
      t.ok(
        await page.evaluate("document.documentElement.scrollWidth <= innerWidth"),
        `${path} fits in ${width} pixels`,
      );
    }
    t.strictSame(await violations(page), [], path);
  }
  await page.goto(`${issuer}/admin/`);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  t.equal(new URL(page.url()).hash, "#content", "the first key leads to the content");

  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.goto(`${issuer}/admin/commands/client.rotate-secret?client_id=prints&overlap=1h`);
  await page.click("#run");
  const secret = await page.inputValue("#secret-client_secret");
  await page.getByRole("button", { name: "Copy" }).click();
  await page.getByText("Copied").waitFor();
  t.equal(await page.evaluate("navigator.clipboard.readText()"), secret);
  t.match(await page.textContent("main"), "It is shown this once and cannot be read again.");
});

/** Every page, by its name, with the steps that lead there. */
const PAGES: Readonly<Record<string, (page: Page, person: Person) => Promise<unknown>>> = {
  login: (page) => page.goto(signInUrl()),
  "login-wrong": (page, person) => logIn(page, { ...person, password: "wrong" }),
  "login-select": (page) => page.goto(signInUrl({ prompt: "select_account" })),
  consent: (page, person) => logIn(page, person),
  "form-post": async (page) => {
    await page.goto(signInUrl({ redirect_uri: app.silent, response_mode: "form_post" }));
    await app.after(() => page.click(button("allow")));
  },
  account: async (page) => {
    await page.goto(signInUrl({ client_id: "calendar", scope: "openid email", ...pkce().challenge }));
    await app.after(() => page.click(button("allow")));
    await page.goto(`${issuer}/account`);
  },
  logout: (page) => page.goto(`${issuer}/oauth2/logout?client_id=prints`),
  "logged-out": (page) => page.click(button("logout")),
  "logged-out-apps": async (page, person) => {
    await page.goto(signInUrl({ client_id: "gallery", scope: "openid" }));
    const { parameters } = await app.after(() => logIn(page, person));
    const form = { grant_type: "authorization_code", code: parameters.code, redirect_uri: app.callback };
    await server.post("/oauth2/token", form, basic("gallery", SECRET));
    await page.goto(`${issuer}/oauth2/logout`);
    await page.click(button("logout"));
  },
  answered: async (page, person) => {
    await page.goto(signInUrl());
    const address = page.url();
    await app.after(() => logIn(page, person));
    await page.goto(address);
  },
  device: (page) => page.goto(`${issuer}/device`),
  "device-wrong": async (page) => {
    await page.fill("#user_code", "BBBB-BBBB");
    await page.click(button("continue"));
  },
  "device-link": async (page) => page.goto((await startDevice()).verification_uri_complete),
  "device-consent": (page) => page.click(button("continue")),
  "device-allowed": (page) => page.click(button("allow")),
  home: (page) => page.goto(issuer),
  missing: (page) => page.goto(`${issuer}/acount`),
  error: (page) => page.goto(signInUrl({ redirect_uri: "https://elsewhere.example/cb" })),
};

const SCREENSHOTS = join(ROOT, "build", "screenshots");

inWindow("every page is accessible, in light and dark, on a phone and on a desktop", async (t, { page }) => {
  const person = await newcomer();
  for (const [name, reach] of Object.entries(PAGES)) {
    await reach(page, person);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      for (const width of [360, 1000]) {
        await page.setViewportSize({ width, height: 640 });
        const path = join(SCREENSHOTS, `${name}-${colorScheme}-${width}.png`);
        // Two screenshots of each page: light on a desktop, dark on a phone.
        if ((colorScheme === "light") === (width === 1000)) await page.screenshot({ path, fullPage: true });
        t.ok(
          await page.evaluate("document.documentElement.scrollWidth <= innerWidth"),
          `${name} fits in ${width} pixels`,
        );
      }
      t.strictSame(await violations(page), [], `${name} in ${colorScheme}`);
    }
  }
});

async function violations(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const results = await page.evaluate<AxeResults>("axe.run(document)");
  return results.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}
