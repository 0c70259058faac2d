import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";
import { runCommandLine } from "../../src/command-line.js";
import { readSettings } from "../../src/config.js";
import { openDeployment } from "../../src/deployment.js";
import { refuseIfOwned } from "../../src/embedded/index.js";
import { OperatorError } from "../../src/errors/operator-error.js";
import { openListener } from "../../src/http/listener.js";
import { livingPostmaster } from "../../src/embedded/pid-file.js";
import { dataDirAt, readPassword, urlOf } from "../../src/embedded/data-dir.js";
import { withDate } from "./date.js";
import { prepareDataFolder } from "./prepared.js";
import { requestsTo, type Requests } from "./requests.js";
import { ROOT } from "./root.js";
import { DATA_DIR, SHORT_LIVED } from "./run.js";
import { until } from "./until.js";

/**
 * The product as people run it: `node dist/main.js` and `node dist/cli.js` in processes of their own, with a clean
 * environment: compiled together with the tests, byte for byte what `npm run build` puts into dist/.
 */
const DIST = join(ROOT, "build", "js", "src");

/** Whether coverage is measured, for which the runner's loader is needed (`npm run coverage`). */
const measured = process.env._TAPJS_PROCESSINFO_COVERAGE_ === "1";

export type Environment = Readonly<Record<string, string | undefined>>;

/** How a process ended, and everything it said. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** From the spawn to the end, in milliseconds. */
  readonly took: number;
}

/** What a process says and ends with. */
export type Said = Pick<Ended, "code" | "stdout" | "stderr">;

export interface RunningProcess extends Requests {
  readonly pid: number;
  readonly url: string;
  readonly dataDir: string;
  /** From the spawn to the ready line, in milliseconds. */
  readonly readyAfter: number;
  /** What it said so far. */
  output(): string;
  /** Sends a signal to it, or to its whole process group as a terminal's Ctrl-C does. */
  signal(name: NodeJS.Signals, to?: "process" | "group"): void;
  readonly ended: Promise<Ended>;
}

/**
 * A folder that goes with its test, and the PostgreSQL that may have been left running in it too. It is not made yet, or
 * it holds a PostgreSQL that was started before (`used`).
 */
export async function dataFolder(t: Test, used?: "used"): Promise<string> {
  const parent = await mkdtemp(join(DATA_DIR, "process-"));
  const dataDir = join(parent, "data folder");
  t.teardown(async () => {
    await endPostgres(dataDir);
    await rm(parent, { recursive: true, force: true, maxRetries: 5 });
  });
  if (used) await prepareDataFolder(dataDir);
  return dataDir;
}

/** Ends the PostgreSQL of a folder as a crash would. Returns its process id, or undefined where none runs. */
export async function endPostgres(dataDir: string, signal: NodeJS.Signals = "SIGQUIT"): Promise<number | undefined> {
  const place = dataDirAt(dataDir);
  const pid = (await livingPostmaster(place).catch(() => undefined))?.pid;
  if (pid === undefined) return undefined;
  process.kill(pid, signal);
  await until("PostgreSQL ends", async () => (await livingPostmaster(place).catch(() => undefined))?.pid !== pid);
  return pid;
}

/** The connection string of the PostgreSQL that runs in a folder. */
export async function embeddedUrl(dataDir: string): Promise<string> {
  const place = dataDirAt(dataDir);
  const file = await livingPostmaster(place);
  return urlOf("jeton", file!.port, (await readPassword(place))!);
}

