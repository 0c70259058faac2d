import { generateKeyPairSync } from "node:crypto";
import type { JWK } from "jose";
import t, { type Test } from "tap";
import { RemoteKeySets } from "../../src/outbound/key-sets.js";
import { TestClock } from "../support/clock.js";
import { failureOf, startRemote } from "../support/remote.js";

const EC = generateKeyPairSync("ec", { namedCurve: "P-256" });
const publicKey = (kid: string) => ({ ...EC.publicKey.export({ format: "jwk" }), kid });
const rsa = (modulusLength: number) =>
  generateKeyPairSync("rsa", { modulusLength }).publicKey.export({ format: "jwk" }) as object;

const has = (kid: string) => (keys: readonly JWK[]) => keys.some((key) => key.kid === kid);
const kids = (keys: readonly JWK[]) => keys.map(({ kid }) => kid);

/** A client's server that publishes keys, and a reader of them. */
async function publish(t: Test, ...keys: readonly object[]) {
  const clock = new TestClock();
  const remote = await startRemote(t, () => undefined);
  const say = (body: unknown, status = 200, headers = {}) => {
    remote.answer = (_request, response) => response.writeHead(status, headers).end(JSON.stringify(body));
  };
  say({ keys });
  const sets = new RemoteKeySets({ clock, allowPrivate: true, limits: { bytes: 256 * 1024, milliseconds: 30_000 } });
  const find = async (kid: string) => kids(await sets.find(remote.url, has(kid)));
  return { clock, remote, say, sets, find, fetches: () => remote.requests.length };
}

t.test("a key set is fetched once and cached for ten minutes", async (t) => {
  const { clock, say, find, fetches } = await publish(t, publicKey("one"));
  t.strictSame(await find("one"), ["one"]);
  say({ keys: [publicKey("two")] }, 200, { "Cache-Control": "no-store, max-age=0" });
  clock.advance(599);
  t.strictSame(await find("one"), ["one"]);
  t.equal(fetches(), 1);
  clock.advance(1);
  t.strictSame(await find("one"), ["two"], "a key that was taken back ends with the set it stood in");
  t.equal(fetches(), 2);
});

t.test("JW-05 SS-05 a thousand unknown keys cost one fetch in each cool-down", async (t) => {
  const { clock, say, find, fetches } = await publish(t, publicKey("one"));
  await find("one");
  say({ keys: [publicKey("one"), publicKey("two")] });
  for (let count = 0; count < 1000; count += 1) t.strictSame(await find(`unknown-${count}`), ["one"]);
  t.equal(fetches(), 1);
  clock.advance(29);
  t.strictSame(await find("two"), ["one"]);
  clock.advance(1);
  t.strictSame(await find("two"), ["one", "two"], "a key that was added is found");
  t.strictSame(await find("three"), ["one", "two"]);
  t.equal(fetches(), 2);
});

t.test("simultaneous lookups share one fetch", async (t) => {
  const { clock, remote, find, sets, fetches } = await publish(t, publicKey("one"));
  const { answer } = remote;
  let release = () => {};
  remote.answer = (request, response) => (release = () => answer(request, response));
  const asked = Array.from({ length: 100 }, () => find("one"));
  while (fetches() === 0) await new Promise(setImmediate);
  clock.advance(30);
  asked.push(find("one"));
  release();
  for (const found of await Promise.all(asked)) t.strictSame(found, ["one"]);
  t.equal(fetches(), 1);
  remote.answer = answer;
  await sets.find(`${remote.url}/another`, has("one"));
  t.equal(fetches(), 2, "another URI is another set");
});

t.test("a failure is cached for the cool-down", async (t) => {
  const { clock, say, find, fetches } = await publish(t);
  say({}, 500);
  for (let count = 0; count < 10; count += 1) t.match(await failureOf(find("one")), /^answered 500$/);
  t.equal(fetches(), 1);
  say({ keys: [publicKey("one")] });
  clock.advance(29);
  t.match(await failureOf(find("one")), /^answered 500$/);
  clock.advance(1);
  t.strictSame(await find("one"), ["one"]);
  t.equal(fetches(), 2);
});

