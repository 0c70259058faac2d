import type { FastifyPluginAsync } from "fastify";

/** Paths of the two questions a supervisor asks; the listener answers them itself before the application is ready. */
export const HEALTH_PATHS = { alive: "/healthz", ready: "/readyz" } as const;

/** Whether the process lives, and whether requests can be served. */
export const healthEndpoints: FastifyPluginAsync = async (app) => {
  app.get(HEALTH_PATHS.alive, { exposeHeadRoute: true }, async () => ({ status: "alive" }));
  app.get(HEALTH_PATHS.ready, { exposeHeadRoute: true }, async (_request, reply) => {
    if (app.core.feed.alive()) return { status: "ready" };
    return reply.code(503).header("Retry-After", "1").send({ status: "the database is out of reach" });
  });
};
