import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import t, { type Test } from "tap";
import { readSettings } from "../../src/config.js";
import { isAlive } from "../../src/embedded/pid-file.js";
import { selfSigned } from "../support/certificate.js";
import { coapClient } from "../support/coap.js";
import { freshDatabase, sql } from "../support/database.js";
import { decided } from "../support/decided.js";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { basic } from "../support/instance.js";
import { canListen, freePort } from "../support/ports.js";
import { dataFolder, jetonHere, refusedStart, startProcess, type RunningProcess } from "../support/process.js";
import { converse, write, type RawReply } from "../support/raw.js";
import { MASTER_KEY } from "../support/run.js";
import { until } from "../support/until.js";

/** WORKERS: several processes on one port over one store. Each request has a connection of its own. */

const BACKEND = basic("backend", SECRET);
const GATEWAY = basic("gateway", SECRET);

t.test("two workers over one database", async (t) => {
  const DATA_DIR = await dataFolder(t);
  const DATABASE_URL = await freshDatabase(t);
  const PROVISION_FILE = join(t.testdir({ "provision.json": JSON.stringify(FLEET) }), "provision.json");
  const env = { DATA_DIR, DATABASE_URL, MASTER_KEY, PROVISION_FILE };
  const coapPort = await freePort();
  const adminPort = await freePort();
  const ADMIN = `127.0.0.1:${adminPort}`;
  const server = await startProcess(t, { ...env, ADMIN, WORKERS: "2", COAP_PORT: String(coapPort) });
  const post = (path: string, form: Record<string, string>, headers = {}) => send(server.url, path, form, headers);
  const logIn = () => post("/oauth2/token", { grant_type: "password", client_id: "mobile", scope: "api1", ...ALICE });
  const workers = () => new Set(decisions(server).map(({ instance }) => Number(instance)));

  t.test("are both ready when the primary says so, and share its log", async (t) => {
    const ready = lines(server).filter(({ msg }) => msg.startsWith("ready on"));
    t.match(ready, [{ instance: String(server.pid), url: server.url }]);
    for (const { status } of await times(8, () => get(server.url, "/readyz"))) t.equal(status, 200);
    // Fewer at once than a busy server turns away (docs/decisions/0014).
    const answers = await times(60, () => post("/oauth2/token", { grant_type: "client_credentials" }, BACKEND));
    t.strictSame(new Set(answers.map(({ status }) => status)), new Set([200]));
    await until("each answer has its line", () => decisions(server).length === answers.length);
    t.equal(workers().size, 2);
    t.notOk(workers().has(server.pid), "the primary serves no request");
    const ids = new Set(decisions(server).map(({ decision_id }) => decision_id));
    t.strictSame(ids, new Set(answers.map(({ headers }) => headers["x-request-id"])));
    t.ok(lines(server).every(({ instance }) => /^\d+$/.test(instance)));
    const applied = lines(server).filter(({ msg }) => msg === "provisioning file applied");
    t.match(applied, [{ instance: String(server.pid) }], "the primary alone applies the file");
  });

  t.test("have one page of metrics, whichever of them is asked for it", async (t) => {
    const pages = await times(4, async () => (await fetch(`http://${ADMIN}/metrics`)).text());
    for (const page of pages) {
      t.match(page, /^jeton_workers 2$/m);
      t.match(page, /^jeton_decisions_total\{[^}]*"client_credentials"[^}]*"granted"\} 60$/m, "both have counted");
    }
  });

  t.test("give a refresh token that both get at once one successor", async (t) => {
    const { json } = await logIn();
    const form = { grant_type: "refresh_token", client_id: "mobile", refresh_token: json.refresh_token };
    const answers = await times(32, () => decided(() => post("/oauth2/token", form)));
    t.equal(new Set(answers.map((answer) => answer.json.refresh_token)).size, 1);
    t.type(answers[0]!.json.refresh_token, "string");
    const [row] = await sql(DATABASE_URL, "SELECT generation, ended_at FROM grants");
    t.match(row, { generation: 1, ended_at: null });
    const refreshes = () =>
      decisions(server).filter(({ grant_type, status }) => grant_type === "refresh_token" && status === 200);
    await until("each answer has its line", () => refreshes().length === 32);
    t.equal(new Set(refreshes().map(({ instance }) => instance)).size, 2);
  });

  t.test("refuse a revoked token from the next request on, and a disabled client within a second", async (t) => {
    const { access_token } = (await logIn()).json;
    const introspect = () => post("/oauth2/introspect", { token: access_token }, GATEWAY);
    const isActive = (answers: readonly RawReply[]) => new Set(answers.map(({ json }) => json.active));
    t.strictSame(isActive(await times(6, introspect)), new Set([true]));
    t.equal((await post("/oauth2/revoke", { token: access_token, client_id: "mobile" })).status, 200);
    t.strictSame(isActive(await times(6, introspect)), new Set([false]));

    t.match(await jetonHere(env, ["client", "disable", "backend"]), { code: 0 });
    const statuses = async () =>
      (await times(6, () => post("/oauth2/token", { grant_type: "client_credentials" }, BACKEND))).map((a) => a.status);
    await until("both refuse it", async () => (await statuses()).every((status) => status === 401));
    t.match(await jetonHere(env, ["client", "enable", "backend"]), { code: 0 });
    await until("both accept it", async () => (await statuses()).every((status) => status === 200));
  });

  t.test("count wrong passwords together", async (t) => {
    const asBob = (password: string) =>
      post("/oauth2/token", { grant_type: "password", client_id: "mobile", username: "bob", password });
    const reasons = () => decisions(server).flatMap(({ reason }) => (/too many/.test(reason ?? "") ? [reason] : []));
    for (let attempt = 0; attempt < 10; attempt++) t.equal((await asBob(`wrong ${attempt}`)).status, 400);
    await until("the log says so", () => reasons().length >= 4);
    t.ok(reasons().length <= 5, "five attempts were free, on both workers together");
  });

  t.test("are replaced while the other one serves, also the one that receives CoAP", async (t) => {
    const receivers = () => lines(server).flatMap(({ type, instance }) => (type === "coap" ? [Number(instance)] : []));
    const [killed] = receivers() as [number];
    const [stopped] = [...workers()].filter((pid) => pid !== killed) as [number];
    await introspectOverCoap(t, coapPort, server, killed);
    const outcomes: (number | string)[] = [];
    const isReplaced = (pid: number) => async () => {
      const request = post("/oauth2/token", { grant_type: "client_credentials" }, BACKEND);
      outcomes.push(await request.then(({ status }) => status || "no answer").catch(() => "no answer"));
      const newest = decisions(server).at(-1)!;
      return newest.time > ended(pid)?.time && ![killed, stopped].includes(Number(newest.instance));
    };
    const ended = (pid: number) => lines(server).find(({ type, worker }) => type === "worker" && worker === pid);
    process.kill(killed, "SIGKILL");
    await until("a third worker serves", isReplaced(killed));
    t.match(ended(killed), { level: "warn", instance: String(server.pid), ended_with: "SIGKILL" });
    const lost = outcomes.filter((outcome) => outcome !== 200);
    t.ok(lost.length <= 1 && lost.every((outcome) => outcome === "no answer"), `lost: ${lost.join()}`);
    t.equal(receivers().length, 2);
    await introspectOverCoap(t, coapPort, server, receivers()[1]!);

    outcomes.length = 0;
    process.kill(stopped, "SIGINT");
    process.kill(stopped, "SIGTERM");
    await until("the stopped worker is replaced", () => ended(stopped) !== undefined);
    t.match(ended(stopped), { ended_with: 0 });
    await until("two new workers serve", async () => {
      await isReplaced(stopped)();
      const latest = new Set(
        decisions(server)
          .slice(-10)
          .map(({ instance }) => Number(instance)),
      );
      return latest.size === 2 && !latest.has(killed) && !latest.has(stopped);
    });
    t.strictSame(new Set(outcomes), new Set([200]), "a worker that is stopped loses no request");
  });

  t.test("answer what they have accepted when the terminal's Ctrl-C comes, and end with 0", async (t) => {
    const slow = await times(4, () => slowRequest(t, server.url));
    server.signal("SIGINT", "group");
    await until("the server drains", async () => (await get(server.url, "/readyz")).status === 503);
    for (const { finish } of slow) finish();
    for (const { answer } of slow) t.match(await answer, /^HTTP\/1\.1 200 [^]*connection: close[^]*"access_token"/i);
    const before = workers();
    t.match(await server.ended, { code: 0, stderr: "" });
    for (const pid of before) t.notOk(await isAlive(pid));
    t.notOk(lines(server).some(({ msg }) => msg.includes("before it had drained")));
  });
});

