import { createHmac } from "node:crypto";
import { buffer } from "node:stream/consumers";
import t, { type Test } from "tap";
import { readSettings } from "../../src/config.js";
import { deliver } from "../../src/outbound/webhook.js";
import { failureOf, startRemote } from "../support/remote.js";
import { until } from "../support/until.js";

const AT_ONCE = { pauses: [0, 0, 0] };
const MESSAGE = { channel: "sms", to: "+491701234567", code: "123456 – für Sie" };

/** A receiver that answers with these statuses in turn, the last one for ever; 0 breaks the connection. */
async function startReceiver(t: Test, ...statuses: readonly number[]) {
  const bodies: Buffer[] = [];
  const remote = await startRemote(t, async (request, response) => {
    const status = statuses[Math.min(remote.requests.length, statuses.length) - 1]!;
    bodies.push(await buffer(request));
    if (status === 0) return void response.destroy();
    response.writeHead(status, { Location: "/elsewhere" }).end();
  });
  return { url: `${remote.url}/codes`, requests: remote.requests, bodies };
}

t.test("the webhook gets a message once, with a signature", async (t) => {
  const { url, requests, bodies } = await startReceiver(t, 204);
  await deliver(url, MESSAGE, "the webhook's secret", AT_ONCE);
  const [request] = requests;
  const [body] = bodies;
  t.equal(requests.length, 1);
  t.strictSame(JSON.parse(body!.toString("utf8")), MESSAGE);
  t.match(request, { method: "POST", url: "/codes", headers: { "content-type": "application/json" } });
  const expected = createHmac("sha256", "the webhook's secret").update(body!).digest("hex");
  t.equal(request?.headers["x-jeton-signature"], `sha256=${expected}`);
  t.match(request?.headers["x-jeton-delivery"], /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
});

t.test("a message has no signature if no secret is configured", async (t) => {
  const { url, requests } = await startReceiver(t, 200);
  await deliver(url, MESSAGE, undefined, AT_ONCE);
  t.notOk("x-jeton-signature" in requests[0]!.headers);
});

t.test("a failed message is sent again unchanged until the webhook accepts it", async (t) => {
  const { url, requests, bodies } = await startReceiver(t, 0, 500, 302, 200);
  await deliver(url, MESSAGE, "s", AT_ONCE);
  t.equal(requests.length, 4);
  for (const name of ["x-jeton-delivery", "x-jeton-signature"]) {
    t.equal(new Set(requests.map(({ headers }) => headers[name])).size, 1, name);
  }
  t.equal(new Set(bodies.map(String)).size, 1);
  t.ok(
    requests.every((request) => request.url === "/codes"),
    "no redirect is followed",
  );
  await deliver(url, MESSAGE, "s", AT_ONCE);
  t.not(requests.at(-1)?.headers["x-jeton-delivery"], requests[0]?.headers["x-jeton-delivery"]);
});

t.test("a delivery fails after four attempts", async (t) => {
  const { url, requests } = await startReceiver(t, 500, 500, 500, 418);
  t.equal(await failureOf(deliver(url, MESSAGE, "s", AT_ONCE)), "answered 418");
  t.equal(requests.length, 4);
});

t.test("a stopping process ends the delivery", async (t) => {
  t.test("a stop between two attempts ends the delivery", async (t) => {
    const { url, requests } = await startReceiver(t, 500);
    const stopping = new AbortController();
    const { signal } = stopping;
    let listeners = 0;
    t.intercept(signal, "addEventListener", {
      value: (...given: Parameters<AbortSignal["addEventListener"]>) => {
        listeners += 1;
        AbortSignal.prototype.addEventListener.apply(signal, given);
      },
    });
    const delivery = deliver(url, MESSAGE, "s", { pauses: [3_600_000], signal });
    await until("an attempt and then a pause listen to the signal", () => listeners === 2);
    stopping.abort();
    t.equal(await failureOf(delivery), "answered 500");
    t.equal(requests.length, 1);
  });

  t.test("a stop during an attempt ends the delivery", async (t) => {
    const stopping = new AbortController();
    const remote = await startRemote(t, () => stopping.abort());
    t.match(await failureOf(deliver(remote.url, MESSAGE, "s", { ...AT_ONCE, signal: stopping.signal })), "stopped");
    t.equal(remote.requests.length, 1);
  });

  t.test("a stop before the first attempt sends no request", async (t) => {
    const { url, requests } = await startReceiver(t, 200);
    t.match(await failureOf(deliver(url, MESSAGE, "s", { signal: AbortSignal.abort() })), "stopped");
    t.equal(requests.length, 0);
  });
});

t.test("plain http to a public address is refused", async (t) => {
  t.match(await failureOf(deliver("http://8.8.8.8/", MESSAGE, "s", AT_ONCE)), /may not be reached/);
});

t.test("an unusable CODE_WEBHOOK_URL is refused at the start without being quoted", async (t) => {
  const cases = [
    ["http://8.8.8.8/marker", "the host's address may not be reached this way"],
    ["https://user:marker@codes.example/", "the URL holds credentials"],
    ["ftp://codes.example/marker", "the URL is not https"],
    ["marker", "not a URL"],
  ] as const;
  for (const [CODE_WEBHOOK_URL, reason] of cases) {
    t.throws(() => readSettings({ CODE_WEBHOOK_URL }), { message: `CODE_WEBHOOK_URL cannot be called: ${reason}` });
  }
  for (const CODE_WEBHOOK_URL of ["http://10.0.0.1/", "http://codes.internal/", "https://8.8.8.8/"]) {
    t.match(readSettings({ CODE_WEBHOOK_URL }), { CODE_WEBHOOK_URL });
  }
});
