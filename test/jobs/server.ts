import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { startEmbedded } from "../support/embedded.js";
import { livingPostmaster } from "../../src/embedded/pid-file.js";
import { dataDirAt } from "../../src/embedded/data-dir.js";
import { Proxy } from "../faults/proxy.js";
import { ROOT } from "../support/root.js";
import { MASTER_KEY } from "../support/run.js";

const JETON = join(ROOT, "build", "js", "src", "main.js");

/** A server to be measured: in a process of its own, on a PostgreSQL of its own. */
export interface MeasuredServer {
  readonly url: string;
  readonly database: string;
  /** The process ids of the server and of the postmaster. */
  readonly pid: number;
  readonly postgres: number;
}

/**
 * Runs a measurement against a server with this provisioning file, and removes everything afterwards.
 * @param delay milliseconds that a statement and its answer are under way together, for a database that is far away
 * @param environment more settings
 */
export async function withServer(
  provision: object,
  measure: (server: MeasuredServer) => Promise<boolean>,
  delay = 0,
  environment: Readonly<Record<string, string>> = {},
): Promise<never> {
  const folder = await mkdtemp(join(tmpdir(), "jeton-measure-"));
  const file = join(folder, "provision.json");
  await writeFile(file, JSON.stringify(provision));
  const postgres = await startEmbedded({ dataDir: folder, role: "server" });
  const far = delay > 0 ? await Proxy.open({ host: "127.0.0.1", port: Number(new URL(postgres.url).port) }) : undefined;
  let passed = false;
  let server: ServerProcess | undefined;
  try {
    server = await startJeton({
      DATABASE_URL: far?.lead(postgres.url) ?? postgres.url,
      PROVISION_FILE: file,
      LOG_LEVEL: "info",
      ...BEHIND_PROXY,
      ...environment,
    });
    far?.delay({ up: delay / 2, down: delay / 2 });
    const { url, pid } = server;
    passed = await measure({ url, database: postgres.url, pid, postgres: await postmasterOf(folder) });
  } finally {
    await server?.stop();
    await far?.close();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
  process.exit(passed ? 0 : 1);
}

/** The process id of the embedded PostgreSQL of a data folder. */
export async function postmasterOf(folder: string): Promise<number> {
  return (await livingPostmaster(dataDirAt(folder)))!.pid;
}

/** A server that runs in a process of its own. */
export interface ServerProcess {
  readonly url: string;
  readonly pid: number;
  /** Ends it by SIGTERM, and waits until it has ended. */
  readonly stop: () => Promise<void>;
}

/** Settings with which requests may come from the network that their `X-Forwarded-For` names. */
export const BEHIND_PROXY = { TRUST_PROXY: "127.0.0.1" } as const;

/** Starts Jeton as the tests compile it. @param flags of Node.js */
export async function startJeton(
  environment: Readonly<Record<string, string>>,
  flags: readonly string[] = [],
): Promise<ServerProcess> {
  // Compiled code looks for the migrations beside itself.
  const migrations = join(ROOT, "build", "js", "prisma");
  if (!existsSync(migrations)) await symlink(join(ROOT, "prisma"), migrations);
  return startServer(JETON, { MASTER_KEY, ...environment }, flags);
}

/** Starts a server that prints `"msg":"ready on <its address>"` on a line of its own, and waits for that line. */
export async function startServer(
  program: string,
  environment: Readonly<Record<string, string>>,
  flags: readonly string[] = [],
): Promise<ServerProcess> {
  const server = spawn(process.execPath, [...flags, program], {
    env: { ...process.env, PORT: "0", ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => server.once("exit", resolve));
  const url = await new Promise<string>((resolve, reject) => {
    void ended.then(() => reject(new Error(`${program} ended`)));
    // Read to the end, so that the server never waits for room in the pipe.
    createInterface(server.stdout).on("line", (line) => {
      const [, found] = /"msg":"ready on ([^"]+)"/.exec(line) ?? [];
      if (found !== undefined) resolve(found);
    });
  });
  const stop = async () => {
    server.kill("SIGTERM");
    await ended;
  };
  return { url, pid: server.pid!, stop };
}

/** POSTs a form. */
export async function post(url: string, form: Record<string, string>, headers: Record<string, string> = {}) {
  const response = await fetch(url, { method: "POST", body: new URLSearchParams(form), headers });
  return { status: response.status, text: await response.text() };
}
