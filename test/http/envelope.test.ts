import { connect } from "node:net";
import t, { type Test } from "tap";
import { openListener } from "../../src/http/listener.js";
import { canonicalTarget, pathForLog } from "../../src/http/target.js";
import { deviceEntry, NEW_KEYS } from "../support/devices.js";
import { ALICE, SECRET } from "../support/fleet.js";
import { basic, startInstance } from "../support/instance.js";
import { converse, type RawReply } from "../support/raw.js";
import { APP, VENDORS } from "../support/vendors.js";

/** What is wrong with a request before its path means anything: refused by the catalogue, in the shape of its path, on record. */

/** One path of each shape that a refusal has, and the members of that shape. */
const PATHS: readonly (readonly [path: string, dialect: string, members: readonly string[]])[] = [
  ["/oauth2/token", "oauth2", ["error", "error_description"]],
  ["/oauth2/introspect", "oauth2", ["error", "error_description"]],
  ["/nowhere", "oauth2", ["error", "error_description"]],
  ["/token", "simple-identity-server", ["error", "error_description", "error_uri"]],
  ["/rs/resource_set", "simple-identity-server", ["error", "error_description", "error_uri"]],
  ["/as/token", "iothentix", ["error", "error_uri", "error_description"]],
  ["/idp/nothing", "iothentix", ["error", "error_uri", "error_description"]],
  ["/api/id/v1/auth/token", "screening-eagle", ["error", "errorDescription"]],
  ["/api/oauth2/token", "kii", ["errorCode", "error_description", "error"]],
  [`/api/apps/${APP.app_id}/users`, "kii", ["errorCode", "message"]],
];

const provision = { ...VENDORS, devices: [deviceEntry("test.device.01", NEW_KEYS.ES256())] };
const server = await startInstance(t, { provision });

const BODY = "grant_type=client_credentials";
/** It is answered late, because a password is hashed. */
const LOGIN = new URLSearchParams({ grant_type: "password", client_id: "mobile", ...ALICE }).toString();
const FORM = "Content-Type: application/x-www-form-urlencoded";

interface Fault {
  readonly name: string;
  readonly bytes: (path: string) => string;
  readonly status: number;
  readonly code: string;
  /** What stands behind the path: then it is a path of the dialect's territory, and no endpoint of it. */
  readonly behind?: string;
  /** Whether the path is known, so that the refusal is worded in its dialect. */
  readonly isPathKnown?: boolean;
}

/** A request that is good but for some of its lines. */
function lines(
  path: string,
  { method = "POST", version = "HTTP/1.1", host = ["Host: x"], more = [""], body = BODY } = {},
): string {
  const length = more.some((line) => line.startsWith("Transfer-Encoding")) ? [] : [`Content-Length: ${body.length}`];
  const head = [`${method} ${path} ${version}`, ...host, "Connection: close", FORM, ...length, ...more.filter(Boolean)];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}

const malformed = { status: 400, code: "http_malformed" };
const host = (name: string, ...values: string[]): Fault => ({
  name,
  bytes: (path) => lines(path, { host: values.map((value) => `Host: ${value}`) }),
  ...malformed,
});
const http = (name: string, version: string, ...values: string[]): Fault => ({
  name,
  bytes: (path) => lines(path, { version, host: values }),
  ...malformed,
});
const header = (name: string, line: string, expect: { status: number; code: string }, body = BODY): Fault => ({
  name,
  bytes: (path) => lines(path, { more: [line], body }),
  ...expect,
});
const target = (name: string, of: (path: string) => string, more: Partial<Fault> = {}): Fault => ({
  name,
  bytes: (path) => lines(of(path)),
  ...malformed,
  ...more,
});

