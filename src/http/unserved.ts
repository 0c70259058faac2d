import type { FastifyInstance } from "fastify";
import type { Refusal } from "../errors/refusal.js";

/** Refusals of kind `busy` that do not mean an unreachable service. */
const SERVED = new Set(["hashing_busy"]);

/**
 * Calls back for each request that gets 503 because it could not be served: its client saw an outage.
 * @param onUnserved gets the milliseconds that the request took
 */
export function countUnserved(app: FastifyInstance, onUnserved: (milliseconds: number) => void): void {
  app.addHook("onSend", ({ decision, arrivedAt }, _reply, _payload, done) => {
    if (isUnserved(decision?.refusal)) onUnserved(performance.now() - arrivedAt);
    done();
  });
}

/** Whether a request could not be served, which its client saw as an outage. */
export function isUnserved(refusal: Refusal | undefined): boolean {
  return refusal?.row.kind === "busy" && !SERVED.has(refusal.row.code);
}
