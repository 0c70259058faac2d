import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Refusal } from "../errors/refusal.js";
import { isPlainWord } from "../errors/slots.js";
import type { RecalledFacts } from "./recalled-facts.js";
import { wasRefusedEarly, type EarlyRequest } from "./early.js";
import { pathForLog } from "./target.js";

/**
 * The facts of one decision for the audit line: the caller, the request and the outcome. Operators read them, so they
 * hold identifiers of known things, and never a secret, a token, a code or a password (docs/operations.md, log lines).
 */
export interface AuditFacts extends RecalledFacts {
  dialect?: string | undefined;
  operation?: string | undefined;
  /** The command of an administrator. */
  command?: string;
  grant_type?: string;
  client_id?: string | undefined;
  /** The method the client is registered to authenticate with. */
  client_auth?: string;
  sub?: string;
  /** The grant: the permission of a user for a client, with all its tokens. */
  grant_id?: string;
  jti?: string;
  /** The key that signed the access token. */
  kid?: string | undefined;
  scope_requested?: readonly string[];
  scope_granted?: readonly string[];
  audience?: string | readonly string[];
  /** An event that operators should see, although the request was answered correctly. */
  alarm?:
    "refresh_token_reused" | "refresh_token_retried" | "refresh_token_superseded" | "code_replayed" | "account_locked";
  /** The party that acts for the user, and the `jti` of the token that was exchanged (RFC 8693). */
  actor?: string | undefined;
  exchanged_jti?: string;
  /** The registered issuer of an assertion about a user (RFC 7523 section 2.1). */
  assertion_issuer?: string;
  /** The flaw of the id_token_hint, if it has one. */
  hint_flaw?: string | undefined;
  /** The result of introspecting a requesting party token: the outcome, for each resource and rule too. */
  uma?: { readonly outcome: string; readonly resources: readonly object[] };
  refusal?: Refusal;
}

declare module "fastify" {
  interface FastifyRequest {
    /** The facts of the decision; undefined for documents and health checks. */
    decision: AuditFacts | undefined;
    /** Milliseconds of the monotonic clock at which the request came in. */
    arrivedAt: number;
  }
}

/** Counts decisions. */
export interface DecisionCounter {
  /** @param milliseconds from the arrival of the request to its decision; undefined if it was refused on arrival */
  decided(facts: AuditFacts, milliseconds?: number): void;
}

/** Keeps decisions, so that they can be explained. */
export interface DecisionKeeper {
  /** Never waits, and never throws. @param id the `X-Request-Id` of the answer */
  keep(id: string, facts: AuditFacts, request: DecidedRequest): void;
  /** Writes what waits, for a reader who wants the latest decisions. Never throws. */
  flush(): Promise<void>;
}

/** Those who are told of decisions, besides the log. */
export interface DecisionSinks {
  readonly counter?: DecisionCounter | undefined;
  readonly keeper?: DecisionKeeper | undefined;
}

/** Version of the shape of the log line, raised when a field changes its meaning. */
const SCHEMA = 1;

const MAX_USER_AGENT = 200;

/** Alarms that a lost or delayed answer explains. */
const HARMLESS = new Set(["refresh_token_retried", "refresh_token_superseded"]);

/**
 * Writes one line for each decision before its answer is sent. So every answer has a line, and so has every request
 * whose caller does not wait.
 */
export function logDecisions(app: FastifyInstance): void {
  app.decorateRequest("decision", undefined);
  app.decorateRequest("arrivedAt", 0);
  app.addHook("onRequest", (request, reply, done) => {
    request.arrivedAt = performance.now();
    reply.header("X-Request-Id", request.id);
    done();
  });
  app.addHook("onSend", (request, reply, _payload, done) => {
    // The listener has already logged a request whose body could not be read.
    if (request.decision !== undefined && !wasRefusedEarly(request.raw)) {
      const latency_ms = Math.round((performance.now() - request.arrivedAt) * 10) / 10;
      logDecision(request, reply, { endpoint: request.routeOptions.url, latency_ms });
    }
    done();
  });
}

/** The parts of a line that are not in the request. */
interface Circumstances {
  /** The path of the route, if there is one. */
  readonly endpoint: string | undefined;
  readonly latency_ms?: number | undefined;
}