t.test("cached keys stay valid through a failed fetch until they expire", async (t) => {
  const { clock, say, find, fetches } = await publish(t, publicKey("one"));
  await find("one");
  say({}, 503);
  clock.advance(30);
  t.match(await failureOf(find("two")), /^answered 503$/);
  t.strictSame(await find("one"), ["one"]);
  clock.advance(570);
  t.match(await failureOf(find("one")), /^answered 503$/);
  t.equal(fetches(), 3);
});

t.test("a clock that is set back does not extend the cache", async (t) => {
  const { clock, find, fetches } = await publish(t, publicKey("one"));
  await find("one");
  clock.advance(-3600);
  t.strictSame(await find("one"), ["one"]);
  t.equal(fetches(), 2);
});

t.test("SS-04 a malformed or oversized key set is a failure", async (t) => {
  const many = (count: number) => Array.from({ length: count }, (_, index) => publicKey(`${index}`));
  const cases: Readonly<Record<string, unknown>> = {
    "no object": [],
    "no keys": {},
    "keys that are no list": { keys: {} },
    "a key that is no object": { keys: ["one"] },
    "a key without a type": { keys: [{ kid: "one" }] },
    "a modulus that is a number": { keys: [{ kty: "RSA", n: 3, e: "AQAB" }] },
    "101 keys": { keys: many(101) },
  };
  for (const [name, body] of Object.entries(cases)) {
    const { say, find } = await publish(t);
    say(body);
    t.match(await failureOf(find("one")), /^not a key set of at most 100 keys$/, name);
  }
  const { remote, sets, find } = await publish(t, ...many(100));
  t.equal((await find("0")).length, 100);
  remote.answer = (_request, response) => response.end('{"keys":[');
  t.match(await failureOf(sets.find(`${remote.url}/half`, has("one"))), /^not a key set/);
  remote.answer = (_request, response) => response.end(`{"keys":[]}${" ".repeat(256 * 1024)}`);
  t.match(await failureOf(sets.find(`${remote.url}/long`, has("one"))), /longer than 262144 bytes/);
  remote.answer = (_request, response) => response.writeHead(302, { Location: "/" }).end();
  t.match(await failureOf(sets.find(`${remote.url}/elsewhere`, has("one"))), /redirect/);
});

t.test("private, symmetric and short keys are ignored", async (t) => {
  const { find } = await publish(
    t,
    { ...EC.privateKey.export({ format: "jwk" }), kid: "private" },
    { kty: "oct", k: "c2VjcmV0", kid: "symmetric" },
    { ...rsa(1024), kid: "rsa1024" },
    { ...rsa(2048), kid: "rsa2048" },
    { kty: "RSA", e: "AQAB", kid: "rsa without a modulus" },
    { kty: "RSA", n: Buffer.concat([Buffer.alloc(200), Buffer.alloc(100, 1)]).toString("base64url"), kid: "padded" },
    publicKey("ec"),
    { kty: "of the future", kid: "unknown" },
  );
  t.strictSame(await find("none"), ["rsa2048", "ec", "unknown"]);
});

t.test("SS-01 a private address is called only where the setting allows it", async (t) => {
  const { clock, remote, fetches } = await publish(t, publicKey("one"));
  const strict = new RemoteKeySets({ clock, allowPrivate: false });
  for (const uri of [remote.url, remote.url.replace("http:", "https:"), "https://localhost/jwks"]) {
    t.match(await failureOf(strict.find(uri, has("one"))), /may not be reached|not https/);
  }
  t.equal(fetches(), 0);
});

t.test("the cache has the key sets of the thousand most recently used URIs", async (t) => {
  const { remote, sets, fetches } = await publish(t, publicKey("one"));
  const ask = (path: number) => sets.find(`${remote.url}/${path}`, has("one"));
  for (let path = 0; path < 1000; path += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, index) => ask(path + index)));
  }
  await ask(0);
  t.equal(fetches(), 1000);
  await ask(1000);
  await ask(0);
  t.equal(fetches(), 1001, "the one used last stays");
  await ask(1);
  t.equal(fetches(), 1002, "the one used longest ago went");
});
