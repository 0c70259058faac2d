import { setImmediate } from "node:timers/promises";
import { parse } from "coap-packet";
import type { laboratory, LabPeer } from "./coap-lab.js";

/** Longest answer to a datagram: a block of 1,024 bytes, with its header and options. */
const MAX_ANSWER = 1_100;

interface Outcome {
  readonly answers: number;
  /** Answers that no message should get, each with its reason. */
  readonly faults: readonly string[];
}

/** Sends datagrams to an endpoint from several peers in turn, and looks at each answer. 500 of them take five seconds. */
export async function barrage(
  { endpoint, timers }: ReturnType<typeof laboratory>,
  peers: readonly LabPeer[],
  datagrams: Iterable<Buffer>,
): Promise<Outcome> {
  let [sent, answers] = [0, 0];
  const faults: string[] = [];
  for (const datagram of datagrams) {
    const peer = peers[sent++ % peers.length]!;
    endpoint.received(peer, datagram);
    await setImmediate();
    for (const answer of peer.received.splice(0)) {
      answers += 1;
      faults.push(...faultsOf(datagram, answer).map((fault) => `${fault}: ${datagram.toString("hex")}`));
    }
    if (sent % 500 === 0) await timers.move(5_000);
  }
  return { answers, faults };
}

function faultsOf(datagram: Buffer, answer: Buffer): readonly string[] {
  const isCoap = datagram.length >= 4 && datagram[0]! >> 6 === 1;
  const isAnswer = ((datagram[0]! >> 4) & 3) > 1;
  const { reset, payload } = parse(answer);
  const faults: string[] = [];
  if (!isCoap || isAnswer) faults.push("an answer to what is no request");
  if (reset && answer.length > datagram.length) faults.push("a Reset that is larger than its message");
  if (payload.length > MAX_ANSWER) faults.push("a response that is too long");
  return faults;
}
