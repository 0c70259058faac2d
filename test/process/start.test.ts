import { execFile } from "node:child_process";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import t, { type Test } from "tap";
import { systemClock } from "../../src/clock.js";
import { freshDatabase } from "../support/database.js";
import { stateIn } from "../support/dump.js";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { basic } from "../support/instance.js";
import { freePort } from "../support/ports.js";
import {
  dataFolder,
  launchServer,
  refusedHere,
  refusedStart,
  startProcess,
  type RunningProcess,
} from "../support/process.js";
import { ROOT } from "../support/root.js";
import { MASTER_KEY } from "../support/run.js";
import { until } from "../support/until.js";

const sh = promisify(execFile);

/** Imported by a server to write down what it has loaded. */
const WATCHER = new URL("../support/loaded-scripts.js", import.meta.url).href;

/**
 * The packages that a server with the demo set loads. Each costs memory and time at every start, so a package that few
 * deployments need is imported where it is used.
 */
const PACKAGES = [
  "@fastify/formbody",
  "@prisma/adapter-pg",
  "@prisma/client",
  "@prisma/driver-adapter-utils",
  "argon2",
  "bcrypt",
  "fastify",
  "jose",
  "libphonenumber-js",
  "pg",
  "pino",
  "prom-client",
  "unhomoglyph",
  "zod",
];

const MANIFEST = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as { readonly dependencies: object };

/** Those of the declared packages that scripts belong to. */
function packagesIn(urls: readonly string[]): readonly string[] {
  const names = urls.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []);
  return [...new Set(names)].filter((name) => name in MANIFEST.dependencies).sort();
}