const CHUNKED = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`;
const UNMET = { status: 417, code: "expectation_unsupported" };
const NO_CODING = { status: 501, code: "transfer_coding_unsupported" };

const FAULTS: readonly Fault[] = [
  host("no Host"),
  host("two Hosts", "x", "x"),
  host("two Hosts that differ", "a.example", "b.example"),
  host("an empty Host", ""),
  ...["a b", "a/b", "user@a", "user:pass@a", "a:b", "a:99999", "a:80:80", "a,b c", "http://a", "%zz"].map((value) =>
    host(`Host: ${value}`, value),
  ),
  ...["[::1", "[zz]", "[::g]", "[::1]x", "a[::1]"].map((value) => host(`Host: ${value}`, value)),
  {
    name: "a second Host behind 2,100 other fields",
    bytes: (path) => lines(path, { more: [...Array.from({ length: 2_100 }, () => "a:"), "Host: y"] }),
    ...malformed,
  },
  http("two Hosts in HTTP/1.0", "HTTP/1.0", "Host: x", "Host: y"),
  http("an invalid Host in HTTP/1.0", "HTTP/1.0", "Host: a b"),
  http("HTTP/2.0 in the words of 1.1", "HTTP/2.0", "Host: x"),
  http("a version there is not", "HTTP/1.2", "Host: x"),
  header("Expect: x", "Expect: x", UNMET),
  header("Expect: 200-ok", "Expect: 200-ok", UNMET),
  header("Expect: 100-continue, x", "Expect: 100-continue, x", UNMET),
  header("an empty Expect", "Expect: ,", UNMET),
  header("gzip, chunked", "Transfer-Encoding: gzip, chunked", NO_CODING, CHUNKED),
  header("a coding there is not", "Transfer-Encoding: x, chunked", NO_CODING, CHUNKED),
  header("chunked twice", "Transfer-Encoding: chunked, chunked", malformed, CHUNKED),
  header("a coding that ends nowhere", "Transfer-Encoding: gzip", malformed),
  header("a space before the colon", "X-A : 1", malformed),
  header("a folded field", "X-A: 1\r\n folded", malformed),
  header("a NUL in a field", "X-A: a\0b", malformed),
  header("two lengths", "Content-Length: 5", malformed),
  header("fields of 17 KiB", `X-A: ${"a".repeat(17 * 1024)}`, { status: 431, code: "http_headers_too_large" }),
  {
    name: "chunks in HTTP/1.0",
    bytes: (path) => lines(path, { version: "HTTP/1.0", more: ["Transfer-Encoding: chunked"], body: CHUNKED }),
    ...malformed,
  },
  header("a chunk size that is no number", "Transfer-Encoding: chunked", malformed, `zz\r\n${BODY}\r\n0\r\n\r\n`),
  { name: "a method there is not", bytes: (path) => lines(path, { method: "FOO" }), ...malformed },
  { name: "a method in small letters", bytes: (path) => lines(path, { method: "post" }), ...malformed },
  target("a fragment", (path) => `${path}#x`),
  target("a percent sign without digits", (path) => `${path}/%zz`, { behind: "/*" }),
  target("an overlong encoding", (path) => `${path}/%C0%AE`, { behind: "/*" }),
  target("a user in the absolute-form", (path) => `http://user:pass@x${path}`),
  target("no host in the absolute-form", (path) => `http://${path}`),
  target("no slash", (path) => path.slice(1), { isPathKnown: false }),
  target("an asterisk with POST", () => "*", { isPathKnown: false }),
];

async function check(t: Test, fault: Fault, path: (typeof PATHS)[number]) {
  const { name, bytes, status, code, behind = "", isPathKnown = true } = fault;
  const [, dialect, ofPath] = isPathKnown ? path : ["", "oauth2", ["error", "error_description"]];
  const members = dialect === "kii" && behind !== "" ? ["errorCode", "message"] : ofPath;
  const before = server.log.length;
  const reply = await converse(server.url, Buffer.from(bytes(path[0]), "latin1"));
  t.equal(reply.status, status, `${name} at ${path[0]}: ${reply.text}`);
  t.strictSame(Object.keys(reply.json ?? {}), members, `${name} at ${path[0]}`);
  isSecured(t, reply);
  t.equal(server.log.length, before + 1, "one line");
  const line = server.log[before] ?? {};
  t.match(line, { type: "decision", outcome: "refused", refused_with: code, dialect, status, peer_ip: "127.0.0.1" });
  t.equal(line.decision_id, reply.headers["x-request-id"]);
  if (isPathKnown && line.endpoint === undefined) t.equal(line.path, path[0] + behind);
}

