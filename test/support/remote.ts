import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Test } from "tap";
import { FetchFailed } from "../../src/outbound/fetch.js";

export interface Remote {
  readonly url: string;
  /** What was received, in order. */
  readonly requests: readonly IncomingMessage[];
  /** What is answered from now on. */
  answer: (request: IncomingMessage, response: ServerResponse) => void;
}

/** Another party's server, on loopback; it ends with its test. */
export async function startRemote(t: Test, answer: Remote["answer"]): Promise<Remote> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    remote.answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const remote: Remote = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, answer };
  return remote;
}

/** Why a call failed. */
export async function failureOf(outcome: Promise<unknown>): Promise<string> {
  const error: unknown = await outcome.then(
    () => "it did not fail",
    (error: unknown) => error,
  );
  return error instanceof FetchFailed ? error.reason : String(error);
}