t.test("a first start on an empty folder", async (t) => {
  const DATA_DIR = await dataFolder(t);
  const port = await freePort();
  const scripts = join(DATA_DIR, "..", "scripts.json");
  const watched = { NODE_OPTIONS: `--import=${WATCHER}`, LOADED_SCRIPTS: scripts };
  const starting = startProcess(t, { DATA_DIR, PORT: String(port), ...watched });

  t.test("answers from early on: it lives, and is not ready", async (t) => {
    const ask = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init);
    let first: Response | undefined;
    await until("the port answers", async () => (first = await ask("/readyz").catch(() => undefined)) !== undefined);
    t.equal(first!.status, 503);
    t.equal(first!.headers.get("retry-after"), "1");
    t.equal((await ask("/healthz")).status, 200);
    const token = await ask("/oauth2/token", { method: "POST", body: new URLSearchParams({ grant_type: "password" }) });
    t.equal(token.status, 503);
    t.match(await token.json(), { error: "temporarily_unavailable" });
  });

  const server = await starting;
  t.comment(`cold start: ready after ${Math.round(server.readyAfter)} ms`);
  const lines = server
    .output()
    .split("\n")
    .filter((line) => line.startsWith("curl "));
  const secrets = secretsIn(lines);

  t.test("says when it is ready", async (t) => {
    t.equal(server.url, `http://127.0.0.1:${port}`);
    for (const path of ["/readyz", "/healthz"]) t.equal((await fetch(server.url + path)).status, 200, path);
    const date = Date.parse((await fetch(`${server.url}/healthz`)).headers.get("date")!);
    t.ok(Math.abs(date - systemClock.now()) < 60_000, "it has the date of this process, also where that was moved");
  });

  t.test("prints three lines which do what they promise when they are pasted", async (t) => {
    t.equal(lines.length, 3);
    const answers = [];
    for (const line of lines) answers.push(JSON.parse((await sh("sh", ["-c", line])).stdout));
    t.match(answers[0], { access_token: String, token_type: "Bearer" });
    t.match(answers[1], { access_token: String, refresh_token: String });
    t.match(answers[2], { active: true, client_id: "demo-backend" });
  });

  t.test("is closed to other people of the machine", async (t) => {
    t.equal((await stat(DATA_DIR)).mode & 0o077, 0);
    t.equal((await stat(join(DATA_DIR, "master.key"))).mode & 0o777, 0o600);
  });

  t.test("answers what it has accepted when the terminal's Ctrl-C comes, and ends with 0", async (t) => {
    const body = formOf(lines[1]!);
    const slow = await slowRequest(t, server, body);
    server.signal("SIGINT", "group");
    await untilDraining(server);
    t.equal((await fetch(`${server.url}/healthz`)).status, 200);
    slow.finish();
    const answer = await slow.answer;
    t.match(answer, /^HTTP\/1\.1 200 /);
    t.match(answer, /connection: close/i);
    t.match(answer, /"access_token"/);
    const { code, stderr } = await server.ended;
    t.equal(code, 0);
    t.equal(stderr, "");
    t.notOk((await readdir(join(DATA_DIR, "postgres"))).includes("postmaster.pid"), "PostgreSQL was stopped too");
  });

  t.test("holds no engine of Prisma in memory, and no package beyond these", async (t) => {
    const urls = JSON.parse(await readFile(scripts, "utf8")) as readonly string[];
    const engines = urls.filter((url) => /schema[-_]engine|query_compiler/.test(url));
    t.strictSame(engines, [], "migrations, the demo set and logins need none in this thread");
    t.strictSame(packagesIn(urls), PACKAGES);
  });

  t.test("leaves no secret of the demo in clear in any file", async (t) => {
    t.equal(secrets.length, 4);
    for (const file of await filesIn(DATA_DIR)) {
      const bytes = await readFile(file);
      for (const secret of secrets) if (bytes.includes(secret)) t.fail(`${secret} stands in ${file}`);
    }
  });

  t.test("is followed by a second start that is quick, silent about the demo, and knows it still", async (t) => {
    const second = await startProcess(t, { DATA_DIR, PORT: String(port) });
    t.comment(`warm start: ready after ${Math.round(second.readyAfter)} ms`);
    t.notMatch(second.output(), /curl|demo/);
    for (const secret of secrets) t.notOk(second.output().includes(secret));
    const { stdout } = await sh("sh", ["-c", lines[0]!]);
    t.match(JSON.parse(stdout), { access_token: String });

    const taken = await dataFolder(t);
    const refused = await refusedHere({ DATA_DIR: taken, PORT: String(port) });
    t.match(refused, { code: 1, stdout: "", stderr: `jeton: cannot listen on 127.0.0.1:${port} (EADDRINUSE)\n` });
    t.strictSame(await readdir(dirname(taken)), [], "a start on a port that is taken begins nothing");

    const held = await slowRequest(t, second, "grant_type=password");
    second.signal("SIGTERM");
    await untilDraining(second);
    second.signal("SIGTERM");
    t.match(await second.ended, { code: 1, stderr: "" }, "a second signal ends it at once");
    t.equal(await held.answer, "");
  });
});

t.test("a signal during the start ends it in order: nothing is left running", async (t) => {
  const DATA_DIR = await dataFolder(t);
  const port = String(await freePort());
  const server = launchServer(t, { DATA_DIR, PORT: port });
  await until("the port answers", () =>
    fetch(`http://127.0.0.1:${port}/healthz`).then(
      () => true,
      () => false,
    ),
  );
  server.signal("SIGTERM");
  t.match(await server.ended, { code: 0, stderr: "" });
  t.notOk((await readdir(join(DATA_DIR, "postgres"))).includes("postmaster.pid"));
});

t.test("arguments on the server's command line are answered, and start no server", async (t) => {
  const [help, mistaken] = await Promise.all([refusedStart({}, ["--help"]), refusedStart({}, ["--port", "3000"])]);
  t.match(help, { code: 0, stdout: /docs\/settings\.md/, stderr: "" });
  const stderr = "jeton: the server takes no arguments; its settings are environment variables\n";
  t.match(mistaken, { code: 1, stdout: "", stderr });
});

t.test("no demo is made in production", async (t) => {
  const server = await startProcess(t, { DATA_DIR: await dataFolder(t, "used"), NODE_ENV: "production" });
  t.notMatch(server.output(), /curl|demo/);
  const { json } = await server.post("/oauth2/token", { grant_type: "client_credentials", client_id: "demo-backend" });
  t.match(json, { error_description: "the client doesn't exist" });
});

