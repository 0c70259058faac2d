import { createHash } from "node:crypto";
import { once } from "node:events";
import { request as requestHttps } from "node:https";
import { connect as connectTcp } from "node:net";
import { text } from "node:stream/consumers";
import { connect } from "node:tls";
import * as oauth from "oauth4webapi";
import t, { type Test } from "tap";
import { systemClock } from "../../src/clock.js";
import { openListener } from "../../src/http/listener.js";
import { JWT_BEARER } from "../support/assertions.js";
import { makeCa, selfSigned, type TestCertificate } from "../support/certificate.js";
import { after } from "../support/clock.js";
import { SECRET } from "../support/fleet.js";
import { ownFolder } from "../support/own-folder.js";
import { DIALECTS, STANDARD } from "../support/paths.js";
import { basic, startInstance, type Form } from "../support/instance.js";

/** Clients that authenticate by certificate (RFC 8705): rows MT-01 and MT-02 and message #11, with real handshakes. */

const ISSUER = "https://issuer.example";
const REFUSED = "the client cannot be authenticated with TLS";
/** Seconds. */
const HOUR = 60 * 60;

const SERVER = selfSigned("localhost");
const CA = makeCa("An authority");
const OTHER_CA = makeCa("Another authority");
const subject = [
  ["C", "DE"],
  ["O", "Example, Inc."],
  ["CN", "billing"],
] as const;
const BILLING = CA.issue({
  subject: [...subject],
  san: [{ dns: "billing.example" }, { uri: "spiffe://example/billing" }],
});
const PINNED = selfSigned("pinned");
const IN_JWKS = selfSigned("in jwks");
const STRANGE = selfSigned("pinned");

const service = { grant_types: ["client_credentials", "refresh_token", "password"], scope: "openid api1" };
const byAuthority = { ...service, token_endpoint_auth_method: "tls_client_auth" };
const byItself = { ...service, token_endpoint_auth_method: "self_signed_tls_client_auth" };
const hex = (certificate: TestCertificate) =>
  Buffer.from(thumbprint(certificate), "base64url")
    .toString("hex")
    .toUpperCase()
    .replace(/..(?!$)/g, "$&:");

const CLIENTS = [
  { ...byAuthority, client_id: "dn", tls_client_auth_subject_dn: "CN=billing,O=Example\\, Inc.,C=DE" },
  { ...byAuthority, client_id: "dns", tls_client_auth_san_dns: "billing.example" },
  { ...byAuthority, client_id: "uri", tls_client_auth_san_uri: "spiffe://example/billing" },
  { ...byAuthority, client_id: "both", tls_client_auth_san_dns: "billing.example", tls_client_auth_san_uri: "x:other" },
  { ...byAuthority, client_id: "thumbprint", tls_client_certificate_thumbprint: hex(BILLING) },
  { ...byAuthority, client_id: "nothing" },
  { ...byItself, client_id: "pinned", tls_client_certificate_thumbprint: hex(PINNED) },
  {
    ...byItself,
    client_id: "in-jwks",
    jwks: { keys: [{ kty: "EC", crv: "P-256", x: "x", y: "y", x5c: [IN_JWKS.der.toString("base64")] }] },
  },
  {
    ...byItself,
    client_id: "in-jwks-by-thumbprint",
    jwks: { keys: [{ kty: "EC", crv: "P-256", x: "x", y: "y", "x5t#S256": thumbprint(IN_JWKS) }] },
  },
  { ...byItself, client_id: "certless" },
  { client_id: "backend", client_secret: SECRET, grant_types: ["client_credentials"], scope: "api1 jeton:introspect" },
];

function thumbprint({ der }: TestCertificate): string {
  return createHash("sha256").update(der).digest("base64url");
}

const ALICE = { sub: "user-alice", preferred_username: "alice", password: "correct horse battery staple" };
const provision = { clients: CLIENTS, users: [ALICE] };

/** A request to a server, and its sender. */
interface Asking {
  readonly certificate?: TestCertificate;
  readonly headers?: Record<string, string>;
  readonly chain?: readonly TestCertificate[];
}

