import { parseArgs } from "node:util";

export interface Options {
  readonly seed: string;
  /** Milliseconds. */
  readonly lasts: number;
  /** Goes on until there were so many. */
  readonly operations: number | undefined;
  readonly faults: readonly string[] | undefined;
  readonly actors: number;
  readonly json: boolean;
}

export const USAGE = `npm run test:faults -- [options]
  --minutes N     how long it takes (10 by default); --seconds N likewise
  --operations N  goes on until N operations were answered
  --seed TEXT     chooses the same operations and faults again
  --faults A,B    only these faults; "none" for none
  --actors N      clients at once (64 by default)
  --json          one JSON document at the end
  --help          prints this`;

/** @throws Error where an option cannot be used */
export function readOptions(args: readonly string[]): Options {
  const texts = ["minutes", "seconds", "operations", "seed", "faults", "actors"] as const;
  const options = Object.fromEntries(texts.map((name) => [name, { type: "string" as const }]));
  const { values } = parseArgs({ args: [...args], options: { ...options, json: { type: "boolean" } } });
  const given = values as Partial<Record<(typeof texts)[number], string>> & { json?: boolean };
  const minutes = number("minutes", given.minutes) ?? 10;
  const seconds = number("seconds", given.seconds) ?? minutes * 60;
  return {
    seed: given.seed ?? String(Math.floor(Math.random() * 1e9)),
    lasts: seconds * 1000,
    operations: number("operations", given.operations),
    faults: given.faults === "none" ? [] : given.faults?.split(","),
    actors: number("actors", given.actors) ?? 64,
    json: given.json ?? false,
  };
}

function number(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} takes a number greater than 0`);
  return value;
}
