import { randomUUID } from "node:crypto";
import type { FastifyBaseLogger } from "fastify";
import type { Refusal } from "../errors/refusal.js";
import { HEALTH_PATHS } from "../endpoints/health.js";
import { logEarlyDecision, type AuditFacts, type DecidedRequest, type DecisionSinks } from "../http/decision.js";
import { JSON_TYPE, type EarlyRequest, type RefuseEarly } from "../http/early.js";
import { headersOf } from "../http/headers.js";
import { canonicalTarget, pathOf } from "../http/target.js";
import type { Dialect } from "./dialect.js";
import { dialectOf } from "./not-found.js";
import { matches } from "./paths.js";
import { refusalAt } from "./refuse.js";

/** The parts of the server that an early refusal needs. */
interface Surroundings extends DecisionSinks {
  readonly issuer: string;
  readonly log: FastifyBaseLogger;
}

/**
 * Words the refusals of requests that never reach the application, in the dialect of their path. Without a path the first
 * dialect words them. A health check that is refused leaves no audit line.
 */
export function refuseInDialects(
  dialects: readonly Dialect[],
  { issuer, log, counter, keeper }: Surroundings,
): RefuseEarly {
  const common = { ...headersOf(issuer), "Content-Type": JSON_TYPE };
  const probes: readonly string[] = Object.values(HEALTH_PATHS);
  return (refusal, request) => {
    const decision_id = randomUUID();
    const path = pathOf(canonicalTarget(request.target ?? ""));
    const dialect = dialectOf(dialects, path);
    const worded = refusalAt(dialect, path, refusal, decision_id);
    const { status, headers, body = "" } = dialect.decorate?.(worded) ?? worded;
    if (!probes.includes(path)) {
      counter?.decided({ dialect: dialect.name, refusal });
      keeper?.keep(decision_id, factsOf(dialect, path, refusal), decidedEarly(request, status));
      logEarlyDecision(log, { ...request, refusal, dialect: dialect.name, decision_id, status });
    }
    return {
      status,
      headers: { ...common, ...headers, "X-Request-Id": decision_id },
      body: typeof body === "string" ? body : JSON.stringify(body),
    };
  };
}

/** A request that the application never got has no operation of its own, only that of its path. */
function factsOf({ name, endpoints }: Dialect, path: string, refusal: Refusal): AuditFacts {
  const operation = endpoints.find((one) => matches(one.path, path))?.operation;
  return { dialect: name, operation, refusal };
}

function decidedEarly({ method = "", target = "", peer = "" }: EarlyRequest, status: number): DecidedRequest {
  return { method, target, origin: { ip: peer, peer_ip: peer }, status, endpoint: undefined };
}
