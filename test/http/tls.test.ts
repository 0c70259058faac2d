import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { Agent, request as requestHttps, type RequestOptions } from "node:https";
import { connect as connectTcp } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { connect, getCiphers, type ConnectionOptions, type TLSSocket } from "node:tls";
import Fastify from "fastify";
import t, { type Test } from "tap";
import { systemClock } from "../../src/clock.js";
import { certificateOf } from "../../src/dialects/client-certificate.js";
import { OperatorError } from "../../src/errors/operator-error.js";
import { CertificateWatch } from "../../src/http/certificate-watch.js";
import { openListener, type Listener } from "../../src/http/listener.js";
import { makeCa, selfSigned, type TestCertificate } from "../support/certificate.js";
import { after } from "../support/clock.js";
import { startInstance } from "../support/instance.js";
import { until } from "../support/until.js";

/** TLS of the server's own: what it negotiates (RFC 9325), and certificates that are replaced while it runs. */

const rsa = (modulusLength: number) => ({ keys: generateKeyPairSync("rsa", { modulusLength }) });
const ec = (namedCurve: string) => ({ keys: generateKeyPairSync("ec", { namedCurve }) });
const DAY = 24 * 60 * 60;

const BY_EC = selfSigned("first");
const BY_RSA = selfSigned("first", rsa(2048));
const CA = makeCa("An authority");
const CLIENT = CA.issue({ subject: [["CN", "client-1"]] });
const identity = ({ cert, key }: TestCertificate) => ({ cert, key });

interface Site {
  readonly listener: Listener;
  readonly folder: string;
  readonly watch: CertificateWatch;
  readonly log: Record<string, unknown>[];
  /** Requests to /slow that wait to be answered. */
  readonly slow: (() => void)[];
  put(name: string, content: string): Promise<void>;
}

/** An application that says which certificate it was shown, over files that a test may replace. */
async function startSite(
  t: Test,
  { cert, key }: { cert: string; key: string } = BY_EC,
  ca: string | undefined = CA.cert,
): Promise<Site> {
  const folder = t.testdir({ "cert.pem": cert, "key.pem": key, "ca.pem": ca });
  const files = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem"), clientCa: join(folder, "ca.pem") };
  const listener = await openListener({ host: "127.0.0.1", port: 0, tls: files });
  const slow: (() => void)[] = [];
  const app = Fastify({ serverFactory: (handler) => listener.serve(handler as never) });
  app.get("/", async (request) => ({ trusted: certificateOf(request, () => false, [])?.trusted ?? null }));
  app.get("/slow", async (request) => {
    await new Promise<void>((resolve) => slow.push(resolve));
    return { trusted: certificateOf(request, () => false, [])?.trusted ?? null };
  });
  await app.ready();
  listener.ready();
  t.teardown(() => listener.drain(50));
  const log: Record<string, unknown>[] = [];
  const say = (level: string) => (fields: object, msg: string) => void log.push({ level, ...fields, msg });
  const logger = { info: say("info"), warn: say("warn") } as never;
  const watch = new CertificateWatch(listener.certificate, () => systemClock.now(), logger);
  const put = (name: string, content: string) => writeFile(join(folder, name), content);
  return { listener, folder, watch, log, slow, put };
}

/** A handshake: the connection, or why there is none. */
async function shake({ listener }: Site, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ host: "127.0.0.1", port: listener.port, rejectUnauthorized: false, ...options });
  await once(socket, "secureConnect");
  return socket;
}

async function refused(t: Test, site: Site, options: ConnectionOptions, name: string): Promise<void> {
  const failure: unknown = await shake(site, options).then(
    (socket) => socket.destroy(),
    (error: unknown) => error,
  );
  t.ok(failure instanceof Error, `${name} is refused`);
}

async function accepted(t: Test, site: Site, options: ConnectionOptions, name: string): Promise<void> {
  const socket = await shake(site, options).catch((error: unknown) => error as Error);
  t.notOk(socket instanceof Error, `${name} is accepted`);
  (socket as TLSSocket).destroy();
}

/** The name of the certificate that a new connection is shown. */
async function shown(site: Site): Promise<string> {
  const socket = await shake(site);
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

interface Reply {
  readonly trusted: boolean | null;
  readonly resumed: boolean;
  readonly connection: string | undefined;
  readonly socket: TLSSocket;
}

async function get({ listener }: Site, options: RequestOptions = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = requestHttps(listener.url, { agent: false, rejectUnauthorized: false, ...options }, (response) => {
      const socket = response.socket as TLSSocket;
      const { connection } = response.headers;
      const resumed = socket.isSessionReused();
      text(response).then((body) => resolve({ ...JSON.parse(body), resumed, connection, socket }), reject);
    });
    request.on("error", reject);
    request.end();
  });
}

