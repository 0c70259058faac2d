// Measures the import of 10,000 clients and 100,000 people with imported hashes: npm run measure:import [-- CLIENTS USERS].
// docs/operations.md, "Measuring", says what it prints. It fails where the command takes more than a minute of CPU or 300 MiB.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbedded } from "../support/embedded.js";
import { livingPostmaster } from "../../src/embedded/pid-file.js";
import { dataDirAt } from "../../src/embedded/data-dir.js";
import { writeImport } from "../support/import-files.js";
import { ROOT } from "../support/root.js";
import { MASTER_KEY } from "../support/run.js";
import { stopPostgres } from "../support/stop-postgres.js";
import { answerHelp } from "./help.js";

answerHelp(`Usage: npm run measure:import [-- CLIENTS USERS]

Measures the import of 10000 clients and 100000 users, or of as many as given, with imported hashes.
It ends with 1 if an import takes more than 60 s of CPU or 300 MiB of memory.`);

const [clients = 10_000, users = 100_000] = process.argv.slice(2).map(Number);

/** What one import may take: seconds of CPU, with those of PostgreSQL, and MiB of memory. */
const MAX_CPU = 60;
const MAX_MEMORY = 300;

/** Of /proc/PID/stat: ticks of a process and of its children that have ended, 100 in a second. */
const TICKS = 100;

/** What the process writes about itself as the last line of standard error. */
const REPORT = `data:text/javascript,process.on("exit",()=>process.stderr.write(JSON.stringify(process.resourceUsage())))`;

const migrations = join(ROOT, "build", "js", "prisma");
if (!existsSync(migrations)) await symlink(join(ROOT, "prisma"), migrations);

let passed = true;
for (const format of ["json", "jsonl", "csv"]) passed = (await measure(format)) && passed;
process.exit(passed ? 0 : 1);

/** Imports a file of this format into an empty database, and once more. */
async function measure(format: string): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), "jeton-import-"));
  try {
    const { url } = await startEmbedded({ dataDir: folder, role: "server" });
    const { pid } = (await livingPostmaster(dataDirAt(folder)))!;
    await runCli(["migrate"], url, pid);
    const file = join(folder, `import.${format}`);
    writeImport(file, clients, users);
    const first = await runCli(["apply", file], url, pid);
    console.log(`${format}: ${first.said}: ${described(first)}`);
    const second = await runCli(["apply", file], url, pid);
    console.log(`${format}, applied again: ${second.said}: ${described(second)}`);
    return first.cpu + first.postgres <= MAX_CPU && first.memory <= MAX_MEMORY && second.memory <= MAX_MEMORY;
  } finally {
    await stopPostgres(folder);
    await rm(folder, { recursive: true, force: true });
  }
}

interface Run {
  readonly said: string;
  /** Seconds: by the clock, of CPU of the command, and of PostgreSQL. */
  readonly wall: number;
  readonly cpu: number;
  readonly postgres: number;
  /** MiB. */
  readonly memory: number;
}

function described({ wall, cpu, postgres, memory }: Run): string {
  return `${wall.toFixed(1)} s, CPU ${cpu.toFixed(1)} s and PostgreSQL ${postgres.toFixed(1)} s, ${memory.toFixed(0)} MiB`;
}

async function runCli(words: readonly string[], url: string, postmaster: number): Promise<Run> {
  const before = ticksOfChildren(postmaster);
  const begun = performance.now();
  const child = spawn(process.execPath, ["--import", REPORT, join(ROOT, "build", "js", "src", "cli.js"), ...words], {
    env: { ...process.env, DATABASE_URL: url, MASTER_KEY },
  });
  let [said, told] = ["", ""];
  child.stdout.on("data", (chunk) => (said += String(chunk)));
  child.stderr.on("data", (chunk) => (told += String(chunk)));
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(told);
  const wall = (performance.now() - begun) / 1_000;
  // The backend has ended when the postmaster has looked after it.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { userCPUTime, systemCPUTime, maxRSS } = JSON.parse(told.split("\n").at(-1)!) as NodeJS.ResourceUsage;
  const postgres = (ticksOfChildren(postmaster) - before) / TICKS;
  return { said: said.trim(), wall, cpu: (userCPUTime + systemCPUTime) / 1e6, postgres, memory: maxRSS / 1_024 };
}

function ticksOfChildren(pid: number): number {
  if (!existsSync(`/proc/${pid}/stat`)) return 0;
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return Number(fields[13]) + Number(fields[14]);
}
