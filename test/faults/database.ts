import { execFile } from "node:child_process";
import { mkdir, open, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import { systemClock } from "../../src/clock.js";
import { findBinaries } from "../../src/embedded/binaries.js";
import { startEmbedded } from "../support/embedded.js";
import { livingPostmaster, runsHere } from "../../src/embedded/pid-file.js";
import { dataDirAt, type DataDir } from "../../src/embedded/data-dir.js";
import { launch } from "../../src/embedded/postmaster.js";
import { childOptions, osUserFor } from "../../src/embedded/os-user.js";

const run = promisify(execFile);

/** Bytes of the file system that can be filled up. */
const SMALL_DISK = 768 * 2 ** 20;

/** The PostgreSQL of a run, which the run starts and ends itself: no supervisor starts it again. */
export class Database {
  readonly #dir: DataDir;
  readonly #mounted: boolean;
  readonly url: string;

  private constructor(dir: DataDir, url: string, mounted: boolean) {
    this.#dir = dir;
    this.url = url;
    this.#mounted = mounted;
  }

  /** Makes a cluster in a folder, on a small file system of its own where this process may mount one. */
  static async make(folder: string): Promise<Database> {
    await mkdir(folder, { recursive: true });
    const mounted = await mountSmallDisk(folder);
    const made = await startEmbedded({ dataDir: folder, role: "server" });
    await statement(made.url, "ALTER SYSTEM SET max_wal_size = '192MB'");
    await made.stop();
    const database = new Database(dataDirAt(folder), made.url, mounted);
    await database.start();
    return database;
  }

  /** Why the disk cannot be filled up; undefined where it can. */
  get noSmallDisk(): string | undefined {
    return this.#mounted ? undefined : "this user may not mount a small file system (root may)";
  }

  get target(): { readonly host: string; readonly port: number } {
    const { hostname: host, port } = new URL(this.url);
    return { host, port: Number(port) };
  }

  /** Starts it, and returns once it takes connections. */
  async start(): Promise<void> {
    const options = childOptions(await osUserFor(this.#dir), process.env);
    const binaries = await findBinaries(options);
    const deadline = { at: systemClock.now() + 120_000, signal: new AbortController().signal };
    // The processes of a killed one may still hold its memory for a moment.
    while ((await launch(this.#dir, options, binaries, this.target.port, deadline)) !== undefined) {
      if (systemClock.now() > deadline.at) throw new Error("PostgreSQL does not start");
      await pause(50);
    }
  }

  async isRunning(): Promise<boolean> {
    return (await livingPostmaster(this.#dir)) !== undefined;
  }

  /** Ends it: SIGKILL as a crash does, SIGINT in order. */
  async end(signal: "SIGKILL" | "SIGINT"): Promise<void> {
    const pid = (await livingPostmaster(this.#dir))?.pid;
    if (pid === undefined) return;
    process.kill(pid, signal);
    while (await runsHere(this.#dir, pid)) await pause(10);
  }

  /** Stops the postmaster and every backend where they are. What it returns lets them go on. */
  async freeze(): Promise<() => void> {
    const backends = await this.sql("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()");
    const postmaster = (await livingPostmaster(this.#dir))!.pid;
    const pids = [postmaster, ...backends.map(({ pid }) => Number(pid))];
    for (const pid of pids) send(pid, "SIGSTOP");
    return () => pids.forEach((pid) => send(pid, "SIGCONT"));
  }

  /** Runs a statement as an operator does, on a connection of its own. */
  sql(text: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
    return statement(this.url, text, values);
  }

  /** Takes every connection, after a statement that ends others. What it returns gives them back. */
  async exhaust(ending: string): Promise<() => Promise<void>> {
    const holders: pg.Client[] = [];
    await this.#takeAll(holders);
    await holders[0]?.query(ending);
    await this.#takeAll(holders);
    return async () => void (await Promise.all(holders.map((one) => one.end().catch(() => {}))));
  }

  async #takeAll(holders: pg.Client[]): Promise<void> {
    for (;;) {
      const holder = new pg.Client({ connectionString: this.url, application_name: "faults holder" });
      holder.on("error", () => {});
      try {
        await holder.connect();
        holders.push(holder);
      } catch {
        return;
      }
    }
  }

  /** Locks a table against everything but reading. What it returns gives it back. */
  async lock(table: string): Promise<() => Promise<void>> {
    const client = new pg.Client({ connectionString: this.url, application_name: "faults lock" });
    client.on("error", () => {});
    await client.connect();
    await client.query(`BEGIN; LOCK TABLE ${table} IN EXCLUSIVE MODE`);
    return () => client.end().catch(() => {});
  }

  /** Fills up the disk. What it returns empties it. */
  async fill(): Promise<() => Promise<void>> {
    const ballast = join(this.#dir.path, "ballast");
    const { bavail, bsize } = await statfs(this.#dir.path);
    const file = await open(ballast, "w");
    const block = Buffer.alloc(2 ** 23);
    try {
      // One more than fits; the last write says that the disk is full.
      for (let left = bavail * bsize; left > -block.length; left -= block.length) await file.write(block);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    } finally {
      await file.close();
    }
    return () => rm(ballast, { force: true });
  }

  async remove(): Promise<void> {
    await this.end("SIGINT");
    if (this.#mounted) await run("umount", ["-l", this.#dir.path]);
    await rm(this.#dir.path, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function mountSmallDisk(folder: string): Promise<boolean> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  try {
    await run("mount", ["-t", "tmpfs", "-o", `size=${SMALL_DISK},mode=755`, "jeton-faults", folder]);
    return true;
  } catch {
    return false;
  }
}

async function statement(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url);
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query(text, [...values])).rows as Record<string, unknown>[];
  } finally {
    await client.end().catch(() => {});
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