/** RFC 9325 section 4.2, by the names that OpenSSL has for them. */
const RECOMMENDED = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES256-GCM-SHA384",
];

t.test("TLS 1.2 is spoken with the suites of RFC 9325 section 4.2 and with no other", async (t) => {
  const sites = { ECDSA: await startSite(t), RSA: await startSite(t, BY_RSA) };
  const suites = getCiphers()
    .map((name) => name.toUpperCase())
    .filter((name) => !name.startsWith("TLS_"));
  t.ok(suites.includes("AES128-SHA"));
  for (const [kind, site] of Object.entries(sites)) {
    for (const suite of suites) {
      const options = { ciphers: `${suite}:@SECLEVEL=0`, minVersion: "TLSv1.2", maxVersion: "TLSv1.2" } as const;
      const fits = RECOMMENDED.includes(suite) && suite.includes(`-${kind}-`);
      await (fits ? accepted : refused)(t, site, options, `${suite} by ${kind}`);
    }
  }
});

t.test("TLS 1.3 is spoken with its suites", async (t) => {
  const site = await startSite(t);
  for (const suite of ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]) {
    await accepted(t, site, { ciphers: suite, minVersion: "TLSv1.3" }, suite);
  }
  await refused(t, site, { ciphers: "TLS_AES_128_CCM_8_SHA256", minVersion: "TLSv1.3" }, "a short tag");
});

t.test("keys are exchanged in good groups, and handshakes are signed without SHA-1", async (t) => {
  const site = await startSite(t, BY_RSA);
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const only = { minVersion: version, maxVersion: version };
    for (const ecdhCurve of ["X25519", "P-256", "P-384", "P-521"]) {
      await accepted(t, site, { ...only, ecdhCurve }, `${version}, ${ecdhCurve}`);
    }
    for (const ecdhCurve of ["X448", "P-224", "secp256k1"]) {
      await refused(t, site, { ...only, ecdhCurve }, `${version}, ${ecdhCurve}`);
    }
  }
  const old = { maxVersion: "TLSv1.2", ciphers: "DEFAULT:@SECLEVEL=0" } as const;
  await refused(t, site, { ...old, sigalgs: "RSA+SHA1" }, "SHA-1");
  await refused(t, site, { ...old, sigalgs: "RSA+SHA224" }, "SHA-224");
  await accepted(t, site, { ...old, sigalgs: "RSA+SHA256" }, "SHA-256");
});

t.test("a client may show a certificate of any common kind of key", async (t) => {
  const site = await startSite(t);
  const kinds = { "P-256": ec("P-256"), "P-384": ec("P-384"), "P-521": ec("P-521"), RSA: rsa(2048) };
  for (const [name, keys] of Object.entries(kinds)) {
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const client = CA.issue({ subject: [["CN", "client-1"]], ...keys });
      t.match(await get(site, { ...identity(client), maxVersion }), { trusted: true }, `${name}, ${maxVersion}`);
    }
  }
});

/** Pairs that no server can speak TLS with, or should. */
const BROKEN: Readonly<Record<string, readonly [cert: string, key: string, message: RegExp]>> = {
  "the key of another certificate": [BY_EC.cert, selfSigned("other").key, /TLS_KEY is not the key/],
  "a key of another kind": [BY_RSA.cert, BY_EC.key, /TLS_KEY is not the key/],
  "an RSA key of 1024 bits": [...pair(selfSigned("short", rsa(1024))), /needs 2048 bits or more, and it has 1024/],
  "a curve that TLS 1.3 does not have": [...pair(selfSigned("odd", ec("secp256k1"))), /its curve is secp256k1/],
  "no certificate": ["", BY_EC.key, /TLS_CERT cannot be used: it holds no certificate in PEM/],
  "half a certificate": [BY_EC.cert.slice(0, 200), BY_EC.key, /TLS_CERT cannot be used/],
  "half a chain": [BY_EC.cert + CA.cert.slice(0, 200), BY_EC.key, /a certificate in it has no end/],
  "a damaged certificate": [BY_EC.cert.replace(/\n.{64}\n/, "\n"), BY_EC.key, /TLS_CERT cannot be used/],
  "no key": [BY_EC.cert, "", /TLS_KEY cannot be used/],
  "half a key": [BY_EC.cert, BY_EC.key.slice(0, 100), /TLS_KEY cannot be used/],
};

function pair({ cert, key }: TestCertificate): [string, string] {
  return [cert, key];
}

t.test("a pair that cannot be used ends the start with one line", async (t) => {
  for (const [name, [cert, key, message]] of Object.entries(BROKEN)) {
    const failure: unknown = await startSite(t, { cert, key }).catch((error: unknown) => error);
    t.type(failure, OperatorError, name);
    t.match((failure as Error).message, message, name);
    t.notMatch((failure as Error).message, /\n/, name);
  }
});