interface Answer {
  readonly status: number;
  readonly json: any;
}

/** The certificate of a TLS client. */
function ownOf(certificate: TestCertificate, chain: readonly TestCertificate[] = []) {
  return { cert: [certificate, ...chain].map(({ cert }) => cert).join(""), key: certificate.key };
}

async function ask(url: string, form: Form, { certificate, chain = [], headers = {} }: Asking = {}): Promise<Answer> {
  const own = certificate && ownOf(certificate, chain);
  return new Promise((resolve, reject) => {
    const request = requestHttps(
      url,
      {
        method: "POST",
        agent: false,
        ca: SERVER.cert,
        servername: "localhost",
        checkServerIdentity: () => undefined,
        headers: { "Content-Type": "application/x-www-form-urlencoded", ...headers },
        ...own,
      },
      async (response) => {
        const body = await text(response);
        resolve({ status: response.statusCode!, json: body === "" ? undefined : JSON.parse(body) });
      },
    );
    request.on("error", reject);
    request.end(new URLSearchParams(form as Record<string, string>).toString());
  });
}

const folder = ownFolder(t, { "cert.pem": SERVER.cert, "key.pem": SERVER.key, "ca.pem": CA.cert });
const TLS = {
  ISSUER,
  TLS_CERT: `${folder}/cert.pem`,
  TLS_KEY: `${folder}/key.pem`,
  TLS_CLIENT_CA: `${folder}/ca.pem`,
};

const server = await startInstance(t, { provision, env: TLS });

const grant = (client_id: string): Form => ({ grant_type: "client_credentials", client_id, scope: "api1" });

t.test("a client is identified by its certificate alone", async (t) => {
  const rows: readonly (readonly [id: string, name: string, client: string, asking: Asking, known: boolean])[] = [
    ["RFC 8705 2.1.2", "its subject", "dn", { certificate: BILLING }, true],
    ["RFC 8705 2.1.2", "its DNS name", "dns", { certificate: BILLING }, true],
    ["RFC 8705 2.1.2", "its URI", "uri", { certificate: BILLING }, true],
    ["#11", "its thumbprint", "thumbprint", { certificate: BILLING }, true],
    ["#11", "one of two values", "both", { certificate: BILLING }, false],
    ["#11", "no value registered", "nothing", { certificate: BILLING }, false],
    ["#11", "no certificate", "dn", {}, false],
    ["CA-06", "a secret instead", "dn", { headers: basic("dn", SECRET) }, false],
    ["CA-06", "its name beside it", "dn", { certificate: BILLING, headers: basic("dn", "") }, true],
    ["MT-02", "another subject", "dn", { certificate: CA.issue({ subject: [["CN", "billing"]] }) }, false],
    [
      "MT-02",
      "a name that reads like it",
      "dn",
      { certificate: CA.issue({ subject: [["CN", "billing,O=Example\\, Inc.,C=DE"]] }) },
      false,
    ],
    [
      "MT-02",
      "a DNS name in its common name",
      "dns",
      { certificate: CA.issue({ subject: [["CN", "billing.example"]] }) },
      false,
    ],
    [
      "MT-02",
      "the same names of another authority",
      "dn",
      { certificate: OTHER_CA.issue({ subject: [...subject] }), chain: [OTHER_CA] },
      false,
    ],
    [
      "MT-02",
      "an authority in the middle that is none",
      "dn",
      { certificate: BILLING.issue({ subject: [...subject] }), chain: [BILLING] },
      false,
    ],
    [
      "MT-02",
      "expired",
      "dn",
      {
        certificate: CA.issue({
          subject: [...subject],
          from: after(systemClock, -48 * HOUR),
          to: after(systemClock, -HOUR),
        }),
      },
      false,
    ],
    ["RFC 8705 2.2", "registered by its thumbprint", "pinned", { certificate: PINNED }, true],
    ["RFC 8705 2.2", "registered in its key set", "in-jwks", { certificate: IN_JWKS }, true],
    ["RFC 7517 4.9", "registered there by thumbprint", "in-jwks-by-thumbprint", { certificate: IN_JWKS }, true],
    ["MT-02", "one with the same name", "pinned", { certificate: STRANGE }, false],
    ["MT-02", "another client's", "in-jwks", { certificate: PINNED }, false],
    ["#11", "none at all", "pinned", {}, false],
    ["#11", "none registered", "certless", { certificate: PINNED }, false],
    ["MT-02", "a good chain where another certificate is registered", "pinned", { certificate: BILLING }, false],
    [
      "MT-01",
      "a header from outside",
      "pinned",
      { headers: { "Client-Cert": `:${PINNED.der.toString("base64")}:` } },
      false,
    ],
    [
      "MT-01",
      "the other header from outside",
      "pinned",
      { headers: { "X-ARR-ClientCert": PINNED.der.toString("base64") } },
      false,
    ],
  ];
  for (const [id, name, client_id, asking, known] of rows) {
    for (const paths of DIALECTS) {
      const reply = await ask(`${server.url}${paths.token}`, grant(client_id), asking);
      const what = `${id} ${name}: ${paths.name}`;
      if (known) t.equal(reply.status, 200, what);
      else {
        t.equal(reply.json.error_description, REFUSED, what);
        t.equal(reply.status, paths === STANDARD ? 401 : 400, what);
      }
    }
  }
});

