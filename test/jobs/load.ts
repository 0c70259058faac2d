// What everybody else notices of five hundred logins at once: npm run measure:load
import { Worker } from "node:worker_threads";
import { FLEET, SECRET } from "../support/fleet.js";
import { basic } from "../support/instance.js";
import { answerHelp } from "./help.js";
import { post, withServer } from "./server.js";

answerHelp(`Usage: npm run measure:load

Measures how long other requests take while 500 users log in at once. It ends with 1 if they take more than twice as long.`);

const PARALLEL = 500;
const ROUNDS = 3;
const PEOPLE = 50;
const PASSWORD = "a password for measuring";

/** How often each is asked where nothing else goes on. */
const IDLE_SAMPLES = 500;

/** How much slower the others may get. */
const MAX_RATIO = 2;

const people = Array.from({ length: PEOPLE }, (_, index) => ({
  sub: `user-person${index}`,
  preferred_username: `person${index}`,
  password: PASSWORD,
}));

await withServer({ ...FLEET, users: people }, async ({ url }) => {
  const backend = basic("backend", SECRET);
  const issued = await post(`${url}/oauth2/token`, { grant_type: "client_credentials" }, backend);
  const { access_token: token } = JSON.parse(issued.text) as { access_token: string };
  const others: Readonly<Record<string, () => Promise<unknown>>> = {
    jwks: async () => (await fetch(`${url}/oauth2/jwks`)).text(),
    introspection: () => post(`${url}/oauth2/introspect`, { token }, basic("gateway", SECRET)),
    client_credentials: () => post(`${url}/oauth2/token`, { grant_type: "client_credentials" }, backend),
  };

  const sample = async (goOn: (round: number) => boolean) => {
    const times = Object.fromEntries(Object.keys(others).map((name) => [name, [] as number[]]));
    for (let round = 0; goOn(round); round += 1) {
      for (const [name, ask] of Object.entries(others)) {
        const started = performance.now();
        await ask();
        times[name]!.push(performance.now() - started);
      }
    }
    return times;
  };

  await sample((round) => round < 100);
  const idle = await sample((round) => round < IDLE_SAMPLES);
  let passed = true;
  for (const [what, password] of [
    ["right", PASSWORD],
    ["wrong", "another password"],
  ] as const) {
    let under = true;
    const logins = new Promise<object>((resolve, reject) => {
      const workerData = { url, password, rounds: ROUNDS, parallel: PARALLEL, people: PEOPLE };
      const worker = new Worker(new URL("./logins.js", import.meta.url), { workerData });
      worker.once("message", resolve).once("error", reject);
    }).finally(() => (under = false));
    const busy = await sample(() => under);
    console.log(`\n${PARALLEL} logins at once, ${ROUNDS} times, ${what} passwords: ${JSON.stringify(await logins)}`);
    for (const name of Object.keys(others)) {
      const line = [50, 99].map((percent) => {
        const [before, then] = [percentile(idle[name]!, percent), percentile(busy[name]!, percent)];
        const ratio = then / before;
        passed &&= ratio <= MAX_RATIO;
        return `p${percent} ${before.toFixed(2)} → ${then.toFixed(2)} ms (× ${ratio.toFixed(2)})`;
      });
      console.log(`  ${name}: ${line.join(", ")}; ${busy[name]!.length} samples`);
    }
  }
  return passed;
});

function percentile(sample: readonly number[], percent: number): number {
  const sorted = sample.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))]!;
}
