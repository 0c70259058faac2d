import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { connect, type Socket } from "node:net";
import t, { type Test } from "tap";
import { logIn } from "../../src/accounts/log-in.js";
import { CallerLeftError } from "../../src/store/pool.js";
import { freshDatabase } from "../support/database.js";
import { FLEET } from "../support/fleet.js";
import { openGate } from "../support/gate.js";
import { openRefreshable } from "../support/grants.js";
import { startInstance, type Form, type Instance } from "../support/instance.js";
import { converse, write } from "../support/raw.js";
import { until } from "../support/until.js";
import { refresh } from "../support/tokens.js";

const MESSAGE = "the server has more requests than it can answer at the moment";

/** A token endpoint of each dialect, and how it says that there is too much to do. */
const ENDPOINTS: Readonly<Record<string, object>> = {
  "/oauth2/token": { error: "temporarily_unavailable", error_description: MESSAGE },
  "/oauth2/revoke": { error: "temporarily_unavailable", error_description: MESSAGE },
  "/oauth2/introspect": { error: "temporarily_unavailable", error_description: MESSAGE },
  "/token": { error: "temporarily_unavailable", error_description: MESSAGE, error_uri: null },
  "/as/token": { error: "SERVICE_UNAVAILABLE", error_uri: "localhost", error_description: MESSAGE },
  "/api/id/v1/auth/token": { error: "Service Unavailable", errorDescription: MESSAGE },
  "/api/apps/some-app/oauth2/token": {
    errorCode: "temporarily_unavailable",
    error: "temporarily_unavailable",
    error_description: MESSAGE,
  },
  "/api/apps/some-app/users": { errorCode: "SERVICE_UNAVAILABLE", message: MESSAGE },
};

t.test(
  "B10 while every connection is held, who would wait too long hears so at once, in each dialect's shape",
  async (t) => {
    const server = await startInstance(t, { provision: FLEET, monotonic: () => performance.now() });
    const { pool } = server.core.db;
    const token = await openRefreshable(server);
    const held = await Promise.all(Array.from({ length: 10 }, () => pool.connect()));
    const others: Promise<unknown>[] = [];
    /** Has statements wait until the queue has its maximum length. */
    const fillQueue = () =>
      until("the queue is too long", () => {
        const waiting = Array.from({ length: 10 }, () => pool.connect().then((client) => client.release()));
        others.push(Promise.allSettled(waiting));
        return pool.isCrowded;
      });

    let refused = 0;
    for (const [path, body] of Object.entries(ENDPOINTS)) {
      await fillQueue();
      const { status, json, headers } = await server.post(path, { grant_type: "refresh_token", refresh_token: token });
      refused += 1;
      t.strictSame({ status, json }, { status: 503, json: body }, path);
      t.match(headers.get("retry-after"), /^[1-9]\d?$/);
      t.match(headers.get("cache-control"), /no-store/);
      t.match(headers.get("content-type"), /json/);
    }
    await fillQueue();
    for (const path of ["/healthz", "/readyz", "/oauth2/jwks"]) {
      t.equal((await server.send(path)).status, 200, `${path} does not wait`);
    }
    const page = await server.send("/oauth2/token", { method: "POST", headers: { Origin: "https://page.example" } });
    t.not(page.status, 503, "what a page asks is decided by the application");

    for (const client of held) client.release();
    await Promise.all(others);
    t.equal((await refresh(server, token)).status, 200, "then everything is answered again, and nothing was used up");
    await until("the log says what was refused", () => overloadLines(server).length > 0);
    const told = overloadLines(server).reduce((sum, line) => sum + Number(line.refused), 0);
    t.ok(told <= refused, "in a line for each second");
  },
);

function overloadLines({ log }: Instance) {
  return log.filter(({ type }) => type === "overload");
}

