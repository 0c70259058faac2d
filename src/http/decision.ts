import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Refusal } from "../errors/refusal.js";

/**
 * What is on record of one decision: who asked, for what, what came of it. Everything here may be read by operators, so
 * no secret, token, code or password is ever put in: identifiers of known things only (docs/operations.md, log lines).
 */
export interface DecisionFacts {
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
  alarm?: "refresh_token_reused" | "refresh_token_retried" | "code_replayed" | "account_locked";
  /** What a requesting party token came to when it was introspected: the outcome, and that of each rule. */
  uma?: { readonly outcome: string; readonly resources: readonly object[] };
  refusal?: Refusal;
}

declare module "fastify" {
  interface FastifyRequest {
    /** What is being decided; undefined where nothing is (documents, health). */
    decision: DecisionFacts | undefined;
    /** Milliseconds of the monotonic clock at which the request came in. */
    arrivedAt: number;
  }
}

/** Version of the shape of the log line, raised when a field changes its meaning. */
const SCHEMA = 1;

const LONGEST_USER_AGENT = 200;

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
    if (request.decision === undefined) return;
    const { refusal, ...facts } = request.decision;
    const line = {
      type: "decision",
      schema: SCHEMA,
      instance,
      outcome: refusal === undefined ? "granted" : "refused",
      ...(refusal === undefined ? {} : { refused_with: refusal.row.code, reason: refusal.reason }),
      ...facts,
      endpoint: request.routeOptions.url,
      ...origin(request),
      status: reply.statusCode,
      latency_ms: Math.round((performance.now() - request.arrivedAt) * 10) / 10,
    };
    const isAlarming = facts.alarm !== undefined && facts.alarm !== "refresh_token_retried";
    const level = isAlarming || reply.statusCode >= 500 ? "warn" : "info";
    request.log[level](line, `${facts.operation ?? "request"} ${line.outcome}`);
  });
}

function origin(request: FastifyRequest) {
  return {
    ip: request.ip,
    peer_ip: request.socket.remoteAddress,
    // A terminal may obey control characters beyond ASCII, which JSON does not escape.
    user_agent: request.headers["user-agent"]?.slice(0, LONGEST_USER_AGENT).replace(/[^\x20-\x7e]/g, "?"),
  };
}
