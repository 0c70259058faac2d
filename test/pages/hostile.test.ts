import t, { type Test } from "tap";
import { ICON_ADDRESS } from "../../src/pages/icon.js";
import { SECRET } from "../support/fleet.js";
import { startInstance, type Reply } from "../support/instance.js";
import { holds, holdsInBrowser } from "../support/oracle.js";
import { converse, write } from "../support/raw.js";
import { Browser, pkce } from "../support/web.js";
import { authorize, BOB, CALLBACK, loggedIn, WEB } from "../support/web-fleet.js";

/** Texts that a page must show unchanged. */
const HOSTILE = [
  `"><img src=x onerror=alert(1)>`,
  `</title></style></script><script>alert(1)</script>`,
  `' onfocus='alert(1)' autofocus='`,
  "{{7*7}}${7*7}<%= 7*7 %>",
  "\u202egnp.exe\u2066",
  "javascript:alert(1)",
  "&lt;script&gt;",
  "--><svg/onload=alert(1)>",
  "\u2028alert(1)\u2029",
];

const names = HOSTILE.map((text, index) => ({ client_id: `hostile-${index}`, text }));
const server = await startInstance(t, {
  provision: {
    ...WEB,
    scopes: [...WEB.scopes, ...HOSTILE.map((description, index) => ({ name: `scope${index}`, description }))],
    clients: [
      ...WEB.clients,
      ...names.map(({ client_id, text }, index) => ({
        client_id,
        client_name: text,
        client_secret: SECRET,
        grant_types: ["authorization_code"],
        scope: `openid profile scope${index}`,
        redirect_uris: [CALLBACK],
      })),
      {
        client_id: `"><img onerror>`,
        client_secret: SECRET,
        grant_types: ["authorization_code"],
        scope: `'onerror=alert(1)>`,
        redirect_uris: [CALLBACK],
      },
    ],
    users: [
      ...WEB.users,
      ...HOSTILE.map((name, index) => ({
        sub: `hostile-user-${index}`,
        preferred_username: `hostile${index}`,
        password: "a password",
        name,
      })),
    ],
  },
});