function isSecured(t: Test, { headers }: RawReply): void {
  t.match(headers["content-type"], /^application\/json;\s?charset=utf-8$/i);
  t.match(headers, {
    "x-content-type-options": "nosniff",
    "cache-control": /no-store/,
    "referrer-policy": "no-referrer",
    "content-security-policy": /default-src 'none'/,
    "x-request-id": /^[0-9a-f-]{36}$/,
  });
}

t.test("a malformed request is refused in the shape of its path, with every header and one line", async (t) => {
  for (const fault of FAULTS) {
    await t.test(fault.name, async (t) => {
      for (const path of PATHS) await check(t, fault, path);
    });
  }
});

t.test("valid HTTP is accepted", async (t) => {
  const good = (more: Parameters<typeof lines>[1]) => converse(server.url, lines("/oauth2/token", more));
  const answered = (reply: RawReply) => t.equal(reply.json?.error, "invalid_client", reply.text);
  const HOSTS = ["x", "X.example:8080", "a_b.example", "127.0.0.1:80", "[::1]:443", "[2001:db8::1]", "a.example:"];
  for (const value of HOSTS) {
    answered(await good({ host: [`Host: ${value}`] }));
  }
  answered(await good({ version: "HTTP/1.0", host: [] }));
  answered(await good({ version: "HTTP/1.0", more: ["Expect: x"] }));
  answered(await good({ more: ["Connection: Upgrade", "Upgrade: websocket"] }));
  answered(await good({ more: ["Transfer-Encoding: Chunked"], body: CHUNKED }));
  const trailed = `${CHUNKED.slice(0, -2)}Authorization: Basic eA==\r\nHost: y\r\n\r\n`;
  answered(await good({ more: ["Transfer-Encoding: chunked"], body: trailed }));
  for (const expectation of ["100-continue", "100-Continue", "100-continue, 100-continue"]) {
    const { status, text } = await good({ more: [`Expect: ${expectation}`] });
    t.equal(status, 100);
    t.match(text, /^HTTP\/1\.1 401 [\s\S]*invalid_client/);
  }
});

t.test("CONNECT is answered, and is no tunnel", async (t) => {
  const before = server.log.length;
  const reply = await converse(server.url, "CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n");
  t.equal(reply.status, 405);
  t.equal(reply.headers.allow, "");
  isSecured(t, reply);
  t.match(server.log[before], { refused_with: "method_not_allowed", status: 405 });
});

t.test("the preface of HTTP/2, and what is no HTTP at all", async (t) => {
  for (const bytes of ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x16\x03\x01\x02\x00\x01\r\n\r\n", "hello\r\n\r\n"]) {
    const before = server.log.length;
    const reply = await converse(server.url, Buffer.from(bytes, "latin1"));
    t.equal(reply.status, 400);
    isSecured(t, reply);
    t.match(server.log[before], { refused_with: "http_malformed", reason: /^HPE_/ });
    t.notOk("path" in server.log[before]!, "no path was read");
  }
});

t.test("a connection without a byte is closed, and leaves no line", async (t) => {
  const before = server.log.length;
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
  socket.destroy();
  await converse(server.url, lines("/nowhere"));
  t.equal(server.log.length, before + 1);
});

t.test("a broken request behind a whole one takes nothing from its answer", async (t) => {
  const whole = lines("/oauth2/token").replace("Connection: close\r\n", "");
  const reply = await converse(server.url, `${whole}GET /token HTTP/1.1\r\nX : y\r\n\r\n`);
  t.equal(reply.status, 401);
  t.equal(reply.headers.connection, "close");
  t.equal(reply.text.split("HTTP/1.1").length, 1, "one answer");
});

