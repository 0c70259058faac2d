import type { FastifyPluginAsync } from "fastify";
import type { Core } from "../core.js";

/** The two paths of health checks. The listener answers them itself before the application is ready. */
export const HEALTH_PATHS = { alive: "/healthz", ready: "/readyz" } as const;

/** Reports whether the process is alive, and whether it can serve requests. */
export const healthEndpoints: FastifyPluginAsync = async (app) => {
  app.get(HEALTH_PATHS.alive, { exposeHeadRoute: true }, async () => ({ status: "alive" }));
  app.get(HEALTH_PATHS.ready, { exposeHeadRoute: true }, async (_request, reply) => {
    if (app.core.feed.alive()) return { status: "ready", ...clockOf(app.core) };
    return reply.code(503).header("Retry-After", "1").send({ status: "the database is out of reach" });
  });
};

/** How far this machine's clock is ahead of the database's, with a warning if the difference is large. */
function clockOf({ clockDifference: { seconds, isLarge } }: Core) {
  const warning = "this machine's clock and the database's differ";
  return { clock_difference_seconds: seconds, ...(isLarge ? { warning } : {}) };
}
