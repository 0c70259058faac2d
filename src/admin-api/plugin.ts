import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { Command } from "../admin/command.js";
import { isServed } from "../admin/command.js";
import { COMMANDS } from "../admin/commands.js";
import { entityTag, isIfMatch } from "../admin/entity-tag.js";
import { scopeOf } from "../admin/powers.js";
import { routeOf, type Route } from "../admin/route.js";
import { mayRun, runCommand, type CommandRequest } from "../admin/run.js";
import { ADMIN_API_PATH } from "../clients/admin-scopes.js";
import { certificateOf } from "../dialects/client-certificate.js";
import { addNonce, proofOf } from "../dialects/dpop.js";
import { jsonBodies } from "../dialects/json-body.js";
import { oauth2 } from "../dialects/oauth2.js";
import { Refusal } from "../errors/refusal.js";
import { refuseCredentialsInQuery, refuseEncodedBody, singleAuthorization } from "../http/edge.js";
import { trustedProxies } from "../http/trusted-proxies.js";
import { administratorOf, type Administrator } from "./caller.js";
import { inputOf } from "./input.js";
import { once } from "./once.js";
import { openApi } from "./openapi.js";
import { answerProblem } from "./problem.js";

interface AdminApiOptions {
  /** CIDR ranges of the trusted proxies. */
  readonly proxies: readonly string[];
}

/** The Admin API: one route for each command of the table. */
export const adminApi: FastifyPluginAsync<AdminApiOptions> = async (app, { proxies }) => {
  const trustsProxy = trustedProxies(proxies);
  await app.register(
    async (api) => {
      await jsonBodies()(api, {});
      api.setErrorHandler(answerProblem);
      const commands = COMMANDS.filter(isServed);
      const routes = commands.map((command) => ({ command, route: routeOf(command) }));
      api.setNotFoundHandler(notFound(routes.map(({ route }) => route)));
      for (const { command, route } of routes) addRoute(api, command, route, trustsProxy);
      const document = JSON.stringify(openApi(commands, app.core.issuer));
      api.get("/openapi.json", (_request, reply) => reply.type("application/json").send(document));
    },
    { prefix: ADMIN_API_PATH },
  );
};

/** The callers of the requests in progress. */
const administrators = new WeakMap<FastifyRequest, Administrator>();

/** Largest body with a provisioning file. A larger one is applied on the machine (`jeton apply`). */
const MAX_FILE = 4 * 1024 * 1024;

function addRoute(
  api: FastifyInstance,
  command: Command,
  { method, path, ...route }: Route,
  trustsProxy: (address: string) => boolean,
): void {
  api.route({
    method,
    url: path,
    ...((command.terms?.file ?? command.terms?.files) === undefined ? {} : { bodyLimit: MAX_FILE }),
    // Before the body is read: only administrators may send a large one.
    onRequest: async (request, reply) => {
      request.decision = { operation: "administration", command: command.name };
      refuseEncodedBody(request);
      refuseCredentialsInQuery(request);
      const administrator = await identify(request, reply, trustsProxy);
      if (!mayRun(command, administrator.powers))
        throw new Refusal("admin_scope_missing", { more: { scope: scopeOf(command.access) } });
      administrators.set(request, administrator);
    },
    handler: async (request, reply) => {
      const administrator = administrators.get(request)!;
      const input = inputOf(command, { method, path, ...route }, request);
      const ifMatch = ifMatchOf(command, request);
      const key = idempotencyKeyOf(command, request);
      return answer(command, { core: api.core, input, ifMatch, ...administrator }, key, reply);
    },
  });
}

function identify(
  request: FastifyRequest,
  reply: FastifyReply,
  trustsProxy: (address: string) => boolean,
): Promise<Administrator> {
  const proof = proofOf(request, oauth2);
  addNonce(reply, proof);
  const authorization = singleAuthorization(request);
  const wire = { parameters: new Map(), document: undefined, authorization, headers: request.headers, path: {} };
  const certificate = certificateOf(request, trustsProxy, oauth2.certificateHeaders);
  const credentials = { ...oauth2.read(wire).credentials, certificate, proof };
  const facts = request.decision ?? {};
  return administratorOf(request.server.core, { credentials, spelling: oauth2, facts }, request.ip);
}

/** @throws Refusal if_match_unsupported where the command would ignore it */
function ifMatchOf({ expects }: Command, { headers }: FastifyRequest): string | undefined {
  const text = headers["if-match"];
  if (text === undefined) return undefined;
  if (expects !== true || !isIfMatch(text)) throw new Refusal("if_match_unsupported");
  return text;
}

/** The key of a request that has an effect. */
function idempotencyKeyOf({ effect }: Command, { headers }: FastifyRequest): string | undefined {
  const key = headers["idempotency-key"];
  return effect === "reads" || key === undefined ? undefined : String(key);
}

async function answer(
  command: Command,
  request: CommandRequest,
  key: string | undefined,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { core, caller, input } = request;
  const run = async () => JSON.stringify(await runCommand(command, request));
  const result = key === undefined ? await run() : await once(core, { key, caller, command: command.name, input }, run);
  if (command.name.endsWith(" show")) reply.header("ETag", entityTag(JSON.parse(result)));
  return reply
    .code(command.effect === "creates" ? 201 : 200)
    .type("application/json")
    .send(result);
}

/** Tells an unknown path from an unknown method. */
function notFound(routes: readonly Route[]) {
  const patterns = routes.map(({ method, path }) => ({
    method,
    pattern: new RegExp(`^${ADMIN_API_PATH}${path.replace(/:\w+/g, "[^/]+")}$`),
  }));
  return (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const path = request.url.replace(/\?.*$/s, "");
    const allow = [...new Set(patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))];
    request.decision ??= { operation: "administration" };
    const refusal =
      allow.length === 0
        ? new Refusal("path_unknown")
        : new Refusal("method_not_allowed", { slots: { method: request.method }, allow });
    return answerProblem(refusal, request, reply);
  };
}