t.test("a provisioning file", async (t) => {
  const DATABASE_URL = await freshDatabase(t);
  const DATA_DIR = await dataFolder(t);
  const PROVISION_FILE = join(dirname(DATA_DIR), "provision.json");
  const env = { DATA_DIR, DATABASE_URL, MASTER_KEY, PROVISION_FILE };
  const write = (file: object) => writeFile(PROVISION_FILE, JSON.stringify(file));
  /** Starts a server on the file of the fleet, in which the clients have this secret. */
  const startWith = async (t: Test, secret: string): Promise<RunningProcess> => {
    const clients = FLEET.clients.map((one) => ("client_secret" in one ? { ...one, client_secret: secret } : one));
    await write({ ...FLEET, clients });
    const server = await startProcess(t, env);
    const form = { grant_type: "client_credentials" };
    t.equal((await server.post("/oauth2/token", form, basic("backend", secret))).status, 200);
    t.match(server.output(), /"msg":"provisioning file applied"/);
    t.notOk(server.output().includes(secret));
    return server;
  };

  t.test("is applied before the server is ready, and again at every start", async (t) => {
    const first = await startWith(t, SECRET);
    first.signal("SIGTERM");
    await first.ended;
    const second = await startWith(t, `another-${SECRET}`);
    const slow = await slowRequest(
      t,
      second,
      new URLSearchParams({ grant_type: "password", client_id: "mobile", ...ALICE }).toString(),
    );
    second.signal("SIGTERM");
    await untilDraining(second);
    slow.finish();
    t.match(await slow.answer, /"refresh_token"/, "its people may log in while the server drains");
    t.equal((await second.ended).code, 0);
  });

  t.test("that is refused ends the start with one line, and changes nothing", async (t) => {
    const before = await stateIn(DATABASE_URL);
    await write({ clients: [{ client_id: "newcomer", client_secret: SECRET }], users: [{ sub: "u1" }] });
    const refused = await refusedStart(env);
    t.match(refused, {
      code: 1,
      stdout: "",
      stderr: new RegExp(`^jeton: ${PROVISION_FILE}: users\\[0\\]\\.preferred_username: .*\n$`),
    });
    const missing = await refusedStart({ ...env, PROVISION_FILE: `${PROVISION_FILE}.not` });
    t.match(missing, { code: 1, stdout: "", stderr: `jeton: ${PROVISION_FILE}.not cannot be read (ENOENT)\n` });
    t.strictSame(await stateIn(DATABASE_URL), before);
  });
});

/** What the printed lines hold that must be in no file. */
function secretsIn(lines: readonly string[]): string[] {
  const found = [...lines.join("\n").matchAll(/(?:-u [\w-]+:|client_secret=|password=)([\w-]{10,})/g)];
  return [...new Set(found.map(([, secret]) => secret!))];
}

/** The body of the request a printed line makes. */
function formOf(line: string): string {
  return [...line.matchAll(/-d (\S+)/g)].map(([, pair]) => pair).join("&");
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** A request the server has accepted (it said `100 Continue`) and whose body has yet to come. */
async function slowRequest(t: Test, { url }: RunningProcess, body: string) {
  const { hostname, port } = new URL(url);
  const socket: Socket = connect(Number(port), hostname);
  t.teardown(() => socket.destroy());
  let heard = "";
  socket.setEncoding("utf8").on("data", (text: string) => (heard += text));
  socket.on("error", () => {});
  const head = [
    "POST /oauth2/token HTTP/1.1",
    "Host: localhost",
    "Expect: 100-continue",
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.write([...head, "Content-Type: application/x-www-form-urlencoded", "", ""].join("\r\n"));
  const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";
  await until("the request is accepted", () => heard.startsWith(CONTINUE));
  const answer = new Promise<string>((resolve) => socket.once("close", () => resolve(heard.slice(CONTINUE.length))));
  return { finish: () => socket.write(body), answer };
}

/** `/readyz` answers "not ready" as long as the server still answers a request. */
async function untilDraining({ url }: RunningProcess): Promise<void> {
  await until("/readyz says 503", async () => (await fetch(`${url}/readyz`)).status === 503);
}
