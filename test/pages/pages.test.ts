import { createHash } from "node:crypto";
import t from "tap";
import { UI_LOCALES } from "../../src/browser/view.js";
import { accountPage } from "../../src/pages/account.js";
import { consentPage } from "../../src/pages/consent.js";
import { deviceDonePage, devicePage } from "../../src/pages/device.js";
import { errorPage } from "../../src/pages/error.js";
import { formPostPage } from "../../src/pages/form-post.js";
import { homePage } from "../../src/pages/home.js";
import type { Language } from "../../src/pages/language.js";
import type { Page } from "../../src/pages/layout.js";
import { loggedOutPage } from "../../src/pages/logged-out.js";
import { loginPage } from "../../src/pages/login.js";
import { logoutPage } from "../../src/pages/logout.js";
import { obstacleSentence, ruleSentence } from "../../src/pages/reasons.js";
import { sharingPage } from "../../src/pages/sharing.js";

/** Every page, with one text in every place for foreign text. */
function pagesWith(text: string, language: Language = "en"): Readonly<Record<string, Page>> {
  const frame = { language, base: "/id", host: text };
  const form = { action: "/somewhere", csrf: text, leadsTo: ["https://app.example/cb"] };
  const scopes = [
    { ...SCOPE, name: "openid" },
    { ...SCOPE, name: text },
    { ...SCOPE, name: "api1", description: text },
  ];
  const login = { ...form, clientName: text, username: text, selectAccount: false };
  const given = { clientId: text, clientName: text, scopes, since: new Date("2026-03-01T10:00:00Z") };
  return {
    login: loginPage(login, frame),
    "login, wrong": loginPage({ ...login, failed: "wrong", selectAccount: true }, frame),
    consent: consentPage(
      { ...form, clientName: text, clientId: text, userName: text, scopes, remembered: true },
      frame,
    ),
    "consent of a device": consentPage(
      {
        ...form,
        leadsTo: [],
        clientName: text,
        clientId: text,
        userName: text,
        scopes,
        remembered: false,
        userCode: text,
      },
      frame,
    ),
    device: devicePage({ ...form, leadsTo: [], userCode: text, failed: false }, frame),
    "device, wrong": devicePage({ ...form, leadsTo: [], userCode: text, failed: true }, frame),
    "device, allowed": deviceDonePage({ outcome: "allowed", clientName: text }, frame),
    "device, denied": deviceDonePage({ outcome: "denied", clientName: text }, frame),
    "device, over": deviceDonePage({ outcome: "over", clientName: text }, frame),
    logout: logoutPage({ ...form, clientName: text, userName: text, hidden: { state: text, [text]: text } }, frame),
    "logged out": loggedOutPage(
      { app: { name: text, uri: "https://app.example" }, frames: [], next: undefined },
      frame,
    ),
    "logged out, with frames": loggedOutPage(
      {
        app: undefined,
        frames: ["https://app.example/out", `https://other.example/out?x=${encodeURIComponent(text.toWellFormed())}`],
        next: `https://app.example/bye?state=${encodeURIComponent(text.toWellFormed())}`,
      },
      frame,
    ),
    home: homePage({}, frame),
    account: accountPage(
      {
        ...form,
        leadsTo: [],
        userName: text,
        consents: [
          { ...given, home: "https://app.example" },
          {
            clientId: "other",
            clientName: "Other",
            home: undefined,
            scopes: [],
            since: new Date("2025-12-24T23:59:59Z"),
          },
        ],
      },
      frame,
    ),
    sharing: sharingPage(
      {
        ...form,
        leadsTo: [],
        userName: text,
        questions: (["pending", "approved", "denied"] as const).map((state) => ({
          ...{ resource_id: text, resource: text, client_id: text, client: text, party: text, person: text },
          scopes: [text, "view"],
          state,
          since: new Date("2026-03-01T10:00:00Z"),
          until: state === "approved" ? new Date("2026-04-01T10:00:00Z") : undefined,
        })),
        older: 2,
        lifetimes: ["hour", "day", "month", "always"],
        decisions: [
          {
            ...{ decision_id: text, outcome: text, client_id: text, sub: text, because: text },
            ...{ resource_id: text, resource_name: text },
            decided_at: new Date("2026-03-01T10:00:00Z"),
            asked: [text],
            granted: [],
            rules: [{ policy: text, rule: 1, result: text, because: text, saw: { [text]: text }, decided: true }],
            untold: 7,
          },
        ],
      },
      frame,
    ),
    "sharing, nothing": sharingPage(
      { ...form, leadsTo: [], userName: text, questions: [], lifetimes: [], decisions: [] },
      frame,
    ),
    error: errorPage({ language, status: 400, message: text, decisionId: text }),
    "error, stale": errorPage({
      language,
      status: 403,
      message: text,
      decisionId: text,
      about: "stale",
      again: "/oauth2/authorize?a=b&c=d",
      app: { name: text, uri: "https://app.example" },
    }),
    "form post": formPostPage({ language, action: "https://app.example/cb", fields: { code: text, state: text } }),
  };
}

