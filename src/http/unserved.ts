import type { FastifyInstance } from "fastify";

/** Refusals of kind `busy` that say nothing of whether the service can be reached. */
const SERVED = new Set(["hashing_busy"]);

/**
 * Calls back for each request that is answered 503 because it could not be served: for its client the service is away.
 * @param onUnserved given the milliseconds that the request took
 */
export function countUnserved(app: FastifyInstance, onUnserved: (milliseconds: number) => void): void {
  app.addHook("onSend", async ({ decision, arrivedAt }) => {
    const row = decision?.refusal?.row;
    if (row?.kind === "busy" && !SERVED.has(row.code)) onUnserved(performance.now() - arrivedAt);
  });
}
