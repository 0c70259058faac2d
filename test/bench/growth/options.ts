import { FLAG, OptionsError, parseWords, TEXT, whole } from "../options.js";
import { LIVE_EVERY } from "./fill.js";

export interface GrowthOptions {
  /** Numbers of grants, in ascending order. */
  readonly sizes: readonly number[];
  readonly rounds: number;
  /** Requests of a round. */
  readonly requests: number;
  readonly connections: number;
  /** Refreshes of the same grants, before and after which the tables are weighed. */
  readonly refreshes: number;
  readonly write: boolean;
}

const DEFAULTS = { sizes: "10000,1000000,10000000", rounds: 5, requests: 1_000, connections: 16, refreshes: 1_000_000 };

/** The smallest deployment: of its sessions ten are alive. */
const MIN_SIZE = 1_000;

const HELP = `npm run bench -- --growth [OPTIONS]: whether a request costs more where there are many grants, and what the sweep does.
  --sizes N[,N]     numbers of grants, nine of ten of them expired (${DEFAULTS.sizes})
  --rounds N        rounds of each size for each operation (${DEFAULTS.rounds})
  --requests N      requests of a round (${DEFAULTS.requests})
  --connections N   connections, each with one request under way (${DEFAULTS.connections})
  --refreshes N     refreshes of the same grants, before and after which the tables are weighed (${DEFAULTS.refreshes})
  --write           writes the tables into docs/performance.md; needs the default sizes and refreshes
The databases are on the disk, in the folder for temporary files. Ten million grants need 15 GB there.
The result is printed, and written to build/bench/ as JSON. docs/performance.md explains it.`;

/**
 * Reads the command line.
 * @returns the text to print instead, where the command line asks for help
 * @throws OptionsError naming the option and what it may be
 */
export function readGrowthOptions(words: readonly string[]): GrowthOptions | string {
  const values = parse(words);
  if (values.help === true) return HELP;
  const sizes = (values.sizes ?? DEFAULTS.sizes).split(",").map((text) => whole("--sizes", text, 0));
  if (sizes.some((size, index) => size < (sizes[index - 1] ?? MIN_SIZE)))
    throw new OptionsError(`--sizes must be in ascending order, and at least ${MIN_SIZE}`);
  const refreshes = whole("--refreshes", values.refreshes, DEFAULTS.refreshes);
  const isWhole = sizes.join() === DEFAULTS.sizes && refreshes === DEFAULTS.refreshes;
  if (values.write === true && !isWhole) throw new OptionsError("--write needs the default sizes and refreshes");
  const requests = whole("--requests", values.requests, DEFAULTS.requests);
  if (requests > sizes[0]! / LIVE_EVERY)
    throw new OptionsError(`--requests must be at most a tenth of the smallest size: so many of its grants are alive`);
  return {
    sizes,
    refreshes,
    requests,
    rounds: whole("--rounds", values.rounds, DEFAULTS.rounds),
    connections: whole("--connections", values.connections, DEFAULTS.connections),
    write: values.write === true,
  };
}

function parse(words: readonly string[]) {
  const numbers = { sizes: TEXT, rounds: TEXT, requests: TEXT, connections: TEXT, refreshes: TEXT };
  return parseWords(words, { ...numbers, growth: FLAG, write: FLAG, help: FLAG });
}
