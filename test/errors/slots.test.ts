import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import ts from "typescript";
import { CATALOGUE, type Code } from "../../src/errors/catalogue.js";
import { Refusal } from "../../src/errors/refusal.js";
import { fillSlot } from "../../src/errors/slots.js";
import { deviceEntry, NEW_KEYS } from "../support/devices.js";
import { ALICE, SECRET } from "../support/fleet.js";
import { basic, startInstance } from "../support/instance.js";
import { converse, write, type RawRequest } from "../support/raw.js";
import { APP, ofApp, VENDORS } from "../support/vendors.js";
import { CALLBACK } from "../support/web-fleet.js";
import { ROOT } from "../support/root.js";

/** What a refusal repeats of what it was sent: plain words, and the names of parameters that there are. */

/** Rows whose message has a slot, and the slots of each. */
const ROWS = (Object.keys(CATALOGUE) as Code[])
  .map((code) => ({ code, slots: [...CATALOGUE[code].message.matchAll(/\{(\w+)\}/g)].map(([, slot]) => slot!) }))
  .filter(({ slots }) => slots.length > 0);

/** Slots that hold what is registered here, or a number. No request chooses their text. */
const OURS = new Set(["client_id", "redirect_uri", "limit", "flaw", "rule", "option"]);

function messageOf(code: Code, values: Readonly<Record<string, string>>): string {
  return new Refusal(code as "grant_type_unsupported", { slots: values as { grant_type: string } }).message;
}

t.test("a message with any text in its slots stays short and cannot end a header or forge a line", async (t) => {
  for (const { code, slots } of ROWS) {
    const nasty = `a"b\\c\r\nd☃${"x".repeat(999)}`;
    const value = fc.oneof(fc.string({ unit: "binary", maxLength: 400 }), fc.constant(nasty));
    const isHarmless = fc.property(value, (text) => {
      const message = messageOf(code, Object.fromEntries(slots.map((slot) => [slot, text])));
      assert.match(message, /^[\x20-\x21\x23-\x5b\x5d-\x7e]{1,600}$/);
    });
    t.doesNotThrow(() => fc.assert(isHarmless), code);
  }
});

/** Texts that no message may repeat. Each has a character that no plain word has, or is too long, or looks random. */
const secrets = fc.oneof(
  fc
    .tuple(fc.string({ minLength: 3 }), fc.constantFrom(..."!\"#$%&'()*+;<=>?@[]^`{|}~ é☃\0\n"))
    .map((parts) => parts.join("")),
  // One small letter between two capitals is in no word that may be quoted.
  fc.string({ unit: fc.constantFrom(..."abcXYZ"), minLength: 22, maxLength: 90 }).map((text) => `${text}XbX`),
  fc.base64String({ minLength: 40 }).map((text) => `1x${text}`),
);

t.test("no message repeats a text that is not a plain word", async (t) => {
  for (const { code, slots } of ROWS) {
    const open = slots.filter((slot) => !OURS.has(slot));
    if (open.length === 0) continue;
    const isKept = fc.property(secrets, (secret) => {
      const ours = Object.fromEntries(slots.map((slot) => [slot, "7"]));
      const message = messageOf(code, { ...ours, ...Object.fromEntries(open.map((slot) => [slot, secret])) });
      const neutral = messageOf(code, { ...ours, ...Object.fromEntries(open.map((slot) => [slot, "\0"])) });
      // A list may hold words beside what is none.
      const parts = secret.split(/[ ,]/).filter((part) => part.length > 8);
      if (open.some((slot) => slot === "scopes" || slot === "response_type")) {
        assert.ok(parts.every((part) => /^[\w.:/-]{1,64}$/.test(part) || !message.includes(part)));
      } else assert.equal(message, neutral);
    });
    t.doesNotThrow(() => fc.assert(isKept), code);
  }
});

t.test("a message repeats plain words and known names unchanged", async (t) => {
  const urn = "urn:ietf:params:oauth:grant-type:saml2-bearer";
  const words = ["api9", "jeton:admin", "implicit", "__proto__", urn, "x.y-z"];
  for (const word of words) t.equal(fillSlot("grant_type", word), word);
  t.equal(fillSlot("scopes", "api9,p4ssw0rd!,api8"), "api9,(not shown),api8");
  t.equal(fillSlot("name", "grant_type"), "grant_type");
  t.equal(fillSlot("name", "hunter2"), "(unknown)", "though it is a plain word");
  t.equal(fillSlot("client_id", "b17a31e8 of a client"), "b17a31e8 of a client", "which is registered");
});