/** A scope without a description. */
const SCOPE = { description: null, audience: null, claims: [] };

const FRAME = { language: "en", base: "", host: "id.example" } as const;

const entities: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  "#39": "'",
  "#13": "\r",
  "#10": "\n",
};
const decode = (text: string): string => text.replace(/&(#?\w+);/g, (whole, name: string) => entities[name] ?? whole);

/** The start tags of a page as a browser would read them, names and decoded attributes. */
function tagsOf(page: Page): readonly { tag: string; attributes: Readonly<Record<string, string>> }[] {
  return [...page.html.matchAll(/<([a-z][a-z0-9]*)((?:\s+[a-z-]+(?:="[^"]*")?)*)\s*>/g)].map(([, tag, written]) => ({
    tag: tag!,
    attributes: Object.fromEntries(
      [...written!.matchAll(/([a-z-]+)(?:="([^"]*)")?/g)].map(([, name, value]) => [name!, decode(value ?? "")]),
    ),
  }));
}

const HOSTILE = [
  `"><img onerror>`,
  "</style><script>alert(1)</script>",
  "{{7*7}}",
  "\u202egnp.exe",
  `' onfocus='x`,
  `a" b='c' \`d\``,
  "&quot;",
  "a\r\nb",
  "-->",
  "\ud800",
];

t.test("no name changes the structure of a page", async (t) => {
  const plain = pagesWith("plain");
  for (const text of HOSTILE) {
    for (const [name, page] of Object.entries(pagesWith(text))) {
      const shape = (one: Page): readonly string[] =>
        tagsOf(one).map(({ tag, attributes }) => [tag, ...Object.keys(attributes)].join(" "));
      t.strictSame(shape(page), shape(plain[name]!), `${name} with ${JSON.stringify(text)}`);
      t.equal(page.html.split("<").length, plain[name]!.html.split("<").length, "no tag more or less");
      t.equal(page.policy, plain[name]!.policy);
      if (!text.includes("\ud800"))
        t.notMatch(page.html, /[\u202a-\u202e\u2066-\u2069](?![^<]*">)/, "no text turns its line around");
      t.notMatch(page.html.replace(/<style>[^]*<\/style>/, ""), /49/, "nothing was worked out");
    }
  }
});

t.test("the policy allows exactly the content of the page", async (t) => {
  const digest = (content: string): string => `'sha256-${createHash("sha256").update(content).digest("base64")}'`;
  for (const [name, { html, policy }] of Object.entries(pagesWith("x"))) {
    const styles = [...html.matchAll(/<style>([^]*?)<\/style>/g)].map(([, content]) => content!);
    const scripts = [...html.matchAll(/<script>([^]*?)<\/script>/g)].map(([, content]) => content!);
    t.equal(styles.length, 1, name);
    t.ok(policy.includes(`style-src ${digest(styles[0]!)};`), name);
    t.equal(scripts.length, name === "form post" ? 1 : 0, "one script in one page");
    t.equal(policy.includes("script-src"), scripts.length === 1);
    for (const script of scripts) t.ok(policy.includes(`script-src ${digest(script)};`));
    t.match(policy, /^default-src 'none'; .*img-src data:; .*frame-ancestors 'none'; base-uri 'none'$/);
    t.notMatch(policy, /unsafe|\*|[\r\n]/);
    t.equal(policy.includes("frame-src"), name === "logged out, with frames", "one page has frames");
  }
  t.match(
    pagesWith("x")["logged out, with frames"]!.policy,
    /; frame-src https:\/\/app.example https:\/\/other.example; /,
  );
  const formAction = (page: Page | undefined): string | undefined =>
    /form-action ([^;]*);/.exec(page?.policy ?? "")?.[1];
  t.equal(formAction(pagesWith("x").login), "'self' https://app.example");
  t.equal(formAction(pagesWith("x").account), "'self'");
  t.equal(
    formAction(pagesWith("x")["form post"]),
    "https://app.example",
    "the answer goes to the client and nowhere else",
  );
});

t.test("forms, fields and buttons have their documented names", async (t) => {
  const pages = pagesWith("text");
  const controls = (name: string): readonly string[] =>
    tagsOf(pages[name]!)
      .filter(({ tag }) => ["form", "input", "button"].includes(tag))
      .map(({ tag, attributes: { id, name: field, value, method } }) =>
        tag === "form" ? `form#${id} ${method}` : tag === "button" ? `${field}=${value} #${id}` : `${field} #${id}`,
      );
  t.strictSame(controls("login"), [
    "form#login post",
    "csrf #csrf",
    "username #username",
    "password #password",
    "action=login #action-login",
    "action=cancel #action-cancel",
  ]);
  t.strictSame(controls("consent"), [
    "form#consent post",
    "csrf #csrf",
    "action=allow #action-allow",
    "action=deny #action-deny",
  ]);
  t.strictSame(controls("device"), [
    "form#device post",
    "csrf #csrf",
    "user_code #user_code",
    "action=continue #action-continue",
    "action=cancel #action-cancel",
  ]);
  t.strictSame(controls("logout"), [
    "form#logout post",
    "csrf #csrf",
    "state #field-state",
    "text #field-text",
    "action=logout #action-logout",
    "action=cancel #action-cancel",
  ]);
  t.strictSame(controls("account").slice(0, 4), [
    "form#consent-text post",
    "csrf #csrf-text",
    "client_id #client_id-text",
    "action=withdraw #withdraw-text",
  ]);
  t.strictSame(controls("form post"), [
    "form#form_post post",
    "code #field-code",
    "state #field-state",
    "undefined=undefined #continue",
  ]);
});

t.test("a hidden field cannot replace a field of the form itself", async (t) => {
  const form = { action: "/a", csrf: "real", leadsTo: [], clientName: undefined, userName: "alice" };
  const page = logoutPage({ ...form, hidden: { csrf: "forged", action: "logout", state: "s" } }, FRAME);
  const named = (name: string) =>
    tagsOf(page).filter(({ tag, attributes }) => tag === "input" && attributes.name === name);
  t.strictSame(
    named("csrf").map(({ attributes }) => attributes.value),
    ["real"],
  );
  t.strictSame(named("action"), []);
});

t.test("values pass through a form unchanged", async (t) => {
  for (const text of HOSTILE.filter((one) => one !== "\ud800")) {
    for (const [name, page] of Object.entries(pagesWith(text))) {
      const values = tagsOf(page).filter(({ attributes }) =>
        ["csrf", "state", "code", "client_id"].includes(attributes.name ?? ""),
      );
      for (const { attributes } of values) {
        if (attributes.value !== "other") t.equal(attributes.value, text, `${name}: ${attributes.name}`);
      }
    }
  }
  const fields = {
    code: "a&b=c",
    state: `"'<>\r\n&amp;\u2028`,
    iss: "https://id.example",
    submit: "x",
    action: "y",
    csrf: "z",
  };
  const sent = tagsOf(formPostPage({ language: "en", action: "https://app.example/cb?a=1&b=2", fields }));
  t.strictSame(
    Object.fromEntries(
      sent.filter(({ tag }) => tag === "input").map(({ attributes: { name, value } }) => [name, value]),
    ),
    fields,
  );
  t.equal(sent.find(({ tag }) => tag === "form")?.attributes.action, "https://app.example/cb?a=1&b=2");
});

t.test("an answer is never posted to a script address", async (t) => {
  for (const action of ["javascript:alert(1)", "data:text/html,x", "nowhere"]) {
    t.match(formPostPage({ language: "en", action, fields: {} }).policy, "form-action 'none';", action);
  }
  t.match(formPostPage({ language: "en", action: "myapp:/cb", fields: {} }).policy, "form-action myapp:;");
});

t.test("every page has the structure that accessibility needs, in each language", async (t) => {
  for (const language of UI_LOCALES) {
    for (const [name, page] of Object.entries(pagesWith(`a "b" c`, language))) {
      const tags = tagsOf(page);
      const ids = tags.flatMap(({ attributes }) => attributes.id ?? []);
      const all = (tag: string) => tags.filter((one) => one.tag === tag).map(({ attributes }) => attributes);
      t.match(page.html, /^<!doctype html>\n<html /, name);
      t.strictSame(all("html"), [{ lang: language }]);
      t.equal(all("h1").length, 1);
      t.equal(all("main").length, 1);
      t.match(page.html, /<title>\S.* · Jeton<\/title>/);
      t.ok(
        all("meta").some((meta) => meta.name === "viewport" && meta.content === "width=device-width, initial-scale=1"),
      );
      t.strictSame(ids, [...new Set(ids)], "no id twice");
      for (const field of all("input")) t.ok(field.id && field.name, "every field has a name and an id");
      for (const { id, type } of all("input"))
        if (type !== "hidden") t.ok(all("label").some((label) => label.for === id));
      for (const { attributes } of tags) {
        for (const reference of [attributes["aria-describedby"], attributes["aria-labelledby"]]) {
          if (reference !== undefined) t.ok(ids.includes(reference), `${name}: ${reference}`);
        }
      }
      t.notMatch(page.html, /undefined|\[object|\{\w+\}/);
    }
  }
});

t.test("the login page explains a failed attempt", async (t) => {
  const form = { action: "/a", csrf: "c", leadsTo: [], selectAccount: false };
  const fields = (page: Page) =>
    tagsOf(page).filter(({ attributes }) => ["username", "password"].includes(attributes.id ?? ""));
  const fresh = loginPage(form, FRAME);
  t.equal(fresh.status, 200);
  t.notMatch(fresh.html, /role="alert"/);
  t.strictSame(
    fields(fresh).map(({ attributes: { autocomplete } }) => autocomplete),
    ["username", "current-password"],
  );
  t.strictSame(
    fields(fresh).map(({ attributes }) => "autofocus" in attributes),
    [true, false],
  );

  const wrong = loginPage({ ...form, username: "alice", failed: "wrong" }, FRAME);
  t.equal(wrong.status, 200, "nothing is wrong with asking for the page");
  t.match(wrong.html, /<p class="alert" role="alert" id="login-error">That did not work\./);
  t.strictSame(
    fields(wrong).map(({ attributes }) => [
      attributes.value,
      attributes["aria-invalid"],
      attributes["aria-describedby"],
    ]),
    [
      ["alice", "true", "login-error"],
      [undefined, "true", "login-error"],
    ],
  );
  t.strictSame(
    fields(wrong).map(({ attributes }) => "autofocus" in attributes),
    [false, true],
    "the name is filled in, so the password gets the focus",
  );
});

t.test("a scope shows its description, or else its name", async (t) => {
  const scopes = [
    { ...SCOPE, name: "openid", description: "Know who you are" },
    { ...SCOPE, name: "api1" },
    { ...SCOPE, name: "api2", description: "Read your measurements" },
  ];
  const form = {
    action: "/a",
    csrf: "c",
    clientName: "",
    clientId: "client-1",
    userName: "alice",
    leadsTo: ["https://app.example/cb"],
    remembered: true,
  };
  const items = (language: Language, asked = scopes) =>
    [...consentPage({ ...form, scopes: asked }, { ...FRAME, language }).html.matchAll(/<li>(.*)<\/li>/g)].map(
      ([, item]) => item!.replace(/<[^>]*>/g, ""),
    );
  t.strictSame(items("en"), ["Know who you are", "api1", "Read your measurements"]);
  t.strictSame(items("de"), ["Wissen, wer Sie sind", "api1", "Read your measurements"]);
  t.strictSame(items("en", []), ["Know that you have signed in"]);
  const page = consentPage({ ...form, scopes }, FRAME);
  t.match(page.html, /remember/i);
  t.notMatch(consentPage({ ...form, scopes, remembered: false }, FRAME).html, /remember/i, "nothing is promised");
  t.match(
    page.html,
    "<bdi>client-1</bdi> would like access to your account <bdi>alice</bdi>.",
    "a client without a name goes by its id",
  );
  t.match(page.html, "You will be sent back to <bdi>https://app.example</bdi>.");
});

t.test("an error is explained in the reader's language, with the documented message", async (t) => {
  const shown = (status: number, again?: string) =>
    errorPage({
      language: "de",
      status,
      message: "the catalogue's words",
      decisionId: "d-1",
      ...(again === undefined ? {} : { again, about: "stale" as const }),
    });
  const HEADINGS: readonly (readonly [number, string])[] = [
    [400, "Diese Anfrage lässt sich nicht beantworten"],
    [401, "Das ist nicht erlaubt"],
    [403, "Das ist nicht erlaubt"],
    [404, "Seite nicht gefunden"],
    [405, "Seite nicht gefunden"],
    [413, "Diese Anfrage lässt sich nicht beantworten"],
    [418, "Diese Anfrage lässt sich nicht beantworten"],
    [429, "Zu viele Versuche"],
    [500, "Etwas ist schiefgegangen"],
    [502, "Etwas ist schiefgegangen"],
    [503, "Bitte versuchen Sie es gleich noch einmal"],
  ];
  for (const [status, heading] of HEADINGS) {
    t.equal(shown(status).status, status);
    t.match(shown(status).html, `<h1>${heading}</h1>`);
    t.match(shown(status).html, `lang="en"><bdi>the catalogue&#39;s words</bdi>`);
    t.match(shown(status).html, "d-1");
    t.notMatch(shown(status).html, /id="again"/);
  }
  t.match(shown(400, "/again").html, "<h1>Dieses Formular gilt nicht mehr</h1>");
  t.match(shown(400, "/again?a=b&c").html, `id="again" href="/again?a=b&amp;c"`);
  for (const again of ["javascript:alert(1)", "//evil.example", "/\\evil.example"])
    t.notMatch(shown(400, again).html, /id="again"/);
});

t.test("a page that asks to wait names the time", async (t) => {
  const waits = (language: Language, status: number, retryAfter?: number) =>
    /wait ([^.]*) and|warten Sie ([^.]*) und/
      .exec(errorPage({ language, status, message: "m", decisionId: "d", retryAfter }).html)
      ?.slice(1)
      .find((wait) => wait !== undefined);
  const WAITS: readonly (readonly [number | undefined, string, string])[] = [
    [undefined, "a moment", "einen Moment"],
    [1, "1 second", "1 Sekunde"],
    [30, "30 seconds", "30 Sekunden"],
    [99, "99 seconds", "99 Sekunden"],
    [100, "2 minutes", "2 Minuten"],
    [900, "15 minutes", "15 Minuten"],
    [7_201, "3 hours", "3 Stunden"],
  ];
  for (const [seconds, english, german] of WAITS) {
    for (const status of [429, 503]) {
      t.equal(waits("en", status, seconds), english);
      t.equal(waits("de", status, seconds), german);
    }
  }
});

t.test("every recorded result and condition has a text", async (t) => {
  const RESULTS = ["passes", "needs_claims", "needs_consent", "unreadable"];
  const CONDITIONS = [
    "scopes",
    "not_before",
    "not_after",
    "clients",
    "issuer",
    "users",
    "roles",
    "claims",
    "consent_needed",
  ];
  const OBSTACLES = [
    "the resource is gone",
    "the resource is switched off",
    "no scope was asked",
    "there is no policy",
  ];
  for (const language of UI_LOCALES) {
    const texts = [
      ...RESULTS.map((result) => ruleSentence(language, { ...TRIED, result })),
      ...CONDITIONS.map((because) => ruleSentence(language, { ...TRIED, result: "fails", because })),
      ...OBSTACLES.map((because) => obstacleSentence(language, because)),
    ].map(String);
    t.equal(new Set(texts).size, texts.length, "each has a sentence of its own");
    for (const text of texts) t.notMatch(text, /_|fails|passes/, text);
  }
  const saw = {
    roles: ["friend"],
    claims: { department: "differs" },
    consent_needed: { view: "not asked" },
    users: "approved",
  };
  t.equal(
    String(ruleSentence("en", { ...TRIED, result: "needs_consent", because: "consent_needed", saw })).replace(
      /<[^>]*>/g,
      "",
    ),
    "Rule 1 of policy P waited for your answer. (roles: friend; details: department differs; your answer: view not asked yet; person: approved)",
  );
});

const TRIED = { policy: "P", rule: 1, saw: {}, decided: false };

t.test("dates have the format of the language", async (t) => {
  t.match(
    pagesWith("x", "en").sharing?.html,
    `<time datetime="2026-04-01T10:00:00.000Z">April 1, 2026 at 10:00 UTC</time>`,
  );
  t.match(
    pagesWith("x", "de").sharing?.html,
    `<time datetime="2026-04-01T10:00:00.000Z">1. April 2026 um 10:00 UTC</time>`,
  );
  t.match(pagesWith("x", "en").account?.html, `<time datetime="2026-03-01T10:00:00.000Z">March 1, 2026</time>`);
  t.match(pagesWith("x", "de").account?.html, `<time datetime="2026-03-01T10:00:00.000Z">1. März 2026</time>`);
  const empty = accountPage({ action: "/a", csrf: "c", leadsTo: [], userName: "x", consents: [] }, FRAME);
  t.match(empty.html, "You have not given any app access to your account.");
  t.notMatch(empty.html, /<form/);
});
