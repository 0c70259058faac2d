import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import t, { type Test } from "tap";
import { ATTRIBUTES } from "../../src/tracing/clean-exporter.js";
import { freshDatabase } from "../support/database.js";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance } from "../support/instance.js";
import { freePort } from "../support/ports.js";
import { dataFolder, refusedStart } from "../support/process.js";
import { MASTER_KEY } from "../support/run.js";
import { logIn } from "../support/tokens.js";

interface Value {
  readonly stringValue?: string;
  readonly intValue?: number;
}

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes: readonly { readonly key: string; readonly value: Value }[];
}

/** A receiver of OTLP over HTTP with JSON. */
async function startReceiver(t: Test) {
  const bodies: string[] = [];
  const paths = new Set<string>();
  const server = createServer((request, response) => {
    paths.add(`${request.method} ${request.url} ${request.headers["content-type"]}`);
    void text(request).then((body) => {
      bodies.push(body);
      response.setHeader("Content-Type", "application/json").end("{}");
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.teardown(() => server.close());
  const scopesOf = (body: string) => JSON.parse(body).resourceSpans.flatMap((one: any) => one.scopeSpans);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bodies,
    paths,
    spans: (): Span[] => bodies.flatMap(scopesOf).flatMap((one: any) => one.spans),
  };
}

const attributesOf = ({ attributes }: Span) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]));

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CALLER = "b7ad6b7169203331";

t.test("a request is a span with its decision, and its work is below it", async (t) => {
  const receiver = await startReceiver(t);
  const server = await startInstance(t, { provision: FLEET, env: { OTEL_EXPORTER_OTLP_ENDPOINT: `${receiver.url}/` } });
  const token = (form: Record<string, string>, headers = {}) => server.post("/oauth2/token", form, headers);
  const login = await logIn(server);
  const { access_token, refresh_token } = login.json;
  const traced = { traceparent: `00-${TRACE}-${CALLER}-01`, tracestate: "vendor=state-of-the-caller" };
  await token({ grant_type: "client_credentials" }, { ...basic("backend", SECRET), ...traced });
  await token({ grant_type: "client_credentials" }, basic("backend", "a-wrong-secret"));
  await server.post(`/oauth2/token?client_secret=${SECRET}`, { grant_type: "client_credentials" });
  await server.send(`/nowhere/${refresh_token}?access_token=${access_token}`);
  await server.send("/oauth2/userinfo", { headers: { Authorization: `Bearer ${access_token}` } });
  await server.stop();

  t.strictSame([...receiver.paths], ["POST /v1/traces application/json"]);
  const spans = receiver.spans();
  const requests = spans.filter(({ attributes }) => attributes.some(({ key }) => key === "http.request.method"));
  t.equal(requests.length, 6, "one for each request");

  t.test("a login has its decision, and below it the statements and the hash", async (t) => {
    const span = requests[0]!;
    t.equal(span.name, "POST /oauth2/token");
    t.strictSame(attributesOf(span), {
      "http.request.method": "POST",
      "http.route": "/oauth2/token",
      "http.response.status_code": 200,
      "jeton.decision_id": login.headers.get("x-request-id"),
      "jeton.outcome": "granted",
      "jeton.dialect": "oauth2",
      "jeton.operation": "token",
      "jeton.grant_type": "password",
    });
    const below = spans.filter(({ parentSpanId }) => parentSpanId === span.spanId);
    t.ok(below.some(({ name }) => name === "password hash"));
    const statements = below.filter(({ name }) => name.startsWith("statement "));
    t.ok(statements.length > 0);
    t.strictSame(attributesOf(statements[0]!), {
      "db.system.name": "postgresql",
      "db.operation.name": statements[0]!.name.slice("statement ".length),
    });
  });

  t.test("a refusal has its code, and a path without a route is not shown", async (t) => {
    t.match(attributesOf(requests[2]!), { "jeton.outcome": "refused", "jeton.refusal": "client_secret_basic_wrong" });
    t.match(attributesOf(requests[3]!), { "jeton.refusal": "client_credential_in_query" });
    t.equal(requests[4]!.name, "GET");
    t.match(attributesOf(requests[4]!), { "http.response.status_code": 404, "jeton.refusal": "path_unknown" });
  });

  t.test("a span continues the trace of its caller, whose state goes no further", async (t) => {
    const { traceId, parentSpanId } = requests[1]!;
    t.strictSame([traceId, parentSpanId], [TRACE, CALLER]);
    t.ok(spans.every((one) => one.traceId !== TRACE || one.parentSpanId !== undefined));
    t.notOk(receiver.bodies.join().includes("state-of-the-caller"));
  });

  t.test("no span has a secret, a token, a person, a client or the text of a request", async (t) => {
    const sent = receiver.bodies.join();
    const kept = [SECRET, "a-wrong-secret", access_token, refresh_token, login.json.id_token];
    const persons = [FLEET.users[0]!.sub, ...Object.values(ALICE), "alice@", "backend", "mobile"];
    for (const word of [...kept, ...persons]) t.notOk(sent.includes(word), word.slice(0, 12));
    for (const span of spans) for (const { key } of span.attributes) t.ok(ATTRIBUTES.has(key), key);
    t.notOk(/SELECT|UPDATE|INSERT/.test(sent));
  });
});

t.test("a receiver that is gone delays no request and no stop, and is logged once", async (t) => {
  const endpoint = `http://127.0.0.1:${await freePort()}`;
  const server = await startInstance(t, { provision: FLEET, env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } });
  for (let count = 0; count < 3; count += 1) {
    const form = { grant_type: "client_credentials" };
    t.equal((await server.post("/oauth2/token", form, basic("backend", SECRET))).status, 200);
  }
  await server.stop();
  const lines = server.log.filter(({ type }) => type === "tracing");
  t.ok(lines.length <= 1);
  for (const { msg } of lines) t.equal(msg, "traces cannot be sent, and are dropped");
});

t.test("without its packages, a start with a receiver fails with a line that names them", async (t) => {
  const hooks = `export const resolve = (name, context, next) => {
    if (name.startsWith("@opentelemetry/sdk")) throw Object.assign(new Error("gone"), { code: "ERR_MODULE_NOT_FOUND" });
    return next(name, context);
  };`;
  const dataUrl = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;
  const register = `import { register } from "node:module"; register(${JSON.stringify(dataUrl(hooks))});`;
  const { code, stderr } = await refusedStart({
    DATA_DIR: await dataFolder(t),
    DATABASE_URL: await freshDatabase(t),
    MASTER_KEY,
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318",
    NODE_OPTIONS: `--import=${dataUrl(register)}`,
  });
  t.equal(code, 1);
  t.match(
    stderr,
    /^jeton: OTEL_EXPORTER_OTLP_ENDPOINT needs packages that are not installed: npm install --no-save --save-prod @fastify\/otel@\S+ .*@opentelemetry\/sdk-trace-node@\S+\n$/,
  );
});
