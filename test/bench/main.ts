// npm run bench [-- --help]: what a request costs. docs/performance.md explains what is measured and how.
import { measureGrowth } from "./growth/growth.js";
import { readGrowthOptions } from "./growth/options.js";
import { installPeers, PEERS } from "./install-peers.js";
import type { Operation } from "./operations.js";
import { OptionsError, readOptions, type Options } from "./options.js";
import { prepare } from "./prepare.js";
import { Progress } from "./progress.js";
import { makeReport, readCommit, render, writeJson, writePage } from "./report.js";
import { countStatements, measureRound, type Round } from "./round.js";
import type { Measured } from "./row.js";
import { start, type Running } from "./start.js";

async function main(): Promise<number> {
  const words = process.argv.slice(2);
  return words.includes("--growth") ? run(readGrowthOptions(words), measureGrowth) : run(readOptions(words), bench);
}

/** Runs a measurement, unless the command line asked for a text. It ends at a signal, and leaves nothing behind. */
async function run<Given extends object>(
  options: Given | string,
  work: (options: Given, cleanUps: (() => Promise<unknown>)[]) => Promise<number>,
): Promise<number> {
  if (typeof options === "string") {
    console.log(options);
    return 0;
  }
  const cleanUps: (() => Promise<unknown>)[] = [];
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ["SIGINT", "SIGTERM"])
      process.once(signal, () => reject(new OptionsError(`ended by ${signal}`)));
  });
  try {
    return await Promise.race([work(options, cleanUps), interrupted]);
  } finally {
    for (const cleanUp of cleanUps) await cleanUp();
  }
}

/** @returns the exit code: 1 where any answer was unexpected */
async function bench(options: Options, cleanUps: (() => Promise<unknown>)[]): Promise<number> {
  if (options.candidates.some(({ program }) => program?.startsWith(PEERS))) installPeers();
  const commit = readCommit();
  const { folder, generate } = await prepare(cleanUps);
  const running: Running[] = [];
  for (const candidate of options.candidates)
    running.push(await start(candidate, { folder, connections: options.connections, generate, cleanUps }));

  const progress = new Progress(options);
  const measured: Measured[] = [];
  for (const operation of options.operations) measured.push(...(await measure(operation, running, options, progress)));
  progress.end();

  const report = await makeReport(options, running, measured, commit);
  const tables = render(report);
  console.log(tables);
  console.error(`everything is in ${await writeJson(report)}`);
  if (options.write) await writePage(tables);
  return measured.map(tellUnexpected).includes(true) ? 1 : 0;
}

/** Warms every candidate up for one round, then lets them take turns. Each round begins with the next candidate. */
async function measure(
  operation: Operation,
  running: readonly Running[],
  { seconds, rounds }: Options,
  progress: Progress,
): Promise<readonly Measured[]> {
  const able = running.filter(({ candidate }) => candidate.operations.includes(operation.name));
  const taken = new Map<Running, Round[]>(able.map((one) => [one, []]));
  for (const one of able) {
    progress.tell(operation, one.candidate, 0);
    await measureRound(one, operation, seconds);
  }
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < able.length; turn += 1) {
      const one = able[(round + turn) % able.length]!;
      progress.tell(operation, one.candidate, round + 1);
      taken.get(one)!.push(await measureRound(one, operation, seconds));
    }
  }
  const measured: Measured[] = [];
  for (const [one, its] of taken)
    measured.push({
      operation,
      candidate: one.candidate,
      rounds: its,
      counted: await countStatements(one, operation),
    });
  return measured;
}

/** Prints the first unexpected answer, if there was one. */
function tellUnexpected({ operation, candidate, rounds, counted }: Measured): boolean {
  const found = [...rounds, counted].find(({ unexpected }) => unexpected > 0);
  if (found !== undefined)
    console.error(`${candidate.title}, ${operation.title}: an unexpected answer: ${found.example}`);
  return found !== undefined;
}

try {
  process.exit(await main());
} catch (error) {
  console.error(error instanceof OptionsError ? `bench: ${error.message}` : error);
  process.exit(1);
}
