import { X509Certificate } from "node:crypto";
import { request as requestHttp } from "node:http";
import { request as requestHttps, Agent, type RequestOptions } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { TLSSocket } from "node:tls";
import Fastify from "fastify";
import t, { type Test } from "tap";
import { systemClock } from "../../src/clock.js";
import { OperatorError } from "../../src/errors/operator-error.js";
import { certificateOf, type CertificateHeader } from "../../src/dialects/client-certificate.js";
import { openListener } from "../../src/http/listener.js";
import { trustedProxies } from "../../src/http/trusted-proxies.js";
import { after } from "../support/clock.js";
import { makeCa, selfSigned, type TestCertificate } from "../support/certificate.js";

const SERVER = selfSigned("localhost");
const CA = makeCa("An authority");
const CLIENT = issueWithPadding();
const OWN = selfSigned("client-1");

/** One whose base64 ends with padding; the length of a signature varies. */
function issueWithPadding(): TestCertificate {
  const certificate = CA.issue({ subject: [["CN", "client-1"]] });
  return certificate.der.length % 3 === 1 ? certificate : issueWithPadding();
}

/** A bare application that says which certificate it was shown. */
async function startSite(
  t: Test,
  {
    ca,
    proxies = [],
    headers = ["client-cert", "x-arr-clientcert"],
    tls = true,
    host = "127.0.0.1",
  }: {
    readonly ca?: string;
    readonly proxies?: readonly string[];
    readonly headers?: readonly CertificateHeader[];
    readonly tls?: boolean;
    readonly host?: string;
  } = {},
): Promise<string> {
  const folder = t.testdir({ "cert.pem": SERVER.cert, "key.pem": SERVER.key, "ca.pem": ca ?? "" });
  const [cert, key, clientCa] = ["cert.pem", "key.pem", "ca.pem"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const files = { cert, key, clientCa: ca === undefined ? undefined : clientCa };
  const listener = await openListener({ host, port: 0, ...(tls ? { tls: files } : {}) });
  const trusts = trustedProxies(proxies);
  const app = Fastify({ serverFactory: (handler) => listener.serve(handler as never) });
  app.get("/", async (request) => {
    const { der, trusted } = certificateOf(request, trusts, headers) ?? {};
    const subject = der && new X509Certificate(der).subject;
    return { subject: subject ?? null, trusted: trusted ?? null };
  });
  await app.ready();
  listener.ready();
  t.teardown(() => listener.drain());
  return listener.url;
}

interface Shown {
  readonly subject: string | null;
  readonly trusted: boolean | null;
  readonly resumed: boolean;
}

/** What the site says it was shown, over a connection of its own. */
async function show(url: string, options: RequestOptions = {}): Promise<Shown | number> {
  const send = url.startsWith("https:") ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const request = send(url, { agent: false, rejectUnauthorized: false, ...options }, async (response) => {
      const { statusCode = 0, socket } = response;
      const resumed = (socket as Partial<TLSSocket>).isSessionReused?.() ?? false;
      const body = await text(response);
      resolve(statusCode === 200 ? { ...JSON.parse(body), resumed } : statusCode);
    });
    request.on("error", reject);
    request.end();
  });
}

const NONE = { subject: null, trusted: null };
const identity = ({ cert, key }: TestCertificate) => ({ cert, key });
const trusted = (value: boolean) => ({ subject: "CN=client-1", trusted: value });

