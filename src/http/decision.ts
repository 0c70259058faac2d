import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Refusal } from "../errors/refusal.js";
import { isPlainWord } from "../errors/slots.js";
import { wasRefusedEarly, type EarlyRequest } from "./early.js";
import { pathForLog } from "./target.js";

/**
 * What is on record of one decision: who asked, for what, what came of it. Everything here may be read by operators, so
 * no secret, token, code or password is ever put in: identifiers of known things only (docs/operations.md, log lines).
 */
export interface AuditFacts {
  dialect?: string;
  operation?: string;
  grant_type?: string;
  client_id?: string;
  /** The method the client is registered to authenticate with. */
  client_auth?: string;
  sub?: string;
  /** The grant: what a person let a client have, with all its tokens. */
  grant_id?: string;
  jti?: string;
  /** The key that signed the access token. */
  kid?: string;
  scope_requested?: readonly string[];
  scope_granted?: readonly string[];
  audience?: string | readonly string[];
  /** Something an operator should look at although the request was answered as it should be. */
  alarm?:
    "refresh_token_reused" | "refresh_token_retried" | "refresh_token_superseded" | "code_replayed" | "account_locked";
  /** What is wrong with the id_token_hint that was sent. */
  hint_flaw?: string | undefined;
  /** What a requesting party token came to when it was introspected: the outcome, and that of each rule. */
  uma?: { readonly outcome: string; readonly resources: readonly object[] };
  refusal?: Refusal;
}

declare module "fastify" {
  interface FastifyRequest {
    /** What is being decided; undefined where nothing is (documents, health). */
    decision: AuditFacts | undefined;
    /** Milliseconds of the monotonic clock at which the request came in. */
    arrivedAt: number;
  }
}

/** Version of the shape of the log line, raised when a field changes its meaning. */
const SCHEMA = 1;

const MAX_USER_AGENT = 200;

/** Alarms that a lost answer or a request that was held up explains. */
const HARMLESS = new Set(["refresh_token_retried", "refresh_token_superseded"]);

/**
 * Writes one line for each decision, before its answer leaves: whoever does not wait for the answer is on record too, and
 * what was answered always is.
 */
export function logDecisions(app: FastifyInstance, instance: string): void {
  app.decorateRequest("decision", undefined);
  app.decorateRequest("arrivedAt", 0);
  app.addHook("onRequest", async (request, reply) => {
    request.arrivedAt = performance.now();
    reply.header("X-Request-Id", request.id);
  });
  app.addHook("onSend", async (request, reply) => {
    // Of a body that could not be read to its end, the listener has said so already.
    if (request.decision === undefined || wasRefusedEarly(request.raw)) return;
    const latency_ms = Math.round((performance.now() - request.arrivedAt) * 10) / 10;
    logDecision(request, reply, { instance, endpoint: request.routeOptions.url, latency_ms });
  });
}

/** What of a line the request does not say. */
interface Circumstances {
  readonly instance: string;
  /** The path of the route; none where there is no route. */
  readonly endpoint: string | undefined;
  readonly latency_ms?: number;
}

/** Writes the line of a request that was decided on. */
export function logDecision(
  request: FastifyRequest,
  reply: FastifyReply,
  { instance, endpoint, latency_ms }: Circumstances,
): void {
  const { refusal, ...facts } = request.decision ?? {};
  const line = {
    ...outcomeOf(instance, refusal),
    ...facts,
    endpoint,
    ...(refusal !== undefined && isUnrouted(refusal, endpoint) ? requestLine(request.method, request.url) : {}),
    ...origin(request),
    status: reply.statusCode,
    latency_ms,
  };
  const isAlarming = facts.alarm !== undefined && !HARMLESS.has(facts.alarm);
  const level = isAlarming || reply.statusCode >= 500 ? "warn" : "info";
  request.log[level](line, `${facts.operation ?? "request"} ${line.outcome}`);
}

/** A refusal of what never reached the application. */
export interface EarlyAuditRecord extends EarlyRequest {
  readonly refusal: Refusal;
  readonly dialect: string;
  readonly decision_id: string;
  readonly status: number;
}

/** Writes the line of a refusal that no request of Fastify's belongs to. */
export function logEarlyDecision(
  log: FastifyBaseLogger,
  instance: string,
  { refusal, method, target, peer, ...facts }: EarlyAuditRecord,
): void {
  const line = {
    ...outcomeOf(instance, refusal),
    ...facts,
    ...(method === undefined || target === undefined ? {} : requestLine(method, target)),
    ip: peer,
    peer_ip: peer,
  };
  log[facts.status >= 500 && refusal.row.code !== "not_ready" ? "warn" : "info"](line, "request refused");
}

function outcomeOf(instance: string, refusal: Refusal | undefined) {
  const outcome =
    refusal === undefined
      ? { outcome: "granted" }
      : { outcome: "refused", refused_with: refusal.row.code, reason: refusal.reason };
  return { type: "decision", schema: SCHEMA, instance, ...outcome };
}

/** Whether the route does not say what was asked for: there is none, or not with this method. */
function isUnrouted({ row }: Refusal, endpoint: string | undefined): boolean {
  return endpoint === undefined || row.kind === "not_found" || row.kind === "wrong_method";
}

function requestLine(method: string, target: string) {
  return { method: isPlainWord(method) ? method : "*", path: pathForLog(target) };
}

function origin(request: FastifyRequest) {
  return {
    ip: request.ip,
    peer_ip: request.socket.remoteAddress,
    // A terminal may obey control characters beyond ASCII, which JSON does not escape.
    user_agent: request.headers["user-agent"]?.slice(0, MAX_USER_AGENT).replace(/[^\x20-\x7e]/g, "?"),
  };
}
