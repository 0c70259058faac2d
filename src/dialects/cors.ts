import type { FastifyInstance, FastifyReply, FastifyRequest, onSendHookHandler } from "fastify";
import { webOriginsOf } from "../clients/redirect-uri.js";
import type { ClientRegistry } from "../clients/registry.js";
import { Refusal } from "../errors/refusal.js";

/**
 * Requests from pages of other origins (CORS, Fetch standard). Any page may read a public document. An endpoint answers only
 * the pages of the client that the request is from. Credentials mode is never allowed: these paths use no cookies.
 */

/** Seconds for which a browser may cache a preflight. */
const PREFLIGHT_MAX_AGE = 600;

/** Response headers that a page may read. */
const EXPOSED = "WWW-Authenticate, DPoP-Nonce, Retry-After, X-Request-Id";

/** Lets any page read a public document. */
export function allowEverybody(reply: FastifyReply): void {
  reply.header("Access-Control-Allow-Origin", "*");
}

/**
 * Answers preflights for a path. A preflight does not name its client, so the origins of all clients are allowed. Only the
 * pages of the request's own client can read the response that follows.
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
        "Access-Control-Allow-Headers": allowedHeaders("Authorization, Content-Type", request),
        "Access-Control-Max-Age": String(PREFLIGHT_MAX_AGE),
        Vary: "Origin, Access-Control-Request-Headers",
      })
      .send();
  });
}

/** Answers preflights for a path that pages of any origin may call with these headers. */
export function addOpenPreflight(
  app: FastifyInstance,
  path: string,
  methods: readonly string[],
  headers: string,
): void {
  app.options(path, async (request, reply) => {
    allowEverybody(reply);
    return reply
      .code(204)
      .headers({
        "Access-Control-Allow-Methods": methods.join(", "),
        "Access-Control-Allow-Headers": allowedHeaders(headers, request),
        "Access-Control-Max-Age": String(PREFLIGHT_MAX_AGE),
        Vary: "Access-Control-Request-Headers",
      })
      .send();
  });
}

/** A name of a header (RFC 9110 section 5.6.2). */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * The headers that a page may send: ours, and all that it asks for. Libraries add their own (traces, versions), and the
 * answers carry no credentials, so no header gives a page more than it has.
 */
function allowedHeaders(own: string, { headers }: FastifyRequest): string {
  const asked = headers["access-control-request-headers"] ?? "";
  return [
    own,
    ...asked
      .split(",")
      .map((name) => name.trim())
      .filter((name) => TOKEN.test(name)),
  ].join(", ");
}

/** Lets a page read the response if its origin belongs to the client that the request is from. */
export function allowOwnPages(registry: ClientRegistry): onSendHookHandler {
  return (request, reply, _payload, done) => {
    const { origin } = request.headers;
    const client_id = request.decision?.client_id;
    if (origin === undefined || client_id === undefined) return done();
    // The response is being sent: nothing may fail or wait here.
    registry.findCached(client_id).then((client) => {
      if (client !== null && webOriginsOf(client).includes(origin)) allow(origin, reply);
      done();
    }, done);
  };
}

/** Lets any page read the response. */
export const allowAllPages: onSendHookHandler = (_request, reply, _payload, done) => {
  allowEverybody(reply);
  reply.header("Access-Control-Expose-Headers", EXPOSED);
  done();
};

function allow(origin: string, reply: FastifyReply): void {
  reply.headers({
    "Access-Control-Allow-Origin": origin,
    "Access-Control-Expose-Headers": EXPOSED,
    Vary: "Origin",
  });
}
