import type { FastifyReply, FastifyRequest } from "fastify";
import { Refusal } from "../errors/refusal.js";
import { ACCOUNT_PATH, CLAIMS_PATH, HOME_PATH, ICON_PATH, LOGOUT_PATH, MEANT, SHARING_PATH } from "../browser/paths.js";
import { HEALTH_PATHS } from "../endpoints/health.js";
import { pathOf } from "../http/target.js";
import type { Dialect } from "./dialect.js";
import { refuse } from "./mount.js";
import { matches } from "./paths.js";

const PAGE_PATHS = [ACCOUNT_PATH, LOGOUT_PATH, SHARING_PATH];

/**
 * What no route answers. Fastify has one not-found handler for each prefix and takes a known path with another method for
 * unknown, so one handler at the root looks both up in the table of what the dialects declare.
 * @param answerPerson shows a page for what is not found, where a person asks
 */
export function notFoundHandler(dialects: readonly Dialect[], answerPerson: AnswerPerson) {
  const methodsOf = methodTable(dialects);
  return (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const path = pathOf(request.url);
    const allow = methodsOf(path);
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

/** The methods of a path; undefined where there is nothing. */
function methodTable(dialects: readonly Dialect[]): (path: string) => readonly string[] | undefined {
  const gets = dialects.flatMap(({ documents }) =>
    documents ? [documents.jwks, ...documents.metadata, ...documents.uma] : [],
  );
  const documents = [...gets, ...Object.values(HEALTH_PATHS)];
  const pages = [...dialects.flatMap(({ authorize }) => authorize ?? []), ...PAGE_PATHS];
  const table = new Map<string, string[]>();
  const add = (path: string, methods: readonly string[]) => table.set(path, [...(table.get(path) ?? []), ...methods]);
  for (const { path, methods = ["POST"] } of dialects.flatMap(({ endpoints }) => endpoints)) add(path, methods);
  for (const path of documents) add(path, ["GET", "HEAD"]);
  for (const path of pages) add(path, ["GET", "POST"]);
  for (const path of [CLAIMS_PATH, ICON_PATH, ...Object.keys(MEANT)]) add(path, ["GET"]);
  const withParameters = [...table].filter(([path]) => path.includes("/:"));
  return (path) => table.get(path) ?? withParameters.find(([pattern]) => matches(pattern, path))?.[1];
}
