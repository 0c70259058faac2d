import { readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { once } from "node:events";
import { connect } from "node:tls";
import t from "tap";
import { selfSigned } from "../support/certificate.js";
import { freshDatabase, sql } from "../support/database.js";
import { dataFolder, startProcess } from "../support/process.js";
import { MASTER_KEY } from "../support/run.js";
import { until } from "../support/until.js";

/** SIGHUP: certificate files are read again, and no server ends. */

async function nameShown(url: string): Promise<string> {
  const { hostname: host, port } = new URL(url);
  const socket = connect({ host, port: Number(port), rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

/** Sends SIGHUP to the process with the first package that the server loads. */
const SIGHUP_ON_LOAD = `
const Module = require("node:module");
const load = Module._load;
Module._load = (...asked) => {
  if (/fastify/.test(asked[0])) {
    Module._load = load;
    process.kill(process.pid, "SIGHUP");
  }
  return load(...asked);
};
process.on("exit", () => console.log(Module._load === load ? "SIGHUP was sent" : "it was not"));`;

t.test(
  "a server without TLS goes on at SIGHUP, also while it is being loaded, and logs that there is nothing to read",
  async (t) => {
    const folder = t.testdir({ "early.cjs": SIGHUP_ON_LOAD });
    const DATABASE_URL = await freshDatabase(t);
    const NODE_OPTIONS = `--require=${join(folder, "early.cjs")}`;
    const DATA_DIR = await dataFolder(t);
    const server = await startProcess(t, { DATA_DIR, DATABASE_URL, MASTER_KEY, NODE_OPTIONS });
    server.signal("SIGHUP");
    await until("it says so", () => server.output().includes("there are no certificate files to read again"));
    t.equal((await server.send("/readyz")).status, 200);

    t.notMatch(server.output(), /curl|demo/, "a database of one's own gets no demo");
    t.strictSame(await sql(DATABASE_URL, "SELECT client_id FROM clients"), []);
    t.strictSame(await readdir(dirname(DATA_DIR)), [], "and DATA_DIR is not made");
    server.signal("SIGTERM");
    t.match(await server.ended, { code: 0, stdout: /SIGHUP was sent/ });
  },
);

t.test("a server with TLS takes the new certificate, or says why not", async (t) => {
  const [first, second] = [selfSigned("first"), selfSigned("second")];
  const folder = t.testdir({ "cert.pem": first.cert, "key.pem": first.key });
  const [TLS_CERT, TLS_KEY] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const database = { DATABASE_URL: await freshDatabase(t), MASTER_KEY };
  const server = await startProcess(t, { DATA_DIR: await dataFolder(t), ...database, TLS_CERT, TLS_KEY });
  server.signal("SIGHUP");
  await until("it answers", () => server.output().includes("the certificate files have not changed"));

  await writeFile(TLS_KEY, second.key);
  server.signal("SIGHUP");
  await until("it warns", () => server.output().includes("TLS_KEY is not the key of the certificate in TLS_CERT"));
  t.equal(await nameShown(server.url), "first");

  await writeFile(TLS_CERT, second.cert);
  server.signal("SIGHUP");
  await until("it takes it", () => server.output().includes("a new certificate is in use"));
  t.equal(await nameShown(server.url), "second");
  t.notMatch(server.output(), /PRIVATE KEY/);
});
