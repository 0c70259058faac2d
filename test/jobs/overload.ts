// What becomes of a server that is asked for more than it can do:
// npm run measure:overload [-- [--delay MILLISECONDS] SECONDS [LOAD…]]
import { execFileSync, fork } from "node:child_process";
import { get } from "node:http";
import { availableParallelism } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { systemClock } from "../../src/clock.js";
import { MasterKey } from "../../src/keys/master-key.js";
import { openGrant } from "../../src/store/grants.js";
import { closeDb, openDb } from "../../src/store/open.js";
import { writeRefreshToken } from "../../src/tokens/refresh-token.js";
import { FLEET, SECRET } from "../support/fleet.js";
import { basic } from "../support/instance.js";
import { MASTER_KEY } from "../support/run.js";
import { cpuOf } from "./cpu.js";
import type { Load, Phase, PhaseResult } from "./flood.js";
import { answerHelp } from "./help.js";
import { summary } from "./percentile.js";
import { post, withServer, type MeasuredServer } from "./server.js";

answerHelp(`Usage: npm run measure:overload [-- [--delay MILLISECONDS] SECONDS [LOAD...]]

Sends 1, 2, 5 and 10 times the requests that the server can answer, each for SECONDS (by default 8).
  --delay MILLISECONDS   the time that a statement and its answer take on the way to a distant database
  LOAD                   the loads to run, by default all of them`);

const { values, positionals } = parseArgs({
  options: { delay: { type: "string", default: "0" } },
  allowPositionals: true,
});
const [seconds = "8", ...ONLY] = positionals;
const SECONDS = Number(seconds);

/** Milliseconds to the database and back: with some, the database is what the server waits for, and not its own processor. */
const DELAY = Number(values.delay);

/** How many times the capacity is asked for. */
const FACTORS = [1, 2, 5, 10] as const;

/** What is under way at any time while the capacity is measured. */
const PARALLEL = 32;

/** Share of the capacity that is asked for after an overload, and for how many seconds. */
const CALM = { share: 0.5, seconds: 5 } as const;

const LOGINS = 4_000;
const PEOPLE = 500;
const PASSWORD = "a password for measuring";

/** What docs/operations.md promises; times in milliseconds. */
const PROMISED = { goodput: 0.9, refusal: 50, health: 200, recovery: 5_000 } as const;

const people = Array.from({ length: PEOPLE }, (_, index) => ({
  sub: `user-person${index}`,
  preferred_username: `person${index}`,
  password: PASSWORD,
}));

// The server and its database have one core, the generator another: what it costs is taken from neither.
const pinned = pin(process.pid, 0);
await withServer(
  { ...FLEET, users: [...FLEET.users, ...people] },
  async (server) => {
    if (pinned) pin(process.pid, 1);
    const generator = fork(new URL("./flood.js", import.meta.url), [new URL(server.url).port]);
    const run = (phase: Phase) =>
      new Promise<{ result: PhaseResult; loads: readonly Load[] }>((resolve) => {
        generator.once("message", (message) => resolve(message as { result: PhaseResult; loads: readonly Load[] }));
        generator.send(phase);
      });
    console.log(pinned ? "server and database on one core, generator on another" : "everything on the same cores");
    console.log(
      "| load | asked for | goodput | of capacity | refused in (median, p99) | granted in (median, p99) | /readyz | /healthz | calm after | CPU of the server, database per grant |",
    );
    console.log("|---|---|---|---|---|---|---|---|---|---|");
    let passed = true;
    for (const [name, prepared] of Object.entries(await loadsFor(server))) {
      if (ONLY.length > 0 && !ONLY.includes(name)) continue;
      passed = (await measure(name, prepared, server, run)) && passed;
    }
    generator.kill();
    return passed;
  },
  DELAY,
);