/** A server from its first moment on. It ends with its test, at the latest. */
export function launchServer(t: Test, env: Environment & { readonly DATA_DIR: string }) {
  const begun = performance.now();
  const { child, ended, said } = launch("main.js", [], { PORT: "0", ...env });
  t.teardown(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  let over = false;
  void ended.then(() => (over = true));
  const started = {
    pid: child.pid!,
    dataDir: env.DATA_DIR,
    output: () => said.stdout + said.stderr,
    signal: (name: NodeJS.Signals, to: "process" | "group" = "process") =>
      void process.kill(to === "group" ? -child.pid! : child.pid!, name),
    ended,
  };
  const ready = async (): Promise<RunningProcess> => {
    let url: string | undefined;
    await until("the server is ready", () => {
      url = readyLine(said.stdout)?.url;
      if (over && url === undefined) throw new Error(`it ended before it was ready: ${started.output()}`);
      return url !== undefined;
    });
    return { ...started, ...requestsTo(url!), url: url!, readyAfter: performance.now() - begun };
  };
  return { ...started, ready };
}

/** Starts the server and waits for its ready line. */
export function startProcess(t: Test, env: Environment & { readonly DATA_DIR: string }): Promise<RunningProcess> {
  return launchServer(t, env).ready();
}

/** Runs the server where it is expected to refuse its start. */
export function refusedStart(env: Environment, args: readonly string[] = []): Promise<Ended> {
  return launch("main.js", args, { PORT: "0", ...env }).ended;
}

/**
 * The same without a process of its own, which costs most of a second: where the settings, the address or the deployment cannot
 * be used. The steps are those of src/serve.ts. No process ends here, so each step is undone.
 */
export async function refusedHere(env: Environment): Promise<Said> {
  return ending(async () => {
    const { HOST: host, PORT: port, TLS_CERT: cert, TLS_KEY: key, ...settings } = readSettings({ PORT: "0", ...env });
    if (settings.DATABASE_URL === undefined) await refuseIfOwned(settings.DATA_DIR);
    const tls = cert && key ? { tls: { cert, key, clientCa: settings.TLS_CLIENT_CA } } : {};
    const listener = await openListener({ host, port, ...tls });
    try {
      const deployment = await openDeployment(readSettings(env), { role: "server" });
      await deployment.close();
    } finally {
      await listener.drain();
    }
    return "";
  });
}

/** A command that is under way, and that a test can kill. */
export function startCommand(env: Environment, args: readonly string[]) {
  const { child, ended } = launch("cli.js", args, env);
  child.stdin?.end();
  return { kill: () => void child.kill("SIGKILL"), ended };
}

/** Runs one command of the command line. */
export function jeton(env: Environment, args: readonly string[], stdin = ""): Promise<Ended> {
  const { child, ended } = launch("cli.js", args, env);
  // A command that refuses before it reads has closed the pipe.
  child.stdin?.on("error", () => {});
  child.stdin?.end(stdin);
  return ended;
}

/** The same without a process of its own. */
export function jetonHere(env: Environment, args: readonly string[], stdin = ""): Promise<Said> {
  return ending((report) => runCommandLine(args, async () => stdin, env, undefined, report));
}

/** How a process would have ended: as src/serve.ts and src/cli.ts have it. */
async function ending(work: (report: (line: string) => void) => Promise<string>): Promise<Said> {
  const reported: string[] = [];
  const stderr = (...more: string[]) => [...reported, ...more].map((line) => `${line}\n`).join("");
  try {
    return { code: 0, stdout: `${await work((line) => reported.push(line))}\n`, stderr: stderr() };
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return { code: 1, stdout: "", stderr: stderr(`jeton: ${error.message}`) };
  }
}

function launch(program: "main.js" | "cli.js", args: readonly string[], env: Environment) {
  const begun = performance.now();
  const said = { stdout: "", stderr: "" };
  const environment = { PATH: process.env.PATH, ...withDate(), ...env };
  const given = Object.entries(environment).filter(([, value]) => value !== undefined);
  // By env(1), because the test runner adds its own loader to every environment that is handed to spawn: half of a start.
  const clean = measured ? [] : ["-i", ...given.map(([name, value]) => `${name}=${value}`)];
  const child: ChildProcess = spawn("env", [...clean, process.execPath, ...SHORT_LIVED, join(DIST, program), ...args], {
    cwd: tmpdir(),
    env: environment,
    // A group of its own, so that a signal to the group reaches no other process.
    detached: true,
  });
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, ...said, took: performance.now() - begun }));
  });
  return { child, ended, said };
}

/** The line everybody waits for, read as supervisors would: a JSON object with a `url`. */
function readyLine(stdout: string): { url: string } | undefined {
  const lines = stdout.split("\n").slice(0, -1);
  const ready = lines.find((line) => line.startsWith("{") && typeof JSON.parse(line).url === "string");
  return ready === undefined ? undefined : (JSON.parse(ready) as { url: string });
}