t.test("a renewed certificate is used for new connections, and open ones go on", async (t) => {
  const site = await startSite(t);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const before = await get(site, { agent, ...identity(CLIENT) });
  const second = selfSigned("second", { to: after(systemClock, 30 * DAY), ...rsa(2048) });
  await site.put("cert.pem", second.cert);
  await site.put("key.pem", second.key);
  await site.watch.check();
  t.equal(await shown(site), "second");
  const later = await get(site, { agent, ...identity(CLIENT) });
  t.equal(later.socket, before.socket, "on the same connection");
  t.equal(later.trusted, true);
  t.equal(site.log.length, 1, "one line");
  t.match(site.log, [{ level: "info", type: "tls", msg: "a new certificate is in use", fingerprint: String }]);
  t.match(String(site.log[0]!.not_after), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.000Z$/);
  await site.watch.check();
  t.equal(site.log.length, 1, "and none where nothing changed");
});

t.test("a key that comes before its certificate waits for it", async (t) => {
  const site = await startSite(t);
  const second = selfSigned("second");
  await site.put("key.pem", second.key);
  await site.watch.check();
  await site.watch.check();
  t.equal(await shown(site), "first", "the earlier pair goes on");
  t.match(site.log, [{ level: "warn", type: "tls", msg: /the earlier ones go on: TLS_KEY is not the key/ }]);
  t.equal(site.log.length, 1, "said once");
  await site.watch.checkNow();
  t.equal(site.log.length, 2, "and whenever an operator asks");
  await site.put("cert.pem", second.cert);
  await site.watch.check();
  t.equal(await shown(site), "second");
});

t.test("files that cannot be used are never taken", async (t) => {
  const site = await startSite(t);
  const ago = (days: number) => after(systemClock, -days * DAY);
  const unfit = {
    ...BROKEN,
    "an expired one": [...pair(selfSigned("old", { from: ago(3), to: ago(2) })), /has expired on/],
    "one of tomorrow": [...pair(selfSigned("new", { from: ago(-1), to: ago(-2) })), /is not valid before/],
  } as const;
  for (const [name, [cert, key, message]] of Object.entries(unfit)) {
    await site.put("cert.pem", cert);
    await site.put("key.pem", key);
    await site.watch.check();
    t.match(site.log.at(-1), { level: "warn", msg: message }, name);
    t.equal(await shown(site), "first", name);
  }
  for (const [name, ca] of Object.entries({ "no authority": "", "half an authority": CA.cert.slice(0, 200) })) {
    await site.put("ca.pem", ca);
    await site.put("cert.pem", selfSigned("second").cert);
    await site.watch.check();
    t.equal(site.log.at(-1)!.level, "warn", name);
    t.equal(await shown(site), "first", name);
    t.equal((await get(site, identity(CLIENT))).trusted, true, name);
  }
  for (const line of site.log) t.notMatch(JSON.stringify(line), /PRIVATE/);
});

t.test("a path that is no file is not waited for, and its replacement is read", async (t) => {
  const site = await startSite(t);
  const path = join(site.folder, "cert.pem");
  const second = selfSigned("second");
  const odd: readonly (readonly [name: string, make: () => unknown, message: RegExp])[] = [
    ["a pipe that is never written to", () => execFileSync("mkfifo", [path]), /it is no file/],
    ["a directory", () => mkdir(path), /it is no file/],
    ["a link to itself", () => symlink("cert.pem", path), /ELOOP/],
    ["nothing", () => undefined, /ENOENT/],
  ];
  for (const [name, make, message] of odd) {
    await rm(path, { recursive: true });
    await make();
    await site.watch.check();
    t.match(site.log.at(-1), { level: "warn", msg: message }, name);
    t.equal(await shown(site), "first", name);
    await rm(path, { recursive: true, force: true });
    await site.put("cert.pem", BY_EC.cert);
  }
  await site.put("cert.pem", second.cert.replaceAll("\n", "\r\n"));
  await site.put("key.pem", second.key.replaceAll("\n", "\r\n"));
  await site.watch.check();
  t.equal(await shown(site), "second", "also one that was written on another system");
});

t.test("symbolic links may be swapped, as certbot and Kubernetes do", async (t) => {
  const folder = t.testdir({});
  const versions = { one: BY_EC, two: selfSigned("second") };
  for (const [name, { cert, key }] of Object.entries(versions)) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, "cert.pem"), cert);
    await writeFile(join(folder, name, "key.pem"), key);
  }
  await symlink("one", join(folder, "..data"));
  for (const name of ["cert.pem", "key.pem"]) await symlink(join("..data", name), join(folder, name));
  const tls = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
  const listener = await openListener({ host: "127.0.0.1", port: 0, tls });
  t.teardown(() => listener.drain(50));
  await symlink("two", join(folder, "..data_tmp"));
  await rename(join(folder, "..data_tmp"), join(folder, "..data"));
  t.match(await listener.certificate!.renew(systemClock.now()), { dropsAuthority: false });
  t.equal(await shown({ listener } as Site), "second");
});