/** Checks that a hostile text adds no markup: the page has the same elements as with a harmless text. */
async function harmless(t: Test, page: Reply): Promise<void> {
  const body = page.text
    .replace(/<style>[\s\S]*?<\/style>/, "")
    .replace(`<link rel="icon" href="${ICON_ADDRESS}">`, "");
  t.notMatch(body, /<(img|svg|script|iframe|object|embed|link|base)\b/i);
  // The tags without their values: the names of elements and attributes.
  const tags = [...body.matchAll(/<[a-z][^>]*>/gi)].map(([tag]) => tag.replace(/"[^"]*"/g, ""));
  t.notMatch(tags.join(""), /['"]|\son\w+/i, "no tag has a handler, and every value ends at its own quote");
  // A field returns its value unchanged; people read the text between the tags.
  const shown = body.replace(/<[^>]*>/g, "");
  t.notMatch(shown, /\b49\b/, "nothing was evaluated");
  t.notMatch(shown, /[\u202a-\u202e\u2066-\u2069]/, "nothing turns the direction of the text");
  t.notMatch(body, /(href|action|src)="(?!\/|https:\/\/app\.example)/i);
  await holdsInBrowser(t, server, page);
}

t.test("XS-01 no page shows parameters as markup", async (t) => {
  const bob = await loggedIn(server, BOB);
  for (const text of HOSTILE) {
    const AT_ERROR = [
      authorize({ client_id: text }),
      authorize({ redirect_uri: text }),
      authorize({ client_id: "nobody", state: text, scope: text, nonce: text, login_hint: text, ui_locales: text }),
      `${authorize({ client_id: "nobody" })}&${encodeURIComponent(text)}=1&error=${encodeURIComponent(text)}&error_description=${encodeURIComponent(text)}&error_hint=${encodeURIComponent(text)}`,
      `${authorize()}&client_id=${encodeURIComponent(text)}`,
      `/authorization?${encodeURIComponent(text)}[]=${encodeURIComponent(text)}`,
      `/oauth2/logout?client_id=${encodeURIComponent(text)}`,
      `/oauth2/logout?client_id=web&post_logout_redirect_uri=${encodeURIComponent(text)}`,
      `/oauth2/logout?${encodeURIComponent(text)}=1&${encodeURIComponent(text)}=2`,
      `/interaction/${encodeURIComponent(text.replaceAll("/", "_"))}`,
    ];
    await t.test(`on the error page: ${encodeURI(text)}`, async (t) => {
      for (const path of AT_ERROR) {
        const page = await bob.get(path);
        t.ok(page.status >= 400 && page.status < 500, `${page.status} ${path}`);
        await harmless(t, page);
      }
    });
    await t.test(`on login and logout: ${encodeURI(text)}`, async (t) => {
      const login = await new Browser(server).open(authorize({ login_hint: text, state: text, nonce: text }));
      t.match(login.text, 'id="login"');
      await harmless(t, login);
      const logout = await bob.get(
        `/oauth2/logout?${new URLSearchParams({ client_id: "web", state: text, ui_locales: text })}`,
      );
      t.match(logout.text, 'id="logout"');
      await harmless(t, logout);
    });
  }
});

t.test("XS-02 no page shows names as markup", async (t) => {
  for (const [index, { client_id, text }] of names.entries()) {
    await t.test(encodeURI(text), async (t) => {
      const browser = await loggedIn(server, { username: `hostile${index}`, password: "a password" });
      const { challenge } = pkce();
      const consent = await browser.open(authorize({ client_id, scope: `openid scope${index}`, ...challenge }));
      t.match(consent.text, 'id="consent"');
      await harmless(t, consent);
      await browser.submit(consent, "consent", { action: "allow" });
      for (const page of [
        await browser.get("/account"),
        await browser.get(`/oauth2/logout?client_id=${client_id}`),
        await browser.open(authorize({ client_id, prompt: "login" })),
      ]) {
        t.equal(page.status, 200);
        await harmless(t, page);
      }
    });
  }
  await t.test("an id, and a scope without a description", async (t) => {
    const browser = await loggedIn(server, BOB);
    const consent = await browser.open(authorize({ client_id: `"><img onerror>`, scope: undefined }));
    t.match(consent.text, 'id="consent"');
    await harmless(t, consent);
    await browser.submit(consent, "consent", { action: "allow" });
    await harmless(t, await browser.get("/account"));
  });
});

t.test("XS-04 only one page has a script, and the script is ours", async (t) => {
  const browser = await loggedIn(server, BOB);
  const consent = await browser.open(
    authorize({ response_mode: "form_post", state: `</script><script>alert(1)</script>\u2028` }),
  );
  const page = await browser.submit(consent, "consent", { action: "allow" });
  const scripts = [...page.text.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)].map(([, script]) => script);
  t.equal(scripts.length, 1);
  t.notMatch(scripts[0], /alert|jac_/, "and it contains nothing of the answer");
  const [, digest] = /script-src '(sha256-[^']+)'/.exec(page.headers.get("content-security-policy")!)!;
  t.equal(
    digest,
    `sha256-${Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(scripts[0]!))).toString("base64")}`,
  );
  await holdsInBrowser(t, server, page);
});

t.test("XS-05 XS-06 programs get JSON, which browsers do not sniff", async (t) => {
  const form = ["Content-Type", "application/x-www-form-urlencoded"] as const;
  for (const text of [`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, "{{7*7}}"]) {
    const path = encodeURI(text).replaceAll("?", "%3F");
    const ROWS = [
      [404, { method: "GET", target: `/${path}` }],
      [404, { method: "GET", target: `/oauth2/${path}` }],
      [404, { method: "POST", target: `/interaction/x/${path}`, headers: [form], body: "a=b" }],
      [404, { method: "GET", target: `/account/${path}` }],
      [405, { method: "PUT", target: `/oauth2/authorize?${path}` }],
      [405, { method: "DELETE", target: `/authorization?${path}` }],
      [405, { method: "PATCH", target: `/account?${path}` }],
      [405, { method: "PUT", target: `/oauth2/logout?${path}` }],
      [405, { method: "DELETE", target: `/oauth2/userinfo?${path}` }],
      [413, { method: "POST", target: `/oauth2/token?${path}`, headers: [form], body: path.padEnd(70_000, "x") }],
      [415, { method: "POST", target: `/oauth2/token?${path}`, headers: [["Content-Type", "text/html"]], body: text }],
      [431, { method: "GET", target: `/oauth2/authorize?${path.padEnd(17_000, "x")}` }],
      [400, { method: "GET", target: `/oauth2/authorize/%zz${path}` }],
    ] as const;
    for (const [status, request] of ROWS) {
      await t.test(`${status} ${request.method} ${request.target.slice(0, 60)}`, async (t) => {
        const reply = await converse(server.url, write(request));
        t.equal(reply.status, status);
        t.match(reply.headers["content-type"], "application/json");
        t.notMatch(reply.text, /alert\(|onerror=|7\*7/);
        await holds(t, server, reply);
      });
    }
  }
});

t.test("XS-06 people get a page, which reveals nothing more", async (t) => {
  const post = (path: string, type: string, body: string) =>
    server.send(path, { method: "POST", headers: { "Content-Type": type }, body });
  for (const path of [
    "/oauth2/authorize",
    "/authorization",
    "/interaction/aaaaaaaaaaaaaaaaaaaaaa",
    "/account",
    "/oauth2/logout",
  ]) {
    for (const [status, reply] of [
      [413, await post(path, "application/x-www-form-urlencoded", `a=${"<script>".repeat(10_000)}`)],
      [415, await post(path, "text/html", "<script>alert(1)</script>")],
      [415, await post(path, "application/json", "{}")],
      [400, await post(path, "application/x-www-form-urlencoded", "a=%ff")],
      [400, await post(path, "application/x-www-form-urlencoded", "a=%00")],
    ] as const) {
      await t.test(`${status} ${path}`, async (t) => {
        t.equal(reply.status, status);
        await harmless(t, reply);
      });
    }
  }
});
