import { addressOf, readSettings, type Settings } from "./config.js";
import { openDeployment } from "./deployment.js";
import { OperatorError } from "./errors/operator-error.js";
import { openListener } from "./http/listener.js";
import { openLog, standardOutput, type Log } from "./http/log.js";
import { inOneLine } from "./in-one-line.js";
import { introduce, startServer, type RunningServer } from "./server.js";
import { refuseIfOwned } from "./embedded/index.js";
import { readVersion } from "./version.js";
import { startWorkers } from "./workers/primary.js";
import { isWorker, runWorker } from "./workers/worker.js";

const HELP = `The Jeton server: node dist/main.js
It takes no arguments. Its settings are environment variables, listed in docs/settings.md; administration: jeton --help.
It exits with 0 after SIGTERM or SIGINT. It exits with 1 after one line on standard error, or at a second signal.`;

/** Opens settings, store and application in this order, and closes them in reverse. */
async function main(): Promise<void> {
  const [word] = process.argv.slice(2);
  if (word !== undefined) return answerWord(word);
  const settings = readSettings();
  const { log, flush } = openLog(settings.LOG_LEVEL, standardOutput(settings.WORKERS));
  if (isWorker(settings)) return runWorker(settings, { log, flush });
  const started = start(settings, log).catch((error: unknown) => {
    throw inOneLine(error, "the start", settings.LOG_LEVEL);
  });
  onStop(async () => {
    // A signal during the start waits until it is complete, because half a start cannot be stopped in order.
    const { stop } = await started;
    await stop();
    flush();
  });
  // SIGHUP rereads the certificate files and never ends the server. A start that fails ends the process itself.
  process.on("SIGHUP", () => {
    void started.then(
      ({ renewCertificate }) => renewCertificate(),
      () => undefined,
    );
  });
  await started;
}

/** Answers a command-line argument. The server starts only without one. */
function answerWord(word: string): void {
  const answers: Readonly<Record<string, () => string>> = {
    "--help": () => HELP,
    "-h": () => HELP,
    "--version": readVersion,
  };
  if (!Object.hasOwn(answers, word))
    throw new OperatorError("the server takes no arguments; its settings are environment variables");
  console.log(answers[word]!());
}

/** Starts everything. Returns the functions that signals call. */
async function start(settings: Settings, log: Log): Promise<Pick<RunningServer, "renewCertificate" | "stop">> {
  if (settings.DATABASE_URL === undefined) await refuseIfOwned(settings.DATA_DIR);

  // The listener comes first: it answers 503 from here on, and a port in use is noticed before anything else starts.
  const listener = await openListener(addressOf(settings));
  introduce({ settings, listener, log });
  const deployment = await openDeployment(settings, { role: "server", report: (message) => log.warn(message) });
  try {
    const begin = settings.WORKERS > 1 ? startWorkers : startServer;
    const server = await begin({ settings, deployment, listener, log, onRestored: fail });
    if (server.introduction !== undefined) console.log(`\n${server.introduction}`);
    // Logged at every level, because supervisors and people wait for this line.
    log.child({}, { level: "info" }).info({ url: listener.url, issuer: server.issuer }, `ready on ${listener.url}`);
    const stop = async () => {
      await server.stop();
      await deployment.close();
    };
    return { renewCertificate: server.renewCertificate, stop };
  } catch (error) {
    await deployment.close();
    throw error;
  }
}

/** The first signal drains the server and exits with 0, the second exits at once. */
function onStop(stop: () => Promise<void>): void {
  let stopping = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1);
      stopping = true;
      stop().then(
        () => process.exit(0),
        (error: unknown) => fail(error),
      );
    });
  }
}

/** Ends the process: with one line about a problem that the operator can fix, or with the stack of a bug. */
function fail(error: unknown): never {
  if (error instanceof OperatorError) console.error(`jeton: ${error.message}`);
  else console.error(error);
  process.exit(1);
}

main().catch(fail);