t.test("generated passwords and keys do not count as plain words", async (t) => {
  for (const text of ["xKqTzWvBnRfLdGhM", "aBcDeFgH12", "demo-QrTzXwLk", "TGVhdmVNZUFsb25l", "p4ssw0rd", "Xy7-Qz9k"]) {
    t.equal(fillSlot("grant_type", text), "(not shown)", text);
  }
  const shownOf = (make: (bytes: Buffer) => string) => {
    const made = Array.from({ length: 10_000 }, (_, n) => make(createHash("sha256").update(String(n)).digest()));
    return made.filter((text) => fillSlot("grant_type", text) === text).length;
  };
  t.ok(shownOf((bytes) => bytes.toString("base64url")) <= 1, "secrets of 32 bytes");
  t.ok(shownOf((bytes) => bytes.subarray(0, 16).toString("base64url")) <= 10, "ids of 16 bytes");
  t.ok(
    shownOf((bytes) => bytes.toString("base64").replace(/[+/=]/g, "").slice(0, 12)) <= 50,
    "passwords of 12 letters",
  );
  for (const word of ["User.Read.All", "readWrite2", "resourceSetId", "OAuth2", "UMA_PROTECTION", "v1.2"]) {
    t.equal(fillSlot("grant_type", word), word);
  }
});

/** The rooms whose schemas read requests. */
const READERS = /^(grants|endpoints|browser|dialects|pages|http)\/|^uma\/rules\.ts$/;