t.test("over TLS the certificate is the one whose key the client holds", async (t) => {
  const ago = (days: number) => after(systemClock, -days * 24 * 60 * 60);
  const subject = [["CN", "client-1"]] as const;
  const middle = CA.issue({ subject: [["CN", "A middle"]], authority: true });
  const chained = middle.issue({ subject });
  const spoofed = CLIENT.issue({ subject });
  const cases: readonly (readonly [name: string, options: RequestOptions, withCa: object, withoutCa: object])[] = [
    ["none", {}, NONE, NONE],
    ["one of the authority", identity(CLIENT), trusted(true), trusted(false)],
    ["one made by the client itself", identity(OWN), trusted(false), trusted(false)],
    ["one of another authority", identity(makeCa("Another").issue({ subject })), trusted(false), trusted(false)],
    ["one that has expired", identity(CA.issue({ subject, from: ago(2), to: ago(1) })), trusted(false), trusted(false)],
    ["one of tomorrow", identity(CA.issue({ subject, from: ago(-1), to: ago(-2) })), trusted(false), trusted(false)],
    ["one with its chain", { cert: chained.cert + middle.cert, key: chained.key }, trusted(true), trusted(false)],
    ["one that lacks its chain", identity(chained), trusted(false), trusted(false)],
    [
      "MT-02 one issued by a client",
      { cert: spoofed.cert + CLIENT.cert, key: spoofed.key },
      trusted(false),
      trusted(false),
    ],
  ];
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    for (const ca of [CA.cert, undefined]) {
      await t.test(`${maxVersion} shows each certificate ${ca ? "with" : "without"} TLS_CLIENT_CA`, async (t) => {
        const url = await startSite(t, ca === undefined ? {} : { ca });
        for (const [name, options, withCa, withoutCa] of cases) {
          t.match(await show(url, { ...options, maxVersion }), ca ? withCa : withoutCa, name);
        }
      });
    }
  }

  t.test("a certificate of another authority with the same name is not trusted", async (t) => {
    const url = await startSite(t, { ca: CA.cert });
    const impostor = identity(makeCa("An authority").issue({ subject }));
    // OpenSSL leaves the wrong signature behind as an error, which may end the connection before it is answered.
    t.notMatch(await show(url, impostor).catch(() => NONE), { trusted: true });
  });

  t.test("a resumed TLS session has the certificate of its first handshake", async (t) => {
    const url = await startSite(t, { ca: CA.cert });
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const clients = [
        [{ ...identity(CLIENT) }, trusted(true)],
        [{ ...identity(OWN) }, trusted(false)],
        [{}, NONE],
      ] as const;
      for (const [credentials, expected] of clients) {
        const agent = new Agent({ maxCachedSessions: 1, keepAlive: false });
        const first = await show(url, { ...credentials, maxVersion, agent });
        const second = await show(url, { ...credentials, maxVersion, agent });
        t.match(first, { ...expected, resumed: false });
        t.match(second, { ...expected, resumed: true });
      }
    }
  });

  t.test("TLS versions before 1.2 are refused", async (t) => {
    const url = await startSite(t);
    const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
    await t.rejects(show(url, old), /alert protocol version/);
  });
});

const base64 = CLIENT.der.toString("base64");
const rfc9440 = `:${base64}:`;
const FORWARDED = trusted(true);

/** What the headers say where the peer is trusted. */
const HEADERS: readonly (readonly [
  name: string,
  headers: Record<string, string | string[]>,
  expected: object | number,
])[] = [
  ["RFC 9440", { "Client-Cert": rfc9440 }, FORWARDED],
  ["Azure's", { "X-ARR-ClientCert": base64 }, FORWARDED],
  ["none", {}, NONE],
  ["both", { "Client-Cert": rfc9440, "X-ARR-ClientCert": base64 }, NONE],
  ["repeated", { "Client-Cert": [rfc9440, rfc9440] }, NONE],
  ["repeated, the other", { "X-ARR-ClientCert": [base64, base64] }, NONE],
  ["a list", { "Client-Cert": `${rfc9440}, ${rfc9440}` }, NONE],
  ["with a parameter", { "Client-Cert": `${rfc9440};a=b` }, NONE],
  ["without colons", { "Client-Cert": base64 }, NONE],
  ["with colons, the other", { "X-ARR-ClientCert": rfc9440 }, NONE],
  ["a string", { "Client-Cert": `"${base64}"` }, NONE],
  ["empty", { "Client-Cert": "" }, NONE],
  ["empty bytes", { "Client-Cert": "::" }, NONE],
  ["base64url", { "Client-Cert": `:${CLIENT.der.toString("base64url")}:` }, NONE],
  ["without its padding", { "Client-Cert": `:${base64.slice(0, -2)}:` }, NONE],
  [
    "with bits behind its end",
    { "Client-Cert": `:${base64.slice(0, -3)}${base64.at(-3) === "B" ? "C" : "B"}==:` },
    NONE,
  ],
  ["with a space inside", { "Client-Cert": `:${base64.slice(0, 64)} ${base64.slice(64)}:` }, NONE],
  ["cut short", { "Client-Cert": `:${base64.slice(0, -8)}:` }, NONE],
  [
    "with more behind it",
    { "Client-Cert": `:${Buffer.concat([CLIENT.der, Buffer.alloc(3)]).toString("base64")}:` },
    NONE,
  ],
  ["PEM", { "Client-Cert": `:${Buffer.from(CLIENT.cert).toString("base64")}:` }, NONE],
  ["escaped PEM", { "X-ARR-ClientCert": encodeURIComponent(CLIENT.cert) }, NONE],
  ["no certificate", { "Client-Cert": ":YWJj:" }, NONE],
  ["of more than 16 KiB", { "Client-Cert": `:${"A".repeat(20_000)}:` }, 431],
  [
    "MT-01 under other names",
    { "X-Client-Cert": rfc9440, "X-SSL-Client-Cert": base64, Client_Cert: rfc9440, "Client-Cert-Chain": rfc9440 },
    NONE,
  ],
];