/** Sends a form on a connection of its own. */
async function begin(url: string, form: Form) {
  const body = new URLSearchParams(form as Record<string, string>).toString();
  const { hostname, port } = new URL(url);
  const headers = [["Content-Type", "application/x-www-form-urlencoded"]] as const;
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
  socket.on("error", () => {});
  await new Promise<void>((resolve) => {
    socket.write(write({ target: "/oauth2/token", headers, body }), () => resolve());
  });
  return socket;
}

/** The connections of an instance, as Node has them, on which a request comes from here on. */
function socketsOf(t: Test, { url }: Instance): readonly Socket[] {
  const sockets: Socket[] = [];
  const port = Number(new URL(url).port);
  const take = (message: unknown) => {
    const { socket } = message as { socket: Socket };
    if (socket.localPort === port) sockets.push(socket);
  };
  subscribe("http.server.request.start", take);
  t.teardown(() => unsubscribe("http.server.request.start", take));
  return sockets;
}

for (const how of ["closes the connection", "resets the connection"] as const) {
  t.test(`B5 a stalled refresh whose client ${how} is dropped, and the login goes on elsewhere`, async (t) => {
    const database = await freshDatabase(t);
    const gate = await openGate(t, database);
    const near = await startInstance(t, { database, provision: FLEET });
    const stalled = await startInstance(t, { database: gate.url });
    const { pool } = stalled.core.db;
    const first = await openRefreshable(near);

    const sockets = socketsOf(t, stalled);
    gate.hold();
    const socket = await begin(stalled.url, { grant_type: "refresh_token", client_id: "mobile", refresh_token: first });
    // This instance has not met the client yet: it asks the database who that is before it redeems anything.
    await until("it waits for the database", () => pool.totalCount > pool.idleCount);
    if (how === "closes the connection") socket.destroy();
    else socket.resetAndDestroy();
    const second = (await refresh(near, first)).json.refresh_token;
    const third = (await refresh(near, second)).json.refresh_token;
    await until("the server knows that it left", () => sockets.every(({ destroyed }) => destroyed));
    gate.release();

    await until("it is on record", () => stalled.log.length > 0);
    t.match(stalled.log[0], { outcome: "refused", refused_with: "http_malformed", reason: "its sender left" });
    t.equal((await refresh(near, third)).status, 200, "the login lives");
    t.strictSame(
      near.log.filter(({ alarm }) => alarm === "refresh_token_reused"),
      [],
    );
  });
}

t.test("a client that sends no more but still reads is answered", async (t) => {
  const gate = await openGate(t, await freshDatabase(t));
  const server = await startInstance(t, { database: gate.url, provision: FLEET });
  const refresh_token = await openRefreshable(server);
  gate.hold();
  const socket = await begin(server.url, { grant_type: "refresh_token", client_id: "mobile", refresh_token });
  let answer = "";
  socket.setEncoding("utf8").on("data", (text: string) => (answer += text));
  socket.end();
  await until("it is told that its request is worked on", () => answer.startsWith("HTTP/1.1 102 "));
  gate.release();
  await until("it is answered", () => answer.includes('"refresh_token"'));
  t.match(answer, /\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
  const old = await converse(server.url, "POST /oauth2/token HTTP/1.0\r\nContent-Length: 0\r\n\r\n");
  t.equal(old.status, 400, "HTTP/1.0 knows no interim answers");
});

t.test("B5 a login whose caller left while it waited for its turn is not checked", async (t) => {
  const { core } = await startInstance(t, { provision: FLEET });
  let left = false;
  let end = () => {};
  const before = core.passwords.runQueued("alice", () => new Promise<void>((resolve) => (end = resolve)));
  const attempt = { name: { person: "alice" }, password: "wrong", network: "192.0.2.1" };
  const late = logIn({ ...core, caller: { hasLeft: () => left } }, attempt, {});
  await new Promise(setImmediate);
  left = true;
  end();
  await before;
  await t.rejects(late, CallerLeftError);
  t.equal((await core.db.pool.query("SELECT 1 FROM tries")).rows.length, 0, "no try was taken");
});
