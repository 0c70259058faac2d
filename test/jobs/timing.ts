// Whether the time of an answer tells what the answer does not: npm run measure:timing [-- ROUNDS]
import { randomInt } from "node:crypto";
import pg from "pg";
import { FLEET, SECRET } from "../support/fleet.js";
import { basic } from "../support/instance.js";
import { answerHelp } from "./help.js";
import { post, withServer } from "./server.js";

answerHelp(`Usage: npm run measure:timing [-- ROUNDS]

Compares the response times of pairs of requests that a client must not be able to tell apart.
ROUNDS is the number of requests of each kind, by default 1000. It ends with 1 if a pair differs.`);

const ROUNDS = Number(process.argv[2] ?? 1_000);
const WARM_UP = 10;

/** Worse than chance by so much, and surely so, is a difference. */
const MAX_EFFECT = 0.05;
const SURE = 0.001;

/** One of two things that must not be told from each other. */
interface Side {
  /** What comes before, every time. */
  readonly prepare?: () => Promise<unknown>;
  readonly ask: (round: number) => Promise<{ readonly status: number }>;
}

interface Comparison {
  readonly name: string;
  /** What both answer. */
  readonly status: number;
  readonly sides: readonly [Side, Side];
}

await withServer(FLEET, async ({ url, database }) => {
  const client = new pg.Client(database);
  await client.connect();
  const logIn = (username: string) =>
    post(`${url}/oauth2/token`, { grant_type: "password", client_id: "mobile", username, password: "wrong" });
  const authenticate = (client_id: string) =>
    post(`${url}/oauth2/token`, { grant_type: "client_credentials" }, basic(client_id, `${SECRET}x`));
  const wrong = { ask: () => logIn("alice") };
  const again = { ...wrong, prepare: wrong.ask };
  const locked = {
    ...wrong,
    prepare: async () => {
      await wrong.ask();
      await client.query("UPDATE tries SET blocked_until = now() + interval '1 hour' WHERE key = $1", [aliceKey]);
    },
  };
  await wrong.ask();
  const aliceKey = await keyOfAccount(client);

  const comparisons: readonly Comparison[] = [
    { name: "unknown user, wrong password", status: 400, sides: [{ ask: (n) => logIn(`nobody${n}`) }, wrong] },
    { name: "disabled user, wrong password", status: 400, sides: [{ ask: () => logIn("gone") }, wrong] },
    { name: "locked user, wrong password", status: 400, sides: [locked, again] },
    {
      name: "unknown client, wrong secret",
      status: 401,
      // An id that an instance has not met before costs it a query, whether there is such a client or not.
      sides: [{ ask: () => authenticate("nobody") }, { ask: () => authenticate("backend") }],
    },
  ];
  let passed = true;
  for (const comparison of comparisons) {
    passed = report(comparison.name, await measure(comparison, client)) && passed;
  }
  await client.end();
  return passed;
});

/** Asks both sides in turn, either of them first, as often as was asked for. */
async function measure({ name, status, sides }: Comparison, client: pg.Client): Promise<[number[], number[]]> {
  const samples: [number[], number[]] = [[], []];
  for (let round = -WARM_UP; round < ROUNDS; round += 1) {
    const first = randomInt(2);
    for (const which of [first, 1 - first]) {
      // What was tried before is forgotten: it is the check that is compared, not the lock.
      await client.query("DELETE FROM tries");
      const { prepare, ask } = sides[which]!;
      await prepare?.();
      const started = performance.now();
      const reply = await ask(round);
      const took = performance.now() - started;
      if (reply.status !== status) throw new Error(`${name}: ${reply.status}`);
      if (round >= 0) samples[which]!.push(took);
    }
  }
  return samples;
}

/** Of the two rows that one try leaves, the account's is the one with the longer memory. */
async function keyOfAccount(client: pg.Client): Promise<Buffer> {
  const { rows } = await client.query<{ key: Buffer }>("SELECT key FROM tries ORDER BY reset_at DESC LIMIT 1");
  return rows[0]!.key;
}

function report(name: string, [one, other]: readonly [readonly number[], readonly number[]]): boolean {
  const { effect, p } = mannWhitney(one, other);
  const passed = p > SURE || Math.abs(effect) < MAX_EFFECT;
  const medians = [one, other].map((sample) => `${median(sample).toFixed(2)} ms`).join(" and ");
  console.log(
    `${passed ? "ok" : "NOT OK"}  ${name}: medians ${medians}, effect ${effect.toFixed(3)}, p = ${p.toFixed(4)}`,
  );
  return passed;
}

function median(sample: readonly number[]): number {
  return sample.toSorted((one, other) => one - other)[Math.floor(sample.length / 2)]!;
}

/**
 * The rank test of Mann and Whitney, by its normal approximation. `effect` is how much likelier than by chance a time
 * of the one sample is above one of the other (-0.5 to 0.5). `p` is the probability of such an effect without a
 * difference.
 */
function mannWhitney(one: readonly number[], other: readonly number[]): { effect: number; p: number } {
  const ranked = [...one.map((time) => ({ time, mine: true })), ...other.map((time) => ({ time, mine: false }))];
  ranked.sort((left, right) => left.time - right.time);
  const ranks = ranked.reduce((sum, { mine }, index) => sum + (mine ? index + 1 : 0), 0);
  const [m, n] = [one.length, other.length];
  const u = ranks - (m * (m + 1)) / 2;
  const z = (u - (m * n) / 2) / Math.sqrt((m * n * (m + n + 1)) / 12);
  return { effect: u / (m * n) - 0.5, p: 2 * (1 - normal(Math.abs(z))) };
}

/** The normal distribution (Abramowitz and Stegun, 26.2.17; its error is below 1e-7). */
function normal(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return 1 - (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series;
}