/** Writes the line of a request over HTTP. */
export function logDecision(request: FastifyRequest, reply: FastifyReply, circumstances: Circumstances): void {
  const { method, url: target } = request;
  const { endpoint, latency_ms } = circumstances;
  const asked = { method, target, origin: originOf(request), status: reply.statusCode, endpoint, latency_ms };
  const facts = request.decision ?? {};
  const { counter, keeper } = request.server.core;
  counter?.decided(facts, latency_ms);
  keeper?.keep(request.id, facts, asked);
  writeDecision(request.log, facts, asked);
}

/** The fields about the connection. */
interface Origin {
  /** The protocol, unless it is HTTP. */
  readonly transport?: string;
  readonly ip: string;
  readonly peer_ip: string | undefined;
  readonly user_agent?: string | undefined;
}

/** A decided request, over HTTP or another protocol. */
export interface DecidedRequest extends Circumstances {
  readonly method: string;
  readonly target: string;
  readonly origin: Origin;
  readonly status: number;
}

/** Writes the line of a decision. */
export function writeDecision(log: FastifyBaseLogger, facts: AuditFacts, request: DecidedRequest): void {
  const line = lineOf(facts, request);
  const isAlarming = facts.alarm !== undefined && !HARMLESS.has(facts.alarm);
  const level = isAlarming || line.status >= 500 ? "warn" : "info";
  log[level](line, `${facts.operation ?? "request"} ${line.outcome}`);
}

/**
 * The members of a line; pino leaves out those that are undefined. Each one is written out, because copies of such large
 * objects would cost more than all the rest of the line.
 */
export function lineOf(facts: AuditFacts, { endpoint, method, target, origin, status, latency_ms }: DecidedRequest) {
  const { refusal } = facts;
  const unrouted = refusal && isUnrouted(refusal, endpoint) ? requestLine(method, target) : undefined;
  return {
    type: "decision",
    schema: SCHEMA,
    outcome: refusal === undefined ? "granted" : "refused",
    refused_with: refusal?.row.code,
    reason: refusal?.reason,
    dialect: facts.dialect,
    operation: facts.operation,
    command: facts.command,
    grant_type: facts.grant_type,
    client_id: facts.client_id,
    client_auth: facts.client_auth,
    sub: facts.sub,
    grant_id: facts.grant_id,
    jti: facts.jti,
    kid: facts.kid,
    actor: facts.actor,
    exchanged_jti: facts.exchanged_jti,
    assertion_issuer: facts.assertion_issuer,
    scope_requested: facts.scope_requested,
    scope_granted: facts.scope_granted,
    audience: facts.audience,
    alarm: facts.alarm,
    hint_flaw: facts.hint_flaw,
    uma: facts.uma,
    endpoint,
    method: unrouted?.method,
    path: unrouted?.path,
    transport: origin.transport,
    ip: origin.ip,
    peer_ip: origin.peer_ip,
    user_agent: origin.user_agent,
    status,
    latency_ms,
  } satisfies Record<Exclude<keyof AuditFacts, "refusal" | keyof RecalledFacts>, unknown> & Record<string, unknown>;
}

/** A refusal of a request that never reached the application. */
interface EarlyAuditRecord extends EarlyRequest {
  readonly refusal: Refusal;
  readonly dialect: string;
  readonly decision_id: string;
  readonly status: number;
}

/** Writes the line of a refusal without a Fastify request. */
export function logEarlyDecision(
  log: FastifyBaseLogger,
  { refusal, method, target, peer, ...facts }: EarlyAuditRecord,
): void {
  const line = {
    type: "decision",
    schema: SCHEMA,
    outcome: "refused",
    refused_with: refusal.row.code,
    reason: refusal.reason,
    ...facts,
    ...(method === undefined || target === undefined ? {} : requestLine(method, target)),
    ip: peer,
    peer_ip: peer,
  };
  log[facts.status >= 500 && refusal.row.code !== "not_ready" ? "warn" : "info"](line, "request refused");
}

/** Whether the line needs method and path: there is no route, or not for this method. */
function isUnrouted({ row }: Refusal, endpoint: string | undefined): boolean {
  return endpoint === undefined || row.kind === "not_found" || row.kind === "wrong_method";
}

function requestLine(method: string, target: string) {
  return { method: isPlainWord(method) ? method : "*", path: pathForLog(target) };
}

function originOf(request: FastifyRequest): Origin {
  return {
    ip: request.ip,
    peer_ip: request.socket.remoteAddress,
    // Terminals may interpret control characters beyond ASCII, which JSON does not escape.
    user_agent: request.headers["user-agent"]?.slice(0, MAX_USER_AGENT).replace(/[^\x20-\x7e]/g, "?"),
  };
}
