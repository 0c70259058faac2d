import fc from "fast-check";
import type { Form } from "./instance.js";

/** Bodies that no endpoint takes: bytes, JSON, forms, and good requests with one thing wrong. */

/** Names that one of the dialects reads, or that a parser may stumble over. */
const NAMES = [
  ...["grant_type", "username", "password", "client_id", "client_secret", "refresh_token", "scope", "code"],
  ...["expiresAt", "expires_at", "token", "pop", "loginName", "emailAddress", "phoneNumber"],
  ...["__proto__", "constructor", "toString", "a[b]", ""],
];

/** Texts that readers of texts stumble over; none is a password, which is longer. */
const TEXTS = ["PHONE:", "PHONE:JP", "EMAIL:", "%", "%00", "%zz", "\u0000", "\ufffd", "a.b.c", "-1", "1e999", "☃"];

const name = fc.constantFrom(...NAMES);
const text = fc.oneof(fc.constantFrom(...TEXTS), fc.string({ unit: "binary", maxLength: 7 }));
const noText = fc.jsonValue().filter((value) => typeof value !== "string");

const json = fc.oneof(
  fc.json(),
  fc.dictionary(name, fc.oneof(text, noText), { maxKeys: 6 }).map((members) => JSON.stringify(members)),
);
const form = fc.array(fc.tuple(name, text), { maxLength: 6 }).map((pairs) => String(new URLSearchParams(pairs)));
const pieces = fc.constantFrom(...NAMES, ...TEXTS, ...'{}[]":,=&+;\\', "null", "\\ud800");
const jumble = fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join(""));

/** A good request, of which every member has to be there, but for one thing. */
function nearMiss(good: Form): fc.Arbitrary<string> {
  const whole = JSON.stringify(good);
  const encoded = String(new URLSearchParams(good as Record<string, string>));
  const member = fc.constantFrom(...Object.keys(good));
  const without = (one: string) => Object.fromEntries(Object.entries(good).filter(([key]) => key !== one));
  return fc.oneof(
    member.map((one) => JSON.stringify(without(one))),
    member.map((one) => String(new URLSearchParams(without(one) as Record<string, string>))),
    fc.tuple(member, noText).map(([one, value]) => JSON.stringify({ ...good, [one]: value })),
    member.map((one) => `${whole.slice(0, -1)},${JSON.stringify(one)}:"x"}`),
    member.map((one) => `${encoded}&${one}=x`),
    fc.nat(whole.length - 1).map((length) => whole.slice(0, length)),
    fc.constantFrom(`[${whole}]`, JSON.stringify(whole), `${whole}}`, `\ufeff${whole}\u0000`),
  );
}

const TYPES = [
  ...["application/json", "application/x-www-form-urlencoded"],
  ...["application/vnd.kii.OauthTokenRequest+json", "application/vnd.kii.RegistrationRequest+json"],
  ...["application/json; charset=utf-16", "text/plain", "x", ""],
];

/** A request that has to be refused from every sender. */
export function brokenRequest(good: Form, credentials: Record<string, string>) {
  return fc.record({
    type: fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...TYPES.slice(0, 4)) }, fc.constantFrom(...TYPES)),
    headers: fc.oneof(
      { weight: 2, arbitrary: fc.constant(credentials) },
      fc.constantFrom({}, { Authorization: "Basic !" }, { Authorization: "Bearer x" }, { "X-Kii-AppID": "é" }),
    ),
    body: fc.oneof(fc.uint8Array({ maxLength: 64 }).map(Buffer.from), json, form, jumble, nearMiss(good)),
  });
}
