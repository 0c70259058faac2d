import { randomUUID } from "node:crypto";
import type { FastifyBaseLogger } from "fastify";
import { codeOfStatus, FORMAT, nameOfMethod, RESPONSE } from "../coap/codes.js";
import { CORE_PATH, writeLinks, type Link } from "../coap/link-format.js";
import type { CoapRequest, CoapResponse, Resources } from "../coap/resource.js";
import type { Timers } from "../coap/timers.js";
import type { Core } from "../core.js";
import type { OperationRegistry } from "../endpoints/operations.js";
import { Refusal } from "../errors/refusal.js";
import { writeDecision, type AuditFacts, type DecisionKeeper } from "../http/decision.js";
import { refuseCredentialNames } from "../http/edge.js";
import { asRefusal, logUnexpected } from "../http/failure.js";
import { networkOf } from "../http/network.js";
import { isUnserved } from "../http/unserved.js";
import { audiencesOf, runnerOf, type Call } from "./call.js";
import { answerFormat, ANNOUNCED, readBody, refuseOtherFormats, writeBody, type AnswerFormat } from "./coap-body.js";
import { RefusalLines } from "./coap-refusals.js";
import type { Dialect, Endpoint, WireResponse } from "./dialect.js";
import { spellRefusal } from "./refuse.js";

interface CoapParts {
  readonly dialect: Dialect;
  readonly operations: OperationRegistry;
  readonly core: Core;
  readonly log: FastifyBaseLogger;
  readonly timers: Timers;
  /** Asked once for each request. */
  readonly isOverloaded: () => boolean;
}

/** An endpoint, and the function that runs it. */
interface Route {
  readonly endpoint: Endpoint;
  readonly run: (call: Call) => Promise<WireResponse>;
}

/** Seconds after which a request that there was no room for makes sense again. */
const MAX_AGE = 5;

/** The status that a dialect has for an unsupported Content-Format over HTTP gives way to CoAP's (RFC 7252 section 5.9.2.9). */
const KINDS = { wrong_media_type: { status: 415 } } as const;

/**
 * The front end of a dialect over CoAP, beside mount.ts for HTTP. Both read a request into the same values, run the same
 * operations and write what the same dialect answers.
 */
export function serveOverCoap({ dialect, operations, core, log, timers, isOverloaded }: CoapParts): Resources {
  const audiences = audiencesOf(dialect, core);
  const routes = new Map<string, Route>(
    dialect.endpoints.map((endpoint) => [
      endpoint.path,
      { endpoint, run: runnerOf(dialect, endpoint, operations, audiences) },
    ]),
  );
  const links = [...routes.values()].map(({ endpoint }) => linkTo(dialect, endpoint));

  const answer = async (request: CoapRequest): Promise<CoapResponse> => {
    if (request.path === CORE_PATH) return answerLinks(links, request);
    const begun = performance.now();
    const decision = toDecide(request);
    const { answered, format } = await decide(dialect, decision);
    const latency_ms = Math.round((performance.now() - begun) * 10) / 10;
    if (isUnserved(decision.facts.refusal)) core.availability.turnedAway(latency_ms);
    core.counter?.decided(decision.facts, latency_ms);
    logDecision(decision, answered.status, latency_ms, core.keeper);
    return responseOf(dialect, answered, format);
  };
  const toDecide = <Request extends Target>(request: Request): Decision<Request> => {
    const decision_id = randomUUID();
    const route = routes.get(request.path);
    const facts: AuditFacts = { dialect: dialect.name, operation: route?.endpoint.operation };
    return { request, route, facts, decision_id, log: log.child({ decision_id }) };
  };
  const lines = new RefusalLines(timers, log);
  const refused = (request: Target, refusal: Refusal, status = refusal.status) =>
    lines.write(() => {
      const decision = toDecide(request);
      decision.facts.refusal = refusal;
      core.counter?.decided(decision.facts);
      logDecision(decision, status, 0, core.keeper);
    });
  return {
    answer,
    hasRoom: () => !isOverloaded(),
    refused,
    busy: (request, reason) => {
      const refusal = new Refusal("overloaded", { retryAfter: MAX_AGE, reason });
      core.availability.turnedAway(0);
      const answered = wordRefusal(dialect, routes.get(request.path), refusal, "");
      refused(request, refusal, answered.status);
      return responseOf(dialect, answered, answerFormat({ ...request, body: undefined }));
    },
  };
}

