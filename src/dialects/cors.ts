import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { webOriginsOf } from "../clients/redirect-uri.js";
import type { ClientRegistry } from "../clients/registry.js";
import { Refusal } from "../errors/refusal.js";

/**
 * Pages of other origins (the Fetch standard's CORS). What everybody may know, everybody's page may read; a token endpoint
 * answers the pages of the client that asks. Never with credentials: no cookie means anything there.
 */

/** Seconds a browser may remember what a preflight said. */
const PREFLIGHT_MAX_AGE = 600;

/** What a page may read besides the body. */
const EXPOSED = "WWW-Authenticate, Retry-After, X-Request-Id";

/** Lets any page read a public document. */
export function allowEverybody(reply: FastifyReply): void {
  reply.header("Access-Control-Allow-Origin", "*");
}

/**
 * Answers preflights for a path. Who asks is not known yet, so the pages of any client may try; the answer to the request
 * itself is readable by its own client's only.
 */
export function addPreflight(app: FastifyInstance, path: string, methods: readonly string[]): void {
  app.options(path, async (request, reply) => {
    const { origin, "access-control-request-method": asked } = request.headers;
    const known = origin !== undefined && (await app.core.registry.webOrigins()).has(origin);
    if (!known || asked === undefined)
      throw new Refusal("method_not_allowed", { slots: { method: "OPTIONS" }, allow: methods });
    return reply
      .code(204)
      .headers({
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": methods.join(", "),
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Max-Age": String(PREFLIGHT_MAX_AGE),
        Vary: "Origin",
      })
      .send();
  });
}

/** The same where pages of any origin may ask, and may send these headers with it. */
export function addOpenPreflight(
  app: FastifyInstance,
  path: string,
  methods: readonly string[],
  headers: string,
): void {
  app.options(path, async (_request, reply) => {
    allowEverybody(reply);
    return reply
      .code(204)
      .headers({
        "Access-Control-Allow-Methods": methods.join(", "),
        "Access-Control-Allow-Headers": headers,
        "Access-Control-Max-Age": String(PREFLIGHT_MAX_AGE),
      })
      .send();
  });
}

/** Lets the page that asked read the answer, if it is one of the client's that the request turned out to be from. */
export async function allowOwnPages(
  registry: ClientRegistry,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { origin } = request.headers;
  const client_id = request.decision?.client_id;
  if (origin === undefined || client_id === undefined) return;
  // An answer is on its way out: nothing may fail or wait here any more.
  const client = await registry.findCached(client_id);
  if (client === null || !webOriginsOf(client).includes(origin)) return;
  reply.headers({
    "Access-Control-Allow-Origin": origin,
    "Access-Control-Expose-Headers": EXPOSED,
    Vary: "Origin",
  });
}
