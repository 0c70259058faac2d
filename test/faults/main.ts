// The ledger: three instances, every kind of login, every kind of fault, and rules that must hold. npm run test:faults
import { mkdtemp, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { basic } from "../support/instance.js";
import { RUN_FOLDERS } from "../support/run.js";
import { act, lookAtEverything, lookBack } from "./actors.js";
import { operate } from "./clients/operator.js";
import { Fleet } from "./fleet.js";
import { ask } from "./http.js";
import { readOptions, USAGE, type Options } from "./options.js";
import { Random } from "./random.js";
import { describeSummary, describeViolation, faultsByName, type Summary } from "./report.js";
import { Run } from "./run.js";
import { SECRET } from "./provision.js";
import { chooseFaults, injectFaults, recovery } from "./schedule.js";
import { answerHelp } from "../jobs/help.js";

/** Milliseconds between two lines that say how far it is. */
const PROGRESS = 5_000;

/** Violations that are told whole; of the others only the number. */
const MAX_TOLD = 20;

async function main(): Promise<void> {
  const options = read();
  const folder = await mkdtemp(join(dirname(RUN_FOLDERS), "jeton-faults-"));
  const origin = performance.now();
  const fleet = await Fleet.start(folder, () => performance.now() - origin);
  const say = (text: string) => console.error(text);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void fleet.end().then(() => process.exit(1)));
  }
  const run = new Run(options.seed, fleet, () => performance.now() - origin);
  let told = 0;
  run.onViolation = (violation) => (told += 1) <= MAX_TOLD && say(describeViolation(violation, run.seed, run.faults));
  try {
    const summary = await play(run, options, say);
    console.log(options.json ? JSON.stringify(summary, null, 2) : describeSummary(summary));
    process.exitCode = summary.violations === 0 ? 0 : 1;
  } finally {
    run.close();
    await fleet.end();
    // The logs of the instances tell more of a violation.
    if (run.violations.length === 0) await rm(folder, { recursive: true, force: true });
    else say(`the logs of the instances are in ${folder}`);
  }
  process.exit();
}

function read(): Options {
  answerHelp(USAGE);
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
}

async function play(run: Run, options: Options, say: (text: string) => void): Promise<Summary> {
  const { fleet, ledger, now } = run;
  const random = new Random(options.seed);
  const { faults, leftOut } = chooseFaults(run, options.faults);
  const begun = now();
  say(
    `seed ${options.seed}: ${fleet.instances.length} instances, ${options.actors} clients, ${faults.length} kinds of faults`,
  );
  for (const reason of leftOut) say(`left out: ${reason}`);

  await prepare(run);
  const progress = setInterval(() => say(progressOf(run, begun)), PROGRESS);
  const actors = [
    ...Array.from({ length: options.actors }, (_, index) => act(run, random.of(`client ${index}`))),
    ...Array.from({ length: 4 }, (_, index) => lookBack(run, random.of(`look back ${index}`))),
    operate(run, random.of("operator")),
  ];
  const goesOn = () =>
    options.operations === undefined ? now() - begun < options.lasts : ledger.operations < options.operations;
  await injectFaults(run, random.of("faults"), {
    faults,
    lasts: options.lasts,
    goesOn,
    told: (record) => run.judgeFault(record),
  });
  while (goesOn()) await pause(100);
  run.isOver = true;
  await Promise.all(actors);

  await settle(run, random);
  clearInterval(progress);
  return summarise(run, leftOut, now() - begun);
}

/** A token of which every instance can be asked at any time. */
async function prepare(run: Run): Promise<void> {
  const form = { grant_type: "client_credentials" };
  const answer = await ask(run.fleet.instances[0]!, { path: "/oauth2/token", form, headers: basic("backend", SECRET) });
  if (answer.outcome !== "done") throw new Error(`the first token was refused: ${answer.text}`);
  run.probe = answer.json.access_token;
}

/** After the last fault: everything serves, everything is as it was acknowledged, and everything ends in order. */
async function settle(run: Run, random: Random): Promise<void> {
  const { after, restarted } = await recovery(run, run.now());
  if (restarted.length > 0)
    run.violate({ rule: "ready", because: `${restarted.join(", ")} did not serve at the end, ${after} ms` });
  await lookAtEverything(run, random.of("last look"));
  const codes = await run.fleet.stop();
  if (codes.some((code) => code !== 0))
    run.violate({ rule: "ready", because: `SIGTERM at the end: exit codes ${codes.join(", ")}` });
}

function progressOf(run: Run, begun: number): string {
  const elapsed = (run.now() - begun) / 1000;
  const { operations } = run.ledger;
  const under = run.faults.at(-1);
  const fault = under?.ended === Infinity ? `, now ${under.name}` : "";
  const rate = Math.round(operations / elapsed);
  return `${Math.round(elapsed)} s: ${operations} operations (${rate} in a second), ${run.faults.length} faults${fault}, ${run.violations.length} violations`;
}

function summarise(run: Run, leftOut: readonly string[], took: number): Summary {
  const { ledger, faults, violations, seed } = run;
  const byRule: Record<string, number> = {};
  for (const { rule } of violations) byRule[rule] = (byRule[rule] ?? 0) + 1;
  return {
    seed,
    seconds: Math.round(took / 1000),
    operations: ledger.operations,
    perSecond: Math.round((ledger.operations / took) * 1000),
    byOperation: Object.fromEntries(ledger.answered),
    byOutcome: Object.fromEntries(ledger.outcomes),
    faults: faultsByName(faults),
    leftOut,
    violations: violations.length,
    byRule,
  };
}

await main();