t.test("looks that come at once are taken one after the other", async (t) => {
  const site = await startSite(t);
  const second = selfSigned("second");
  await site.put("cert.pem", second.cert);
  await site.put("key.pem", second.key);
  await Promise.all(Array.from({ length: 8 }, () => site.watch.check()));
  t.equal(site.log.length, 1, "one of them takes it");
});

t.test("an authority that is taken away is trusted no more", async (t) => {
  const other = makeCa("Another authority");
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    await t.test(maxVersion, async (t) => {
      const site = await startSite(t);
      const mine = { ...identity(CLIENT), maxVersion };
      const agent = new Agent({ keepAlive: true, maxSockets: 1, maxCachedSessions: 1 });
      t.teardown(() => agent.destroy());
      const resuming = new Agent({ keepAlive: false, maxCachedSessions: 1 });
      t.match(await get(site, { ...mine, agent: resuming }), { trusted: true, resumed: false });
      t.match(await get(site, { ...mine, agent: resuming }), { trusted: true, resumed: true });
      const idle = await get(site, { ...mine, agent });
      t.equal(idle.trusted, true);
      const silent = await shake(site, mine);
      const halfOpen = connectTcp(site.listener.port, "127.0.0.1");
      await once(halfOpen, "connect");
      const answered = get(site, { ...mine, path: "/slow", headers: { Connection: "keep-alive" } });
      await until("a request is under way", () => site.slow.length === 1);

      const cut = [idle.socket, silent, halfOpen].map((socket) => {
        socket.on("error", () => {});
        return new Promise((resolve) => (socket.destroyed ? resolve(true) : socket.once("close", resolve)));
      });
      await site.put("ca.pem", other.cert);
      await site.watch.check();
      await Promise.all(cut);
      t.pass("connections without a request under way are cut, also before their first one");
      site.slow[0]!();
      t.match(await answered, { connection: "close" }, "what was accepted is answered, and is the last");

      t.match(await get(site, { ...mine, agent: resuming }), { trusted: false, resumed: false }, "no session lives on");
      t.match(await get(site, mine), { trusted: false });
      t.match(await get(site, identity(other.issue({ subject: [["CN", "client-1"]] }))), { trusted: true });
    });
  }
});

t.test("an authority that is added leaves connections as they are", async (t) => {
  const other = makeCa("Another authority");
  const site = await startSite(t);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const before = await get(site, { ...identity(CLIENT), agent });
  await site.put("ca.pem", CA.cert + other.cert);
  await site.watch.check();
  const later = await get(site, { ...identity(CLIENT), agent });
  t.equal(later.socket, before.socket);
  t.equal(later.trusted, true);
  t.match(await get(site, identity(other.issue({ subject: [["CN", "client-1"]] }))), { trusted: true });
});

t.test("nothing more is answered on a connection whose trust has ended", async (t) => {
  const site = await startSite(t);
  const socket = await shake(site, identity(CLIENT));
  const closed = new Promise((resolve) => socket.once("close", resolve));
  let said = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
  socket.on("error", () => {});
  socket.write("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  await until("a request is under way", () => site.slow.length === 1);
  await site.put("ca.pem", makeCa("Another authority").cert);
  await site.watch.check();
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await closed;
  t.notMatch(said, /true/);
});

t.test("a running server takes a new certificate by itself", async (t) => {
  const second = selfSigned("second");
  const folder = t.testdir({ "cert.pem": BY_EC.cert, "key.pem": BY_EC.key });
  const env = { TLS_CERT: join(folder, "cert.pem"), TLS_KEY: join(folder, "key.pem") };
  const server = await startInstance(t, { env: { ...env, ISSUER: "https://issuer.example" } });
  t.match(
    server.log.filter(({ type }) => type === "tls"),
    [{ level: "info", msg: "this certificate is in use", not_after: String }],
  );
  await writeFile(env.TLS_CERT, second.cert);
  await writeFile(env.TLS_KEY, second.key);
  await until("it is in use", () => server.log.some(({ msg }) => msg === "a new certificate is in use"));
  const port = Number(new URL(server.url).port);
  t.equal(await shown({ listener: { port } } as Site), "second");
});

t.test("an expired certificate at the start is used, with a warning", async (t) => {
  const ago = (days: number) => after(systemClock, -days * DAY);
  const old = selfSigned("old", { from: ago(3), to: ago(2) });
  const site = await startSite(t, old);
  site.watch.begin();
  t.match(site.log, [{ level: "warn", msg: /although clients refuse it: TLS_CERT has expired on/ }]);
  t.equal(await shown(site), "old");
});
