import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

/** A host of a client on loopback. The test sets its answers, and reads how often it was asked. */
export interface OwnHost {
  readonly origin: string;
  answer: RequestListener;
  asked: number;
}

/** Starts such a host for a test. */
export async function startOwnHost(t: { teardown(work: () => void): void }): Promise<OwnHost> {
  const server = createServer((request, response) => {
    host.asked += 1;
    host.answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => server.close());
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const host: OwnHost = { origin, asked: 0, answer: (_request, response) => response.writeHead(404).end() };
  return host;
}