/** A request without its body. */
type Target = Omit<CoapRequest, "body">;

/** A request on its way to a decision. */
interface Decision<Request extends Target = CoapRequest> {
  readonly request: Request;
  readonly route: Route | undefined;
  readonly facts: AuditFacts;
  readonly decision_id: string;
  readonly log: FastifyBaseLogger;
}

/** Runs the endpoint of a request, or words why it is refused. */
async function decide(dialect: Dialect, decision: Decision) {
  const { request, route, facts, decision_id, log } = decision;
  let format = answerFormat(request);
  try {
    const { run } = refuseUnlessServed(request, route);
    const { hasNumbers, ...sent } = readBody(request);
    format = answerFormat(request, hasNumbers);
    return { answered: await run(callOf(decision, sent)), format };
  } catch (error) {
    const refusal = asRefusal(error);
    facts.refusal = refusal;
    logUnexpected(error, refusal, log);
    return { answered: wordRefusal(dialect, route, refusal, decision_id), format };
  }
}

/** The checks before the body is read. @throws Refusal */
function refuseUnlessServed(request: CoapRequest, route: Route | undefined): Route {
  if (route === undefined) throw new Refusal("path_unknown");
  const method = nameOfMethod(request.method);
  const allow: readonly string[] = route.endpoint.methods ?? ["POST"];
  if (!allow.includes(method)) throw new Refusal("method_not_allowed", { slots: { method }, allow });
  refuseCredentialNames(request.query.map((one) => one.split("=", 1)[0]!));
  refuseOtherFormats(request);
  return route;
}

/** CoAP has no headers, and a DTLS session has no client certificate. */
function callOf({ request, facts, decision_id }: Decision, sent: Call["sent"]): Call {
  return {
    sent,
    authorization: undefined,
    headers: {},
    path: {},
    certificate: undefined,
    proof: undefined,
    network: networkOf(request.peer.address),
    facts,
    decision_id,
    caller: { hasLeft: request.hasLeft },
  };
}

function wordRefusal(dialect: Dialect, route: Route | undefined, refusal: Refusal, request: string): WireResponse {
  const refusals = route?.endpoint.refusals ?? dialect.refusals;
  return spellRefusal({ ...refusals, kinds: { ...refusals.kinds, ...KINDS } }, refusal, request);
}

function responseOf({ decorate }: Dialect, answered: WireResponse, format: AnswerFormat): CoapResponse {
  const { status, headers, body = "" } = decorate?.(answered) ?? answered;
  const retryAfter = headers?.["Retry-After"];
  const maxAge = retryAfter === undefined ? undefined : Number(retryAfter);
  const code = codeOfStatus(status);
  if (typeof body === "string") return { code, maxAge, body: Buffer.from(body) };
  return { code, maxAge, format: format.format, body: writeBody(body, format) };
}

function logDecision(
  { request, route, facts, decision_id, log }: Decision<Target>,
  status: number,
  latency_ms: number,
  keeper: DecisionKeeper | undefined,
): void {
  const { address } = request.peer;
  const decided = {
    endpoint: route?.endpoint.path,
    method: nameOfMethod(request.method),
    target: request.path,
    origin: { transport: "coap", ip: address, peer_ip: address },
    status,
    latency_ms,
  };
  keeper?.keep(decision_id, facts, decided);
  writeDecision(log, facts, decided);
}

/** A link to an endpoint: what it is for, and the formats that it takes. */
function linkTo({ name }: Dialect, { path, operation }: Endpoint): Link {
  const type = operation.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return { path, attributes: { rt: [`${name}.${type}`], ct: ANNOUNCED } };
}

function answerLinks(links: readonly Link[], { method, query, accept }: CoapRequest): CoapResponse {
  if (nameOfMethod(method) !== "GET") return { code: RESPONSE.METHOD_NOT_ALLOWED };
  if (accept !== undefined && accept !== FORMAT.LINKS) return { code: RESPONSE.NOT_ACCEPTABLE };
  return { code: RESPONSE.CONTENT, format: FORMAT.LINKS, body: Buffer.from(writeLinks(links, query)) };
}
