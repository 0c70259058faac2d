import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { LOGOUT_PATH } from "../browser/paths.js";
import { metadataDocument, type MountedPaths } from "../endpoints/metadata.js";
import { umaConfiguration } from "../endpoints/uma/configuration.js";
import type { OperationName } from "../endpoints/operations.js";
import { isRefusal, Refusal } from "../errors/refusal.js";
import { asRefusal, logUnexpected } from "../http/failure.js";
import { readForm, withoutRepetition, type Form } from "../http/form.js";
import { headersOf } from "../http/headers.js";
import { queryOf, refuseCredentialsInQuery, refuseEncodedBody, singleAuthorization } from "../http/edge.js";
import { readJson } from "../http/json.js";
import { networkOf } from "../http/network.js";
import { pathOf } from "../http/target.js";
import { JWKS_MAX_AGE } from "../keys/ring.js";
import { audiencesOf, runnerOf, type Sent } from "./call.js";
import { certificateOf } from "./client-certificate.js";
import type { WireResponse, Dialect, Endpoint } from "./dialect.js";
import { addOpenPreflight, addPreflight, allowAllPages, allowEverybody, allowOwnPages } from "./cors.js";
import { addNonce, proofOf, withDpopChallenge } from "./dpop.js";
import { JsonText } from "./json-body.js";
import { refusalAt } from "./refuse.js";

/** Makes an encapsulated plugin of a dialect: its own body parsers, its own error handler, its own routes. */
export function mount(dialect: Dialect, trustsProxy: (address: string) => boolean): FastifyPluginAsync {
  return async (app) => {
    for (const body of dialect.bodies) await body(app, {});
    app.setErrorHandler((error, request, reply) => refuse(dialect, error, request, reply));
    const operations: MountedPaths["operations"] = Object.fromEntries(
      dialect.endpoints.map(({ operation, path }) => [operation, path]),
    );
    const assertionAudiences = audiencesOf(dialect, app.core);
    for (const endpoint of dialect.endpoints) addEndpoint(app, dialect, endpoint, { assertionAudiences, trustsProxy });

    if (dialect.documents === undefined) return;
    const { jwks, metadata, uma } = dialect.documents;
    const pages = dialect.authorize === undefined ? {} : { authorize: dialect.authorize, logout: LOGOUT_PATH };
    const clientDocuments = dialect.knowsClientDocuments === true && app.core.registration.documents;
    const signsIntrospection = dialect.signsIntrospection === true;
    const pairwiseSubjects = dialect.knowsPairwiseSubjects === true;
    const mounted = { jwks, operations, pages, clientDocuments, signsIntrospection, pairwiseSubjects };
    addDocument(app, jwks, async () => app.core.ring.jwks);
    for (const path of metadata) {
      addDocument(app, path, () => metadataDocument(app, mounted));
    }
    for (const path of uma) {
      addDocument(app, path, () => umaConfiguration(app, mounted));
    }
  };
}

/** Answers an error in the format of a dialect, and adds it to the audit facts. */
export function refuse(dialect: Dialect, error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const refusal = asRefusal(error);
  (request.decision ??= { dialect: dialect.name }).refusal = refusal;
  logUnexpected(error, refusal, request.log);
  // A URL that cannot be decoded is refused before any hook has run.
  if (!reply.hasHeader("X-Request-Id")) {
    reply.headers({ ...headersOf(request.server.core.issuer), "X-Request-Id": request.id });
  }
  const answer = refusalAt(dialect, pathOf(request.url), refusal, request.id);
  return send(reply, dialect, withDpopChallenge(answer, refusal, request.headers.authorization));
}

/** The parts of an endpoint that do not come from its dialect. */
interface Surroundings {
  readonly assertionAudiences: readonly string[];
  /** Whether the peer is a trusted proxy. */
  readonly trustsProxy: (address: string) => boolean;
}