/** Measures one load at every factor. @returns whether everything that is promised was seen */
async function measure(
  name: string,
  prepared: readonly Load[],
  server: MeasuredServer,
  run: (phase: Phase) => Promise<{ result: PhaseResult; loads: readonly Load[] }>,
): Promise<boolean> {
  let loads = prepared;
  const ask = async (phase: Omit<Phase, "loads">) => {
    const done = await run({ ...phase, loads });
    loads = done.loads;
    return done.result;
  };
  const capacity = async () => goodput(await ask({ seconds: SECONDS / 2, parallel: PARALLEL }));
  await capacity();
  let before = await capacity();
  let passed = true;
  for (const factor of FACTORS) {
    const processes = [server.pid, server.postgres];
    const cpu = processes.map(cpuOf);
    const health = watch(server.url);
    const over = await ask({ seconds: SECONDS, rate: before * factor });
    const used = processes.map((pid, index) => (cpuOf(pid) - cpu[index]!) / over.granted.count);
    const { ready, alive } = await health();
    const calm = await ask({ seconds: CALM.seconds, rate: before * CALM.share });
    const after = await capacity();
    const ratio = goodput(over) / ((before + after) / 2);
    const unexpected = Object.keys(over.statuses).filter((status) => status !== "200" && status !== "503");
    const kept =
      ratio >= PROMISED.goodput &&
      over.refused.median < PROMISED.refusal &&
      ready.max < PROMISED.health &&
      alive.max < PROMISED.health &&
      (calm.calmAfter ?? Infinity) < PROMISED.recovery &&
      over.unhelpful === 0 &&
      unexpected.length === 0;
    passed &&= kept || factor === 1;
    const ms = ({ median, p99 }: { median: number; p99: number }) => `${median.toFixed(1)}, ${p99.toFixed(1)} ms`;
    console.log(
      `| ${name} | ${factor} × ${before.toFixed(0)}/s | ${goodput(over).toFixed(0)}/s | ${ratio.toFixed(2)} | ${ms(over.refused)} | ${ms(over.granted)} | ${ready.max.toFixed(0)} ms | ${alive.max.toFixed(0)} ms | ${calm.calmAfter?.toFixed(0) ?? "never"} ms | ${used.map((one) => one.toFixed(2)).join(", ")} ms |`,
    );
    console.error(
      `  ${JSON.stringify(over.statuses)} unsent ${over.unsent}, generator ${over.cpu.toFixed(2)} of a core, capacity after ${after.toFixed(0)}/s, ready ${ready.count} answers, calm ${JSON.stringify(calm.statuses)}`,
    );
    before = after;
  }
  return passed;
}

function goodput({ granted, seconds }: PhaseResult): number {
  return granted.count / seconds;
}

/** Asks for both documents of health over and over, each time on a new connection as balancers do. */
function watch(url: string) {
  const times = { readyz: [] as number[], healthz: [] as number[] };
  let on = true;
  const look = async (path: "readyz" | "healthz") => {
    while (on) {
      const began = performance.now();
      const status = await statusOf(`${url}/${path}`);
      times[path].push(status === 200 ? performance.now() - began : Infinity);
      await delay(50);
    }
  };
  const both = Promise.all([look("readyz"), look("healthz")]);
  return async () => {
    on = false;
    await both;
    return { ready: summary(times.readyz), alive: summary(times.healthz) };
  };
}

/** The status of a GET on a connection of its own. */
function statusOf(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false }, (answer) =>
      answer.resume().on("end", () => resolve(answer.statusCode!)),
    );
    request.on("error", reject);
  });
}

async function loadsFor({ url, database }: MeasuredServer): Promise<Record<string, readonly Load[]>> {
  const backend = basic("backend", SECRET);
  const issued = await post(`${url}/oauth2/token`, { grant_type: "client_credentials" }, backend);
  const { access_token: token } = JSON.parse(issued.text) as { access_token: string };
  const target = "/oauth2/token";
  const refresh: Load = {
    target,
    headers: {},
    form: { grant_type: "refresh_token", client_id: "mobile" },
    logins: await openLogins(database),
  };
  const introspection: Load = { target: "/oauth2/introspect", headers: basic("gateway", SECRET), form: { token } };
  const service: Load = { target, headers: backend, form: { grant_type: "client_credentials" } };
  const password = people.map(({ preferred_username: username }, index): Load => ({
    target,
    headers: { "X-Forwarded-For": `10.0.${index >> 8}.${index & 0xff}` },
    form: { grant_type: "password", client_id: "mobile", scope: "api1", username, password: PASSWORD },
  }));
  return {
    refresh: [refresh],
    introspection: [introspection],
    client_credentials: [service],
    password,
    mixed: [refresh, introspection, refresh, introspection, service],
  };
}

/** Logins opened in the store: as many password checks would take minutes. */
async function openLogins(database: string): Promise<string[]> {
  const db = openDb(database);
  const master = new MasterKey(Buffer.from(MASTER_KEY, "base64url"));
  const tokens = [];
  for (let index = 0; index < LOGINS; index += 1) {
    const grant_id = `overload${String(index).padStart(14, "0")}`;
    const grant = { id: grant_id, client_id: "mobile", sub: "user-alice", user_epoch: 0, client_epoch: 0 };
    const terms = {
      scope: ["api1"],
      auth_time: new Date(systemClock.now()),
      amr: ["pwd"],
      idle: 36_000,
      absolute: 72_000,
    };
    await openGrant(db, { ...grant, ...terms }, null);
    tokens.push(writeRefreshToken(master, { grant_id, generation: 0 }));
  }
  await closeDb(db);
  return tokens;
}

/** Keeps a process, and the processes that it starts later, on one core. @returns false where that cannot be done */
function pin(pid: number, core: number): boolean {
  if (availableParallelism() < 2) return false;
  try {
    execFileSync("taskset", ["-apc", String(core), String(pid)], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
