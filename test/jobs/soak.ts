// Whether a server's memory is flat under a steady load: npm run measure:soak [-- --minutes MINUTES] [--rate RATE]
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import pg from "pg";
import { dataDirAt, readPassword, urlOf } from "../../src/embedded/data-dir.js";
import { livingPostmaster } from "../../src/embedded/pid-file.js";
import { PROVISION } from "../bench/deployment.js";
import { readCommit } from "../bench/report.js";
import { ROOT } from "../support/root.js";
import { cpuOf } from "./cpu.js";
import { answerHelp } from "./help.js";
import { startJeton, type ServerProcess } from "./server.js";
import { SoakLoad } from "./soak-load.js";
import { growthOf, takeSample, type Sample } from "./soak-sample.js";

answerHelp(`Usage: npm run measure:soak [-- [--minutes MINUTES] [--rate REQUESTS_PER_SECOND]]

Sends a mixed load to one server with its default settings, on a new database, and samples its memory every 10 s.
  --minutes MINUTES              how long it takes, by default 60
  --rate REQUESTS_PER_SECOND     requests a second, by default 20

It prints a line a minute, and writes every sample to build/soak.json. It ends with 1 if the memory grows by more than
8 MiB an hour between the second quarter and the last, or if an answer was unexpected.`);

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "60" }, rate: { type: "string", default: "20" } },
});
const MINUTES = Number(values.minutes);
const RATE = Number(values.rate);
const COMMIT = readCommit();

/** Seconds between two samples. */
const INTERVAL = 10;

/** Growth in MiB an hour that counts as flat: the noise of a run of an hour. */
const MAX_GROWTH = 8;

const folder = await mkdtemp(join(tmpdir(), "jeton-soak-"));
process.exitCode = 1;
let server: ServerProcess | undefined;
// A soak that is interrupted leaves no server and no folder behind.
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => void cleanUp().then(() => process.exit(1)));
try {
  const provision = join(folder, "provision.json");
  const memory = join(folder, "memory.json");
  await writeFile(provision, JSON.stringify(PROVISION));
  server = await startJeton({ DATA_DIR: join(folder, "data"), PROVISION_FILE: provision, MEMORY_FILE: memory }, [
    `--import=${new URL("./report-memory.js", import.meta.url).href}`,
  ]);
  process.exitCode = (await soak(server, memory)) ? 0 : 1;
} finally {
  await cleanUp();
}

async function cleanUp(): Promise<void> {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
}

/** @returns whether the memory is flat, and every answer was expected */
async function soak({ url, pid }: ServerProcess, memory: string): Promise<boolean> {
  const place = dataDirAt(join(folder, "data"));
  const { pid: postgres, port } = (await livingPostmaster(place))!;
  const client = new pg.Client(urlOf("jeton", port, (await readPassword(place))!));
  await client.connect();
  const load = new SoakLoad(url);
  const samples: Sample[] = [];
  const began = performance.now();
  const cpu = [pid, postgres].map(cpuOf);
  const sample = async () => {
    const seconds = Math.round((performance.now() - began) / 1_000);
    samples.push({ seconds, requests: load.requests, ...(await takeSample(pid, memory, client)) });
  };
  console.log(`server ${pid}, ${RATE} requests/s for ${MINUTES} minutes\n${describe(undefined)}`);
  const sending = load.send(RATE, MINUTES * 60);
  for (let due = 0; due <= MINUTES * 60; due += INTERVAL) {
    await delay(Math.max(0, began + due * 1_000 - performance.now()));
    await sample();
    if (due % 60 === 0) console.log(describe(samples.at(-1)));
  }
  await sending;
  await client.end();
  const used = [pid, postgres].map((one, index) => (cpuOf(one) - cpu[index]!) / 1_000);
  return judge(load, samples, used);
}

async function judge(load: SoakLoad, samples: readonly Sample[], cpu: readonly number[]): Promise<boolean> {
  const growth = Object.fromEntries(
    (["rss", "heapUsed", "external", "files", "connections"] as const).map((name) => [name, growthOf(samples, name)]),
  );
  const flat = growth.rss! <= MAX_GROWTH;
  const { kinds, unexpected, example } = load;
  const [server_cpu, postgres_cpu] = cpu;
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "?"}`;
  const report = {
    commit: COMMIT,
    node: process.version,
    machine,
    minutes: MINUTES,
    rate: RATE,
    kinds,
    unexpected,
    example,
  };
  const whole = { ...report, server_cpu, postgres_cpu, growth_per_hour: growth, flat, samples };
  await mkdir(join(ROOT, "build"), { recursive: true });
  await writeFile(join(ROOT, "build", "soak.json"), JSON.stringify(whole, undefined, 1));
  console.log(
    `requests: ${JSON.stringify(kinds)}; unexpected: ${unexpected}${example ? `, the first: ${example}` : ""}`,
  );
  console.log(`CPU seconds: server ${server_cpu!.toFixed(0)}, PostgreSQL ${postgres_cpu!.toFixed(0)}`);
  console.log(`growth in an hour: ${JSON.stringify(growth)} (memory in MiB)`);
  console.log(flat ? `flat: at most ${MAX_GROWTH} MiB an hour` : `not flat: more than ${MAX_GROWTH} MiB an hour`);
  return flat && unexpected === 0;
}

/** A line of the table; its head if there is no sample. */
function describe(sample: Sample | undefined): string {
  if (sample === undefined) return "| minute | requests | rss | heapUsed | external | files | connections |";
  const { seconds, requests, rss, heapUsed, external, files, connections } = sample;
  return `| ${Math.round(seconds / 60)} | ${requests} | ${rss} | ${heapUsed} | ${external} | ${files} | ${connections} |`;
}
