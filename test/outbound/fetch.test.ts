import dns from "node:dns";
import { once } from "node:events";
import { createServer as createTlsServer } from "node:https";
import { syncBuiltinESMExports } from "node:module";
import type { AddressInfo } from "node:net";
import t, { type Test } from "tap";
import { fetchPublic } from "../../src/outbound/fetch.js";
import { selfSigned } from "../support/certificate.js";
import { failureOf, startRemote } from "../support/remote.js";

const LIMITS = { bytes: 1000, milliseconds: 5_000 };
const ANYWHERE = { allowPrivate: true };
const PUBLIC_ONLY = { allowPrivate: false };

/** Lets names resolve to chosen addresses, one list for each lookup, and says how many lookups there were. */
function resolveTo(t: Test, ...answers: readonly (readonly string[])[]): () => number {
  const { lookup } = dns;
  let asked = 0;
  const fake = (_name: string, _options: object, done: (error: null, addresses: dns.LookupAddress[]) => void) => {
    const addresses = answers[Math.min(asked, answers.length - 1)]!;
    asked += 1;
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
  };
  const use = (one: unknown) => {
    dns.lookup = one as typeof lookup;
    syncBuiltinESMExports();
  };
  use(fake);
  t.teardown(() => use(lookup));
  return () => asked;
}

t.test("fetchPublic returns the response unchanged and uses a new connection", async (t) => {
  const remote = await startRemote(t, (_request, response) => response.writeHead(404, { "X-Of": "it" }).end("gone"));
  const { status, headers, body } = await fetchPublic(`${remote.url}/a?b=c`, LIMITS, ANYWHERE);
  t.match({ status, body: body.toString() }, { status: 404, body: "gone" });
  t.equal(headers["x-of"], "it");
  const [request] = remote.requests;
  t.equal(request?.url, "/a?b=c");
  t.equal(request?.method, "GET");
  t.strictSame(Object.keys(request!.headers).sort(), ["accept", "connection", "host"]);
  t.match(request?.headers, { accept: "application/json", connection: "close" });
});

t.test("SS-01 a private address is refused in every notation", async (t) => {
  const remote = await startRemote(t, (_request, response) => response.end("{}"));
  const { port } = new URL(remote.url);
  const hosts = [
    ...["127.0.0.1", "127.0.0.1.", "127.1", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "0", "0.0.0.0"],
    ...["localhost", "LOCALHOST", "%31%32%37.0.0.1", "１２７.0.0.1", "127。0。0。1"],
    ...["[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]"],
    ...["169.254.169.254", "10.0.0.1", "192.168.0.1", "172.16.0.1", "100.64.0.1", "[fe80::1]", "[fc00::1]"],
  ];
  for (const host of hosts) {
    t.equal(
      await failureOf(fetchPublic(`https://${host}:${port}/`, LIMITS, PUBLIC_ONLY)),
      "the host's address may not be reached this way",
      host,
    );
  }
  t.strictSame(remote.requests, []);
});

t.test("a URL that is not https or has credentials is refused before any request", async (t) => {
  const remote = await startRemote(t, (_request, response) => response.end("{}"));
  const at = remote.url.slice("http://".length);
  const cases: readonly (readonly [url: string, options: typeof ANYWHERE, reason: string])[] = [
    ["file:///etc/passwd", ANYWHERE, "the URL is not https"],
    ["gopher://127.0.0.1/", ANYWHERE, "the URL is not https"],
    ["data:application/json,{}", ANYWHERE, "the URL is not https"],
    ["keys.json", ANYWHERE, "not a URL"],
    ["https://[fe80::1%25lo]/", ANYWHERE, "not a URL"],
    [`http://user@${at}/`, ANYWHERE, "the URL holds credentials"],
    [`http://:marker@${at}/`, ANYWHERE, "the URL holds credentials"],
    ["http://id.example/", PUBLIC_ONLY, "the URL is not https"],
    ["http://8.8.8.8/", PUBLIC_ONLY, "the host's address may not be reached this way"],
    ["http://8.8.8.8/", ANYWHERE, "the host's address may not be reached this way"],
  ];
  for (const [url, options, reason] of cases) t.equal(await failureOf(fetchPublic(url, LIMITS, options)), reason, url);
  t.strictSame(remote.requests, []);
});