t.test("CA-06 a certificate beside another method is refused", async (t) => {
  const assertion = { client_assertion_type: JWT_BEARER, client_assertion: "a.b.c" };
  for (const [client_id, certificate] of [
    ["dn", BILLING],
    ["pinned", PINNED],
  ] as const) {
    const asked = [
      await ask(`${server.url}/oauth2/token`, grant(client_id), { certificate, headers: basic(client_id, SECRET) }),
      await ask(`${server.url}/oauth2/token`, { ...grant(client_id), client_secret: SECRET }, { certificate }),
      await ask(`${server.url}/oauth2/token`, { ...grant(client_id), ...assertion }, { certificate }),
    ];
    for (const { status, json } of asked) {
      t.equal(json.error_description, "more than one client authentication method was used");
      t.equal(status, 400);
    }
  }
});

t.test("MT-02 a connection keeps its certificate: a second handshake is refused", async (t) => {
  const { hostname: host, port } = new URL(server.url);
  const insider = CA.issue({ subject: [["CN", "insider"]] });
  const to = { host, port: Number(port), rejectUnauthorized: false };
  const socket = connect({ ...to, maxVersion: "TLSv1.2", ...ownOf(insider) });
  t.teardown(() => socket.destroy());
  await once(socket, "secureConnect");
  const error = await new Promise<Error | null>((resolve) => {
    socket.once("error", resolve);
    socket.renegotiate({}, resolve);
  });
  t.match(error, { code: "ERR_SSL_NO_RENEGOTIATION" });
});

t.test("a server stops despite an unfinished handshake", async (t) => {
  const [cert, key] = [TLS.TLS_CERT, TLS.TLS_KEY];
  const listener = await openListener({ host: "127.0.0.1", port: 0, tls: { cert, key } });
  const socket = connectTcp(listener.port, "127.0.0.1");
  await once(socket, "connect");
  const cut = once(socket, "close");
  await t.resolves(listener.drain(50));
  await cut;
});

t.test("its tokens are bound to the certificate, and introspection shows it", async (t) => {
  const cnf = { "x5t#S256": thumbprint(PINNED) };
  const mine = { certificate: PINNED };
  for (const paths of DIALECTS) {
    const { access_token } = (await ask(server.url + paths.token, grant("pinned"), mine)).json;
    const form = { client_id: "pinned", token: access_token };
    t.match((await ask(server.url + paths.introspect, form, mine)).json, { active: true, cnf });
    const other = await ask(
      server.url + paths.introspect,
      { token: access_token },
      { headers: basic("backend", SECRET) },
    );
    t.match(other.json, { active: true, cnf }, "and so is a resource server");
    const stranger = { certificate: STRANGE };
    t.equal((await ask(server.url + paths.revoke, form, stranger)).json.error_description, REFUSED, "revoke asks too");
    t.equal((await ask(server.url + paths.revoke, form, mine)).status, 200);
    t.not((await ask(server.url + paths.introspect, form, mine)).json.active, true);
  }
  const backend = await ask(server.url + STANDARD.token, grant("backend"), {
    headers: basic("backend", SECRET),
    ...mine,
  });
  const { json } = await ask(
    server.url + STANDARD.introspect,
    { token: backend.json.access_token },
    { headers: basic("backend", SECRET) },
  );
  t.notOk("cnf" in json, "a client of another method gets unbound ones, with any certificate");
});

