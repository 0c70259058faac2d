import { setTimeout as pause } from "node:timers/promises";
import { basic } from "../support/instance.js";
import type { Fault, FaultRecord } from "./fault.js";
import { FAULTS } from "./faults.js";
import { ask } from "./http.js";
import type { Instance } from "./instance.js";
import { SECRET } from "./provision.js";
import type { Random } from "./random.js";
import { seconds } from "./rules.js";
import type { Run } from "./run.js";

/** Milliseconds within which every instance serves again after a fault has ended. */
export const MAX_RECOVERY = 5_000;

/** Milliseconds after which an instance that does not serve again is killed and started again, so that the run goes on. */
const GIVEN_UP = 15_000;

/** The same on a machine that has no core for it. */
const GIVEN_UP_LATE = 60_000;

/** Milliseconds between two questions whether an instance serves. */
const PROBE = 100;

export interface Plan {
  readonly faults: readonly Fault[];
  /** Milliseconds that the run is to take. */
  readonly lasts: number;
  /** Whether there is more to do than every fault once. */
  readonly goesOn: () => boolean;
  readonly told: (record: FaultRecord) => void;
}

/** Which faults can be done here, and why the others cannot. */
export function chooseFaults(
  run: Pick<Run, "fleet">,
  names: readonly string[] | undefined,
): { faults: Fault[]; leftOut: string[] } {
  const unknown = names?.find((name) => !FAULTS.some((fault) => fault.name === name));
  if (unknown !== undefined)
    throw new Error(`there is no fault ${unknown}; there are ${FAULTS.map(({ name }) => name).join(", ")}`);
  const wanted = FAULTS.filter(({ name }) => names === undefined || names.includes(name));
  const reasons = wanted.map((fault) => ({ fault, reason: fault.without?.(run.fleet) }));
  return {
    faults: reasons.filter(({ reason }) => reason === undefined).map(({ fault }) => fault),
    leftOut: reasons.flatMap(({ fault, reason }) => (reason === undefined ? [] : [`${fault.name}: ${reason}`])),
  };
}

/** One fault after another: every kind once, in a random order, and then all over again until the run is over. */
export async function injectFaults(run: Run, random: Random, { faults, lasts, goesOn, told }: Plan): Promise<void> {
  const measure = Math.min(5_000, Math.max(500, lasts / 70));
  for (let round = 0; faults.length > 0 && (round === 0 || goesOn()); round += 1) {
    for (const fault of random.shuffled(faults)) {
      if (round > 0 && !goesOn()) return;
      await pause(measure * random.between(0.3, 1));
      const record = await inject(run, random, fault, durationOf(fault, random, { measure, lasts }));
      told(record);
    }
  }
}

function durationOf(
  { lasts: times = 1 }: Fault,
  random: Random,
  { measure, lasts }: { measure: number; lasts: number },
): number {
  if (times === "outage") return Math.min(150_000, lasts / 10) * random.between(0.5, 1.2);
  return times * measure * random.between(0.5, 1.5);
}

async function inject(run: Run, random: Random, fault: Fault, duration: number): Promise<FaultRecord> {
  const record: FaultRecord = { name: fault.name, what: "", begun: run.now(), ended: Infinity };
  run.faults.push(record);
  const { what, end } = await fault.begin(run.fleet, random);
  record.what = what;
  await pause(duration);
  const wrong = await end();
  if (wrong) record.wrong = wrong;
  record.ended = run.now();
  const { after, restarted } = await recovery(run, record.ended);
  record.readyAfter = after;
  const late = after - run.lag(record.ended, record.ended + after);
  if (restarted.length > 0) record.wrong = `${restarted.join(", ")} did not serve again before a restart`;
  else if (late > MAX_RECOVERY)
    record.wrong = `an instance served again after ${seconds(late)}, not ${seconds(MAX_RECOVERY)}`;
  return record;
}

export interface Recovery {
  /** Milliseconds until every instance says that it is ready, and answers a question that needs the database. */
  readonly after: number;
  /** Instances that had to be started again for it. */
  readonly restarted: readonly string[];
}

/** Waits until every instance serves. @param since when the fault ended */
export async function recovery(run: Run, since: number): Promise<Recovery> {
  const restarted = await Promise.all(
    run.fleet.instances.map(async (instance) => {
      if (await serves(run, instance, since)) return [];
      await instance.kill();
      await instance.start();
      return [instance.name];
    }),
  );
  return { after: run.now() - since, restarted: restarted.flat() };
}

/** Asks every moment, whether or not the questions before were answered: one of them may wait on a connection that is gone. */
async function serves(run: Run, instance: Instance, since: number): Promise<boolean> {
  let served = false;
  for (;;) {
    void isServing(run, instance).then((yes) => (served ||= yes));
    await pause(PROBE);
    if (served) return true;
    const elapsed = run.now() - since;
    if (elapsed - run.lag(since, run.now()) > GIVEN_UP || elapsed > GIVEN_UP_LATE) return false;
  }
}

async function isServing(run: Run, instance: Instance): Promise<boolean> {
  const ready = await ask(instance, { method: "GET", path: "/readyz" });
  return ready.status === 200 && (await answers(run, instance));
}

async function answers({ probe }: Run, instance: Instance): Promise<boolean> {
  const headers = basic("gateway", SECRET);
  return (await ask(instance, { path: "/oauth2/introspect", form: { token: probe }, headers })).outcome === "done";
}