function addEndpoint(
  app: FastifyInstance,
  dialect: Dialect,
  endpoint: Endpoint,
  { assertionAudiences, trustsProxy }: Surroundings,
): void {
  const run = runnerOf(dialect, endpoint, app.operations, assertionAudiences);
  const methods = endpoint.methods ?? ["POST"];
  const { cors } = app.operations.get<OperationName>(endpoint.operation).row;
  const forPages = cors === "pages of the client";
  const forAll = dialect.openToPages ?? (cors === "any page" ? "Authorization, Content-Type" : undefined);
  // One preflight answers for all endpoints of a path.
  const isFirst = !app.hasRoute({ method: "OPTIONS", url: endpoint.path });
  if (forAll !== undefined && isFirst) addOpenPreflight(app, endpoint.path, methodsOn(dialect, endpoint.path), forAll);
  else if (forPages) addPreflight(app, endpoint.path, methods);
  app.route({
    method: [...methods],
    url: endpoint.path,
    onRequest: (request, _reply, done) => {
      request.decision = { dialect: dialect.name, operation: endpoint.operation };
      refuseEncodedBody(request);
      refuseCredentialsInQuery(request);
      done();
    },
    onSend: forPages ? allowOwnPages(app.core.registry) : cors === "any page" ? allowAllPages : [],
    handler: async (request, reply) => {
      const proof = proofOf(request, dialect);
      addNonce(reply, proof);
      const answer = await run({
        sent: readSent(request, endpoint, endpoint.isBodyOptional ?? methods.includes("GET")),
        authorization: singleAuthorization(request),
        headers: request.headers,
        path: request.params as Record<string, string>,
        certificate: certificateOf(request, trustsProxy, dialect.certificateHeaders),
        proof,
        network: networkOf(request.ip),
        facts: request.decision ?? {},
        decision_id: request.id,
        caller: { hasLeft: () => request.raw.socket.destroyed },
      });
      return send(reply, dialect, answer);
    },
  });
}

/** The methods of all endpoints on a path. */
function methodsOn({ endpoints }: Dialect, path: string): readonly string[] {
  return endpoints.filter((one) => one.path === path).flatMap(({ methods = ["POST"] }) => methods);
}

/** Serves a public document, which any cache may keep for a while. */
function addDocument(app: FastifyInstance, path: string, content: () => Promise<object>): void {
  app.get(path, { exposeHeadRoute: true }, async (_request, reply) => {
    allowEverybody(reply);
    reply.header("Cache-Control", `public, max-age=${JWKS_MAX_AGE}`).removeHeader("Pragma");
    return content();
  });
}

function readSent(request: FastifyRequest, { takes = "form" }: Endpoint, mayBeMissing: boolean): Sent {
  if (takes === "query") return { parameters: withoutRepetition(queryOf(request, readForm)) };
  const { body } = request;
  // The parser returns its refusal as a value (http/form.ts gives the reason).
  if (isRefusal(body)) throw body;
  if (takes === "json") return { document: () => readJson(textOf(body)) };
  if (body === undefined || body === null) {
    if (mayBeMissing) return {};
    throw new Refusal("body_missing");
  }
  const isJson = body instanceof JsonText;
  if (!takes.includes(isJson ? "json" : "form")) throw new Refusal("media_type_unsupported");
  return isJson ? { document: () => readJson(body.text) } : { parameters: withoutRepetition(body as Form) };
}

function textOf(body: unknown): string {
  if (body === undefined || body === null) throw new Refusal("body_missing");
  if (!(body instanceof JsonText)) throw new Refusal("media_type_unsupported");
  return body.text;
}

function send(reply: FastifyReply, { decorate }: Dialect, answer: WireResponse): FastifyReply {
  const { status, headers, location, body } = decorate?.(answer) ?? answer;
  reply.code(status).headers({ ...headers });
  if (location !== undefined) {
    reply.header("Location", new URL(reply.server.core.issuer).pathname.replace(/\/$/, "") + location);
  }
  return reply.send(body);
}
