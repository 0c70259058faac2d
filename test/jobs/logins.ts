// Five hundred password grants at once, over and over, in a thread of its own (load.ts), which tells what came of them.
import { parentPort, workerData } from "node:worker_threads";
import { post } from "./server.js";

/** Each from an address of its own: it is the hashing that is measured, not the limit. */
const from = (index: number) => ({ "X-Forwarded-For": `10.0.${index >> 8}.${index & 0xff}` });

const { url, rounds, parallel, people, password } = workerData as Record<string, never> & {
  url: string;
  rounds: number;
  parallel: number;
  people: number;
  password: string;
};
const statuses: Record<number, number> = {};
for (let round = 0; round < rounds; round += 1) {
  const logIn = async (index: number) => {
    const form = { grant_type: "password", client_id: "mobile", username: `person${index % people}`, password };
    const { status } = await post(`${url}/oauth2/token`, form, from(index));
    statuses[status] = (statuses[status] ?? 0) + 1;
  };
  await Promise.all(Array.from({ length: parallel }, (_, index) => logIn(index)));
}
parentPort!.postMessage(statuses);
