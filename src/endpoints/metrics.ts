import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import { isLoopback } from "../http/network.js";

const METRICS_PATH = "/metrics";

/** The media type of the text format of Prometheus. */
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Headers that a proxy adds. A request with one of them comes from another machine. */
const FORWARDED = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

interface MetricsPageOptions {
  readonly page: () => Promise<string>;
  /** Whether only requests of this machine are answered, because everybody can reach the address. */
  readonly isPublic: boolean;
}

/** The metrics of this server, in the text format of Prometheus. */
export const metricsEndpoint: FastifyPluginAsync<MetricsPageOptions> = async (app, { page, isPublic }) => {
  app.get(METRICS_PATH, async (request, reply) => {
    if (isPublic && !isOfThisMachine(request)) return reply.callNotFound();
    return reply.type(METRICS_TYPE).send(await page());
  });
};

function isOfThisMachine({ socket, headers }: FastifyRequest): boolean {
  return isLoopback(socket.remoteAddress ?? "") && FORWARDED.every((name) => headers[name] === undefined);
}
