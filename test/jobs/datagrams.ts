// Damaged datagrams to a DTLS server and to a CoAP endpoint: npm run test:datagrams [-- DATAGRAMS [SEED]]
import { Random } from "../faults/random.js";
import { barrage } from "../support/coap-barrage.js";
import { fuzzDatagrams } from "../support/coap-fuzz.js";
import { laboratory } from "../support/coap-lab.js";
import { fuzzDtls } from "../support/dtls-fuzz.js";
import { answerHelp } from "./help.js";

answerHelp(`Usage: npm run test:datagrams [-- DATAGRAMS [SEED]]

Sends damaged datagrams to a DTLS server without sockets: from strangers, from half-open peers and from peers with a session.
Then as many go to a CoAP endpoint, from plain peers and from sessions. DATAGRAMS is their number, by default 200000. A run with the same SEED repeats itself, but for keys and signatures.
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

console.log(`${total} datagrams, seed ${seed}`);
const faults = damageDtls() + (await damageCoap());
console.log(`${faults} faults`);
process.exitCode = faults > 0 ? 1 : 0;

function damageDtls(): number {
  const heaps: number[] = [];
  let faults = 0;
  for (let sent = 0; sent < total; sent += ROUND) {
    const result = fuzzDtls(random.of(sent), Math.min(ROUND, total - sent));
    const answered = UNANSWERED.reduce((sum, kind) => sum + (result.kinds[kind]?.answered ?? 0), 0);
    faults += result.amplified + answered + (result.sessionsAnswer ? 0 : 1);
    heaps.push(heapNow());
    console.log(
      `${sent + ROUND} DTLS: ${result.amplified} amplified, ${answered} answers to noise, at most ${result.mostHandshakes} ` +
        `handshakes and ${result.mostTimers} timers, sessions ${result.sessionsAnswer ? "answer" : "DO NOT ANSWER"}, ` +
        `${heaps.at(-1)} MB`,
    );
  }
  return faults + growthOf(heaps);
}

/** One endpoint gets all of them, so that what it keeps would be seen. */
async function damageCoap(): Promise<number> {
  const lab = laboratory();
  const peers = Array.from({ length: 50 }, (_, at) => lab.newPeer(at % 2 === 0));
  const heaps: number[] = [];
  let faults = 0;
  for (let sent = 0; sent < total; sent += ROUND) {
    const datagrams = fuzzDatagrams(random.of(sent).below(2 ** 31), Math.min(ROUND, total - sent));
    const outcome = await barrage(lab, peers, datagrams);
    const requests = lab.requests.splice(0).length;
    lab.refused.length = 0;
    faults += outcome.faults.length;
    heaps.push(heapNow());
    console.log(`${sent + ROUND} CoAP: ${requests} requests, ${outcome.answers} answers, ${heaps.at(-1)} MB`);
    for (const fault of outcome.faults.slice(0, 5)) console.log(fault);
  }
  return faults + growthOf(heaps);
}

function heapNow(): number {
  return Math.round(process.memoryUsage().heapUsed / 2 ** 20);
}

/** 1 if the last round needs more memory than the second. */
function growthOf(heaps: readonly number[]): number {
  const growth = heaps.length > 2 ? heaps.at(-1)! - heaps[1]! : 0;
  console.log(`the heap grew by ${growth} MB`);
  return growth > MAX_GROWTH ? 1 : 0;
}