t.test("behind a trusted proxy the certificate comes from the proxy's header", async (t) => {
  const url = await startSite(t, { tls: false, proxies: ["127.0.0.0/8"] });
  for (const [name, headers, expected] of HEADERS) t.match(await show(url, { headers }), expected, name);

  t.test("the proxy's own certificate never counts as the client's", async (t) => {
    const secure = await startSite(t, { ca: CA.cert, proxies: ["127.0.0.1"] });
    t.match(await show(secure, identity(CLIENT)), NONE);
    t.match(
      await show(secure, {
        ...identity(CA.issue({ subject: [["CN", "proxy"]] })),
        headers: { "Client-Cert": rfc9440 },
      }),
      FORWARDED,
    );
  });

  t.test("only the certificate headers that the dialect names are read", async (t) => {
    const standard = await startSite(t, { tls: false, proxies: ["127.0.0.1"], headers: ["client-cert"] });
    t.match(await show(standard, { headers: { "X-ARR-ClientCert": base64 } }), NONE);
    t.match(await show(standard, { headers: { "X-ARR-ClientCert": "x", "Client-Cert": rfc9440 } }), FORWARDED);
  });

  t.test("a trusted proxy is recognised by its IPv4-mapped address", async (t) => {
    const dual = await startSite(t, { tls: false, proxies: ["127.0.0.1"], host: "::" });
    t.match(await show(dual.replace("[::]", "127.0.0.1"), { headers: { "Client-Cert": rfc9440 } }), FORWARDED);
    t.match(await show(dual.replace("[::]", "[::1]"), { headers: { "Client-Cert": rfc9440 } }), NONE);
  });
});

t.test("MT-01 certificate headers of an untrusted peer are ignored", async (t) => {
  for (const proxies of [[], ["192.0.2.0/24", "::1"]]) {
    const url = await startSite(t, { tls: false, proxies });
    const secure = await startSite(t, { ca: CA.cert, proxies });
    for (const [name, headers] of HEADERS.filter(([, , expected]) => expected !== 431)) {
      t.match(await show(url, { headers }), NONE, name);
      t.match(await show(secure, { headers }), NONE, name);
      t.match(await show(secure, { ...identity(OWN), headers }), trusted(false), name);
    }
  }
});

t.test("a list of proxies trusts exactly the addresses of its ranges", async (t) => {
  const trusts = trustedProxies(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::1"]);
  for (const address of [
    "10.1.2.3",
    "::ffff:10.1.2.3",
    "192.0.2.7",
    "2001:db8:1::1",
    "2001:DB8::",
    "::1",
    "10.1.2.3:4711",
    "[::1]:4711",
  ]) {
    t.ok(trusts(address), address);
  }
  for (const address of ["11.0.0.1", "192.0.2.8", "::ffff:192.0.2.8", "2001:db9::", "::2", "127.0.0.1", "", "proxy"]) {
    t.notOk(trusts(address), address);
  }
  t.notOk(trustedProxies([])("127.0.0.1"));
});

t.test("an unreadable TLS_CLIENT_CA ends the start with one line", async (t) => {
  const cases: readonly (readonly [ca: string, message: RegExp])[] = [
    ["", /^TLS_CLIENT_CA cannot be used: it holds no certificate in PEM$/],
    ["no certificate", /^TLS_CLIENT_CA cannot be used: it holds no certificate in PEM$/],
    [CA.key, /^TLS_CLIENT_CA cannot be used: it holds no certificate in PEM$/],
    [CA.cert.replace(/\n.{64}\n/, "\n"), /^TLS_CLIENT_CA cannot be used: .+$/],
    [CA.cert + CA.cert.replace(/\n.{64}\n/, "\n"), /^TLS_CLIENT_CA cannot be used: .+$/],
  ];
  for (const [ca, message] of cases) {
    const failure: unknown = await startSite(t, { ca }).catch((error: unknown) => error);
    t.type(failure, OperatorError);
    t.match((failure as Error).message, message);
  }
  const two = await startSite(t, { ca: makeCa("Another").cert + CA.cert });
  t.match(await show(two, identity(CLIENT)), trusted(true), "a file may hold several");
});
