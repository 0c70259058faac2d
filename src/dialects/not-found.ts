import type { FastifyReply, FastifyRequest } from "fastify";
import { Refusal } from "../errors/refusal.js";
import { ACCOUNT_PATH, LOGOUT_PATH } from "../endpoints/authorize/paths.js";
import { HEALTH_PATHS } from "../endpoints/health.js";
import { pathOf } from "../http/edge.js";
import type { Dialect } from "./dialect.js";
import { refuse } from "./mount.js";
import { matches } from "./paths.js";

/**
 * What no route answers. Fastify has one not-found handler for each prefix and takes a known path with another method for
 * unknown, so one handler at the root looks both up in the table of what the dialects declare.
 */
export function notFoundHandler(dialects: readonly Dialect[]) {
  const methods = methodTable(dialects);
  return (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const path = pathOf(request.url);
    const [, allow] = methods.find(([pattern]) => matches(pattern, path)) ?? [];
    const refusal =
      allow === undefined
        ? new Refusal("path_unknown")
        : new Refusal("method_not_allowed", { method: request.method }, { allow });
    return refuse(dialectOf(dialects, path), refusal, request, reply);
  };
}

/** The dialect on whose territory a request-target lies; the first one answers for nobody's land. */
export function dialectOf(dialects: readonly Dialect[], target: string): Dialect {
  const path = pathOf(target);
  const claims = dialects.flatMap((dialect) => dialect.territory.map((prefix) => ({ dialect, prefix })));
  const matching = claims.filter(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`));
  const [nearest] = matching.sort((one, other) => other.prefix.length - one.prefix.length);
  return (nearest?.dialect ?? dialects[0])!;
}

/** What each path, as its route has it, answers to. */
function methodTable(dialects: readonly Dialect[]): readonly (readonly [string, readonly string[]])[] {
  const gets = dialects.flatMap(({ documents }) =>
    documents === undefined ? [] : [documents.jwks, ...documents.metadata],
  );
  const documents = [...gets, ...Object.values(HEALTH_PATHS)];
  const endpoints = dialects.flatMap((dialect) => dialect.endpoints);
  const pages = [...dialects.flatMap(({ authorize }) => authorize ?? []), ACCOUNT_PATH, LOGOUT_PATH];
  return [
    ...endpoints.map(({ path, methods = ["POST"] }) => [path, methods] as const),
    ...documents.map((path) => [path, ["GET", "HEAD"]] as const),
    ...pages.map((path) => [path, ["GET", "POST"]] as const),
  ];
}