t.test("a host name is judged by the addresses that it resolves to", async (t) => {
  const remote = await startRemote(t, (_request, response) => response.end("{}"));
  const { port } = new URL(remote.url);
  const forbidden = "the host's address may not be reached this way";

  t.test("SS-01 a name is refused if one of its addresses is private", async (t) => {
    for (const addresses of [["8.8.8.8", "127.0.0.1"], ["2a00::1", "::1"], ["::ffff:10.0.0.1"]]) {
      resolveTo(t, addresses);
      t.equal(await failureOf(fetchPublic(`https://mixed.example:${port}/`, LIMITS, PUBLIC_ONLY)), forbidden);
    }
  });

  t.test("a name is refused over plain http if one of its addresses is public", async (t) => {
    resolveTo(t, ["127.0.0.1", "8.8.8.8"]);
    t.equal(await failureOf(fetchPublic(`http://mixed.example:${port}/`, LIMITS, ANYWHERE)), forbidden);
  });

  t.test("the connection goes to the address that was checked", async (t) => {
    const lookups = resolveTo(t, ["127.0.0.1"], ["192.0.2.1"]);
    const { status } = await fetchPublic(`http://rebound.example:${port}/`, LIMITS, ANYWHERE);
    t.equal(status, 200);
    t.equal(lookups(), 1);
    t.equal(remote.requests.at(-1)?.headers.host, `rebound.example:${port}`);
  });

  t.test("a name without an address is refused", async (t) => {
    resolveTo(t, []);
    t.equal(await failureOf(fetchPublic("https://nowhere.example/", LIMITS, PUBLIC_ONLY)), forbidden);
  });
});

t.test("SS-02 a redirect is not followed, and its body is not awaited", async (t) => {
  const goal = await startRemote(t, (_request, response) => response.end("{}"));
  for (const status of [301, 302, 303, 307, 308]) {
    let ended: Promise<unknown> | undefined;
    const remote = await startRemote(t, (_request, response) => {
      ended = once(response, "close");
      response.writeHead(status, { Location: goal.url }).write("and so on");
    });
    t.equal(await failureOf(fetchPublic(remote.url, LIMITS, ANYWHERE)), "answered with a redirect");
    await ended;
  }
  t.strictSame(goal.requests, []);
});

t.test("SS-04 a response is accepted up to its limits", async (t) => {
  const remote = await startRemote(t, () => undefined);
  const brief = { bytes: 1000, milliseconds: 100 };

  t.test("a response of exactly the maximum size is accepted, and one byte more is refused", async (t) => {
    remote.answer = (_request, response) => response.end("x".repeat(1000));
    t.equal((await fetchPublic(remote.url, LIMITS, ANYWHERE)).body.length, 1000);
    remote.answer = (_request, response) => response.end("x".repeat(1001));
    t.equal(await failureOf(fetchPublic(remote.url, LIMITS, ANYWHERE)), "the answer is longer than 1000 bytes");
  });

  t.test("an endless response is refused and its connection closed", async (t) => {
    const cut = new Promise((resolve) => {
      remote.answer = (_request, response) => {
        response.once("close", resolve);
        const more = () => void response.write("x".repeat(100), () => response.destroyed || more());
        more();
      };
    });
    t.equal(await failureOf(fetchPublic(remote.url, LIMITS, ANYWHERE)), "the answer is longer than 1000 bytes");
    await cut;
  });

  t.test("a response that never begins or never completes is refused after the time limit", async (t) => {
    remote.answer = () => undefined;
    t.equal(await failureOf(fetchPublic(remote.url, brief, ANYWHERE)), "no whole answer within 100 ms");
    remote.answer = (_request, response) => {
      const drip = setInterval(() => response.write(" "), 10);
      response.once("close", () => clearInterval(drip));
    };
    t.equal(await failureOf(fetchPublic(remote.url, brief, ANYWHERE)), "no whole answer within 100 ms");
  });

  t.test("a switch to another protocol is refused and its connection closed", async (t) => {
    let cut: Promise<unknown> | undefined;
    remote.answer = (request) => {
      cut = once(request.socket, "close");
      request.socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: a\r\n\r\n");
    };
    t.equal(await failureOf(fetchPublic(remote.url, LIMITS, ANYWHERE)), "answered with another protocol");
    await cut;
  });

  t.test("a response with an oversized header or a truncated body is refused", async (t) => {
    remote.answer = (_request, response) => response.writeHead(200, { "X-Long": "x".repeat(20_000) }).end();
    t.equal(await failureOf(fetchPublic(remote.url, LIMITS, ANYWHERE)), "no answer (HPE_HEADER_OVERFLOW)");
    remote.answer = (_request, response) => {
      response.writeHead(200, { "Content-Length": 10 }).write("half", () => response.destroy());
    };
    t.equal(await failureOf(fetchPublic(remote.url, LIMITS, ANYWHERE)), "no answer (ECONNRESET)");
  });

  t.test("a compressed body is not decompressed", async (t) => {
    remote.answer = (_request, response) => response.writeHead(200, { "Content-Encoding": "gzip" }).end("packed");
    t.equal((await fetchPublic(remote.url, LIMITS, ANYWHERE)).body.toString(), "packed");
  });
});

t.test("an https server with an untrusted certificate is refused", async (t) => {
  const server = createTlsServer(selfSigned("localhost"), (_request, response) => response.end("{}"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => server.close());
  const url = `https://localhost:${(server.address() as AddressInfo).port}/`;
  t.equal(await failureOf(fetchPublic(url, LIMITS, ANYWHERE)), "no answer (DEPTH_ZERO_SELF_SIGNED_CERT)");
});