t.test("two workers over the embedded PostgreSQL, with a certificate", async (t) => {
  const [first, second] = [selfSigned("first"), selfSigned("second")];
  const folder = t.testdir({ "cert.pem": first.cert, "key.pem": first.key });
  const [TLS_CERT, TLS_KEY] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const DATA_DIR = await dataFolder(t, "used");
  const server = await startProcess(t, { DATA_DIR, TLS_CERT, TLS_KEY, WORKERS: "2" });
  const port = Number(new URL(server.url).port);
  t.equal(server.output().split("A demo set was made").length, 2, "the demo set is made once");

  t.test("both take a new certificate at SIGHUP", async (t) => {
    await writeFile(TLS_KEY, second.key);
    await writeFile(TLS_CERT, second.cert);
    server.signal("SIGHUP");
    const renewed = () => lines(server).filter(({ msg }) => msg === "a new certificate is in use");
    await until("both say so", () => new Set(renewed().map(({ instance }) => instance)).size === 2);
    for (const name of await times(4, () => nameShown(port))) t.equal(name, "second");
  });

  t.test("end with a primary that is killed, and its port is free", async (t) => {
    const workers = new Set(lines(server).flatMap((line) => (line.type === "tls" ? [Number(line.instance)] : [])));
    t.equal(workers.size, 2);
    server.signal("SIGKILL");
    const areAlive = () => Promise.all([...workers].map(isAlive));
    await until("the workers end", async () => !(await areAlive()).includes(true));
    await until("the port is free", () => canListen(port));
  });
});

