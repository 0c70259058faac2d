// Measures what a decision costs where there are a thousand and where there are a million resources, as a ratio: two
// databases on one PostgreSQL, asked in turn, so that other work of the machine affects both.
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { Passwords } from "../../src/accounts/passwords.js";
import { systemRandom } from "../../src/clock.js";
import { readSettings } from "../../src/config.js";
import { openDeployment } from "../../src/deployment.js";
import { openListener } from "../../src/http/listener.js";
import { openLog } from "../../src/http/log.js";
import { apply } from "../../src/provisioning/apply.js";
import { startServer } from "../../src/server.js";
import { startEmbedded } from "../support/embedded.js";
import { type Instance } from "../support/instance.js";
import { MASTER_KEY } from "../support/run.js";
import { ROOT } from "../support/root.js";
import { stopPostgres } from "../support/stop-postgres.js";
import { allow, ask, introspect, PARTIES, pat, register, ticketFor } from "../support/uma.js";
import { answerHelp } from "./help.js";

answerHelp(`Usage: npm run measure:uma

Measures what a UMA decision costs with a thousand and with a million resources. It ends with 1 if the ratio is over 1.2.`);

const SIZES = [1_000, 1_000_000] as const;
const ROUNDS = 400;
const LIMIT = 1.2;

const prisma = join(ROOT, "build", "js", "prisma");
await rm(prisma, { force: true });
await symlink(join(ROOT, "prisma"), prisma);
const folder = await mkdtemp(join(tmpdir(), "jeton-scale-"));
const postgres = await startEmbedded({ dataDir: folder, role: "server" });

const places = [];
for (const size of SIZES) places.push(await prepare(size));

const times: Record<string, number[][]> = { decision: [[], []], introspection: [[], []] };
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [index, { server, by, photo }] of places.entries()) {
    const ticket = await ticketFor(server, by, { [photo]: ["view"] });
    const { taken, result } = await timed(() => ask(server, ticket));
    const seen = await timed(() => introspect(server, result.json.access_token));
    // The first rounds warm the caches of both.
    if (round < ROUNDS / 4) continue;
    times.decision![index]!.push(taken);
    times.introspection![index]!.push(seen.taken);
  }
}

for (const { stop } of places) await stop();
await stopPostgres(folder);
let failed = false;
for (const [name, [few, many]] of Object.entries(times)) {
  const ratio = median(many!) / median(few!);
  failed ||= ratio > LIMIT;
  const figures = [median(few!), median(many!)].map((one) => `${one.toFixed(2)} ms`).join(" and ");
  console.log(`${name}: ${figures} at ${SIZES.join(" and ")} resources, ${ratio.toFixed(2)} times`);
}
process.exit(failed ? 1 : 0);

/** A server over a database with that many resources, each with a policy, an approval and a ticket. */
async function prepare(size: number) {
  const admin = new pg.Client(postgres.url);
  await admin.connect();
  await admin.query(`CREATE DATABASE scale_${size}`);
  await admin.end();
  const url = new URL(postgres.url);
  url.pathname = `/scale_${size}`;
  const settings = readSettings({ DATABASE_URL: url.href, MASTER_KEY, PORT: "0" });
  const deployment = await openDeployment(settings, { role: "server" });
  const { db, master } = deployment;
  await apply(
    db,
    { master, passwords: new Passwords(master, systemRandom), random: systemRandom },
    JSON.stringify(PARTIES),
  );
  const client = new pg.Client(url.href);
  await client.connect();
  const ids = (prefix: string) => `'${prefix}' || lpad(n::text, 21, '0')`;
  for (const statement of [
    `INSERT INTO uma_resources (id, client_id, owner, scopes) SELECT ${ids("r")}, 'photos', 'user-' || n % 1000, '{view}'`,
    `INSERT INTO uma_policies (id, client_id, rules) SELECT ${ids("p")}, 'photos', '[{"clients":["printer"]}]'`,
    `INSERT INTO uma_policy_resources SELECT ${ids("p")}, ${ids("r")}`,
    `INSERT INTO uma_approvals SELECT ${ids("r")}, 'printer', 'printer', 'view', 'user-' || n % 1000, 'approved', now()`,
    `INSERT INTO uma_tickets (id, resource_server, permissions, expires_at) SELECT ${ids("t")}, 'photos', '[]', now() + interval '1 hour'`,
  ]) {
    await client.query(`${statement} FROM generate_series(1, ${size}) n`);
  }
  await client.query("VACUUM ANALYZE");
  await client.end();
  const listener = await openListener({ host: "127.0.0.1", port: 0 });
  const { log } = openLog("silent");
  const running = await startServer({ settings, deployment, listener, log });
  const send = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(listener.url + path, init);
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: text === "" ? undefined : JSON.parse(text),
    };
  };
  const post: Instance["post"] = (path, form, headers = {}) =>
    send(path, { method: "POST", body: new URLSearchParams(form as Record<string, string>), headers });
  const server = { core: running.core, send, post } as unknown as Instance;
  const by = await pat(server);
  const photo = await register(server, by);
  await allow(server, by, [photo], { clients: ["printer"] });
  return { server, by, photo, stop: () => running.stop().then(() => deployment.close()) };
}

async function timed<T>(work: () => Promise<T>): Promise<{ taken: number; result: T }> {
  const began = performance.now();
  const result = await work();
  return { taken: performance.now() - began, result };
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)]!;
}
