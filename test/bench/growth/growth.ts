import { settingsOf } from "../database.js";
import { prepare } from "../prepare.js";
import { aboutRun, readCommit, writeFigures, writePage } from "../report.js";
import { measureCatchUp } from "./catch-up.js";
import { measureCosts } from "./cost.js";
import type { GrowthOptions } from "./options.js";
import { Place } from "./place.js";
import { renderGrowth, type GrowthReport } from "./tables.js";
import { measureWear } from "./wear.js";

/**
 * Measures what requests cost where there are few and many grants, then what many refreshes do to the smallest deployment, and
 * then what the sweep does in the largest one.
 * @returns the exit code: 1 where any answer was unexpected
 */
export async function measureGrowth(options: GrowthOptions, cleanUps: (() => Promise<unknown>)[]): Promise<number> {
  const begun = performance.now();
  const tell = (what: string) => console.error(`${Math.round((performance.now() - begun) / 1_000)} s: ${what}`);
  const commit = readCommit();
  const { folder, generate } = await prepare(cleanUps);
  const places: Place[] = [];
  for (const size of options.sizes) {
    tell(`filling a database with ${size} grants`);
    places.push(await Place.make(size, { folder, connections: options.connections, generate, cleanUps }));
  }
  const [smallest, largest] = [places[0]!, places.at(-1)!];
  const about = aboutRun(commit, await settingsOf(smallest.client));

  const costs = await measureCosts(places, options, tell);
  for (const place of places) await place.stop();
  const catchUp = await measureCatchUp(largest, tell);
  const wear = await measureWear(smallest, options.refreshes, tell);

  const rounds = `${options.rounds} of ${options.requests} requests for each size and operation, ${options.connections} connections`;
  const report: GrowthReport = { about: { ...about, rounds }, costs, catchUp, wear };
  const tables = renderGrowth(report);
  console.log(tables);
  console.error(`everything is in ${await writeFigures(`${about.date}-${commit}-growth`, report)}`);
  if (options.write) await writePage(tables, "npm run bench -- --growth");
  return tellUnexpected(report) ? 1 : 0;
}

/** Prints every first unexpected answer. @returns whether there was one */
function tellUnexpected({ costs, catchUp, wear }: GrowthReport): boolean {
  const rounds = costs.flatMap(({ operation, grants, rounds: its }) =>
    its.map(({ example }) => ({ what: `${operation}, ${grants} grants`, example })),
  );
  const found = [...rounds, { what: "the sweep", ...catchUp }, { what: "many refreshes", ...wear }].filter(
    ({ example }) => example !== undefined,
  );
  for (const { what, example } of found) console.error(`${what}: an unexpected answer: ${example}`);
  return found.length > 0;
}