t.test("a message may name every parameter that a schema reads", async (t) => {
  const files = (await readdir(join(ROOT, "src"), { recursive: true })).filter((one) => READERS.test(one));
  const missing: string[] = [];
  let seen = 0;
  for (const file of files.filter((one) => one.endsWith(".ts"))) {
    const source = ts.createSourceFile(file, await readFile(join(ROOT, "src", file), "utf8"), ts.ScriptTarget.Latest);
    const visit = (node: ts.Node): void => {
      for (const name of membersOf(node, source)) {
        seen += 1;
        if (fillSlot("name", name) !== name) missing.push(`${name} in ${file}`);
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  t.ok(seen > 100);
  t.strictSame(missing, []);
});

/** The members of a zod object, where a node of the source makes one. */
function membersOf(node: ts.Node, source: ts.SourceFile): readonly string[] {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return [];
  const [members] = node.arguments;
  const isSchema = ["object", "strictObject"].includes(node.expression.name.text);
  if (!isSchema || members === undefined || !ts.isObjectLiteralExpression(members)) return [];
  return members.properties.flatMap(({ name }) => name?.getText(source) ?? []);
}

const DEVICE = "test.device.01";

t.test("no response repeats a secret that was sent in the wrong place", async (t) => {
  const server = await startInstance(t, {
    provision: { ...VENDORS, devices: [deviceEntry(DEVICE, NEW_KEYS.ES256())] },
  });
  const asked = { grant_type: "client_credentials", scope: "uma_protection" };
  const pat = (await server.post("/oauth2/token", asked, basic("gateway", SECRET))).json.access_token ?? "jat_x";
  const bearer = { Authorization: `Bearer ${pat}` };
  const integration = basic("integration", SECRET);
  const BY_FORM: readonly (readonly [path: string, headers: Record<string, string>])[] = [
    ...["/oauth2/token", "/oauth2/revoke", "/oauth2/introspect", "/token", "/token/revoke", "/introspect"].map(
      (path) => [path, integration] as const,
    ),
    ...["/oauth2/userinfo", "/userinfo"].map((path) => [path, bearer] as const),
    ["/api/id/v1/auth/token", integration],
    ...["/as/token", "/as/renew/token", "/idp/introspect", "/device/update/pubkey"].map((path) => [path, {}] as const),
    [`/api/apps/${APP.app_id}/oauth2/token`, ofApp()],
    ...["/oauth2/authorize", "/authorization", "/oauth2/logout", "/account", "/account/sharing"].map(
      (path) => [path, {}] as const,
    ),
  ];
  const BY_JSON: readonly (readonly [path: string, headers: Record<string, string>])[] = [
    ...["/as/token", "/as/renew/token", "/idp/introspect", "/device/update/pubkey"].map((path) => [path, {}] as const),
    ["/api/oauth2/token", ofApp()],
    [`/api/apps/${APP.app_id}/users`, ofApp()],
    ["/code", {}],
    ...["/uma/resources", "/uma/permissions", "/uma/policies", "/rs/resource_set", "/perm", "/policies"].map(
      (path) => [path, bearer] as const,
    ),
    ["/rs/resource_set/.search", bearer],
  ];
  const VALUES = ["grant_type", "scope", "client_id", "response_type", "token_type_hint", "claim_token_format"];
  const forms = (secret: string): readonly string[] => {
    const encoded = encodeURIComponent(secret);
    const names = [`${encoded}=1`, `${encoded}[x]=1`, `${encoded}=1&${encoded}=2`, `x[${encoded}]=1`];
    const json = [{ password: secret }, { [secret]: 1 }, [{ a: secret }]].map((document) => JSON.stringify(document));
    const twice = json.flatMap((text) => [text, `${text}=1&${text}=1`]).map((text) => text.replaceAll("&", "%26"));
    const values = VALUES.map((name) => `grant_type=client_credentials&${name}=${encoded}`);
    const password = new URLSearchParams({ grant_type: "password", ...ALICE, scope: `openid ${secret}` }).toString();
    const ticket = `grant_type=${encodeURIComponent("urn:ietf:params:oauth:grant-type:uma-ticket")}&ticket=${encoded}`;
    const authorize = new URLSearchParams({ client_id: "integration", redirect_uri: CALLBACK, response_type: secret });
    return [...names, ...twice, ...values, password, ticket, String(authorize)];
  };
  const documents = (secret: string): readonly object[] => [
    { [secret]: "x" },
    { [secret]: { [secret]: [secret] } },
    { grant_type: secret, username: "x", password: "y" },
    { resource_id: secret, resource_scopes: [secret], resource_set_id: secret, scopes: [secret] },
    { name: "x", resource_scopes: ["a"], scopes: ["a"], uri: secret, icon_uri: secret, type: secret, [secret]: 1 },
    { resource_ids: [secret], resource_set_ids: [secret], rules: [{ clients: ["x"], [secret]: 1 }] },
    { resource_ids: [secret], resource_set_ids: [secret], rules: [{ claims: [{ type: secret, [secret]: 1 }] }] },
  ];
  const requests = (secret: string): readonly RawRequest[] => {
    const line = encodeURIComponent(secret);
    const header = (pairs: Record<string, string>, type: string) =>
      Object.entries<string>({ ...pairs, "Content-Type": type });
    const form = "application/x-www-form-urlencoded";
    return [
      ...BY_FORM.flatMap(([target, headers]) => [
        ...forms(secret).map((body) => ({ target, headers: header(headers, form), body })),
        { target: `${target}?${line}=1&${line}=1&token=${line}`, headers: header(headers, form), body: "x=1" },
        { target, headers: header(headers, `application/${secret.replace(/[^\w]/g, "")}`), body: secret },
        { target: `${target}/${line}`, headers: header(headers, form), body: "x=1" },
        { method: "GET", target: `${target}?${line}=1&${line}=1`, headers: header(headers, form) },
      ]),
      ...BY_JSON.flatMap(([target, headers]) => [
        ...documents(secret).map((document) => ({
          target,
          headers: header(headers, "application/json"),
          body: JSON.stringify(document),
        })),
        { target, headers: header(headers, "application/json"), body: `{"a":"${secret}` },
        { target: `${target}/${line}`, headers: header(headers, "application/json"), body: "{}" },
      ]),
    ];
  };

  // Each has a part that stays recognisable when the rest of it is changed.
  const MARK = "9q7f2c41ab77de";
  const before = fc.constantFrom("", "p w", "hunter2!", '"', "a.b", "é☃", "urn:");
  const behind = fc.constantFrom("", "!", '"}', " x", "=");
  const wrapped = fc.tuple(before, behind).map(([one, other]) => one + MARK + other);
  const isKept = fc.asyncProperty(wrapped, async (secret) => {
    for (const request of requests(secret)) {
      const { status, text, headers } = await converse(server.url, write(request));
      const said = [text, ...Object.entries(headers).map((pair) => pair.join(": "))];
      const at = `${request.method ?? "POST"} ${request.target} ${request.body}`;
      assert.ok(status >= 200 && status < 500, `${status} at ${at}`);
      assert.deepEqual(
        said.filter((one) => one.includes(MARK)),
        [],
        at,
      );
    }
  });
  await t.resolves(fc.assert(isKept, { numRuns: 2, endOnFailure: true }));
});