t.test("every whole request before a broken one is answered, in any order of their being ready", async (t) => {
  const whole = (path: string, more: object) => lines(path, more).replace("Connection: close\r\n", "");
  const slow = whole("/oauth2/token", { body: LOGIN });
  const fast = whole("/nowhere", { method: "GET" });
  const BROKEN = [
    "FOO /token HTTP/1.1\r\n\r\n",
    lines("/token", { more: ["Transfer-Encoding: chunked"], body: "zz\r\n" }),
  ];
  for (const broken of BROKEN) {
    const statuses = async (...requests: readonly string[]) => {
      const { status, text } = await converse(server.url, requests.join("") + broken);
      return [status, ...[...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, one]) => Number(one))];
    };
    t.strictSame(await statuses(slow, fast), [200, 404]);
    t.strictSame(await statuses(fast, slow), [404, 200]);
    t.strictSame(await statuses(slow, slow, fast, fast), [200, 200, 404, 404]);
  }
});

t.test("pipelined requests whose client has left do not hold up the end of the server", async (t) => {
  const listener = await openListener({ host: "127.0.0.1", port: 0 });
  const answers: (() => unknown)[] = [];
  const arrived = new Promise<void>((resolve) => {
    listener.serve((_request, response) => {
      if (answers.push(() => response.end()) === 3) resolve();
    });
  });
  listener.ready();
  const { hostname, port } = new URL(listener.url);
  const socket = connect(Number(port), hostname, () => socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(3)));
  await arrived;
  answers[1]!();
  socket.destroy();
  await listener.drain();
  t.pass("it has ended");
});

t.test("a body that breaks off is on record once", async (t) => {
  const before = server.log.length;
  await converse(server.url, lines("/token", { more: ["Transfer-Encoding: chunked"], body: "zz\r\n" }));
  await converse(server.url, lines("/nowhere"));
  const codes = server.log.slice(before).map((line) => line.refused_with);
  t.strictSame(codes, ["http_malformed", "path_unknown"]);
});

t.test("an application that is not complete gets no request", async (t) => {
  const listener = await openListener({ host: "127.0.0.1", port: 0 });
  t.teardown(() => listener.drain());
  listener.serve((_request, response) => response.end("served"));
  t.equal((await converse(listener.url, lines("/token"))).status, 503);
  listener.ready();
  t.equal((await converse(listener.url, lines("/token"))).status, 200);
});

t.test("before there is an application, refusals are worded in the dialect of the path too", async (t) => {
  const listener = await openListener({ host: "127.0.0.1", port: 0 });
  t.teardown(() => listener.drain());
  const standard = await converse(listener.url, lines("/token"));
  t.equal(standard.status, 503);
  t.strictSame(Object.keys(standard.json), ["error", "error_description"], "until a dialect adds members");
  listener.refuseWith(({ status }, { target }) => ({ status, headers: {}, body: JSON.stringify({ target }) }));
  const escaped = await converse(listener.url, lines("http://x/%74oken"));
  t.strictSame([escaped.status, escaped.json], [503, { target: "/token" }]);
  const broken = await converse(listener.url, "FOO /token HTTP/1.1\r\n\r\n");
  t.strictSame([broken.status, broken.json], [400, { target: "/token" }]);
});

