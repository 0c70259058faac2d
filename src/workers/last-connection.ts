import type { Worker } from "node:cluster";

/**
 * Closes the connection that a worker was about to take when it died.
 *
 * node:cluster hands each worker one connection at a time, and closes its own copy when the worker has taken it. A worker that
 * dies before leaves that copy open, and the client would wait without an end (seen on Node 20 to 26). Closing it again after
 * the worker has taken it does nothing.
 */
export function closeLastConnection(worker: Worker): void {
  let last: { close?: () => void } | undefined;
  const { process: child } = worker;
  const send = child.send.bind(child) as (...given: unknown[]) => boolean;
  child.send = (...given: unknown[]) => {
    if (given[1] !== undefined) last = given[1] as { close?: () => void };
    return send(...given);
  };
  worker.once("exit", () => last?.close?.());
}
