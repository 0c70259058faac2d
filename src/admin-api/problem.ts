import { STATUS_CODES } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { ADMIN_SCOPES } from "../clients/admin-scopes.js";
import { withDpopChallenge } from "../dialects/dpop.js";
import { InputError, OperatorError } from "../errors/operator-error.js";
import { Refusal, isRefusal } from "../errors/refusal.js";
import { asRefusal, logUnexpected } from "../http/failure.js";
import { headersOf } from "../http/headers.js";

/** The errors of the Admin API: problem documents (RFC 9457) with a code of docs/errors.md. */

export const PROBLEM_TYPE = "application/problem+json";

/** A problem document. Without a type, its title is that of the status (section 4.2.1). */
export const PROBLEM = z.looseObject({
  title: z.string().meta({ description: "the reason phrase of the status" }),
  status: z.int(),
  detail: z.string().meta({ description: "what is wrong, in a sentence" }),
  code: z.string().meta({ description: "the code of docs/errors.md" }),
  member: z.string().optional().meta({ description: "the faulty member of the input" }),
  scope: z.string().optional().meta({ description: "the scope that is missing" }),
});

/** How a request is refused that does not reach the API (RFC 6749 section 5.2). */
export const EARLY_REFUSAL = z.object({ error: z.string(), error_description: z.string() });

/** The code of each kind of refusal of a command. */
const CODES = {
  refused: "admin_refused",
  invalid: "admin_input_invalid",
  forbidden: "admin_scope_missing",
  not_found: "admin_not_found",
  conflict: "admin_conflict",
  changed: "admin_changed",
} as const;

/** Turns any thrown value into a refusal. Its detail is the line of the command, or the message of the catalogue. */
export function refusalOf(error: unknown): Refusal {
  if (!(error instanceof OperatorError)) return asRefusal(error);
  const member =
    error instanceof InputError && error.path.length > 0 ? { member: error.path.map(String).join(".") } : {};
  const detail = error instanceof InputError && error.path.length > 0 ? error.problem : error.message;
  return new Refusal(CODES[error.kind], { more: { detail, ...member } });
}

const SCOPES = `scope="${ADMIN_SCOPES.join(" ")}"`;

/** RFC 6750 section 3. A request without a token gets no error. */
function challengeOf({ row, error, message, more }: Refusal): string | undefined {
  if (row.code === "admin_token_missing") return `Bearer realm="jeton", ${SCOPES}`;
  if (row.kind === "bad_token") return `Bearer realm="jeton", error="${error}", error_description="${message}"`;
  if (row.kind !== "insufficient_scope") return undefined;
  const scope = typeof more?.scope === "string" ? `, scope="${more.scope}"` : "";
  return `Bearer realm="jeton", error="insufficient_scope"${scope}`;
}

/** Answers an error with a problem document, and adds it to the audit facts. */
export function answerProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const refusal = isRefusal(error) ? error : refusalOf(error);
  logUnexpected(error, refusal, request.log);
  if (request.decision !== undefined) request.decision.refusal = refusal;
  const { status, row, message, more, retryAfter, allow } = refusal;
  const challenge = challengeOf(refusal);
  const answer = withDpopChallenge(
    { status, headers: challenge === undefined ? {} : { "WWW-Authenticate": challenge } },
    refusal,
    request.headers.authorization,
  );
  reply.headers({ ...headersOf(request.server.core.issuer), ...answer.headers });
  if (retryAfter !== undefined) reply.header("Retry-After", String(retryAfter));
  if (allow !== undefined) reply.header("Allow", allow.join(", "));
  const problem = { title: STATUS_CODES[status] ?? "", status, detail: message, code: row.code, ...more };
  return reply.code(status).type(PROBLEM_TYPE).send(problem);
}
