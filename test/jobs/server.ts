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
 */
export async function withServer(
  provision: object,
  measure: (server: MeasuredServer) => Promise<boolean>,
  delay = 0,
): Promise<never> {
  const folder = await mkdtemp(join(tmpdir(), "jeton-measure-"));
  // What is compiled looks for the migrations beside itself.
  const migrations = join(ROOT, "build", "js", "prisma");
  if (!existsSync(migrations)) await symlink(join(ROOT, "prisma"), migrations);
  const file = join(folder, "provision.json");
  await writeFile(file, JSON.stringify(provision));
  const postgres = await startEmbedded({ dataDir: folder, role: "server" });
  const far = delay > 0 ? await Proxy.open({ host: "127.0.0.1", port: Number(new URL(postgres.url).port) }) : undefined;
  const server = spawn(process.execPath, [join(ROOT, "build", "js", "src", "main.js")], {
    env: {
      ...process.env,
      PORT: "0",
      DATABASE_URL: far?.lead(postgres.url) ?? postgres.url,
      MASTER_KEY,
      PROVISION_FILE: file,
      TRUST_PROXY: "127.0.0.1",
      LOG_LEVEL: "info",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => server.once("exit", resolve));
  let passed = false;
  try {
    const url = await new Promise<string>((resolve, reject) => {
      void ended.then(() => reject(new Error("the server ended")));
      // Read to the end, so that nobody waits for room in the pipe.
      createInterface(server.stdout).on("line", (line) => {
        const [, found] = /"msg":"ready on ([^"]+)"/.exec(line) ?? [];
        if (found !== undefined) resolve(found);
      });
    });
    far?.delay({ up: delay / 2, down: delay / 2 });
    const { pid: postmaster } = (await livingPostmaster(dataDirAt(folder)))!;
    passed = await measure({ url, database: postgres.url, pid: server.pid!, postgres: postmaster });
  } finally {
    server.kill("SIGTERM");
    await ended;
    await far?.close();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
  process.exit(passed ? 0 : 1);
}

/** POSTs a form. */
export async function post(url: string, form: Record<string, string>, headers: Record<string, string> = {}) {
  const response = await fetch(url, { method: "POST", body: new URLSearchParams(form), headers });
  return { status: response.status, text: await response.text() };
}
