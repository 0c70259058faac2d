import type { FastifyInstance } from "fastify";

/** Refusals of kind `busy` that do not mean an unreachable service. */
const SERVED = new Set(["hashing_busy"]);

/**
 * Calls back for each request that gets 503 because it could not be served: its client saw an outage.
 * @param onUnserved gets the milliseconds that the request took
 */
export function countUnserved(app: FastifyInstance, onUnserved: (milliseconds: number) => void): void {
  app.addHook("onSend", ({ decision, arrivedAt }, _reply, _payload, done) => {
    const row = decision?.refusal?.row;
    if (row?.kind === "busy" && !SERVED.has(row.code)) onUnserved(performance.now() - arrivedAt);
    done();
  });
}
