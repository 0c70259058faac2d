// Damaged datagrams to a DTLS server: npm run test:datagrams [-- DATAGRAMS [SEED]]
import { Random } from "../faults/random.js";
import { fuzzDtls } from "../support/dtls-fuzz.js";
import { answerHelp } from "./help.js";

answerHelp(`Usage: npm run test:datagrams [-- DATAGRAMS [SEED]]

Sends damaged datagrams to a DTLS server without sockets: from strangers, from half-open peers and from peers with a session.
DATAGRAMS is their number, by default 200000. A run with the same SEED repeats itself, but for keys and signatures.
It ends with 1 if an answer is larger than it may be, if noise gets an answer, if memory grows, or if a session stops.`);

/** Datagrams in each round, with a server of its own. */
const ROUND = 20_000;

/** Megabytes that the last round may need more than the second. */
const MAX_GROWTH = 32;

/** Kinds of damage that leave no valid ClientHello at the beginning. */
const UNANSWERED = ["noise", "header", "prefix"];

const total = Number(process.argv[2] ?? 200_000);
const seed = process.argv[3] ?? String(process.pid);
const random = new Random(seed);
const heaps: number[] = [];
let faults = 0;

console.log(`${total} datagrams, seed ${seed}`);
for (let sent = 0; sent < total; sent += ROUND) {
  const result = fuzzDtls(random.of(sent), Math.min(ROUND, total - sent));
  const answered = UNANSWERED.reduce((sum, kind) => sum + (result.kinds[kind]?.answered ?? 0), 0);
  faults += result.amplified + answered + (result.sessionsAnswer ? 0 : 1);
  heaps.push(process.memoryUsage().heapUsed / 2 ** 20);
  console.log(
    `${sent + ROUND}: ${result.amplified} amplified, ${answered} answers to noise, at most ${result.mostHandshakes} handshakes ` +
      `and ${result.mostTimers} timers, sessions ${result.sessionsAnswer ? "answer" : "DO NOT ANSWER"}, ` +
      `${Math.round(heaps.at(-1)!)} MB`,
  );
}
const growth = heaps.length > 2 ? heaps.at(-1)! - heaps[1]! : 0;
if (growth > MAX_GROWTH) faults += 1;
console.log(`${faults} faults; the heap grew by ${Math.round(growth)} MB`);
process.exitCode = faults > 0 ? 1 : 0;
