// What CoAP over DTLS costs beside HTTP: npm run measure:coap
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { selfSigned } from "../support/certificate.js";
import { deviceEntry, deviceJwt, NEW_KEYS } from "../support/devices.js";
import { DtlsSocket } from "../support/dtls-socket.js";
import { freePort } from "../support/ports.js";
import { cpuOf } from "./cpu.js";
import { answerHelp } from "./help.js";
import { summary } from "./percentile.js";
import { post, withServer, type MeasuredServer } from "./server.js";

answerHelp(`Usage: npm run measure:coap

Measures handshakes of DTLS by suite, token requests of devices over one DTLS session and over HTTP, and prints a table.
The load generator shares the machine, so the CPU time of the server says more than the rate.`);

/** A network may begin 1,000 handshakes at once, so all measurements together need fewer. */
const HANDSHAKES = 300;
/** Fewer than the answers that the server keeps for one device (RFC 7252 section 4.8.2). */
const REQUESTS = 3_000;
/** Requests that are under way at a time. */
const TOGETHER = 4;
/** Devices take turns, because each gets 100 tokens in an hour. */
const DEVICES = 150;

const KEY = NEW_KEYS.ES256();
const devices = Array.from({ length: DEVICES }, (_, at) => `meter-${at}`);

interface Operation {
  readonly name: string;
  readonly count: number;
  /** The status or code that is expected. */
  readonly expected: string;
  /** Does it once. @returns the status or code of the answer */
  readonly run: () => Promise<string>;
}

const folder = await mkdtemp(join(tmpdir(), "jeton-coap-"));
const certificate = selfSigned("localhost");
const files = { COAPS_CERT: join(folder, "cert.pem"), COAPS_KEY: join(folder, "key.pem") };
await writeFile(files.COAPS_CERT, certificate.cert);
await writeFile(files.COAPS_KEY, certificate.key);
const port = await freePort();
process.once("exit", () => void rm(folder, { recursive: true, force: true }));

await withServer({ devices: devices.map((id) => deviceEntry(id, KEY)) }, measureAll, 0, {
  ...files,
  COAPS_PORT: String(port),
});

async function measureAll(server: MeasuredServer): Promise<boolean> {
  const session = await DtlsSocket.connect(port);
  // Signed before the clock starts.
  const forms = Array.from({ length: 2 * (REQUESTS + 200) }, (_, at) => {
    const client_id = devices[at % DEVICES]!;
    return { client_id, client_secret: deviceJwt(client_id, KEY) };
  });
  const overCoap = async () => (await session.post("/as/token", forms.pop()!)).code;
  const overHttp = async () => String((await post(`${server.url}/as/token`, forms.pop()!)).status);
  const handshake = (suite: string) => async () => {
    const device = await DtlsSocket.connect(port, { suites: [suite] });
    device.close();
    return "session";
  };
  const operations: readonly Operation[] = [
    {
      name: "handshake, AES-128-GCM",
      expected: "session",
      count: HANDSHAKES,
      run: handshake("ECDHE-ECDSA-AES128-GCM-SHA256"),
    },
    {
      name: "handshake, AES-128-CCM-8",
      expected: "session",
      count: HANDSHAKES,
      run: handshake("ECDHE-ECDSA-AES128-CCM8"),
    },
    { name: "token of a device, one DTLS session", expected: "2.01", count: REQUESTS, run: overCoap },
    { name: "token of a device, HTTP", expected: "201", count: REQUESTS, run: overHttp },
  ];
  console.log("| operation | server µs | PostgreSQL µs | per second | p50 ms | p99 ms |");
  console.log("| --- | --- | --- | --- | --- | --- |");
  let passed = true;
  for (const operation of operations) passed = (await measure(operation, server)) && passed;
  session.close();
  return passed;
}

async function measure({ name, expected, count, run }: Operation, { pid, postgres }: MeasuredServer): Promise<boolean> {
  for (let turn = 0; turn < Math.min(100, count / 10); turn += 1) await run();
  const [server, database, begun] = [cpuOf(pid), cpuOf(postgres), performance.now()];
  const times: number[] = [];
  const unexpected: string[] = [];
  let next = 0;
  const worker = async () => {
    for (let turn = next++; turn < count; turn = next++) {
      const asked = performance.now();
      const answer = await run();
      if (answer !== expected) unexpected.push(answer);
      times.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, worker));
  const seconds = (performance.now() - begun) / 1000;
  const micros = (before: number, now: number) => Math.round(((now - before) * 1000) / count);
  const { median, p99 } = summary(times);
  const cells = [micros(server, cpuOf(pid)), micros(database, cpuOf(postgres)), Math.round(count / seconds)];
  console.log(`| ${[name, ...cells, median.toFixed(1), p99.toFixed(1)].join(" | ")} |`);
  if (unexpected.length > 0) console.log(`unexpected answers: ${unexpected.join(" ")}`);
  return unexpected.length === 0;
}
