// `npm run dev`: compiles the sources whenever one of them changes, and restarts the server after each compilation without
// errors. Ctrl-C ends the compiler and stops the server, which then stops its embedded PostgreSQL.
import { spawn, spawnSync } from "node:child_process";
import { createRequire } from "node:module";

/** Milliseconds in which a repeated signal is the same one: a terminal and npm both send Ctrl-C to this process. */
const SAME_SIGNAL = 1_000;

const { status } = spawnSync(process.execPath, ["prisma/build.mjs", "--client"], { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);

/** The server that runs, also while it stops. */
let server;
let restarts = Promise.resolve();
let stoppedAt;

const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const watch = ["-p", "tsconfig.build.json", "--watch", "--preserveWatchOutput", "--pretty"];
const compiler = spawn(process.execPath, [tsc, ...watch], { stdio: ["ignore", "pipe", "inherit"] });
compiler.stdout.setEncoding("utf8").on("data", (text) => {
  process.stdout.write(text);
  if (text.includes("Found 0 errors")) restarts = restarts.then(stop).then(start);
});

function start() {
  if (stoppedAt !== undefined) return;
  // In a process group of its own the server gets Ctrl-C from this process, and only once.
  const started = spawn(process.execPath, ["dist/main.js"], {
    stdio: ["ignore", "inherit", "inherit"],
    detached: true,
  });
  server = started;
  started.once("exit", (code) => {
    server = undefined;
    if (code !== 0) console.error("The server has ended. The next change starts it again.");
  });
}

function stop() {
  return new Promise((resolve) => {
    if (server === undefined) return resolve();
    server.once("exit", resolve);
    server.kill("SIGTERM");
  });
}

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, async () => {
    if (stoppedAt !== undefined) {
      // A second Ctrl-C does not wait for the answers under way.
      if (Date.now() - stoppedAt > SAME_SIGNAL) server?.kill(signal);
      return;
    }
    stoppedAt = Date.now();
    compiler.kill();
    await restarts;
    await stop();
  });
}
