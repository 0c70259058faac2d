import type { FastifyReply, FastifyRequest } from "fastify";
import { Refusal } from "../errors/refusal.js";
import { HOME_PATH } from "../browser/paths.js";
import { methodsOf, type BrowserRoute } from "../browser/routes.js";
import { HEALTH_PATHS } from "../endpoints/health.js";
import { pathOf } from "../http/target.js";
import type { Dialect } from "./dialect.js";
import { refuse } from "./mount.js";
import { matches } from "./paths.js";

/**
 * Answers every request that has no route. Fastify has one not-found handler for each prefix, and does not tell an unknown
 * path from an unknown method. So one handler at the root looks both up in the tables of the dialects and of the browser.
 * @param answerPerson shows an error page if a person asks
 */
export function notFoundHandler(
  dialects: readonly Dialect[],
  routes: readonly BrowserRoute[],
  answerPerson: AnswerPerson,
) {
  const allowedAt = methodTable(dialects, routes);
  return (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const path = pathOf(request.url);
    const allow = allowedAt(path);
    const dialect = dialectOf(dialects, path);
    if (allow !== undefined) {
      return refuse(
        dialect,
        new Refusal("method_not_allowed", { slots: { method: request.method }, allow }),
        request,
        reply,
      );
    }
    const unknown = new Refusal("path_unknown", { again: HOME_PATH });
    return answerPerson(unknown, request, reply) ?? refuse(dialect, unknown, request, reply);
  };
}

type AnswerPerson = (refusal: Refusal, request: FastifyRequest, reply: FastifyReply) => FastifyReply | undefined;

/** The dialect with the longest matching path prefix; the first configured dialect if none matches. */
export function dialectOf(dialects: readonly Dialect[], target: string): Dialect {
  const path = pathOf(target);
  const claims = dialects.flatMap((dialect) => dialect.prefixes.map((prefix) => ({ dialect, prefix })));
  const matching = claims.filter(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`));
  const [nearest] = matching.sort((one, other) => other.prefix.length - one.prefix.length);
  return (nearest?.dialect ?? dialects[0])!;
}

/** The methods of each path; undefined for an unknown path. */
function methodTable(
  dialects: readonly Dialect[],
  routes: readonly BrowserRoute[],
): (path: string) => readonly string[] | undefined {
  const gets = dialects.flatMap(({ documents }) =>
    documents ? [documents.jwks, ...documents.metadata, ...documents.uma] : [],
  );
  const documents = [...gets, ...Object.values(HEALTH_PATHS)];
  const table = new Map<string, string[]>();
  const add = (path: string, methods: readonly string[]) => table.set(path, [...(table.get(path) ?? []), ...methods]);
  for (const { path, methods = ["POST"] } of dialects.flatMap(({ endpoints }) => endpoints)) add(path, methods);
  for (const path of documents) add(path, ["GET", "HEAD"]);
  for (const route of routes) if (methodsOf(route).length > 0) add(route.path, methodsOf(route));
  const withParameters = [...table].filter(([path]) => path.includes("/:"));
  return (path) => table.get(path) ?? withParameters.find(([pattern]) => matches(pattern, path))?.[1];
}