t.test("userinfo requires the certificate of the token", async (t) => {
  const login = {
    grant_type: "password",
    client_id: "pinned",
    scope: "openid",
    username: "alice",
    password: ALICE.password,
  };
  const { access_token, refresh_token } = (await ask(`${server.url}/oauth2/token`, login, { certificate: PINNED }))
    .json;
  const about = (asking: Asking) =>
    ask(`${server.url}/oauth2/userinfo`, {}, { ...asking, headers: { Authorization: `Bearer ${access_token}` } });
  t.match(await about({ certificate: PINNED }), { status: 200, json: { sub: "user-alice" } });
  t.match(await about({ certificate: STRANGE }), { status: 401, json: { error: "invalid_token" } });
  t.match(await about({}), { status: 401, json: { error: "invalid_token" } });

  const refresh = { grant_type: "refresh_token", client_id: "pinned", refresh_token };
  t.equal((await ask(`${server.url}/oauth2/token`, refresh)).json.error_description, REFUSED, "RF-17");
  t.equal((await ask(`${server.url}/oauth2/token`, refresh, { certificate: PINNED })).status, 200);
});

t.test("a trusted proxy forwards the certificate in the headers of its dialect", async (t) => {
  const der = PINNED.der.toString("base64");
  const standard = { "Client-Cert": `:${der}:` };
  const azure = { "X-ARR-ClientCert": der };
  const rows: readonly (readonly [name: string, path: string, headers: Record<string, string>, status: number])[] = [
    ["RFC 9440", "/oauth2/token", standard, 200],
    ["RFC 9440 in the other dialect", "/token", standard, 200],
    ["X-ARR-ClientCert", "/token", azure, 200],
    ["X-ARR-ClientCert where it is unknown", "/oauth2/token", azure, 401],
    ["both, which may differ", "/token", { ...standard, ...azure }, 400],
    ["another certificate", "/oauth2/token", { "Client-Cert": `:${STRANGE.der.toString("base64")}:` }, 401],
    ["no certificate", "/oauth2/token", { "Client-Cert": "::" }, 401],
    [
      "MT-01 another name",
      "/oauth2/token",
      { "X-Client-Cert": `:${der}:`, "X-SSL-Client-Cert": der, Client_Cert: der },
      401,
    ],
  ];
  const behind = await startInstance(t, { provision, env: { ISSUER, TRUST_PROXY: "127.0.0.0/8" } });
  const open = await startInstance(t, { database: behind.database, env: { ISSUER } });
  for (const [name, path, headers, status] of rows) {
    t.equal((await behind.post(path, grant("pinned"), headers)).status, status, name);
    const refused = await open.post(path, grant("pinned"), headers);
    t.equal(refused.json.error_description, REFUSED, `${name}, from anybody`);
  }
});

t.test("oauth4webapi authenticates by certificate", async (t: Test) => {
  const as: oauth.AuthorizationServer = { issuer: ISSUER, token_endpoint: `${server.url}/oauth2/token` };
  const client = { client_id: "dn" };
  const overTls = async (
    url: string,
    { body, headers }: { body: URLSearchParams; headers: Record<string, string> },
  ) => {
    const { status, json } = await ask(url, Object.fromEntries(body), { certificate: BILLING, headers });
    return new Response(JSON.stringify(json), { status, headers: { "Content-Type": "application/json" } });
  };
  const response = await oauth.clientCredentialsGrantRequest(as, client, oauth.TlsClientAuth(), new URLSearchParams(), {
    [oauth.customFetch]: overTls,
  });
  t.match(await oauth.processClientCredentialsResponse(as, client, response), { token_type: "bearer" });
});