t.test("a path has one spelling before anything is compared with it", async (t) => {
  const spelling = {
    "/oauth2/%74oken": "/oauth2/token",
    "/%6F%61uth2/token?a=%74": "/oauth2/token?a=%74",
    "HTTP://x/token": "/token",
    "http://x?a=b": "/?a=b",
    "/a%2Fb/%2e%2E/%7Ex%5f%2d": "/a%2Fb/../~x_-",
    "/%41%5A%61%7a%30%39": "/AZaz09",
    "/%40%5B%60%7B%2F%3A%00%zz%": "/%40%5B%60%7B%2F%3A%00%zz%",
  };
  for (const [written, canonical] of Object.entries(spelling)) {
    t.equal(canonicalTarget(written), canonical);
    t.equal(canonicalTarget(canonical), canonical, "and it is the same the second time");
  }

  /** A path with one letter percent-encoded, of each place where it can be. */
  const respelt = (path: string) =>
    [...path].flatMap((letter, index) => {
      if (!/[A-Za-z0-9_.-]/.test(letter)) return [];
      const code = letter.charCodeAt(0).toString(16);
      return [path.slice(0, index) + `%${code}` + path.slice(index + 1)];
    });
  const ask = async (method: string, path: string, more: readonly string[] = []) => {
    const { status, headers, json } = await converse(server.url, lines(path, { method, more: [...more] }));
    const { allow, vary, ...others } = headers;
    const cors = Object.entries(others).filter(([name]) => name.startsWith("access-control"));
    return { status, allow, vary, cors, members: Object.keys(json ?? {}) };
  };
  for (const [path] of PATHS) {
    const spellings = respelt(path);
    const some = [spellings[0]!, spellings[Math.floor(spellings.length / 2)]!, spellings.at(-1)!];
    const PREFLIGHT = ["Origin: https://x.example", "Access-Control-Request-Method: POST"];
    for (const method of ["GET", "POST", "PUT", "OPTIONS"]) {
      const preflight = method === "OPTIONS" ? PREFLIGHT : [];
      const plain = await ask(method, path, preflight);
      for (const other of [...some, `http://evil.example${some[0]}`]) {
        t.strictSame(await ask(method, other, preflight), plain, `${method} ${other}`);
      }
    }
  }

  await t.test("a text that only looks like another spelling is another path", async (t) => {
    for (const path of ["/oauth2%2Ftoken", "/oauth2/token/", "//oauth2/token", "/OAUTH2/token", "/oauth2/token;x=y"]) {
      t.equal((await ask("POST", path)).status, 404, path);
    }
    const app = `/api/apps/${APP.app_id}`;
    for (const path of [`${app}%2fx/users`, "/api/apps/%00/users/me", "/uma/resources/%00", "/token/%EF%BF%BD"]) {
      for (const method of ["GET", "POST", "PUT", "DELETE"]) {
        const { status } = await ask(method, path);
        t.ok(status >= 400 && status < 500, `${method} ${path}: ${status}`);
      }
    }
  });
});

t.test("a log line about an unknown path has the path and the method", async (t) => {
  const lineOf = async (method: string, path: string) => {
    const before = server.log.length;
    await converse(server.url, lines(path, { method }));
    t.equal(server.log.length, before + 1);
    return server.log[before]!;
  };
  t.match(await lineOf("GET", "/nowhere/at/all?token=x"), { method: "GET", path: "/nowhere/at/all", status: 404 });
  t.match(await lineOf("PUT", "/oauth2/%74oken?x"), { method: "PUT", path: "/oauth2/token", status: 405 });
  t.match(await lineOf("GET", "/token"), { method: "GET", path: "/token", dialect: "simple-identity-server" });
  const resource = await lineOf("DELETE", `/uma/resources/${"A".repeat(22)}`);
  t.notOk("path" in resource, "where the route says it, it is not said twice");
  const bearer = basic("x", SECRET).Authorization.slice(6);
  t.match(await lineOf("GET", `/oauth2/token/${bearer}`), { path: "/oauth2/token/*" });
  t.equal(pathForLog(`/x/eyJhbGciOiJFUzI1NiJ9.e30.c2ln/${SECRET}9x?y`), "/x/*/*");
  t.equal(pathForLog("/a\u001b[31m/%0a%0d/é/v1/b.c"), "/*/*/*/v1/b.c");
  t.equal(pathForLog("/ab".repeat(1_000)).length, 200);
});