t.test("a start in which no worker comes up ends in one line", async (t) => {
  const early = 'const cluster = require("node:cluster"); if (cluster.isWorker) process.exit(3);';
  const NODE_OPTIONS = `--require=${join(t.testdir({ "early.cjs": early }), "early.cjs")}`;
  const env = { DATA_DIR: await dataFolder(t), DATABASE_URL: await freshDatabase(t), MASTER_KEY, NODE_OPTIONS };
  const { code, stderr } = await refusedStart({ ...env, WORKERS: "2" });
  t.match({ code, stderr }, { code: 1, stderr: "jeton: no worker comes up; the last one ended with 3\n" });
});

t.test("WORKERS is a number or auto", async (t) => {
  const database = { DATABASE_URL: "postgres://localhost/jeton", MASTER_KEY };
  for (const WORKERS of ["0", "-1", "2.5", "two", "65", "1e1", " 2", "Auto"]) {
    t.throws(() => readSettings({ ...database, WORKERS }), {
      message: "WORKERS must be auto or a number from 1 to 64",
    });
  }
  t.throws(() => readSettings({ WORKERS: "9" }), { message: "WORKERS must be at most 8 without DATABASE_URL" });
  t.equal(readSettings({ ...database, WORKERS: "64" }).WORKERS, 64);
  t.equal(readSettings({}).WORKERS, 1);
  t.ok(readSettings({ WORKERS: "auto" }).WORKERS >= 1);
});

/** Does the same several times at once. */
function times<T>(count: number, work: () => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, work));
}

function get(url: string, target: string): Promise<RawReply> {
  return converse(url, write({ method: "GET", target }));
}

function send(url: string, target: string, form: Record<string, string>, headers: Record<string, string>) {
  const fields = { "Content-Type": "application/x-www-form-urlencoded", ...headers };
  return converse(url, write({ target, headers: Object.entries(fields), body: new URLSearchParams(form).toString() }));
}

/** The lines of a server's log. Each one has to be JSON. */
function lines(server: RunningProcess): readonly Record<string, any>[] {
  const whole = server.output().split("\n").slice(0, -1);
  return whole.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Record<string, any>);
}

/** Asks over CoAP. The worker that should receive it answers. */
async function introspectOverCoap(t: Test, port: number, server: RunningProcess, worker: number): Promise<void> {
  const body = { client_id: "gateway", client_secret: SECRET, token: "x" };
  t.match(await coapClient(t, port)("/idp/introspect", { body }), { code: "2.01", text: '{"active":false}' });
  const last = () => decisions(server).findLast(({ transport }) => transport === "coap");
  await until("it is in the log", () => Number(last()?.instance) === worker);
}

function decisions(server: RunningProcess) {
  return lines(server).filter(({ type }) => type === "decision");
}

/** A request that a worker has begun to read. `finish` sends the rest. */
async function slowRequest(t: Test, url: string) {
  const body = "grant_type=client_credentials";
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  t.teardown(() => socket.destroy());
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const answer = once(socket, "close").then(() => text.slice(text.indexOf("HTTP/1.1 200")));
  const fields = { Host: "localhost", Authorization: BACKEND.Authorization, Expect: "100-continue" };
  const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(
    `POST /oauth2/token HTTP/1.1\r\n${head.join("")}Content-Type: application/x-www-form-urlencoded\r\n` +
      `Content-Length: ${body.length}\r\n\r\n`,
  );
  await until("the server asks for the body", () => text.includes("100 Continue"));
  return { answer, finish: () => void socket.write(body) };
}

async function nameShown(port: number): Promise<string> {
  const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}
